"""``flask conversation show``, ``replay`` and ``save-as-test``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from bot import replaying
from catalog import shops
from db import Database
from db.models import Customer
from errors import RuleBroken
from keeping import files, privacy


def add(commands: AppGroup, database: Database) -> None:
    """Make the commands known."""
    group = AppGroup("conversation", help="Conversations as they were, by chat number, phone or #id.")
    commands.add_command(group)

    def of(who: str, slug: str, last: int) -> tuple[Customer, replaying.Script]:
        with database.reading() as session:
            try:
                customer = privacy.find(session, shops.named(session, slug).id, who)
            except RuleBroken as error:
                raise click.ClickException(str(error)) from error
            script = replaying.kept(session, customer, last)
            session.expunge_all()
        if not script.turns:
            raise click.ClickException("Nothing of this conversation is kept.")
        return customer, script

    def chosen(command: Callable[..., Any]) -> Callable[..., Any]:
        command = click.option("--shop", default=shops.MAIN, help="The shop's short name.")(command)
        command = click.option(
            "--last", default=replaying.MOST_TURNS, type=click.IntRange(1), help="Only so many turns."
        )(command)
        return click.argument("customer")(command)

    @group.command("show")
    @chosen
    def show_command(customer: str, shop: str, last: int) -> None:
        """Print who said what, with states and effects."""
        for line in replaying.lines(of(customer, shop, last)[1]):
            click.echo(line)

    @group.command("replay")
    @chosen
    def replay_command(customer: str, shop: str, last: int) -> None:
        """Decide every turn again from its events; ends with 1 when anything differs."""
        script = of(customer, shop, last)[1]
        differences = replaying.replay(script)
        for difference in differences:
            click.echo(f"version {difference.version}, step {difference.step}: {difference.what} differs")
            click.echo(f"  was: {json.dumps(difference.was, ensure_ascii=False)}")
            click.echo(f"  now: {json.dumps(difference.now, ensure_ascii=False)}")
        if differences:
            raise SystemExit(1)
        steps = sum(len(turn.steps) for turn in script.turns)
        click.echo(f"{len(script.turns)} turns, {steps} events: the same words")

    @group.command("save-as-test")
    @chosen
    @click.argument("file", type=click.Path(path_type=Path))
    def save_command(customer: str, shop: str, last: int, file: Path) -> None:
        """Write the conversation as a fixture, with another name and number."""
        person, script = of(customer, shop, last)
        content = json.dumps(replaying.as_test(script, person), ensure_ascii=False, indent=1)
        try:
            with files.beside(file) as part:
                part.write_text(content + "\n", encoding="utf-8")
                files.put(part, file)
        except FileExistsError as error:
            raise click.ClickException("There is a file of that name already.") from error
        click.echo(f"written: {file}. Read it before it leaves this machine: what was typed is in it.")
