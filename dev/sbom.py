"""``make sbom``: the packages the running shop is made of, as CycloneDX JSON.

Read from what is pinned and installed, with each package's licence as it states it; nothing is asked from outside.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
VENDORED: Final = ROOT / "admin" / "static"
PINNED: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==(\S+)", re.MULTILINE)
ASSET: Final = re.compile(r"^(?P<name>[A-Za-z][A-Za-z0-9-]*?)-(?P<version>\d+(?:\.\d+)+)\.LICENSE$")


def component(name: str, pinned: str) -> dict[str, Any]:
    """One Python package."""
    found: dict[str, Any] = {
        "type": "library",
        "name": name,
        "version": pinned,
        "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{pinned}",
    }
    try:
        about = distribution(name).metadata.json
    except PackageNotFoundError:
        return found
    named = str(about.get("license_expression") or about.get("license") or "").strip().splitlines()[:1]
    if named and len(named[0]) < 64:  # noqa: PLR2004 - longer is the licence's text, not its name
        found["licenses"] = [{"license": {"name": named[0]}}]
    return found


def assets() -> list[dict[str, Any]]:
    """What is vendored for the browser: each has its licence beside it."""
    named = (ASSET.match(file.name) for file in sorted(VENDORED.rglob("*.LICENSE")))
    return [
        {
            "type": "library",
            "name": found["name"],
            "version": found["version"],
            "purl": f"pkg:npm/{found['name'].lower()}@{found['version']}",
        }
        for found in named
        if found is not None
    ]


def bill() -> dict[str, Any]:
    """The whole bill of materials."""
    pins = PINNED.findall((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid4()}",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "duka"}},
        "components": [component(name, pinned) for name, pinned in pins] + assets(),
    }


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=1)
    sys.stdout.write("\n")
