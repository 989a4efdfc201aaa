"""Backup and restore of the whole database, whichever it is, and of the pictures that owners uploaded.

A backup is one consistent picture taken while the shop works. A restore goes into an empty database, or
replaces one of which it keeps a copy; it leaves the shop paused (``keeping.pausing``).
"""

from __future__ import annotations

import dataclasses
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import inspect, select

from db import Database, clock, schema
from db.models import Chore, Customer, InboxEvent, Order, WorkerHeartbeat
from errors import RuleBroken
from keeping import archives, chores, files, pausing, postgres_copies, sqlite_copies
from keeping.archives import BadArchive

log = logging.getLogger("duka.keeping")

MADE: Final = "backup_made"
"""The chore that says when the last backup was complete."""
ALIVE: Final = 30.0
"""A worker that reported within so many seconds is running."""
PAUSE_AT_ONCE: Final = (
    "DELETE FROM public.chores WHERE name = 'set_aside'",
    "DELETE FROM public.pauses",
    "INSERT INTO public.pauses (shop_id, reason, keys_honoured, since) SELECT id, 'restored', false, now() FROM public.shops",
)
"""Said in the transaction that restores a dump, so that no worker ever sees it open."""


class BackupRefused(RuleBroken):
    """This cannot be backed up or restored as things are; the message says why."""

    code = "backup_refused"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    ``kept`` is where the replaced database is, ``taken_at`` the backup's moment, ``pictures`` how many were put back.
    """

    taken_at: datetime | None
    revision: str | None
    kept: Path | None
    held: pausing.Held
    pictures: int = 0


def backup(database: Database, target: Path, pictures: Path | None = None) -> int:
    """Write a backup to ``target``; returns its size in bytes.

    Args:
        database: the shop's.
        target: a new file. An archive, and a SQLite database by itself, is compressed when it ends in ``.gz``.
        pictures: the folder of the pictures; with it an archive of both is written, without it the database alone.

    Raises:
        BackupRefused: the file is there already, or the database is not as this code made it.
        ToolMissing, ToolFailed: PostgreSQL's own programs.
    """
    _refuse_pooler(database)
    _refuse_present(target)
    if schema.current(database) != schema.head():
        raise BackupRefused("The database is not at this code's revision: run `flask release` first.")
    with database.writing() as session:
        chores.begin(session, pausing.BACKUP)
    count = _copy(database, target, pictures)
    with database.writing() as session:
        chores.begin(session, MADE)
    log.info("backup_made", extra={"bytes": target.stat().st_size, "pictures": count})
    return target.stat().st_size


def restore(
    database: Database,
    source: Path,
    *,
    replace: bool = False,
    keys_honoured: bool = False,
    pictures: Path | None = None,
) -> Restored:
    """Put a backup into the database, its pictures into their folder, and leave the shop paused.

    Args:
        database: empty, or with ``replace`` any; a copy of what was in it is kept beside ``source``.
        source: what ``backup`` wrote.
        replace: whether what is there may be replaced.
        keys_honoured: whether Ghala is known to do nothing twice for the same ``Idempotency-Key``; only then what
            waited in the backup is sent after the pause.
        pictures: the folder of the pictures. Those in it stay: no two pictures ever have one name.

    Raises:
        BackupRefused: not a sound backup of this kind of database, or the database is in use.
        ToolMissing, ToolFailed: PostgreSQL's own programs.
    """
    with _apart(database, source) as (copy, uploaded):
        done = _restore(database, source, copy, replace=replace, keys_honoured=keys_honoured)
        put = 0 if pictures is None else archives.put_back(uploaded, pictures)
    log.info(
        "database_restored",
        extra={"held": done.held.messages, "payments_held": done.held.payments, "pictures": put},
    )
    return dataclasses.replace(done, pictures=put)


@contextmanager
def _apart(database: Database, source: Path) -> Iterator[tuple[Path, list[Path]]]:
    """The copy of the database that a backup is or holds, and the pictures it holds."""
    if not archives.is_one(source):
        yield source, []
        return
    # Beside a SQLite database there is room for another.
    room = Path(database.url.database or "").parent if database.on_sqlite else None
    with tempfile.TemporaryDirectory(prefix=".duka-restore-", dir=room) as folder:
        try:
            copy, uploaded = archives.unpack(source, Path(folder))
        except BadArchive as error:
            raise BackupRefused(str(error)) from error
        yield copy, uploaded


def _restore(database: Database, source: Path, copy: Path, *, replace: bool, keys_honoured: bool) -> Restored:
    """Put the ``copy`` in; what was there is kept beside ``source``."""
    _refuse_pooler(database)
    _check_kind(database, copy)
    tables = _tables(database)
    if tables:
        if _worker_is_alive(database, tables):
            raise BackupRefused("A worker is running: stop every worker and the web process first.")
        if not replace and not _is_empty(database, tables):
            raise BackupRefused("The database is not empty. --replace keeps a copy of it and goes on.")
    if database.on_sqlite:
        kept, held = _restore_sqlite(database, source, copy, tables, keys_honoured=keys_honoured)
    else:
        kept, held = _restore_postgres(database, source, copy, tables, keys_honoured=keys_honoured)
    with database.reading() as session:
        taken_at = session.scalar(select(Chore.begun_at).where(Chore.name == pausing.BACKUP))
    return Restored(taken_at, schema.current(database), kept, held)


def _copy(database: Database, target: Path, pictures: Path | None = None) -> int:
    """Write the database, or an archive of it and its pictures; how many pictures there are."""
    count = 0
    compressed = target.suffix == ".gz"
    with files.beside(target) as copy:
        if database.on_sqlite:
            sqlite_copies.copy(Path(database.url.database or ""), copy)
            sqlite_copies.settle(copy)
            damage = sqlite_copies.damage(copy)
            if damage:
                raise BackupRefused(f"The copy is not sound: {damage}.")
        else:
            postgres_copies.dump(database.url, copy)
        if pictures is None and not (compressed and database.on_sqlite):
            files.put(copy, target)
            return 0
        with files.beside(target) as packed:
            if pictures is None:
                files.squeeze(copy, packed)
            else:
                count = archives.write(packed, copy, pictures, compressed=compressed)
            files.put(packed, target)
    return count


def _restore_sqlite(
    database: Database, source: Path, copy: Path, tables: list[str], *, keys_honoured: bool
) -> tuple[Path | None, pausing.Held]:
    """Make the copy ready aside, then put it in place in one step: nobody ever sees it open."""
    file = Path(database.url.database or "")
    with files.beside(file) as part:
        try:
            files.unpack(copy, part)
        except (OSError, EOFError) as error:
            raise BackupRefused("The backup cannot be read to its end.") from error
        damage = sqlite_copies.damage(part)
        if damage:
            raise BackupRefused(f"The backup is not sound: {damage}.")
        ready = Database(f"sqlite:///{part}", now=database.now, pool_size=1)
        try:
            _check_revision(schema.current(ready))
            schema.upgrade(ready)
            with ready.writing() as session:
                held = pausing.set_aside(session, keys_honoured=keys_honoured)
        finally:
            ready.close()
        sqlite_copies.settle(part)
        kept = _keep(database, source, tables)
        sqlite_copies.copy(part, file)
    return kept, held


def _restore_postgres(
    database: Database, source: Path, copy: Path, tables: list[str], *, keys_honoured: bool
) -> tuple[Path | None, pausing.Held]:
    _check_revision(postgres_copies.revision(copy))
    kept = _keep(database, source, tables)
    database.close()
    postgres_copies.load(database.url, copy, drop=tables, then=PAUSE_AT_ONCE)
    schema.upgrade(database)
    with database.writing() as session:
        held = pausing.set_aside(session, keys_honoured=keys_honoured)
    return kept, held


def _keep(database: Database, source: Path, tables: list[str]) -> Path | None:
    """Copy what is about to be replaced."""
    if not tables:
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    kept = source.with_name(f"before-restore-{stamp}.{'db' if database.on_sqlite else 'dump'}")
    _copy(database, kept)
    return kept


def _check_kind(database: Database, source: Path) -> None:
    try:
        with source.open("rb") as content:
            start = content.read(16)
    except OSError as error:
        raise BackupRefused("There is no such file, or it cannot be read.") from error
    on_sqlite = start == sqlite_copies.MAGIC or start.startswith(files.GZIP)
    if not on_sqlite and not start.startswith(postgres_copies.MAGIC):
        raise BackupRefused("This file is no backup.")
    if on_sqlite != database.on_sqlite:
        named = "SQLite" if on_sqlite else "PostgreSQL"
        raise BackupRefused(f"This is a backup of a {named} database; DATABASE_URL names another kind.")


def _check_revision(revision: str | None) -> None:
    if revision is None or not schema.knows(revision):
        raise BackupRefused("The backup was made by another version of Duka that this one does not know.")


def _refuse_pooler(database: Database) -> None:
    """pg_dump and psql set things for their whole session, which a pooler would hand on to others."""
    if database.pooled:
        raise BackupRefused(
            "DATABASE_URL leads to a pooler: give this command the address of PostgreSQL itself, and DATABASE_POOLED=off."
        )


def _refuse_present(target: Path) -> None:
    if target.exists():
        raise BackupRefused("There is a file of that name already.")
    if not target.parent.is_dir():
        raise BackupRefused("There is no such folder.")


def _tables(database: Database) -> list[str]:
    where = None if database.on_sqlite else postgres_copies.SCHEMA
    return sorted(inspect(database.engine).get_table_names(schema=where))


def _is_empty(database: Database, tables: list[str]) -> bool:
    """Whether nobody ever wrote: a shop just released has a catalogue and nothing else."""
    used = [table for table in (Customer, Order, InboxEvent) if table.__tablename__ in tables]
    with database.reading() as session:
        return all(session.execute(select(table.id).limit(1)).first() is None for table in used)


def _worker_is_alive(database: Database, tables: list[str]) -> bool:
    if WorkerHeartbeat.__tablename__ not in tables:
        return False
    with database.reading() as session:
        found = session.execute(
            select(WorkerHeartbeat.worker).where(WorkerHeartbeat.seen_at > clock(-ALIVE)).limit(1)
        ).first()
    return found is not None
