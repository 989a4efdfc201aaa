"""``flask privacy``, ``retention``, ``backup``, ``restore``, ``pause``, ``resume`` and ``doctor``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import orjson
from flask.cli import AppGroup

from catalog import shops
from db import Database
from errors import RuleBroken
from keeping import backup, doctor, pausing, privacy
from keeping.retention import Retention


@dataclass(frozen=True, slots=True)
class Keeper:
    """What the commands need.

    Attributes:
        database: the one database.
        retention: empties what is over its time.
        drop_copy: forgets one conversation's copy in Redis.
        drop_copies: forgets all of them; ``False`` when Redis does not answer.
        pictures: the folder of the pictures that owners upload.
        reconciling: makes what ``resume`` works with: ask about a payment, apply an event, advance a conversation.
    """

    database: Database
    retention: Retention
    drop_copy: Callable[[int], None]
    drop_copies: Callable[[], bool]
    pictures: Path
    reconciling: Callable[[], tuple[Callable[[int], bool], Callable[[int], None], Callable[[int], None]]]


def add(commands: AppGroup, keeper: Keeper) -> None:
    """Make the commands known."""
    _add_privacy(commands, keeper)
    _add_backup(commands, keeper)

    @commands.command("retention")
    def retention_command() -> None:
        """Empty chats and webhooks that are over their time, now."""
        done = keeper.retention.run()
        if done is not None:
            click.echo(
                f"emptied {done.received} messages received, {done.sent} sent, {done.webhooks} other webhooks"
            )

    @commands.command("pause")
    def pause_command() -> None:
        """Send nothing and start no payment until `flask resume`; go on receiving."""
        with keeper.database.writing() as session:
            pausing.pause(session)
        click.echo("paused")

    @commands.command("resume")
    @click.option("--anyway", is_flag=True, help="Open although Ghala did not answer about every payment.")
    @click.option("--send-held", is_flag=True, help="Send what a restore set aside; look at it first.")
    def resume_command(anyway: bool, send_held: bool) -> None:
        """Open a paused shop; after a restore, ask Ghala about every payment first."""
        ask, apply, advance = keeper.reconciling()
        opened = pausing.resume(
            keeper.database, ask=ask, apply=apply, advance=advance, anyway=anyway, tell=click.echo
        )
        if opened.asked:
            click.echo(f"asked about {opened.asked} payments, {opened.booked} were paid")
        if not opened.opened:
            if opened.unanswered:
                click.echo(f"Ghala did not answer about {opened.unanswered} of them.", err=True)
            if opened.waiting:
                click.echo(f"{opened.waiting} events are still being worked on.", err=True)
            click.echo("The shop stays paused: try again in a moment.", err=True)
            raise SystemExit(1)
        with keeper.database.writing() as session:
            if send_held:
                click.echo(f"{pausing.send_held(session)} messages set aside will be sent")
            else:
                for message_id, name in pausing.held(session):
                    click.echo(f"set aside: message {message_id}, {name}")
        click.echo("open")


def add_doctor(commands: AppGroup, patient: Callable[[], doctor.Patient]) -> None:
    """Make ``flask doctor`` known."""
    marks = {doctor.GOOD: "ok  ", doctor.CARE: "care", doctor.BAD: "BAD "}

    @commands.command("doctor")
    @click.option(
        "--listen",
        default=0,
        type=click.IntRange(0, 600),
        help="Wait so many seconds for a webhook of Ghala's.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def doctor_command(listen: int, *, as_json: bool) -> None:
        """Look the house over before customers come; ends with 1 when something is bad."""
        examined = patient()
        findings = []

        def tell(finding: doctor.Finding) -> None:
            findings.append(finding)
            if not as_json:
                click.echo(f"{marks[finding.grade]}  {finding.check}: {finding.found}")
                if finding.mend:
                    click.echo(f"      → {finding.mend}")

        for finding in doctor.examine(examined):
            tell(finding)
        if listen:
            if not as_json:
                click.echo(
                    "      Send the shop's number a message now, or a test event from Ghala's console."
                )
            tell(doctor.listen(examined, listen))
        if as_json:
            click.echo(orjson.dumps([asdict(finding) for finding in findings]).decode())
        raise SystemExit(1 if any(finding.grade == doctor.BAD for finding in findings) else 0)


def _add_privacy(commands: AppGroup, keeper: Keeper) -> None:
    group = AppGroup("privacy", help="One customer's data, by chat number, phone or #id.")
    commands.add_command(group)

    of_shop = click.option("--shop", default=shops.MAIN, help="The shop's short name.")
    at_once = click.option("--yes", is_flag=True, help="Do not ask.")

    @group.command("export")
    @click.argument("customer")
    @click.option("--to", "file", type=click.Path(path_type=Path), help="A new file, else the terminal.")
    @of_shop
    @at_once
    def export_command(customer: str, file: Path | None, shop: str, yes: bool) -> None:
        """Everything we hold about one customer, as JSON."""
        try:
            with keeper.database.reading() as session:
                person = privacy.find(session, shops.named(session, shop).id, customer)
                if not yes:
                    click.confirm(f"Show everything about customer #{person.id}?", abort=True, err=True)
                known = orjson.dumps(privacy.export(session, person), option=orjson.OPT_INDENT_2)
        except RuleBroken as error:
            raise click.ClickException(str(error)) from error
        if file is None:
            click.echo(known.decode())
            return
        try:
            privacy.write(file, known)
        except FileExistsError as error:
            raise click.ClickException("There is a file of that name already.") from error
        click.echo(f"written: {file}")

    @group.command("erase")
    @click.argument("customer")
    @click.option("--force", is_flag=True, help="Also while an order or a payment is under way.")
    @of_shop
    @at_once
    def erase_command(customer: str, force: bool, shop: str, yes: bool) -> None:
        """Forget one customer; orders and money stay in the books without the person."""
        try:
            with keeper.database.reading() as session:
                person_id = privacy.find(session, shops.named(session, shop).id, customer).id
            if not yes:
                click.confirm(f"Erase customer #{person_id} for ever?", abort=True, err=True)
            erased = privacy.erase(keeper.database, person_id, forced=force, drop_copy=keeper.drop_copy)
        except privacy.StillNeeded as error:
            raise click.ClickException("\n".join([*error.reasons, "--force erases all the same."])) from error
        except RuleBroken as error:
            raise click.ClickException(str(error)) from error
        click.echo(
            f"customer #{erased.customer_id} is forgotten: {erased.orders} orders stay without a person,"
            f" {erased.messages} messages and {erased.events} events lost their words"
        )


def _add_backup(commands: AppGroup, keeper: Keeper) -> None:
    @commands.command("backup")
    @click.argument("file", type=click.Path(path_type=Path))
    def backup_command(file: Path) -> None:
        """Write a backup of database and pictures while the shop works (compressed when FILE ends in .gz)."""
        try:
            size = backup.backup(keeper.database, file, keeper.pictures)
        except RuleBroken as error:
            raise click.ClickException(str(error)) from error
        click.echo(f"written: {file}, {size} bytes")

    @commands.command("restore")
    @click.argument("file", type=click.Path(path_type=Path))
    @click.option("--replace", is_flag=True, help="Replace what is in the database; a copy is kept.")
    @click.option(
        "--keys-honoured", is_flag=True, help="Ghala is known to do nothing twice for one Idempotency-Key."
    )
    @click.option("--without-redis", is_flag=True, help="Redis is gone or empty anyway.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    def restore_command(
        file: Path, replace: bool, keys_honoured: bool, without_redis: bool, yes: bool
    ) -> None:
        """Put a backup into the database, its pictures into their folder, and leave the shop paused."""
        if replace and not yes:
            click.confirm("Replace the whole database?", abort=True, err=True)
        if not without_redis and not keeper.drop_copies():
            raise click.ClickException(
                "Redis does not answer; it holds copies of conversations that must go. --without-redis if it is gone."
            )
        try:
            done = backup.restore(
                keeper.database,
                file,
                replace=replace,
                keys_honoured=keys_honoured,
                pictures=keeper.pictures,
            )
        except RuleBroken as error:
            raise click.ClickException(str(error)) from error
        if not without_redis:
            keeper.drop_copies()
        if done.kept is not None:
            click.echo(f"what was there is kept: {done.kept}")
        taken = f"{done.taken_at:%Y-%m-%d %H:%M:%S} UTC" if done.taken_at else "an unknown time"
        click.echo(f"restored as of {taken}, revision {done.revision}")
        click.echo(f"pictures put back: {done.pictures}")
        click.echo(f"set aside: {done.held.messages} messages, {done.held.payments} payments never started")
        click.echo("The shop is PAUSED. Start web and worker, then `flask resume`.")
