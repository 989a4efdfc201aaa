"""Proof that a webhook comes from Ghala: one signature scheme per connection, never a guess between several.

Clients of Ghala disagree about how it signs (WIRE 1a, 1c, 1d, 2a), so the scheme is configuration. Whatever the
scheme: the raw bytes are signed, every configured secret is tried without stopping early, digests are compared as
bytes in constant time, and everything unclear is ``InvalidSignature``.
"""

from __future__ import annotations

import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from errors import ConfigError, InvalidSignature

TOLERANCE_SECONDS: Final = 300
"""How far the sender's clock may be ahead, and how old a normal delivery may be (WIRE 1a)."""
LATE_SECONDS: Final = 7 * 24 * 3600
"""Providers repeat undelivered webhooks for up to seven days (WIRE 2a); older is a replay."""

# Digits with an optional fraction, at most 12 before and 9 after the point: float() would also take "nan", "1e999",
# "1_0", " 1" and digits of other scripts.
_TIMESTAMP = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?", re.ASCII)
_HEX_DIGEST = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_BASE64_DIGEST = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)
_PREFIX = "sha256="


class Freshness(Enum):
    """How old a genuine webhook is."""

    FRESH = "fresh"
    """At most five minutes old, or signed by a scheme that cannot tell."""
    LATE = "late"
    """Between five minutes and seven days old: accepted, but nothing may be bought on its word alone."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """What is signed, how the digest is written and in which headers it arrives (lower case)."""

    name: str
    signature_header: str
    timestamp_header: str | None
    base64: bool = False
    writes_prefix: bool = False


_KNOWN = (
    Scheme("body-hex", "x-ghala-signature", None),
    Scheme("timestamp-hex", "x-ghala-signature", "x-ghala-timestamp", writes_prefix=True),
    Scheme("timestamp-base64", "x-ghala-signature", "x-ghala-timestamp", base64=True),
    Scheme("meta", "x-hub-signature-256", None, writes_prefix=True),
)
SCHEMES: Final[Mapping[str, Scheme]] = MappingProxyType({scheme.name: scheme for scheme in _KNOWN})


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks the signatures of one connection.

    ``scheme`` is a name in :data:`SCHEMES`; ``secrets`` holds more than one only while rotating.

    Raises:
        ConfigError: unknown scheme, no secret, or an empty one: an unsigned shop must not start.
    """

    scheme: str
    secrets: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        problems = []
        if self.scheme not in SCHEMES:
            problems.append(f"unknown signature scheme {self.scheme!r}: one of {', '.join(SCHEMES)}")
        if not self.secrets:
            problems.append("there is no webhook secret")
        if any(not secret.strip() for secret in self.secrets):
            problems.append("a webhook secret is empty")
        if problems:
            raise ConfigError(problems)

    @property
    def carries_time(self) -> bool:
        """Whether the signature covers the moment of sending; if not, an old body can be replayed for ever."""
        return SCHEMES[self.scheme].timestamp_header is not None

    @property
    def signature_header(self) -> str:
        """The header that holds the signature, lower case."""
        return SCHEMES[self.scheme].signature_header

    @property
    def timestamp_header(self) -> str | None:
        """The header that holds the signed time, lower case; None where the scheme has none."""
        return SCHEMES[self.scheme].timestamp_header

    def verify(self, raw: bytes, signature: str | None, timestamp: str | None, now: float) -> Freshness:
        """Check one delivery.

        Args:
            raw: the body exactly as received.
            signature: the signature header, with or without ``sha256=``.
            timestamp: the timestamp header exactly as received; ignored by schemes without time.
            now: the present, in Unix seconds.

        Raises:
            InvalidSignature: missing, malformed, wrong, from the future, or more than seven days old.
        """
        scheme = SCHEMES[self.scheme]
        claimed = _digest_of(signature, scheme)
        if not self.carries_time:
            self._compare(raw, claimed)
            return Freshness.FRESH
        if timestamp is None or not _TIMESTAMP.fullmatch(timestamp):
            raise InvalidSignature("the timestamp is missing or not a plain number of seconds")
        self._compare(timestamp.encode("ascii") + b"." + raw, claimed)
        age = now - float(timestamp)
        if age < -TOLERANCE_SECONDS:
            raise InvalidSignature("the timestamp lies in the future")
        if age > LATE_SECONDS:
            raise InvalidSignature("the timestamp is more than seven days old")
        return Freshness.LATE if age > TOLERANCE_SECONDS else Freshness.FRESH

    def _compare(self, signed: bytes, claimed: bytes) -> None:
        genuine = False
        for secret in self.secrets:  # all of them, so that time does not tell which one is in use
            genuine |= hmac.compare_digest(hmac.digest(secret, signed, "sha256"), claimed)
        if not genuine:
            raise InvalidSignature("the signature does not match")


def sign(scheme: str, secret: bytes, raw: bytes, timestamp: str | float | None = None) -> dict[str, str]:
    """Sign as the other side would: the headers for ``raw``, for tests, the sandbox and connection checks.

    Args:
        scheme: a name in :data:`SCHEMES`.
        secret: the shared secret.
        raw: the body exactly as it will be sent.
        timestamp: Unix seconds, written as given; needed by the schemes that carry time.

    Raises:
        ConfigError: the scheme is unknown, or carries time and none was given.
    """
    known = SCHEMES.get(scheme)
    if known is None:
        raise ConfigError([f"unknown signature scheme {scheme!r}"])
    headers = {}
    signed = raw
    if known.timestamp_header is not None:
        if timestamp is None:
            raise ConfigError([f"signature scheme {scheme} needs a timestamp"])
        headers[known.timestamp_header] = str(timestamp)
        signed = str(timestamp).encode() + b"." + raw
    digest = hmac.digest(secret, signed, "sha256")
    written = binascii.b2a_base64(digest, newline=False).decode() if known.base64 else digest.hex()
    headers[known.signature_header] = (_PREFIX if known.writes_prefix else "") + written
    return headers


def _digest_of(signature: str | None, scheme: Scheme) -> bytes:
    """The 32 bytes a header claims; the shape is checked first, for the decoders are more lenient than we."""
    if not signature:
        raise InvalidSignature("there is no signature")
    written = signature.removeprefix(_PREFIX)
    if scheme.base64 and _BASE64_DIGEST.fullmatch(written):
        return binascii.a2b_base64(written)
    if not scheme.base64 and _HEX_DIGEST.fullmatch(written):
        return bytes.fromhex(written)
    raise InvalidSignature(f"the signature is not written as {scheme.name} asks")
