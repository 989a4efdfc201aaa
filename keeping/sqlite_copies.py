"""Copies of a SQLite database by its online backup: one consistent picture while others write."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

MAGIC: Final = b"SQLite format 3\x00"
PATIENCE: Final = 30.0
"""Seconds to wait for those who write."""


def copy(source: Path, target: Path) -> None:
    """Copy all pages of ``source`` over ``target``, in one step and one transaction of each."""
    with (
        closing(sqlite3.connect(source, timeout=PATIENCE)) as origin,
        closing(sqlite3.connect(target, timeout=PATIENCE)) as place,
    ):
        origin.backup(place)


def settle(file: Path) -> None:
    """Leave a copy in one file, without a log beside it."""
    with closing(sqlite3.connect(file, timeout=PATIENCE)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()


def damage(file: Path) -> str:
    """What is wrong with a file as a database; empty when nothing is."""
    with file.open("rb") as start:
        if start.read(len(MAGIC)) != MAGIC:
            return "it is no SQLite database"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("PRAGMA integrity_check").fetchone()[0]
            if found != "ok":
                return "its integrity check failed"
            if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
                return "rows refer to rows that are not there"
    except sqlite3.DatabaseError:
        return "it is damaged"
    return ""
