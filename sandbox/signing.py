"""How Ghala signs a webhook: our own reading of it, written apart from the shop's verifier.

Schemes (WIRE: 1a, 1c, 1d and 2a):
``body-hex`` hex HMAC-SHA256 of the raw body; ``timestamp-hex`` hex of ``timestamp.body``, prefixed
``sha256=``; ``timestamp-base64`` base64 of ``timestamp.body``; ``meta`` hex of the body in Meta's header.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

SCHEMES = ("body-hex", "timestamp-hex", "timestamp-base64", "meta")


def sign(scheme: str, secret: str, body: bytes, now: float) -> dict[str, str]:
    """Return the headers that prove ``body`` left us at ``now`` (unix seconds).

    Raises:
        ValueError: the scheme is not one of ``SCHEMES``.
    """
    key = secret.encode()
    if scheme == "body-hex":
        return {"X-Ghala-Signature": hmac.new(key, body, hashlib.sha256).hexdigest()}
    if scheme == "meta":
        return {"X-Hub-Signature-256": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()}
    stamp = str(int(now))
    mac = hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256)
    if scheme == "timestamp-hex":
        signature = "sha256=" + mac.hexdigest()
    elif scheme == "timestamp-base64":
        signature = base64.b64encode(mac.digest()).decode()
    else:
        raise ValueError(f"unknown signature scheme {scheme!r}")
    return {"X-Ghala-Timestamp": stamp, "X-Ghala-Signature": signature}
