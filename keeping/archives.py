"""One file with a copy of the database and the pictures that owners uploaded: a tar with a manifest first.

The manifest names every file with its size and SHA-256. What differs from it is damaged, and what it does not name is
not taken out.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final, cast

import orjson

from errors import RuleBroken
from keeping import files

MANIFEST: Final = "manifest.json"
DATABASE: Final = "database"
PICTURES: Final = "pictures/"
FORMAT: Final = 1
LARGEST_MANIFEST: Final = 64 * 1024 * 1024
_PICTURE: Final = re.compile(r"[0-9a-f]{32}(\.small)?\.jpg")
"""Names as ``admin.pictures`` gives them; nothing else of the folder is ours."""
_MAGIC: Final = b"ustar"
_MAGIC_AT: Final = 257


class BadArchive(RuleBroken):
    """The archive is not what its manifest says; the message says what is wrong."""

    code = "bad_archive"


@dataclass(frozen=True, slots=True)
class _Named:
    """A file of the manifest."""

    name: str
    size: int
    digest: str


def is_one(source: Path) -> bool:
    """Whether a file begins as an archive does, compressed or not."""
    try:
        with source.open("rb") as start:
            packed = start.read(2) == files.GZIP
        with gzip.open(source, "rb") if packed else source.open("rb") as content:
            return content.read(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] == _MAGIC
    except (OSError, EOFError):
        return False


def write(target: Path, database: Path, folder: Path, *, compressed: bool) -> int:
    """Write an archive of a database's copy and the pictures in ``folder``; how many pictures there are.

    Every picture is kept before its product names it, so those in the folder after the copy are all it needs.
    """
    pictures = sorted(path for path in folder.glob("*.jpg") if _PICTURE.fullmatch(path.name))
    inside = [(DATABASE, database), *((f"{PICTURES}{path.name}", path) for path in pictures)]
    named = [{"name": name, "size": path.stat().st_size, "sha256": digest_of(path)} for name, path in inside]
    manifest = orjson.dumps({"format": FORMAT, "files": named}, option=orjson.OPT_INDENT_2)
    with tarfile.open(target, "w:gz" if compressed else "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(_member(MANIFEST, len(manifest)), BytesIO(manifest))
        for entry, (name, path) in zip(named, inside, strict=True):
            with path.open("rb") as content:
                archive.addfile(_member(name, cast("int", entry["size"])), content)
    return len(pictures)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, files.PRIVATE
    return member


def unpack(source: Path, into: Path) -> tuple[Path, list[Path]]:
    """Take an archive apart into an empty folder: the database's copy, and the pictures.

    Raises:
        BadArchive: it is damaged, or nothing this code made.
    """
    found: dict[str, Path] = {}
    try:
        with tarfile.open(source, "r:*") as archive:
            known = {entry.name: entry for entry in _manifest(archive)}
            while (member := archive.next()) is not None:
                entry = known.get(member.name)
                if entry is None or member.name in found or not member.isreg() or member.size != entry.size:
                    raise BadArchive(f"The backup is damaged at {member.name!r}.")
                found[member.name] = path = into / member.name.removeprefix(PICTURES)
                with path.open("wb") as out:
                    _pour(cast("IO[bytes]", archive.extractfile(member)), out, entry)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise BadArchive("The backup cannot be read to its end.") from error
    if known.keys() - found.keys() or DATABASE not in found:
        raise BadArchive("The backup lacks files that its manifest names.")
    return found.pop(DATABASE), list(found.values())


def _manifest(archive: tarfile.TarFile) -> list[_Named]:
    first = archive.next()
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > LARGEST_MANIFEST:
        raise BadArchive("The backup has no manifest.")
    try:
        said: dict[str, Any] = orjson.loads(cast("IO[bytes]", archive.extractfile(first)).read())
        if said["format"] != FORMAT:
            raise BadArchive("The backup was made by another version of Duka that this one does not know.")
        named = [_Named(str(one["name"]), int(one["size"]), str(one["sha256"])) for one in said["files"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise BadArchive("The backup's manifest cannot be read.") from error
    for entry in named:
        picture = entry.name.removeprefix(PICTURES)
        if entry.name != DATABASE and (picture == entry.name or not _PICTURE.fullmatch(picture)):
            raise BadArchive("The backup's manifest names a file that is none of ours.")
    return named


def _pour(content: IO[bytes], out: IO[bytes], entry: _Named) -> None:
    digest = hashlib.sha256()
    while chunk := content.read(files.CHUNK):
        digest.update(chunk)
        out.write(chunk)
    if digest.hexdigest() != entry.digest:
        raise BadArchive(f"The backup is damaged at {entry.name!r}.")


def put_back(pictures: list[Path], folder: Path) -> int:
    """Put pictures into the folder where they are missing or differ; how many were."""
    if not pictures:
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for picture in pictures:
        target = folder / picture.name
        if target.is_file() and digest_of(target) == digest_of(picture):
            continue
        # Written whole under another name first: the web process may be reading.
        part = folder / f".{picture.name}.part"
        part.write_bytes(picture.read_bytes())
        part.replace(target)
        count += 1
    return count


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
