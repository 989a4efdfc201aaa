"""``flask catalogue check``, ``import`` and ``export``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from catalog import exporting, importing, shops
from catalog.importing import BadCatalogue, Change, Preview
from db import Database
from db.models import Shop

ACTOR: Final = "command line"


def add(commands: AppGroup, database: Database) -> None:
    """Make the commands known."""
    group = AppGroup("catalogue", help="What the shop offers, as YAML or CSV files (docs/catalogue.md).")
    commands.add_command(group)

    def chosen(command: Callable[..., Any]) -> Callable[..., Any]:
        command = click.option("--shop", "slug", default=shops.MAIN, help="The shop's short name.")(command)
        return click.argument("file", type=click.Path(path_type=Path))(command)

    @group.command("check")
    @chosen
    def check_command(file: Path, slug: str) -> None:
        """Say what a file would change, and what is wrong in it; ends with 1 when anything is."""
        with database.reading() as session:
            what = _preview(session, _shop(session, slug), file)
        _tell(what)
        if what.problems:
            raise SystemExit(1)

    @group.command("import")
    @chosen
    @click.option("--yes", is_flag=True, help="Do not ask.")
    def import_command(file: Path, slug: str, *, yes: bool) -> None:
        """Show what a file would change, ask, and put its good entries into the shop."""
        with database.reading() as session:
            what = _preview(session, _shop(session, slug), file)
        _tell(what)
        if what.new or what.changed:
            if not yes:
                click.confirm("Put this into the shop?", abort=True)
            with database.writing() as session:
                try:
                    importing.apply(session, _shop(session, slug), what, actor=ACTOR, source=file.name)
                except BadCatalogue as refusal:
                    raise click.ClickException(f"nothing was changed: {refusal}") from refusal
            click.echo("Done.")
        if what.problems:
            raise SystemExit(1)

    @group.command("export")
    @click.option("--format", "form", type=click.Choice(["yaml", "csv"]), help="As the file's name says.")
    @click.option("--shop", "slug", default=shops.MAIN, help="The shop's short name.")
    @click.argument("file", type=click.Path(path_type=Path), required=False)
    def export_command(file: Path | None, slug: str, form: str | None) -> None:
        """Write the whole catalogue (CSV: products and variants only), or print it."""
        as_csv = form == "csv" or (form is None and file is not None and file.suffix.lower() == ".csv")
        with database.reading() as session:
            offer = exporting.current(session, _shop(session, slug))
        text = exporting.as_sheet(offer) if as_csv else exporting.as_yaml(offer)
        if file is None:
            click.echo(text, nl=False)
            return
        try:
            with file.open("xb") as written:
                # Spreadsheets know UTF-8 by its mark only.
                written.write(text.encode("utf-8-sig" if as_csv else "utf-8"))
        except FileExistsError as error:
            raise click.ClickException(f"{file} exists already.") from error
        except OSError as error:
            raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
        click.echo(f"{file} written.")


def _shop(session: Session, slug: str) -> Shop:
    try:
        return shops.named(session, slug)
    except shops.UnknownShop as error:
        raise click.ClickException(str(error)) from error


def _preview(session: Session, shop: Shop, file: Path) -> Preview:
    try:
        read = importing.read_file(file.name, importing.load(file))
    except BadCatalogue as refusal:
        raise click.ClickException(str(refusal)) from refusal
    return importing.preview(read, exporting.current(session, shop), shop)


def _tell(what: Preview) -> None:
    for change in what.new:
        click.echo(f"new {change.kind} {change.key}")
    for change in what.changed:
        click.echo(f"{change.kind} {change.key}: {_differences(change)}")
    for problem in what.problems:
        click.echo(f"problem: {problem}", err=True)
    click.echo(
        f"{len(what.new)} new, {len(what.changed)} changed, {what.unchanged} unchanged, {len(what.problems)} wrong"
    )


def _differences(change: Change) -> str:
    return ", ".join(
        f"{name} {_short(before)} -> {_short(after)}" for name, before, after in change.differences()
    )


def _short(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False)
