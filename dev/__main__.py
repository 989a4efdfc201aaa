"""Entry of `make run`: sees that every pinned package is there before anything imports one."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path

from dev.trouble import say

ROOT = Path(__file__).resolve().parents[1]


def missing_packages(root: Path) -> list[str]:
    """The pinned packages that are not installed, or in another version."""
    missing = []
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (root / name).read_text(encoding="utf-8").splitlines():
            package, pinned, version = line.partition("==")
            if pinned and not package.startswith("#"):
                package = package.partition("[")[0]
                try:
                    found = metadata.version(package)
                except metadata.PackageNotFoundError:
                    found = ""
                if found != version.split()[0]:
                    missing.append(package)
    return missing


def main() -> int:
    """Start the shop, or say in one sentence why not."""
    again = "run `make clean run` to install everything again."
    missing = missing_packages(ROOT)
    if missing:
        few = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")  # noqa: PLR2004 - a readable few
        say(f"Python modules are missing or of another version in {sys.prefix}: {few}; {again}")
        return 1
    try:
        from dev.run import run
    except ModuleNotFoundError as problem:
        say(f"The Python module {problem.name!r} is missing in {sys.prefix}; {again}")
        return 1
    return run(ROOT, os.environ)  # noqa: TID251 - handed on to every process


if __name__ == "__main__":
    sys.exit(main())
