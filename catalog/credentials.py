"""What connects a shop to Ghala: kept sealed, never shown again, and found by the shop or its slug.

A shop's credentials are one sealed JSON, so that an address is never used with the key of another. The shop ``main``
speaks by the environment until it has credentials of its own; any other shop without them neither receives nor sends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from os import urandom
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.shops import MAIN
from config import DIALECTS, SHORTEST_SECRET, SIGNATURE_SCHEMES, Config, problem_of_address, weak
from db import Database
from db.models import Shop, ShopCredentials
from db.statements import insert
from db.types import clock
from errors import RuleBroken
from records import replace

log = logging.getLogger("duka.credentials")

FRESH_FOR: Final = 5.0
"""Seconds a process goes on with what it knows; a changed key is in use everywhere after that."""
VERSION: Final = b"\x01"
NONCE: Final = 12
LONGEST: Final = 500
SECRETS: Final = ("api_key", "webhook_secret", "verify_token")
OPEN: Final = ("api_url", "dialect", "signature_scheme", "phone_number_id")
"""What is no secret and may be shown, so that a wrong letter can be found."""


class NoKey(RuleBroken):
    """CREDENTIALS_KEY is not set, so nothing can be sealed."""

    code = "no_credentials_key"


class Unreadable(RuleBroken):
    """No key of CREDENTIALS_KEY opens this."""

    code = "credentials_unreadable"


class Unfit(RuleBroken):
    """What was entered makes no connection; ``problems`` has a sentence for each field by name."""

    code = "unfit_credentials"

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(problems.values()))


class Seals:
    """Seals and opens with AES-256-GCM; the first key seals, any may open, so that keys can be changed.

    Args:
        keys: the words of ``CREDENTIALS_KEY``; the keys proper are derived from them.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._ciphers = [AESGCM(_derived(key)) for key in keys]

    def __bool__(self) -> bool:
        """Whether there is a key to seal with."""
        return bool(self._ciphers)

    def seal(self, shop_id: int, values: Mapping[str, str]) -> bytes:
        """The values, readable only with our key and only as this shop's.

        Raises:
            NoKey: there is none.
        """
        if not self._ciphers:
            raise NoKey("CREDENTIALS_KEY is not set")
        nonce = urandom(NONCE)
        return VERSION + nonce + self._ciphers[0].encrypt(nonce, orjson.dumps(dict(values)), _about(shop_id))

    def open(self, shop_id: int, sealed: bytes) -> dict[str, str]:
        """What was sealed.

        Raises:
            Unreadable: it was sealed with another key, for another shop, or was changed since.
        """
        nonce, text = sealed[1 : 1 + NONCE], sealed[1 + NONCE :]
        for cipher in self._ciphers if sealed[:1] == VERSION else ():
            try:
                values: dict[str, str] = orjson.loads(cipher.decrypt(nonce, text, _about(shop_id)))
            except (InvalidTag, ValueError):
                continue
            return values
        raise Unreadable("no key of CREDENTIALS_KEY opens these credentials")


def _derived(key: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"duka shop credentials").derive(key.encode())


def _about(shop_id: int) -> bytes:
    return f"shop {shop_id}".encode()


@dataclass(frozen=True, slots=True)
class Hint:
    """All that is ever shown of a secret: when it was set, and how it ends."""

    set_at: datetime
    ending: str


def problems_of(values: Mapping[str, str], *, production: bool) -> dict[str, str]:
    """What keeps these values from being a connection, by field."""
    found: dict[str, str] = {}
    wrong = problem_of_address(values["api_url"], production=production)
    if not values["api_url"] or wrong:
        found["api_url"] = wrong or "Enter the address of Ghala's API."
    if values["dialect"] not in DIALECTS:
        found["dialect"] = "Choose one of the dialects."
    if values["signature_scheme"] not in SIGNATURE_SCHEMES:
        found["signature_scheme"] = "Choose one of the schemes."
    if values["dialect"] == "cloud" and not values["phone_number_id"]:
        found["phone_number_id"] = "The cloud dialect sends from a phone number id."
    if not values["api_key"]:
        found["api_key"] = "Enter the key."
    secrets = split(values["webhook_secret"])
    if not secrets:
        found["webhook_secret"] = "Enter the secret: webhooks could not be verified without."  # noqa: S105
    elif production and any(weak(secret, SHORTEST_SECRET) for secret in secrets):
        found["webhook_secret"] = f"It needs at least {SHORTEST_SECRET} characters that are hard to guess."
    for name, value in values.items():
        if len(value) > LONGEST or not (value.isascii() and value.isprintable()):
            found[name] = f"At most {LONGEST} plain characters."
    return found


def split(secrets: str) -> tuple[str, ...]:
    """Several secrets written with commas, as while one is being replaced."""
    return tuple(part.strip() for part in secrets.split(",") if part.strip())


def save(
    session: Session, seals: Seals, shop_id: int, entered: Mapping[str, str], *, production: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keep a shop's connection; a secret left empty stays what it was.

    A new address takes the key again: a key is given to nobody it was not entered for. Returns what the audit log
    may hold of before and after.

    Raises:
        Unfit: something is missing or wrong; nothing was changed.
        NoKey: see :meth:`Seals.seal`.
    """
    row = session.get(ShopCredentials, shop_id, with_for_update=True)
    before = _opened(seals, row)
    known = dict(before)
    if known.get("api_url") != entered.get("api_url"):
        known.pop("api_key", None)
    values = {name: entered.get(name, "").strip() for name in OPEN}
    values["api_url"] = values["api_url"].rstrip("/")
    values |= {name: entered.get(name, "").strip() or known.get(name, "") for name in SECRETS}
    problems = problems_of(values, production=production)
    if problems:
        raise Unfit(problems)
    now: datetime = session.execute(select(clock())).scalar_one()
    hints = dict(row.hints) if row is not None else {}
    changed = [name for name in SECRETS if values[name] and values[name] != before.get(name)]
    hints |= {name: {"set_at": now.isoformat(), "ending": values[name][-2:]} for name in changed}
    kept = {"sealed": seals.seal(shop_id, values), "hints": hints, "set_at": clock()}
    session.execute(
        insert(session, ShopCredentials)
        .values(shop_id=shop_id, **kept)
        .on_conflict_do_update(index_elements=["shop_id"], set_=kept)
    )
    return (
        {name: before.get(name, "") for name in OPEN},
        {name: values[name] for name in OPEN} | {"secretsChanged": changed},
    )


def _opened(seals: Seals, row: ShopCredentials | None) -> dict[str, str]:
    if row is None:
        return {}
    try:
        return seals.open(row.shop_id, row.sealed)
    except Unreadable:
        return {}


def forget(session: Session, shop_id: int) -> bool:
    """Throw a shop's credentials away; whether there were any."""
    row = session.get(ShopCredentials, shop_id, with_for_update=True)
    if row is None:
        return False
    session.delete(row)
    return True


def hints(row: ShopCredentials | None) -> dict[str, Hint]:
    """What may be shown of a shop's secrets."""
    told = row.hints if row is not None else {}
    return {name: Hint(datetime.fromisoformat(hint["set_at"]), hint["ending"]) for name, hint in told.items()}


def seal_again(session: Session, seals: Seals) -> int:
    """Seal everything with the first key, so that the others can be taken out of CREDENTIALS_KEY.

    Raises:
        Unreadable: some shop's cannot be opened with any key.
    """
    rows = session.scalars(select(ShopCredentials).with_for_update()).all()
    for row in rows:
        row.sealed = seals.seal(row.shop_id, seals.open(row.shop_id, row.sealed))
    return len(rows)


class Connections:
    """Each shop's configuration: the environment's, with what connects the shop in place of ``main``'s.

    Args:
        database: where shops and their credentials are; read once in a few seconds.
        config: what the environment said.
        monotonic: seconds that never go back.
    """

    def __init__(
        self, database: Database, config: Config, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._config = config
        self._seals = Seals(config.credentials_keys)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._until = float("-inf")
        self._ids: dict[str, int] = {}
        self._sealed: dict[int, bytes | None] = {}
        self._configs: dict[int, Config | None] = {}

    def of(self, shop_id: int) -> Config | None:
        """How this shop speaks, ``None`` while it cannot; the same object for as long as nothing changes."""
        self._refresh()
        return self._configs.get(shop_id)

    def by_slug(self, slug: str) -> tuple[int, Config] | None:
        """The shop of this slug, if it is connected."""
        self._refresh()
        shop_id = self._ids.get(slug)
        config = None if shop_id is None else self._configs.get(shop_id)
        return None if shop_id is None or config is None else (shop_id, config)

    def look_again(self) -> None:
        """Something was changed in this process."""
        self._until = float("-inf")

    @property
    def several(self) -> bool:
        """Whether any shop speaks by something else than the environment."""
        self._refresh()
        return any(sealed is not None for sealed in self._sealed.values())

    def _refresh(self) -> None:
        if self._monotonic() < self._until:
            return
        with self._lock:
            if self._monotonic() < self._until:
                return
            with self._database.reading() as session:
                rows = session.execute(
                    select(Shop.id, Shop.slug, ShopCredentials.sealed).outerjoin(
                        ShopCredentials, ShopCredentials.shop_id == Shop.id
                    )
                ).all()
            for shop_id, slug, sealed in rows:
                if shop_id not in self._configs or self._sealed[shop_id] != sealed:
                    self._configs[shop_id] = self._configured(shop_id, slug, sealed)
                    self._sealed[shop_id] = sealed
                self._ids[slug] = shop_id
            self._until = self._monotonic() + FRESH_FOR

    def _configured(self, shop_id: int, slug: str, sealed: bytes | None) -> Config | None:
        if sealed is None:
            return self._config if slug == MAIN else None
        try:
            values = self._seals.open(shop_id, sealed)
        except Unreadable:
            log.error("credentials_unreadable", extra={"shop_id": shop_id})  # noqa: TRY400 - what it says is known
            return None
        return configured(self._config, slug, values)


def configured(config: Config, slug: str, values: Mapping[str, str]) -> Config:
    """The environment's configuration with a shop's own connection."""
    return replace(
        config,
        ghala_api_url=values["api_url"],
        ghala_api_key=values["api_key"],
        ghala_payments_url="",
        ghala_payments_key="",
        ghala_dialect=values["dialect"],
        ghala_phone_number_id=values["phone_number_id"],
        ghala_webhook_secrets=split(values["webhook_secret"]),
        ghala_signature_scheme=values["signature_scheme"],
        ghala_verify_token=values["verify_token"],
        webhook_path=webhook_path(slug),
    )


def webhook_path(slug: str) -> str:
    """Below which address gateways tell this shop of payments."""
    return "/api/webhooks" if slug == MAIN else f"/api/shops/{slug}/webhooks"
