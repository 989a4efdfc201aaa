"""The bill of materials names everything that runs, and what is vendored has its licence."""

from __future__ import annotations

import re
from pathlib import Path

from dev import sbom

ROOT = Path(__file__).resolve().parents[2]


def test_every_pinned_package_is_named_with_its_version() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned = [line.split(" ")[0] for line in lines if re.match(r"[A-Za-z]", line)]
    assert all("==" in line for line in pinned)
    named = {(part["name"], part["version"]) for part in sbom.bill()["components"]}
    assert {(line.split("==")[0].split("[")[0], line.split("==")[1]) for line in pinned} <= named


def test_every_vendored_file_has_its_licence_beside_it_and_is_named() -> None:
    vendored = list(sbom.VENDORED.glob("*.min.*"))
    assert vendored
    named = {part["purl"] for part in sbom.assets()}
    for file in vendored:
        name, version = re.match(r"(.+?)-([0-9.]+)\.min\.", file.name).groups()
        assert (file.parent / f"{name}-{version}.LICENSE").is_file()
        assert f"pkg:npm/{name.lower()}@{version}" in named
