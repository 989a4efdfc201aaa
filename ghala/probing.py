"""Asking an address how it is, for ``flask doctor``: who answers, whose certificate, what time it is there."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import requests

PATIENCE: Final = (3.0, 10.0)
MOST_READ: Final = 65_536


@dataclass(frozen=True, slots=True)
class Reached:
    """An answer: its status, the beginning of its body, and the other side's clock where it told."""

    status: int
    body: bytes = field(repr=False)
    date: datetime | None


class NotReached(Exception):
    """There was no answer; the words say why and quote no address."""


def ask(url: str, headers: Mapping[str, str] | None = None) -> Reached:
    """One ``GET`` without redirects.

    Raises:
        NotReached: no connection, an untrusted certificate, or no answer in time.
    """
    try:
        with requests.Session() as session:
            session.trust_env = False
            with session.get(
                url, headers=dict(headers or {}), timeout=PATIENCE, allow_redirects=False, stream=True
            ) as answer:
                body = next(answer.iter_content(MOST_READ), b"")
                return Reached(answer.status_code, body, _date(answer.headers.get("Date", "")))
    except requests.exceptions.SSLError as error:
        raise NotReached("its certificate is not trusted") from error
    except requests.RequestException as error:
        raise NotReached(type(error).__name__) from error


def certificate_ends(url: str) -> datetime | None:
    """When the certificate behind an https address ends; ``None`` for plain http.

    Raises:
        NotReached: no connection, or an untrusted certificate.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        return None
    try:
        with (
            socket.create_connection((parts.hostname, parts.port or 443), PATIENCE[0]) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname) as secure,
        ):
            shown = secure.getpeercert()
    except OSError as error:
        raise NotReached(type(error).__name__) from error
    ends = (shown or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(ends)), UTC) if ends else None


def _date(header: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return date if date.tzinfo is not None else None
