"""Files only their owner may read, complete or not there at all."""

from __future__ import annotations

import gzip
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
GZIP: Final = b"\x1f\x8b"
CHUNK: Final = 1 << 20


def free(file: str | None) -> float:
    """The part of the disk that is free where this file lies, or where we work when there is none.

    Raises:
        OSError: it cannot be found out.
    """
    usage = shutil.disk_usage(Path(file).parent if file else Path.cwd())
    return usage.free / usage.total


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """An empty private file in the folder of ``target``, gone at the end unless it was moved away."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))
    try:
        yield part
    finally:
        for leftover in (part, *(part.with_name(part.name + end) for end in ("-wal", "-shm", "-journal"))):
            leftover.unlink(missing_ok=True)


def put(part: Path, target: Path) -> None:
    """Give a finished file its name; after this it survives a power cut.

    Raises:
        FileExistsError: there is a file of that name already.
    """
    _sync(part)
    os.link(part, target)
    part.unlink()
    _sync(target.parent)


def squeeze(source: Path, target: Path) -> None:
    """Compress into ``target``."""
    with source.open("rb") as plain, gzip.open(target, "wb", compresslevel=6) as packed:
        shutil.copyfileobj(plain, packed, CHUNK)


def unpack(source: Path, target: Path) -> None:
    """Copy into ``target``, uncompressed.

    Raises:
        OSError, EOFError: the file cannot be read to its end.
    """
    with source.open("rb") as start:
        packed = start.read(2) == GZIP
    with gzip.open(source, "rb") if packed else source.open("rb") as content, target.open("wb") as plain:
        shutil.copyfileobj(content, plain, CHUNK)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
