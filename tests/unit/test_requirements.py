"""What is installed is exactly what was looked at: every package pinned, every file by its hash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dev import lock

ROOT = Path(__file__).resolve().parents[2]
FILES = ("requirements.txt", "requirements-dev.txt")


def pins(name: str) -> list[str]:
    """Each requirement with its further lines, as one."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith(("#", "-r"))]


@pytest.mark.parametrize("name", FILES)
def test_every_package_is_pinned_and_every_file_has_a_hash(name: str) -> None:
    for pin in pins(name):
        assert re.fullmatch(r"[\w.-]+(\[[\w,]+\])?==\S+(\s+--hash=sha256:[0-9a-f]{64})+", pin), pin[:60]


@pytest.mark.parametrize("name", FILES)
def test_no_place_to_install_from_is_named(name: str) -> None:
    assert "://" not in (ROOT / name).read_text()


def test_what_is_compiled_has_files_for_every_python() -> None:
    for pin in pins("requirements.txt"):
        if pin.startswith(("aiohttp==", "orjson==", "PyYAML==", "SQLAlchemy==")):
            assert pin.count("--hash") >= len(lock.PYTHONS) * len(lock.PLATFORMS) // 2, pin[:20]


def test_pins_are_read_from_a_block_with_hashes() -> None:
    text = "# words\nPsycopg[binary]==3.3 \\\n    --hash=sha256:00\nhuey==3.5\n"
    assert lock.pins(text) == {"psycopg": "Psycopg[binary]==3.3", "huey": "huey==3.5"}
