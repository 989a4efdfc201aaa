"""The composition root: the one place that knows every room.

``create_app`` builds the web process; the CLI commands ``release`` and ``worker`` build the others
from the same parts.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, cast

import click
from flask import Flask, Response
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from werkzeug.middleware.proxy_fix import ProxyFix

import admin
import measuring
from admin import pictures
from admin.house import AdminHouse
from bot import commands as conversation_commands
from bot import news, templates
from bot import webhook as message_webhook
from bot.copies import ConversationCopies
from bot.pictures import ShopPictures
from bot.shell import ConversationShell
from bot.statuses import StatusDesk
from catalog import commands as catalogue_commands
from catalog import credentials, importing, shops
from catalog.credentials import Connections
from config import Config
from db import Database, clock, outbox, schema
from db.bell import Bell
from db.models import Customer, Shop
from db.redis_link import RedisLink
from db.refs import Refs
from errors import ConfigError, RuleBroken
from ghala import receiving, strict_json
from ghala.async_client import AsyncGhalaClient
from ghala.dialects import message_dialect
from ghala.signatures import Verifier
from jobs import queue, worker
from jobs.hands import Hands
from jobs.lines import Lines
from jobs.pacing import Pacing
from jobs.queue import QueueBell
from jobs.reading import ReadMarks
from jobs.sender import Sender
from jobs.sweeper import Sweeper
from jobs.tasks import Tasks
from keeping import commands as keeping_commands
from keeping.commands import Keeper
from keeping.doctor import Patient
from keeping.retention import Retention
from observing import RequestIds
from observing import set_up as set_up_logs
from payments import gateways, reconciliation, reconciliation_table, settling
from payments import webhook as payment_webhook
from payments.desk import PaymentDesk
from payments.reconciliation import Reconciler

log = logging.getLogger("duka")

POOLER_REFUSES: Final = "unsupported startup parameter"
"""What PgBouncer says to settings for a whole session."""


@dataclass(slots=True)
class House:
    """The parts every process is made of."""

    config: Config
    database: Database
    link: RedisLink
    bell: Bell
    refs: Refs
    connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        """How each shop speaks is found out in one place."""
        self.connections = Connections(self.database, self.config)

    @classmethod
    def build(cls, config: Config) -> House:
        """Engines and connections; nothing is opened before it is used."""
        pool = 16 if config.on_sqlite else 8
        link = RedisLink(config.redis_url)
        database = Database(config.database_url, pool_size=pool, pooled=config.database_pooled)
        return cls(config, database, link, QueueBell(link), Refs())


def secrets(config: Config) -> tuple[bytes, ...]:
    """The webhook secrets as bytes."""
    return tuple(secret.encode() for secret in config.ghala_webhook_secrets)


class ShopDirectory:
    """Finds a shop's id and what its webhooks are checked with, by slug; who is not connected receives nothing."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._verifiers: dict[str, tuple[Config, Verifier]] = {}

    def __call__(self, slug: str) -> tuple[int, Verifier] | None:
        """Shop id and verifier, or ``None`` for a shop that is not there."""
        found = self._connections.by_slug(slug)
        if found is None:
            return None
        shop_id, config = found
        known = self._verifiers.get(slug)
        if known is None or known[0] is not config:
            verifier = Verifier(config.ghala_signature_scheme, secrets(config))
            known = self._verifiers[slug] = (config, verifier)
        return shop_id, known[1]

    def verify_token(self, slug: str) -> str:
        """What Meta's handshake must say; empty where nobody may."""
        found = self._connections.by_slug(slug)
        return "" if found is None else found[1].ghala_verify_token

    def body_limit(self, slug: str) -> int:
        """How many bytes a delivery of messages may have."""
        found = self._connections.by_slug(slug)
        cloud = found is not None and found[1].ghala_dialect == "cloud"
        return receiving.CLOUD_BODY_LIMIT if cloud else receiving.BODY_LIMIT


def create_app(config: Config, house: House | None = None) -> Flask:
    """The web process, and the commands of the others.

    Raises:
        ConfigError: what may be said to customers is not complete.
    """
    templates.check(news.TEMPLATES)
    set_up_logs(production=config.production, level=config.log_level)
    house = house or House.build(config)
    app = Flask("duka", static_folder=None)
    app.url_map.redirect_defaults = False  # the main shop's webhooks answer under its slug too
    app.config["MAX_CONTENT_LENGTH"] = receiving.BODY_LIMIT
    if config.trusted_proxies:
        hops = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    directory = ShopDirectory(house.connections)
    if not Verifier(config.ghala_signature_scheme, secrets(config)).carries_time:
        log.warning("signature_without_time", extra={"scheme": config.ghala_signature_scheme})
    app.register_blueprint(
        message_webhook.blueprint(
            house.database,
            house.bell,
            directory,
            verify_token=directory.verify_token,
            body_limit=directory.body_limit,
        )
    )
    app.register_blueprint(payment_webhook.blueprint(house.database, house.bell, directory))
    admin.init(
        app,
        AdminHouse(
            database=house.database,
            config=config,
            bell=house.bell,
            refs=house.refs,
            now=lambda: datetime.now(UTC),
            redis_ping=house.link.ping,
            connections=house.connections,
            drop_copy=ConversationCopies(house.link).drop,
        ),
    )

    @app.get("/media/<path:name>")
    def media(name: str) -> Response:
        return pictures.serve(config.media_dir, name)

    app.wsgi_app = RequestIds(app.wsgi_app)  # type: ignore[method-assign]
    add_commands(app, house)
    add_keeping(app, house)
    conversation_commands.add(cast("AppGroup", app.cli), house.database)
    catalogue_commands.add(cast("AppGroup", app.cli), house.database)
    return app


def add_keeping(app: Flask, house: House) -> None:
    """What is kept and given up: ``flask privacy``, ``retention``, ``backup``, ``restore``, ``pause``, ``resume``."""
    copies = ConversationCopies(house.link)

    def reconciling() -> tuple[Callable[[int], bool], Callable[[int], None], Callable[[int], None]]:
        work = build_tasks(house).by_name()
        return desk(house).ask, work["apply_payment"], work["advance"]

    def patient() -> Patient:
        measuring.share(house.config.metrics_dir)
        return Patient(house.config, house.database, house.link)

    keeping_commands.add_doctor(cast("AppGroup", app.cli), patient)
    keeping_commands.add(
        cast("AppGroup", app.cli),
        Keeper(
            house.database,
            retention(house),
            copies.drop,
            copies.drop_all,
            house.config.media_dir,
            reconciling,
        ),
    )


def retention(house: House) -> Retention:
    """How long what is kept."""
    config = house.config
    return Retention(house.database, config.retention_chat_days, config.retention_webhook_days)


def add_commands(app: Flask, house: House) -> None:
    """``flask release``, ``flask worker``, ``flask reconcile`` and ``flask settle``."""

    @app.cli.command("release")
    @click.option(
        "--shop", "slug", default=shops.MAIN, help="Give this shop the first catalogue, if it is empty."
    )
    def release_command(slug: str) -> None:
        """Migrate the database and seed the shop, if it is new."""
        try:
            for line in release(house, slug):
                click.echo(line)
        except shops.UnknownShop as refusal:
            raise click.ClickException(str(refusal)) from refusal
        except (importing.BadCatalogue, ConfigError) as error:
            for problem in error.problems:
                click.echo(problem, err=True)
            raise SystemExit(1) from error
        except OperationalError as error:
            said = str(error.orig).strip().splitlines()[0] if error.orig else type(error).__name__
            if POOLER_REFUSES in str(error.orig):
                said += "; this is a pooler: set DATABASE_POOLED=on"
            raise click.ClickException(f"the database cannot be used: {said}") from error

    @app.cli.command("reconcile")
    @click.option("--days", default=reconciliation.DAYS, type=click.IntRange(1, reconciliation.MOST_DAYS))
    @click.option("--shop", "slug", default=shops.MAIN, help="The shop's slug.")
    @click.option("--ask/--no-ask", default=True, help="Ask the gateways about recent unpaid payments first.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def reconcile_command(days: int, slug: str, *, ask: bool, as_json: bool) -> None:
        """Compare orders, payments and money; ends with 1 when something waits for a person."""
        try:
            report, currency = reconcile(house, slug, days, ask=ask)
        except shops.UnknownShop as refusal:
            raise click.ClickException(str(refusal)) from refusal
        if as_json:
            click.echo(strict_json.dumps(report.as_json()).decode())
        else:
            for line in reconciliation_table.lines(report, currency):
                click.echo(line)
        raise SystemExit(1 if report.for_a_person else 0)

    @app.cli.command("settle")
    @click.argument("what")
    @click.option("--shop", "slug", default=shops.MAIN, help="The shop's slug.")
    @click.option("--because", required=True, help="What was done about it, and why; kept in the audit log.")
    @click.option(
        "--as",
        "how",
        default="",
        help="assigned:ORD-…, refunded:REFERENCE, honoured, kept, not-paid, receipt; paid:REFERENCE; or paid: ask the gateway again.",
    )
    @click.option("--dry-run", is_flag=True, help="Only say what would happen.")
    def settle_command(what: str, slug: str, because: str, how: str, *, dry_run: bool) -> None:
        """Close a finding of `flask reconcile`: WHAT is its last column, a refund (R…) or a paid order."""
        try:
            with house.database.reading() as session:
                shop_id = shops.named(session, slug).id
                if dry_run:
                    click.echo(settling.what_will_happen(session, shop_id, what, how))
                    return
            if how == "paid":
                click.echo(settling.ask_again(house.database, desk(house), shop_id, what))
                return
            settle(house, shop_id, what, because, how)
        except RuleBroken as refusal:
            raise click.ClickException(str(refusal)) from refusal
        click.echo(f"{what} is settled.")

    @app.cli.command("reseal")
    def reseal_command() -> None:
        """Seal every shop's credentials with the first of CREDENTIALS_KEY, so that the others can be taken out."""
        try:
            with house.database.writing() as session:
                count = credentials.seal_again(session, credentials.Seals(house.config.credentials_keys))
        except RuleBroken as refusal:
            raise click.ClickException(str(refusal)) from refusal
        click.echo(f"credentials of {count} shops are sealed with the first key")

    @app.cli.command("worker")
    def worker_command() -> None:
        """Answer customers, take payments and send messages until told to stop."""
        try:
            run_worker(house)
        except ConfigError as error:
            raise click.ClickException("; ".join(error.problems)) from error


def release(house: House, slug: str = shops.MAIN) -> list[str]:
    """Bring the database up to date, make the shop ``main``, and give a shop without products the first catalogue.

    Repeating it is harmless.

    Raises:
        UnknownShop: nobody made the shop ``slug``.
    """
    said = []
    schema.upgrade(house.database)
    said.append(f"database at revision {schema.current(house.database)}")
    config = house.config
    with house.database.writing() as session:
        if shops.find(session, shops.MAIN) is None:
            main = Shop(
                slug=shops.MAIN,
                name=config.shop_name,
                currency=config.shop_currency,
                country=config.shop_country,
                timezone=config.shop_timezone,
                language=config.shop_language,
                settings={},
                created_at=clock(),
            )
            session.add(main)
            session.flush()
            said.append(f"shop {main.slug} made: {main.name}, {main.currency}")
        shop = shops.named(session, slug)
        if importing.is_empty(session, shop.id):
            imported = importing.put(session, shop, importing.read(config.catalog_file))
            said.append(f"catalogue imported: {imported.products} products")
    return said


def reconcile(house: House, slug: str, days: int, *, ask: bool) -> tuple[reconciliation.Report, str]:
    """One reconciliation now, stored like the daily ones, and the shop's currency.

    Raises:
        UnknownShop: there is no such shop.
    """
    with house.database.writing() as session:
        shop = shops.named(session, slug)
        run_id = reconciliation.ask_for_run(session, shop.id, leased=True)
    questions = reconciliation.MOST_QUESTIONS if ask else 0
    report = Reconciler(house.database, desk(house)).reconcile(shop.id, days, questions=questions)
    with house.database.writing() as session:
        reconciliation.store(session, run_id, report)
    return report, shop.currency


def desk(house: House) -> PaymentDesk:
    """Where payments meet their gateways."""
    gateways.build(house.config)  # what cannot work is said at once
    by_shop = gateways.ByShop(house.config, house.connections.of)
    return PaymentDesk(house.database, by_shop, house.bell)


def settle(house: House, shop_id: int, what: str, because: str, how: str = "") -> None:
    """Close a finding of a shop and tell whoever waits for it.

    Raises:
        RuleBroken: there is nothing open by this name.
    """
    with house.database.writing() as session:
        news = settling.settle(
            session, what, because, actor="command line", how=how, shop_id=shop_id, refs=house.refs
        )
    for event_id in news.event_ids:
        house.bell.inbox("internal", event_id)


def build_tasks(house: House, seen: Callable[[int, str], object] | None = None) -> Tasks:
    """The work of a worker; ``seen`` is told which customer's message is being answered."""
    pictures = ShopPictures(house.database, house.config.public_url, lambda: datetime.now(UTC))
    shell = ConversationShell(
        house.database, house.bell, house.refs, ConversationCopies(house.link), pictures, seen=seen
    )
    return Tasks(house.database, house.bell, shell, desk(house), StatusDesk(house.database), retention(house))


def run_worker(house: House) -> None:
    """Run a worker until SIGTERM."""
    config = house.config
    measuring.share(config.metrics_dir)
    dialect = message_dialect(config.ghala_dialect, config.ghala_phone_number_id)

    def was_answered(customer_id: int, seconds: float) -> bool:
        with house.database.reading() as session:
            return outbox.promised_within(session, customer_id, seconds)

    def seen(customer_id: int, message_id: str) -> None:
        # Marks leave by the installation's own connection only.
        if marks is None:
            return
        if house.connections.several:
            with house.database.reading() as session:
                shop_id = session.scalar(select(Customer.shop_id).where(Customer.id == customer_id))
            if shop_id is None or house.connections.of(shop_id) is not config:
                return
        marks.seen(customer_id, message_id)

    marks = ReadMarks(dialect, was_answered) if config.ghala_read_marks else None
    sender = Sender(
        house.database,
        lambda: AsyncGhalaClient(config.ghala_api_url, config.ghala_api_key),
        dialect,
        Pacing(RedisLink(config.redis_url), config.messages_per_second, config.pair_seconds),
        random.Random(),
        read_marks=marks,
        lines=Lines(config, house.connections.of),
    )
    # The tasks ring the bell, and the bell may need the tasks.
    work: dict[str, Callable[[int], object]] = {}
    hands = Hands(work, config.worker_threads)
    bell = QueueBell(RedisLink(config.redis_url), wake_sender=sender.wake, hands=hands)
    house.bell = bell
    work.update(build_tasks(house, None if marks is None else seen).by_name())
    sweeper = Sweeper(house.database, bell, RedisLink(config.redis_url), worker.worker_name())
    huey = queue.make_huey(queue.consumer_client(config.redis_url))
    queue.register(huey, work)
    worker.run(huey, config.worker_threads, sender, sweeper, hands)
    house.database.close()
