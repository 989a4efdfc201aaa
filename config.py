"""The environment, read once. Nothing else in the house reads it.

``Config.from_env`` checks every variable and reports all problems at once, so that the
engineer mends them in one go.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values

import redis_address
from errors import ConfigError
from languages import LANGUAGES

DIALECTS: Final = {"v1": "body-hex", "v2": "timestamp-hex", "cloud": "meta"}
"""Ghala's dialects and the signature scheme each uses unless told otherwise (WIRE 1a, 1d, 2)."""

SIGNATURE_SCHEMES: Final = ("body-hex", "timestamp-hex", "timestamp-base64", "meta")
CURRENCIES: Final = ("KES", "TZS", "UGX", "RWF", "USD", "EUR", "GBP", "ZAR", "NGN", "GHS", "IDR")
WEAK_SECRETS: Final = frozenset(
    {"", "secret", "password", "changeme", "admin", "dev", "test", "change-me", "default", "12345678"}
)
SHORTEST_SECRET: Final = 16
SHORTEST_PASSWORD: Final = 14
_HOST: Final = re.compile(r"\.?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
Number = TypeVar("Number", int, float)
HERE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the processes are told from outside. Secrets never show in its ``repr``."""

    env: str = "development"
    port: int = 8000
    public_url: str = ""
    secret_key: str = field(default="", repr=False)
    database_url: str = field(default="sqlite:///var/duka.db", repr=False)
    database_pooled: bool = False
    """Whether between us and PostgreSQL there is a pooler that gives each transaction another session."""
    redis_url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    ghala_api_url: str = ""
    ghala_api_key: str = field(default="", repr=False)
    ghala_payments_url: str = ""
    ghala_payments_key: str = field(default="", repr=False)
    ghala_dialect: str = "v1"
    ghala_phone_number_id: str = ""
    ghala_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    ghala_signature_scheme: str = "body-hex"
    ghala_verify_token: str = field(default="", repr=False)
    ghala_read_marks: bool = True
    credentials_keys: tuple[str, ...] = field(default=(), repr=False)
    connected: bool = True
    """Whether there is a Ghala to speak to; of a further shop that has no credentials it is false."""
    webhook_path: str = "/api/webhooks"
    """Below which address gateways post; a shop of its own connection has its own."""
    messages_per_second: float = 80.0
    pair_seconds: float = 6.0
    admin_username: str = "admin"
    admin_password: str = field(default="", repr=False)
    admin_password_hash: str = field(default="", repr=False)
    metrics_token: str = field(default="", repr=False)
    metrics_dir: Path = Path("var/metrics")
    media_dir: Path = Path("var/media")
    shop_name: str = "Duka Demo Shop"
    shop_currency: str = "KES"
    shop_country: str = "KE"
    shop_timezone: str = "Africa/Nairobi"
    shop_language: str = "en"
    catalog_file: Path = HERE / "catalog" / "demo.yaml"
    worker_threads: int = 48
    """More than cores: a call to a gateway keeps a thread for as long as the gateway takes to answer."""
    retention_chat_days: int = 90
    retention_webhook_days: int = 30
    trusted_proxies: int = 0
    trusted_hosts: tuple[str, ...] = ()
    log_level: str = "INFO"

    @property
    def production(self) -> bool:
        """Whether real customers are on the other side."""
        return self.env == "production"

    @property
    def on_sqlite(self) -> bool:
        """Whether the database is a SQLite file."""
        return self.database_url.startswith("sqlite")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Config:
        """Read ``environ``, or the process environment over a ``.env`` file in the working directory.

        Raises:
            ConfigError: with one sentence per problem.
        """
        if environ is None:
            stored = {k: v for k, v in dotenv_values(Path.cwd() / ".env").items() if v is not None}
            environ = {**stored, **os.environ}  # noqa: TID251 - this is the one place
        return _Reader(environ).config()


def normalise_database_url(url: str) -> str:
    """Name the driver explicitly: ``postgres://`` and ``postgresql://`` become psycopg 3."""
    for prefix in ("postgres://", "postgresql://", "postgresql+psycopg2://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url[len(prefix) :]
    return url


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine itself."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_time_zone(name: str) -> bool:
    """Whether this machine knows a time zone of this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return bool(name)


def is_address(value: str) -> bool:
    """Whether this is an http(s) address of some host."""
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that make no sense
        return False


def problem_of_address(value: str, *, production: bool) -> str:
    """Why an address cannot be used, as the end of a sentence; empty when it can."""
    if not is_address(value):
        return f"must be an http(s) address, not {value!r}."
    if production and urlsplit(value).scheme == "http" and not is_loopback(value):
        return "must be https in production (plain http only on loopback)."
    return ""


class _Reader:
    """Takes values one by one and remembers what was wrong with each."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        return self.environ.get(name, "").strip() or default

    def number(
        self, name: str, kind: Callable[[str], Number], default: Number, low: Number, high: Number
    ) -> Number:
        raw = self.text(name)
        if not raw:
            return default
        try:
            value = kind(raw)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            self.problems.append(f"{name} must be a number from {low} to {high}, not {raw!r}.")
            return default
        return value

    def choice(self, name: str, options: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in options:
            self.problems.append(f"{name} must be one of {', '.join(options)}, not {value!r}.")
            return default
        return value

    def url(self, name: str, *, production: bool) -> str:
        value = self.text(name).rstrip("/")
        if not value:
            return ""
        problem = problem_of_address(value, production=production)
        if problem:
            self.problems.append(f"{name} {problem}")
        return value if is_address(value) else ""

    def config(self) -> Config:
        env = self.choice("DUKA_ENV", ("development", "production"), "development")
        production = env == "production"
        dialect = self.choice("GHALA_DIALECT", tuple(DIALECTS), "v1")
        scheme = self.choice("GHALA_SIGNATURE_SCHEME", SIGNATURE_SCHEMES, DIALECTS[dialect])
        config = Config(
            env=env,
            port=self.number("PORT", int, 8000, 1, 65535),
            public_url=self.url("PUBLIC_URL", production=production),
            secret_key=self.text("SECRET_KEY"),
            database_url=self.database_url(),
            database_pooled=self.choice("DATABASE_POOLED", ("on", "off"), "off") == "on",
            redis_url=self.redis_url(),
            ghala_api_url=self.url("GHALA_API_URL", production=production),
            ghala_api_key=self.text("GHALA_API_KEY"),
            ghala_payments_url=self.url("GHALA_PAYMENTS_URL", production=production),
            ghala_payments_key=self.text("GHALA_PAYMENTS_KEY"),
            ghala_read_marks=self.choice("GHALA_READ_MARKS", ("on", "off"), "on") == "on",
            credentials_keys=tuple(k.strip() for k in self.text("CREDENTIALS_KEY").split(",") if k.strip()),
            ghala_dialect=dialect,
            ghala_phone_number_id=self.text("GHALA_PHONE_NUMBER_ID"),
            ghala_webhook_secrets=tuple(
                s.strip() for s in self.text("GHALA_WEBHOOK_SECRET").split(",") if s.strip()
            ),
            ghala_signature_scheme=scheme,
            ghala_verify_token=self.text("GHALA_VERIFY_TOKEN"),
            messages_per_second=self.number("GHALA_MESSAGES_PER_SECOND", float, 80.0, 0.0, 100_000.0),
            pair_seconds=self.number("GHALA_PAIR_SECONDS", float, 6.0, 0.0, 3600.0),
            admin_username=self.text("ADMIN_USERNAME", "" if production else "admin"),
            admin_password=self.text("ADMIN_PASSWORD"),
            admin_password_hash=self.text("ADMIN_PASSWORD_HASH"),
            metrics_token=self.text("METRICS_TOKEN"),
            metrics_dir=Path(self.text("METRICS_DIR", "var/metrics")),
            media_dir=Path(self.text("MEDIA_DIR", "var/media")),
            shop_name=self.text("SHOP_NAME", "Duka Demo Shop"),
            shop_currency=self.choice("SHOP_CURRENCY", CURRENCIES, "KES"),
            shop_country=self.country(),
            shop_timezone=self.timezone(),
            shop_language=self.choice("SHOP_LANGUAGE", tuple(LANGUAGES), "en"),
            catalog_file=self.catalog_file(),
            worker_threads=self.number("WORKER_THREADS", int, 48, 1, 64),
            retention_chat_days=self.number("RETENTION_CHAT_DAYS", int, 90, 7, 3650),
            retention_webhook_days=self.number("RETENTION_WEBHOOK_DAYS", int, 30, 7, 3650),
            trusted_proxies=self.number("TRUSTED_PROXIES", int, 0, 0, 5),
            trusted_hosts=self.hosts(),
            log_level=self.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
        )
        self.check_secrets(config)
        if self.problems:
            raise ConfigError(self.problems)
        return config

    def database_url(self) -> str:
        value = normalise_database_url(self.text("DATABASE_URL", "sqlite:///var/duka.db"))
        if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            self.problems.append("DATABASE_URL must start with sqlite:/// or postgresql://.")
        return value

    def redis_url(self) -> str:
        value = self.text("REDIS_URL", "redis://127.0.0.1:6379/0")
        try:
            redis_address.parse(value)
        except redis_address.BadAddress as problem:
            self.problems.append(f"REDIS_URL {problem}")
        return value

    def country(self) -> str:
        value = self.text("SHOP_COUNTRY", "KE").upper()
        if len(value) != 2 or not (value.isascii() and value.isalpha()):  # noqa: PLR2004 - ISO 3166 alpha-2
            self.problems.append(f"SHOP_COUNTRY must be a two-letter country code, not {value!r}.")
        return value

    def timezone(self) -> str:
        value = self.text("SHOP_TIMEZONE", "Africa/Nairobi")
        if not is_time_zone(value):
            self.problems.append(f"SHOP_TIMEZONE {value!r} is not a time zone, try Africa/Nairobi.")
        return value

    def hosts(self) -> tuple[str, ...]:
        found = tuple(h.strip().lower() for h in self.text("TRUSTED_HOSTS").split(",") if h.strip())
        self.problems.extend(
            f"TRUSTED_HOSTS holds host names without scheme and port, not {host!r}."
            for host in found
            if not _HOST.fullmatch(host)
        )
        return found

    def catalog_file(self) -> Path:
        value = Path(self.text("CATALOG_FILE", "catalog/demo.yaml"))
        return value if value.is_absolute() or value.exists() else HERE / value

    def check_secrets(self, config: Config) -> None:
        say = self.problems.append
        if not config.ghala_webhook_secrets:
            say("GHALA_WEBHOOK_SECRET is missing: webhooks could not be verified.")
        hosts = {urlsplit(url).hostname for url in (config.ghala_api_url, config.ghala_payments_url) if url}
        if len(hosts) > 1 and not config.ghala_payments_key:
            say("GHALA_PAYMENTS_KEY is missing: the key of GHALA_API_URL is not given to another host.")
        if config.ghala_dialect == "cloud" and not config.ghala_phone_number_id:
            say("GHALA_PHONE_NUMBER_ID is missing: the cloud dialect sends from it.")
        if any(weak(key, SHORTEST_SECRET) for key in config.credentials_keys):
            say(f"CREDENTIALS_KEY must have at least {SHORTEST_SECRET} hard-to-guess characters.")
        if config.admin_password and config.admin_password_hash:
            say("Set ADMIN_PASSWORD or ADMIN_PASSWORD_HASH, not both.")
        if not config.admin_password and not config.admin_password_hash:
            say("ADMIN_PASSWORD (or ADMIN_PASSWORD_HASH) is missing.")
        if not config.production:
            return
        for name, required in (
            ("SECRET_KEY", config.secret_key),
            ("PUBLIC_URL", config.public_url),
            ("GHALA_API_URL", config.ghala_api_url),
            ("GHALA_API_KEY", config.ghala_api_key),
            ("ADMIN_USERNAME", config.admin_username),
        ):
            if not required:
                say(f"{name} is missing: production needs it.")
        for secret in config.ghala_webhook_secrets:
            if weak(secret, SHORTEST_SECRET):
                say(f"GHALA_WEBHOOK_SECRET must have at least {SHORTEST_SECRET} hard-to-guess characters.")
        if config.secret_key and weak(config.secret_key, SHORTEST_SECRET):
            say(f"SECRET_KEY must have at least {SHORTEST_SECRET} hard-to-guess characters.")
        if config.metrics_token and weak(config.metrics_token, SHORTEST_SECRET):
            say(f"METRICS_TOKEN must have at least {SHORTEST_SECRET} hard-to-guess characters.")
        if config.admin_password and weak(config.admin_password, SHORTEST_PASSWORD):
            say(f"ADMIN_PASSWORD must have at least {SHORTEST_PASSWORD} characters and not be a common word.")


def weak(secret: str, shortest: int) -> bool:
    """Whether a secret is short, common or one character repeated."""
    return len(secret) < shortest or secret.lower() in WEAK_SECRETS or len(set(secret)) < 4  # noqa: PLR2004
