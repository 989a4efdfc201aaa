"""That a form was sent from our own page: browsers resend basic credentials with any form of any site.

Two proofs are asked for: a token only our pages carry, and the browser's word about where the
request comes from.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from flask import Request
from werkzeug.exceptions import Forbidden

from config import Config

LIFE: Final = 12 * 3600
"""Seconds a page may stay open before its buttons need a reload."""
SKEW: Final = 60
"""Seconds by which the clocks of two of our machines may differ."""
REFUSAL: Final = (
    "This did not come from a page of this shop, or the page was open too long. Reload it and try again."
)


class Forms:
    """Makes and checks tokens; every process with the same configuration accepts the others'."""

    def __init__(self, config: Config, now: Callable[[], datetime]) -> None:
        secret = config.secret_key or config.admin_password or config.admin_password_hash
        self._key = hashlib.sha256(b"duka csrf\x00" + secret.encode()).digest()
        self._public_url = config.public_url
        self._now = now

    def token(self) -> str:
        """For a hidden field."""
        issued = int(self._now().timestamp())
        return f"{issued}.{self._seal(issued)}"

    def check(self, request: Request) -> None:
        """Let a form of ours pass.

        Raises:
            Forbidden: it comes from elsewhere, or its token is missing, forged or old.
        """
        if not self.from_here(request, silent_is_fine=False) or not self._genuine(
            request.form.get("csrf_token", "")
        ):
            raise Forbidden(REFUSAL)

    def from_here(self, request: Request, *, silent_is_fine: bool) -> bool:
        """Whether the browser says that the request comes from our own site.

        Programs say nothing; ``silent_is_fine`` lets them pass. ``Sec-Fetch-Site`` is sent on secure
        origins and loopback only (W3C Fetch Metadata), so ``Origin`` counts too.
        """
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        if site is not None and site not in {"same-origin", "none"}:
            return False
        if origin is not None:
            return _origin(origin) in {_origin(request.host_url), _origin(self._public_url)} - {None}
        return silent_is_fine or site == "same-origin"

    def seal(self, written: str) -> str:
        """What proves that a cookie was written here."""
        return hmac.digest(self._key, b"cookie\x00" + written.encode(), "sha256").hex()

    def sealed(self, written: str, seal: str) -> bool:
        """Whether :meth:`seal` made this."""
        return seal.isascii() and hmac.compare_digest(seal, self.seal(written))

    def _seal(self, issued: int) -> str:
        return hmac.digest(self._key, str(issued).encode(), "sha256").hex()

    def _genuine(self, token: str) -> bool:
        written, _, seal = token.partition(".")
        if not (written.isascii() and written.isdigit() and len(written) <= 12 and seal.isascii()):  # noqa: PLR2004
            return False
        age = self._now().timestamp() - int(written)
        return hmac.compare_digest(seal, self._seal(int(written))) and -SKEW <= age <= LIFE


def _origin(url: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}.get(parts.scheme)
