"""``make test``: the suite as three pytest processes side by side, since much of it waits or has one core to itself.

With arguments it is one pytest with those. The words of all but the first come when it has ended, so that they do not mix.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).resolve().parents[1]
TESTS: Final = ROOT / "tests"
BESIDE: Final = (frozenset({"integration"}), frozenset({"chaos", "e2e"}))
"""Folders that take about as long as all others together, and those whose tests mostly wait for processes of their own."""
PYTEST: Final = (sys.executable, "-m", "pytest", "-rs")


def parts() -> list[list[str]]:
    """Every folder of tests in one of several lists; the first has what belongs to no other."""
    folders = {
        folder.name for folder in TESTS.iterdir() if folder.is_dir() and any(folder.rglob("test_*.py"))
    }
    first = folders.difference(*BESIDE)
    return [[f"tests/{name}" for name in sorted(part)] for part in (first, *BESIDE)]


def main(arguments: Sequence[str]) -> int:
    """Run the suite; 0 when all of it passed."""
    if arguments:
        return subprocess.run([*PYTEST, *arguments], cwd=ROOT, check=False).returncode  # noqa: S603
    first, *others = parts()
    with ExitStack() as opened:
        beside = [_started(opened, part) for part in others]
        failed = subprocess.run([*PYTEST, *first], cwd=ROOT, check=False).returncode  # noqa: S603
        for process, words in beside:
            failed = process.wait() or failed
            words.seek(0)
            sys.stdout.write(words.read())
            sys.stdout.flush()
    return failed


def _started(opened: ExitStack, part: Sequence[str]) -> tuple[subprocess.Popen[str], IO[str]]:
    """A pytest that writes into a file and ends no later than this process."""
    words = opened.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))  # noqa: SIM115
    process = subprocess.Popen(  # noqa: S603
        [*PYTEST, *part], cwd=ROOT, stdout=words, stderr=subprocess.STDOUT, text=True
    )
    opened.callback(process.wait)
    opened.callback(process.terminate)
    return process, words


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
