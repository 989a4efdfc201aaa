"""Receiving a webhook: everything that is checked before a byte of it is believed.

Knows no web framework: the two views hand over what arrived and get the verified JSON or an error
that says how to answer.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from errors import MalformedWebhook
from ghala import strict_json
from ghala.signatures import SCHEMES, Freshness, Verifier

BODY_LIMIT: Final = 64 * 1024
CLOUD_BODY_LIMIT: Final = 3 * 1024 * 1024
"""Meta's batches may be this large (WIRE 2a)."""
DELIVERY_HEADERS: Final = ("x-ghala-delivery", "webhook-id")
LONGEST_ID: Final = 200
RECEIVED: Final = strict_json.dumps({"success": True, "message": "received"})
"""The answer to what was stored."""


class Headers(Protocol):
    """Headers by lower-case name; a dictionary will do."""

    def get(self, name: str, /) -> str | None:
        """The value, or ``None``; of a header given twice both, with a comma."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that is authentic and well-formed; ``id`` is the same for every repetition of it."""

    raw: bytes
    payload: dict[str, Any]
    id: str
    lane: str
    event_header: str | None

    def external_id(self, index: int, own_id: str | None) -> str:
        """The id under which the ``index``-th event of this delivery is stored."""
        if self.id:
            return self.id if index == 0 else f"{self.id}#{index}"
        return own_id or f"sha256:{hashlib.sha256(self.raw).hexdigest()}#{index}"


def receive(
    raw: bytes, headers: Headers, verifier: Verifier, now: float, limit: int = BODY_LIMIT
) -> Delivery:
    """Check a webhook and read it; ``now`` is Unix time.

    A body without a length is read to one byte more than ``limit`` at most, so that it shows when it is longer.

    Raises:
        MalformedWebhook: too long, wrong content type or encoding, a header given twice, or bad JSON.
        InvalidSignature: not signed by a secret of ours, or outside the time it may arrive in.
    """
    if len(raw) > limit:
        raise MalformedWebhook(f"the body is longer than {limit} bytes", "body_too_large", 413)
    if (headers.get("content-encoding") or "").lower() not in {"", "identity"}:
        raise MalformedWebhook("the body must not be compressed", "unsupported_encoding", 415)
    media_type = (headers.get("content-type") or "").split(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise MalformedWebhook("the body must be application/json", "unsupported_media_type", 415)
    scheme = SCHEMES[verifier.scheme]
    signature = headers.get(scheme.signature_header)
    timestamp = headers.get(scheme.timestamp_header) if scheme.timestamp_header else None
    for value in (signature, timestamp):
        if value is not None and "," in value:
            raise MalformedWebhook("a signature header was given twice", "duplicate_header")
    freshness = verifier.verify(raw, signature, timestamp, now)
    payload = strict_json.parse_object(raw)
    named = next((value for name in DELIVERY_HEADERS if (value := headers.get(name))), "")
    return Delivery(
        raw=raw,
        payload=payload,
        id=named if len(named) <= LONGEST_ID and named.isascii() and named.isprintable() else "",
        lane="late" if freshness is Freshness.LATE else "normal",
        event_header=headers.get("x-ghala-event"),
    )


def shake_hands(args: Mapping[str, str], verify_token: str) -> str | None:
    """Meta's GET handshake: the challenge to echo as plain text, or ``None`` to answer 403 (WIRE 2a)."""
    token = args.get("hub.verify_token", "")
    challenge = args.get("hub.challenge", "")
    good = hmac.compare_digest(token.encode(), verify_token.encode()) and bool(verify_token)
    if args.get("hub.mode") != "subscribe" or not good or not challenge or len(challenge) > 128:  # noqa: PLR2004
        return None
    return challenge
