"""``flask doctor``: looks the whole house over before real customers come; each finding says how to mend it.

A check is one function here and one line in ``CHECKS``. It changes nothing, at Ghala either: it asks for what does
not exist and sees how it is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from babel.core import get_global
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

import measuring
from catalog.money import step, to_major
from catalog.snapshot import in_language
from config import Config, is_loopback, weak
from db import Database, clock, inbox, outbox, schema
from db.models import Chore, InboxEvent, Pause, Product, Shop, WorkerHeartbeat
from db.redis_link import TROUBLE, RedisLink
from ghala.messages import LIMITS
from ghala.probing import NotReached, Reached, ask, certificate_ends
from keeping import files
from keeping.backup import MADE

GOOD: Final = "good"
CARE: Final = "care"
BAD: Final = "bad"
SKEW: Final = 5.0
"""Seconds by which clocks may differ; beyond 300 webhooks are refused."""
CERTIFICATE_DAYS: Final = 14
LEAST_FREE: Final = 0.15
OLD_BACKUP: Final = timedelta(hours=26)
SILENT_WORKER: Final = 30.0
LATE: Final = 60.0
MOST_PRODUCTS: Final = 5_000
MOST_PICTURES: Final = 10
OLDEST_POSTGRES: Final = 140_000
NOBODY: Final = "flask-doctor-asks"
"""An order id that no gateway has: asked for, it shows whether our key is known."""
KEYS_REFUSED: Final = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: ``grade`` is good, care or bad; ``mend`` says what to do unless it is good."""

    check: str
    grade: str
    found: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at. ``asked`` and ``certificate`` reach out; tests give their own."""

    config: Config
    database: Database
    link: RedisLink
    asked: Callable[..., Reached] = ask
    certificate: Callable[[str], datetime | None] = certificate_ends
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


def examine(patient: Patient) -> Iterator[Finding]:
    """Every finding, check by check; those that need the database are left out where it cannot be read."""
    readable = True
    for check in CHECKS:
        if check in NEED_TABLES and not readable:
            continue
        name = check.__name__
        try:
            found = list(check(patient))
        except NotReached as error:
            found = [
                Finding(name, BAD, f"no answer: {error}", "See that the address can be reached from here.")
            ]
        except SQLAlchemyError as error:
            found = [
                Finding(
                    name,
                    BAD,
                    f"the database refuses: {type(error).__name__}",
                    "See DATABASE_URL, and run `flask release`.",
                )
            ]
        readable = readable and not (check in DECIDE_TABLES and any(one.grade == BAD for one in found))
        yield from found


def secrets(patient: Patient) -> Iterator[Finding]:
    """Production, and secrets that cannot be guessed."""
    config = patient.config
    if not config.production:
        yield Finding(
            "secrets", CARE, "DUKA_ENV is development", "Set DUKA_ENV=production before customers come."
        )
    given = {"GHALA_WEBHOOK_SECRET": config.ghala_webhook_secrets, "SECRET_KEY": (config.secret_key,)}
    guessable = [name for name, values in given.items() if any(weak(value, 32) for value in values)]
    if guessable:
        yield Finding(
            "secrets",
            CARE if not config.production else BAD,
            f"{', '.join(guessable)}: shorter than 32 characters or easy to guess",
            'Make new ones: python -c "import secrets; print(secrets.token_hex(32))".',
        )
    elif config.production:
        yield Finding("secrets", GOOD, "long enough")
    if len(config.ghala_webhook_secrets) > 1:
        yield Finding(
            "secrets",
            CARE,
            "two webhook secrets are accepted",
            "Take the old one away once Ghala signs with the new.",
        )
    if config.ghala_signature_scheme == "body-hex":
        yield Finding(
            "signatures",
            CARE,
            "the scheme body-hex carries no time: every success is asked about before it is booked",
            "Choose a scheme with a timestamp if Ghala offers one (GHALA_SIGNATURE_SCHEME).",
        )


def public_address(patient: Patient) -> Iterator[Finding]:
    """That Ghala and WhatsApp reach us, by a certificate that lasts."""
    url = patient.config.public_url
    if not url:
        yield Finding(
            "public address", CARE, "PUBLIC_URL is empty", "Set it: card payments and pictures need it."
        )
        return
    answer = patient.asked(f"{url}/livez")
    if answer.status == 200 and b"success" in answer.body:  # noqa: PLR2004
        yield Finding("public address", GOOD, f"{urlsplit(url).hostname} answers")
    else:
        yield Finding(
            "public address",
            BAD,
            f"/livez was answered with {answer.status}",
            "Start `web`, and see that the proxy passes Host and TRUSTED_PROXIES counts it.",
        )
    ends = patient.certificate(url)
    if ends is None:
        grade = GOOD if is_loopback(url) else BAD
        yield Finding(
            "public address", grade, "plain http", "" if grade == GOOD else "End TLS at a proxy in front."
        )
    else:
        days = (ends - patient.now()).days
        yield Finding(
            "public address",
            GOOD if days >= CERTIFICATE_DAYS else BAD,
            f"the certificate lasts {days} days",
            "" if days >= CERTIFICATE_DAYS else "Renew it, and see why that does not happen by itself.",
        )


def ghala(patient: Patient) -> Iterator[Finding]:
    """That Ghala is there and knows our key; its clock beside ours."""
    yield from ghala_answers(patient.config, patient.asked, patient.now)


def ghala_answers(
    config: Config, asked: Callable[..., Reached], now: Callable[[], datetime]
) -> Iterator[Finding]:
    """The same for any connection: the installation's, or a shop's own.

    Raises:
        NotReached: nobody answers.
    """
    if not config.ghala_api_url or not config.ghala_api_key:
        yield Finding("ghala", BAD, "no address or no key", "Set GHALA_API_URL and GHALA_API_KEY.")
        return
    key = {"Authorization": f"Bearer {config.ghala_api_key}", "Accept": "application/json"}
    answer = asked(f"{config.ghala_api_url}/orders/{NOBODY}", key)
    stranger = asked(f"{config.ghala_api_url}/orders/{NOBODY}", {**key, "Authorization": "Bearer nobody"})
    if answer.status in KEYS_REFUSED:
        yield Finding(
            "ghala", BAD, f"our key is refused ({answer.status})", "Put a valid GHALA_API_KEY in place."
        )
    elif answer.status >= 500:  # noqa: PLR2004
        yield Finding("ghala", BAD, f"Ghala answers {answer.status}", "Wait, or ask Ghala.")
    elif stranger.status in KEYS_REFUSED:
        yield Finding("ghala", GOOD, "knows our key and refuses another")
    else:
        yield Finding(
            "ghala",
            CARE,
            f"is there, but answers {answer.status} with and without a valid key: the key could not be checked",
            "Make one small payment to see that it works.",
        )
    if answer.date is not None:
        yield _skew("Ghala", abs((answer.date - now()).total_seconds()))


def migrations(patient: Patient) -> Iterator[Finding]:
    """That the tables are those of this code."""
    at, head = schema.current(patient.database), schema.head()
    if at == head:
        yield Finding("migrations", GOOD, f"at revision {at}")
    else:
        told = f"at revision {at or 'none'}, the code wants {head}"
        yield Finding("migrations", BAD, told, "Run `flask release`.")


def database(patient: Patient) -> Iterator[Finding]:
    """The engine's settings on which durability rests, and its clock."""
    with patient.database.reading() as session:
        yield from (_sqlite if patient.database.on_sqlite else _postgres)(session)
        there = session.scalar(select(clock()))
    if there is not None and not patient.database.on_sqlite:
        yield _skew("the database", abs((there - patient.now()).total_seconds()))


def _sqlite(session: Session) -> Iterator[Finding]:
    def pragma(name: str) -> Any:
        return session.execute(text(f"PRAGMA {name}")).scalar()

    wrong = [
        f"{name} is {value}"
        for name, value, wanted in (
            ("journal_mode", pragma("journal_mode"), "wal"),
            ("synchronous", pragma("synchronous"), 2),
            ("foreign_keys", pragma("foreign_keys"), 1),
        )
        if value != wanted
    ]
    if wrong:
        yield Finding(
            "database", BAD, ", ".join(wrong), "Something else opens this file with settings of its own."
        )
    sound = pragma("quick_check(1)")
    if sound == "ok":
        yield Finding("database", GOOD, "SQLite: WAL, full synchronisation, sound")
    else:
        yield Finding("database", BAD, "the file is damaged", "Restore the last backup (docs/backup.md).")


def _postgres(session: Session) -> Iterator[Finding]:
    def setting(name: str) -> str:
        return str(session.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar())

    version = int(setting("server_version_num"))
    if version < OLDEST_POSTGRES:
        yield Finding("database", BAD, f"PostgreSQL {version // 10_000}", "Take 14 or newer.")
    wrong = [
        f"{name} is {setting(name)}"
        for name in ("fsync", "synchronous_commit", "full_page_writes")
        if setting(name) == "off"
    ]
    if setting("statement_timeout") == "0":
        yield Finding(
            "database",
            BAD,
            "our settings do not reach it: a pooler stands between",
            "Set DATABASE_POOLED=on (docs/scaling.md).",
        )
    if wrong:
        yield Finding("database", BAD, ", ".join(wrong), "A power cut would lose money: switch it on.")
    else:
        yield Finding("database", GOOD, f"PostgreSQL {version // 10_000}: commits are durable")


def shops(patient: Patient) -> Iterator[Finding]:
    """Each shop's place in the world and its goods, against WhatsApp's limits and whole shillings."""
    territories = get_global("zone_territories")
    with patient.database.reading() as session:
        for shop in session.scalars(select(Shop).order_by(Shop.id)).all():
            where = f"shop {shop.slug}"
            if territories.get(shop.timezone, shop.country) != shop.country:
                yield Finding(
                    where,
                    CARE,
                    f"keeps the time of {shop.timezone}, which is not in {shop.country}",
                    "Set SHOP_TIMEZONE, or the shop's own in the console.",
                )
            if session.get(Pause, shop.id) is not None:
                yield Finding(where, BAD, "is paused: it receives and does not answer", "`flask resume`.")
            yield from _goods(patient, session, shop, where)


def _goods(patient: Patient, session: Session, shop: Shop, where: str) -> Iterator[Finding]:
    products = session.scalars(
        select(Product)
        .where(Product.shop_id == shop.id, Product.active)
        .order_by(Product.id)
        .limit(MOST_PRODUCTS)
    ).all()
    if not products:
        yield Finding(where, BAD, "offers nothing", "Import a catalogue: docs/catalogue.md.")
        return
    odd = [product.sku for product in products if product.price % step(shop.currency)]
    if odd:
        first = next(product for product in products if product.sku == odd[0])
        yield Finding(
            where,
            BAD,
            f"{len(odd)} prices are no whole {shop.currency}, as {odd[0]} at {to_major(first.price, shop.currency)}",
            "Mobile money takes whole amounts only: change them.",
        )
    long = [p.sku for p in products if len(in_language(p.names, shop.language)) > LIMITS.row_title]
    if long:
        yield Finding(
            where,
            CARE,
            f"{len(long)} names are longer than a list's {LIMITS.row_title} characters and are cut, as {long[0]}",
            "Put what tells them apart first.",
        )
    pictures = [p for p in products if p.picture][:MOST_PICTURES]
    broken = [p.sku for p in pictures if not _is_there(patient, p.picture)]
    if broken:
        yield Finding(
            where, CARE, f"pictures do not load, as of {broken[0]}", "See their addresses and PUBLIC_URL."
        )
    yield Finding(where, GOOD, f"offers {len(products)} products in {shop.currency}")


def _is_there(patient: Patient, picture: str) -> bool:
    if not picture.startswith("https://"):
        return True  # a file of ours
    try:
        return patient.asked(picture).status == 200  # noqa: PLR2004
    except NotReached:
        return False


def work(patient: Patient) -> Iterator[Finding]:
    """That somebody works, and that nothing lies about."""
    with patient.database.reading() as session:
        row = session.execute(
            select(func.max(WorkerHeartbeat.seen_at).label("seen"), clock().label("now"))
        ).one()
        waits = {
            "an event": inbox.oldest_waiting(session) or 0.0,
            "a message": outbox.oldest_waiting(session) or 0.0,
        }
        made = session.execute(select(Chore.begun_at, clock().label("now")).where(Chore.name == MADE)).first()
        heard = session.scalar(select(func.max(InboxEvent.id)))
    silence = None if row.seen is None else (row.now - row.seen).total_seconds()
    if silence is None or silence > SILENT_WORKER:
        told = "no worker has ever reported" if silence is None else f"no worker for {silence:.0f} s"
        yield Finding("worker", BAD, told, "Start `flask worker`.")
    else:
        yield Finding("worker", GOOD, "reports")
    for what, age in waits.items():
        if age > LATE:
            yield Finding("worker", BAD, f"{what} has waited {age:.0f} s", "Look at the worker's log.")
    if made is None or made.now - made.begun_at > OLD_BACKUP:
        told = (
            "was never made"
            if made is None
            else f"is {(made.now - made.begun_at).total_seconds() / 3600:.0f} h old"
        )
        yield Finding(
            "backup", CARE, f"the last `flask backup` {told}", "Make one each night (docs/backup.md)."
        )
    else:
        yield Finding("backup", GOOD, "made in the last day")
    if heard is None:
        yield Finding(
            "webhooks",
            CARE,
            "nothing was ever received",
            "Register the addresses at Ghala, send the shop's number a message, or use --listen.",
        )


def queue(patient: Patient) -> Iterator[Finding]:
    """Redis, which only makes things quick."""
    try:
        client = patient.link.client
        info: Any = client.info()
    except TROUBLE as error:
        yield Finding(
            "redis",
            BAD,
            f"does not answer: {type(error).__name__}",
            "See REDIS_URL; without it work is slow.",
        )
        return
    if info.get("role") != "master":
        yield Finding(
            "redis", BAD, "this is a replica and takes no writes", "Give REDIS_URL the primary's address."
        )
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        yield Finding(
            "redis", CARE, f"evicts keys ({policy})", "Set maxmemory-policy noeviction: tasks are keys, too."
        )
    else:
        yield Finding("redis", GOOD, f"answers, version {info.get('redis_version')}")


def disk(patient: Patient) -> Iterator[Finding]:
    """Room to grow where the database's file is."""
    free = files.free(patient.database.file)
    grade = GOOD if free >= LEAST_FREE else BAD
    yield Finding("disk", grade, f"{free:.0%} free", "" if grade == GOOD else "Make room.")


CHECKS: Final[tuple[Callable[[Patient], Iterator[Finding]], ...]] = (
    secrets,
    migrations,
    database,
    queue,
    disk,
    shops,
    work,
    ghala,
    public_address,
)
DECIDE_TABLES: Final = frozenset({migrations})
NEED_TABLES: Final = frozenset({database, shops, work})


def listen(patient: Patient, seconds: float, pause: Callable[[float], object] = time.sleep) -> Finding:
    """Wait for one webhook: accepted, refused, or none; says whether the signature scheme is the right one."""
    before = _received(patient), _refused()
    waited = 0.0
    while waited < seconds:
        pause(0.5)
        waited += 0.5
        if _received(patient) > before[0]:
            return Finding("signatures", GOOD, "a webhook came and its signature was right")
        if _refused() > before[1]:
            return Finding(
                "signatures",
                BAD,
                "a webhook came and its signature was refused",
                "Compare GHALA_WEBHOOK_SECRET and GHALA_SIGNATURE_SCHEME with Ghala's console (docs/ghala.md).",
            )
    return Finding(
        "signatures",
        CARE,
        f"no webhook came in {seconds:.0f} s",
        "See that Ghala has our addresses; webhooks that the proxy refuses never get here.",
    )


def _received(patient: Patient) -> int:
    with patient.database.reading() as session:
        return session.scalar(select(func.max(InboxEvent.id)).where(InboxEvent.source != "duka")) or 0


def _refused() -> float:
    return measuring.total(measuring.REFUSED, "invalid_signature")


def _skew(whose: str, seconds: float) -> Finding:
    if seconds <= SKEW:
        return Finding("clock", GOOD, f"within {SKEW:.0f} s of {whose}'s")
    return Finding(
        "clock", BAD, f"{seconds:.0f} s off {whose}'s", "Let NTP set the clock: webhooks carry the time."
    )
