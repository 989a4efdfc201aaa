"""``make test``: the suite as two pytest processes side by side, since most of it waits or has one core to itself.

With arguments it is one pytest with those. The second half's words come when it has ended, so that the two do not mix.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
TESTS: Final = ROOT / "tests"
SECOND: Final = frozenset({"integration"})
"""Folders that take about as long as all others together."""
PYTEST: Final = (sys.executable, "-m", "pytest", "-rs")


def halves() -> tuple[list[str], list[str]]:
    """Every folder of tests in one of two lists."""
    folders = sorted(
        folder.name for folder in TESTS.iterdir() if folder.is_dir() and any(folder.rglob("test_*.py"))
    )
    first = [f"tests/{name}" for name in folders if name not in SECOND]
    return first, [f"tests/{name}" for name in folders if name in SECOND]


def main(arguments: Sequence[str]) -> int:
    """Run the suite; 0 when all of it passed."""
    if arguments:
        return subprocess.run([*PYTEST, *arguments], cwd=ROOT, check=False).returncode  # noqa: S603
    first, second = halves()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as words:
        beside = subprocess.Popen(  # noqa: S603
            [*PYTEST, *second], cwd=ROOT, stdout=words, stderr=subprocess.STDOUT, text=True
        )
        try:
            failed = subprocess.run([*PYTEST, *first], cwd=ROOT, check=False).returncode  # noqa: S603
            failed = beside.wait() or failed
        finally:
            if beside.poll() is None:
                beside.terminate()
                beside.wait()
        words.seek(0)
        sys.stdout.write(words.read())
        sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
