"""The folder ``var/``: everything a running shop leaves on this machine, used by one `make run` at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

from dev.trouble import Trouble

LOCK = "dev.lock"


def claim(var: Path) -> IO[str]:
    """Make the folder, see that it can be written to and lock it; the lock lives as long as the open file.

    Two Valkeys on one append-only file, or two workers nobody knows of, would spoil the shop.

    Raises:
        Trouble: when the folder cannot be written to or another `make run` uses it.
    """
    try:
        var.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=var):
            pass
        lock = (var / LOCK).open("a+")
    except OSError as problem:
        raise Trouble(
            f"The folder {var} cannot be written to ({problem.strerror}):"
            " make it yours, or clone Duka into a folder that is."
        ) from problem
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        lock.seek(0)
        owner = lock.read().strip()
        lock.close()
        raise Trouble(
            f"Duka already runs from this folder{f' (process {owner})' if owner else ''}: stop that one first."
        ) from problem
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def remove(var: Path) -> None:
    """Delete the folder and everything in it, unless a shop runs from it.

    Raises:
        Trouble: when a shop runs from it or it cannot be deleted.
    """
    if not var.exists():
        return
    with claim(var):
        try:
            shutil.rmtree(var)
        except OSError as problem:
            raise Trouble(f"The folder {var} cannot be deleted ({problem.strerror}).") from problem
