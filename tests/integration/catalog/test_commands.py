"""`flask catalogue`: check, import, export. What differs by database is tested beside."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from catalog import commands
from db import Database
from db.models import AuditEntry
from tests.shop import open_shop, product


@pytest.fixture
def engine() -> str:
    """What differs by database is tested beside; the commands are the same."""
    return "sqlite"


@pytest.fixture
def app(database: Database) -> Flask:
    with database.writing() as session:
        open_shop(session)
    app = Flask("duka")
    commands.add(app.cli, database)  # type: ignore[arg-type]
    return app


def run(app: Flask, *words: str, answer: str = "") -> Result:
    return app.test_cli_runner().invoke(args=["catalogue", *words], input=answer)


def price(database: Database) -> int:
    with database.reading() as session:
        return product(session, "COFFEE").price


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "goods.csv"
    path.write_bytes("\ufeffsku;price;name\r\nCOFFEE;1600;\r\nTEA;350;Tea\r\n".encode())
    return str(path)


def test_check_says_what_would_change_and_changes_nothing(app: Flask, database: Database, file: str) -> None:
    done = run(app, "check", file)
    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        ["new product TEA", "product COFFEE: price 1500 -> 1600", "1 new, 1 changed, 0 unchanged, 0 wrong"],
    )
    assert price(database) == 150_000


def test_import_asks_first(app: Flask, database: Database, file: str) -> None:
    assert run(app, "import", file, answer="n\n").exit_code == 1
    assert price(database) == 150_000
    assert run(app, "import", file, answer="y\n").exit_code == 0
    assert price(database) == 160_000
    with database.reading() as session:
        (entry,) = session.scalars(select(AuditEntry))
    assert (entry.actor, entry.subject) == ("command line", "goods.csv")
    again = run(app, "import", file)
    assert (again.exit_code, again.stdout) == (0, "0 new, 0 changed, 2 unchanged, 0 wrong\n")


def test_good_rows_are_imported_and_bad_ones_named(app: Flask, database: Database, tmp_path: Path) -> None:
    path = tmp_path / "goods.csv"
    path.write_text("sku,price\nCOFFEE,1600\nHONEY,0.5\n")
    done = run(app, "import", str(path), "--yes")
    assert (done.exit_code, price(database)) == (1, 160_000)
    assert done.stderr == "problem: row 3, price: 0.5 KES cannot be charged exactly\n"
    assert run(app, "check", str(path)).exit_code == 1


@pytest.mark.parametrize(("name", "begins"), [("all.csv", "\ufeffsku,parent"), ("all.yaml", "products:")])
def test_an_export_is_written_once_and_read_back(app: Flask, tmp_path: Path, name: str, begins: str) -> None:
    path = tmp_path / name
    assert run(app, "export", str(path)).exit_code == 0
    assert path.read_text("utf-8").startswith(begins)
    assert "already" in run(app, "export", str(path)).stderr
    assert "0 new, 0 changed, 3 unchanged, 0 wrong" in run(app, "import", str(path)).stdout


def test_an_export_is_printed_where_no_file_is_named(app: Flask) -> None:
    assert run(app, "export").stdout.startswith("products:")
    assert run(app, "export", "--format", "csv").stdout.startswith("sku,parent")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("check", "nothing.yaml"), "there is no catalogue file"),
        (("export", "--shop", "two"), "no such shop"),
        (("export", "/nowhere/at/all.yaml"), "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(app: Flask, words: tuple[str, ...], why: str) -> None:
    done = run(app, *words)
    assert (done.exit_code, why in done.stderr) == (1, True)
