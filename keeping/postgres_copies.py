"""Copies of a PostgreSQL database by its own tools: pg_dump, pg_restore and psql.

The password goes to them in a private file, never in the arguments, which everybody on the machine can read.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from psycopg.conninfo import make_conninfo
from sqlalchemy import URL

from errors import RuleBroken
from keeping.files import PRIVATE

MAGIC: Final = b"PGDMP"
LONGEST_REASON: Final = 300
SCHEMA: Final = "public"
_REVISION: Final = re.compile(r"^COPY public\.alembic_version [^\n]*\n([^\n]+)\n", re.MULTILINE)


class ToolMissing(RuleBroken):
    """A program of PostgreSQL's is not installed."""

    code = "tool_missing"


class ToolFailed(RuleBroken):
    """A program of PostgreSQL's said no; the message is what it said."""

    code = "tool_failed"


def dump(url: URL, target: Path) -> None:
    """Write one consistent picture of the database into ``target``."""
    with _connection(url) as where:
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--schema={SCHEMA}",
             f"--file={target}", f"--dbname={where}")  # fmt: skip
    _run("pg_restore", "--list", str(target))


def revision(file: Path) -> str | None:
    """The schema revision of a dump, ``None`` when it has none."""
    said = _run(
        "pg_restore", "--data-only", f"--schema={SCHEMA}", "--table=alembic_version", "--file=-", str(file)
    )
    found = _REVISION.search(said)
    return found[1] if found else None


def load(url: URL, file: Path, *, drop: Sequence[str], then: Sequence[str]) -> None:
    """In one transaction: drop these tables, put in the dump, run these statements."""
    with tempfile.TemporaryDirectory(prefix="duka-restore-") as folder, _connection(url) as where:
        script = Path(folder) / "restore.sql"
        content = Path(folder) / "content.sql"
        _run(
            "pg_restore",
            "--no-owner",
            "--no-privileges",
            f"--schema={SCHEMA}",
            f"--file={content}",
            str(file),
        )
        with script.open("w", encoding="utf-8") as out:
            for table in drop:
                out.write(f'DROP TABLE {SCHEMA}."{table}" CASCADE;\n')
            out.write(f"\\i {content}\n")
            out.writelines(f"{statement};\n" for statement in then)
        _run("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction",
             f"--file={script}", f"--dbname={where}")  # fmt: skip


@contextmanager
def _connection(url: URL) -> Iterator[str]:
    """How libpq finds the database, the password in a file beside."""
    parts = {**url.query, **url.translate_connect_args(username="user", database="dbname")}
    password = str(parts.pop("password", ""))
    with tempfile.TemporaryDirectory(prefix="duka-pg-") as folder:
        if password:
            secret = Path(folder) / "pgpass"
            secret.touch(PRIVATE)
            kept = password.replace("\\", "\\\\").replace(":", "\\:")
            secret.write_text(f"*:*:*:*:{kept}\n", encoding="utf-8")
            parts["passfile"] = str(secret)
        yield make_conninfo("", **{name: str(value) for name, value in parts.items()})


def _run(program: str, *arguments: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise ToolMissing(
            f"{program} is not on PATH: install PostgreSQL's client programs, at least as new as the server."
        )
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL's, and arguments of our own
        [found, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = " ".join(done.stderr.split()) or "no reason given"
        raise ToolFailed(said[:LONGEST_REASON])
    return done.stdout
