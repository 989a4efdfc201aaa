"""Where Redis is: one server, one that Sentinels know of, or a cluster, all in one URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

SINGLE: Final = ("redis", "rediss", "unix")
PORT: Final = 6379
SENTINEL_PORT: Final = 26379
FORMS: Final = (
    "redis://, rediss:// or unix://, redis+sentinel://host,host/service/0 or redis+cluster://host,host"
    " (rediss+ for TLS)"
)


class BadAddress(ValueError):
    """What is wrong, as the end of a sentence; nothing secret is repeated."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A URL taken apart.

    ``kind`` is single, sentinel or cluster. A single server's ``url`` is left to the library; of the others there are
    ``nodes`` (the Sentinels, or some of the cluster), and the credentials of the servers. Sentinels have their own.
    """

    kind: str
    url: str = field(default="", repr=False)
    nodes: tuple[tuple[str, int], ...] = ()
    service: str = ""
    database: int = 0
    tls: bool = False
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = field(default=None, repr=False)
    sentinel_password: str | None = field(default=None, repr=False)


def parse(url: str) -> RedisAddress:
    """Take a URL apart.

    Raises:
        BadAddress: it cannot be one.
    """
    scheme = url.partition("://")[0]
    first, _, kind = scheme.partition("+")
    if (
        "://" not in url
        or first not in SINGLE
        or kind not in {"", "sentinel", "cluster"}
        or scheme == "unix+"
    ):
        raise BadAddress(f"must be {FORMS}.")
    if not kind:
        return RedisAddress("single", url)
    if first == "unix":
        raise BadAddress(f"must be {FORMS}.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise BadAddress("has brackets that make no sense.") from None
    who, at, where = parts.netloc.rpartition("@")
    user, _, password = who.partition(":")
    port = SENTINEL_PORT if kind == "sentinel" else PORT
    nodes = tuple(_node(one.strip(), port) for one in where.split(","))
    path = [unquote(part) for part in parts.path.split("/") if part]
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    known = {"sentinel_username", "sentinel_password"} if kind == "sentinel" else set()
    if unknown := set(asked) - known:
        raise BadAddress(f"has an option nobody knows: {', '.join(sorted(unknown))}.")
    common = {"nodes": nodes, "tls": first == "rediss"}
    login = {"username": unquote(user) or None, "password": unquote(password) or None} if at else {}
    if kind == "cluster":
        if path not in ([], ["0"]):
            raise BadAddress("names a database, but a cluster has none.")
        return RedisAddress("cluster", **common, **login)  # type: ignore[arg-type]
    service, database = _service(path)
    return RedisAddress("sentinel", service=service, database=database, **common, **login, **asked)  # type: ignore[arg-type]


def _node(written: str, port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{written}")
        host, given = parts.hostname, parts.port
    except ValueError:
        raise BadAddress("has a port that is none.") from None
    if not host or given == 0:
        raise BadAddress("names an empty host or port.")
    return host, given or port


def _service(path: list[str]) -> tuple[str, int]:
    """The service's name and its database."""
    if not path:
        raise BadAddress("must name the service: redis+sentinel://host:26379/mymaster/0.")
    service, *rest = path
    if len(rest) > 1 or (rest and not (rest[0].isascii() and rest[0].isdigit())):
        raise BadAddress("must end in the service and at most a number of its database: …/mymaster/0.")
    return service, int(rest[0]) if rest else 0
