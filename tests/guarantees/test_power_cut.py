"""The power goes: what a file system had not been made to write down is gone, and what was committed is there.

A small ext4 is told to shut down at once, without writing its journal (the ioctl that file systems' own tests cut the
power with); mounted again, it has what had been synced. Needs a machine on which we may mount.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import struct
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from db import Database, inbox
from db.models import Base, InboxEvent
from tests.shop import open_shop

SHUTDOWN = 0x8004587D
"""``FS_IOC_SHUTDOWN`` of linux/fs.h."""
WITHOUT_THE_LOG = 2
COMMITS = 60


class SmallDisk:
    """A file system in a file, whose power can be cut."""

    def __init__(self, folder: Path) -> None:
        self.image, self.path = folder / "image", folder / "disk"
        self.path.mkdir()
        self.mounted = False

    def make(self) -> bool:
        """Whether this machine lets us."""
        if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
            return False
        with self.image.open("wb") as file:
            file.truncate(48 * 1024 * 1024)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self.image)], check=True)
        self.mounted = self._mount()
        return self.mounted

    def _mount(self) -> bool:
        command = ["mount", "-o", "loop", str(self.image), str(self.path)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    def cut(self) -> None:
        """No byte more reaches the disk, and what waits for its turn never will."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, SHUTDOWN, struct.pack("I", WITHOUT_THE_LOG))
        finally:
            os.close(handle)

    def restart(self) -> None:
        """The power is back."""
        self.unmount()
        self.mounted = self._mount()
        assert self.mounted

    def unmount(self) -> None:
        if self.mounted:
            subprocess.run(["umount", str(self.path)], check=True)
            self.mounted = False


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path)
    if not disk.make():
        pytest.skip("this machine lets nobody mount a file system to cut its power")
    yield disk
    disk.unmount()


def test_guarantee_29_what_was_committed_survives_a_power_cut(disk: SmallDisk) -> None:
    url = f"sqlite:///{disk.path / 'duka.db'}"
    database = Database(url)
    Base.metadata.create_all(database.engine)
    with database.writing() as session:
        open_shop(session)
    acknowledged = 0
    for round_ in range(3):
        for number in range(COMMITS):
            with database.writing() as session:
                name = f"d{round_}-{number}"
                inbox.record(session, 1, "messages:main", [inbox.NewEvent("message", name, b'{"a": 1}')])
            acknowledged += 1
        disk.cut()
        with pytest.raises(DBAPIError), database.writing() as session:
            inbox.record(session, 1, "messages:main", [inbox.NewEvent("message", "never", b"{}")])
        with suppress(DBAPIError):
            database.close()
        disk.restart()
        database = Database(url)
        with database.reading() as session:
            assert session.scalar(select(func.count()).select_from(InboxEvent)) == acknowledged
            assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    database.close()


def test_without_synchronous_commits_a_power_cut_loses_them(disk: SmallDisk) -> None:
    """The cut is a cut: a database that does not wait for the disk loses what it acknowledged."""
    file = disk.path / "careless.db"
    careless = sqlite3.connect(file, isolation_level=None)
    careless.execute("PRAGMA journal_mode=WAL")
    careless.execute("PRAGMA synchronous=OFF")
    careless.execute("CREATE TABLE said (id INTEGER PRIMARY KEY)")
    os.sync()
    for number in range(COMMITS):
        careless.execute("INSERT INTO said VALUES (?)", (number,))
    disk.cut()
    careless.close()
    disk.restart()
    again = sqlite3.connect(file)
    assert again.execute("SELECT count(*) FROM said").fetchone()[0] < COMMITS
    again.close()
