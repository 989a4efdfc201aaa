"""What every answer of this room tells the browser about safety."""

from __future__ import annotations

from typing import Final

from flask import Response

POLICY: Final = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


def secure(response: Response, *, production: bool = False) -> Response:
    """Nothing inline, framed, sniffed or kept.

    The referrer policy is ``same-origin``, not ``no-referrer``: the latter makes browsers send
    ``Origin: null`` with our own forms, and the origin is what tells them from forged ones.
    """
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")
    if production:
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return response
