"""docs/guarantees.md names every guarantee and only tests that are there."""

import re
from pathlib import Path

from payments.reconciliation import REMEDIES

HERE = Path(__file__).parent
DOCUMENT = (HERE.parents[1] / "docs" / "guarantees.md").read_text(encoding="utf-8")
TESTS = set(
    re.findall(r"^def (test_\w+)", "".join(p.read_text() for p in HERE.glob("test_*.py")), re.MULTILINE)
)


def rows() -> dict[int, set[str]]:
    found = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", DOCUMENT, re.MULTILINE)
    return {int(number): set(re.findall(r"`(test_\w+)`", tests)) for number, tests in found}


def test_every_guarantee_is_in_the_document_with_a_test_of_its_number() -> None:
    listed = rows()
    assert sorted(listed) == list(range(1, 37))
    for number, tests in listed.items():
        assert tests, f"guarantee {number} has no test"
        assert tests <= TESTS, f"guarantee {number} names tests that do not exist: {tests - TESTS}"
        assert all(name.startswith(f"test_guarantee_{number:02}_") for name in tests)


def test_every_test_of_a_guarantee_is_in_the_document() -> None:
    assert {name for name in TESTS if name.startswith("test_guarantee_")} == set().union(*rows().values())


def test_every_kind_of_finding_is_explained() -> None:
    assert {kind for kind in REMEDIES if f"`{kind}`" not in DOCUMENT} == set()


def test_the_files_it_points_to_exist() -> None:
    root = HERE.parents[1]
    paths = set(re.findall(r"`([a-z_/]+\.py)`", DOCUMENT))
    assert paths
    assert [path for path in paths if not (root / path).exists()] == []
