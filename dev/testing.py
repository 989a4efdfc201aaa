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
BESIDE: Final = (
    frozenset({"integration"}),
    frozenset({"chaos", "e2e", "integration/dev", "unit"}),
)
"""Folders that take about as long as all others together; those whose tests wait for processes of their own, and more."""
PYTEST: Final = (sys.executable, "-m", "pytest", "-rs")


def parts() -> list[list[str]]:
    """Every folder of tests in one of several lists; the first has what belongs to no other.

    A folder in a folder may be in another list than the rest, which then is named one by one.
    """
    taken_apart = {name.rpartition("/")[0] for part in BESIDE for name in part if "/" in name}
    lists: list[list[str]] = [[] for _ in range(len(BESIDE) + 1)]
    for folder in _folders(TESTS):
        for each in _folders(folder) if folder.name in taken_apart else [folder]:
            name = each.relative_to(TESTS).as_posix()
            mine = [n for n, part in enumerate(BESIDE, 1) if name in part] or [
                n for n, part in enumerate(BESIDE, 1) if folder.name in part
            ]
            lists[mine[0] if mine else 0].append(f"tests/{name}")
    return lists


def _folders(folder: Path) -> list[Path]:
    """Folders with tests, by name."""
    return sorted(one for one in folder.iterdir() if one.is_dir() and any(one.rglob("test_*.py")))


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
