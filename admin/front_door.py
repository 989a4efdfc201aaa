"""Under which names and over which wire the shop is reached: decided before any room sees a request.

In production a request must name a host of ours, since links and redirects are made of it, and what a
trusted proxy took in without TLS is sent back to ask again with it. TLS itself ends in front of us.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, redirect, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as BaseResponse

from config import Config, is_loopback

PROBES: Final = frozenset({"/livez", "/readyz"})
"""Platforms ask these by address and in the clear, whatever the shop is called."""
HSTS: Final = "max-age=31536000; includeSubDomains"


def init(app: Flask, config: Config) -> None:
    """Stand in front of the whole app; development lets everything pass."""
    if not config.production:
        return
    ours = frozenset(
        name.lower() for name in (urlsplit(config.public_url).hostname, *config.trusted_hosts) if name
    )

    @app.before_request
    def check() -> BaseResponse | None:
        if request.path in PROBES:
            return None
        if not answers_to(request.headers.get("Host", ""), ours):
            raise BadRequest
        # Without a proxy of ours nobody can say how the request came; on loopback it may come in the clear.
        told = config.trusted_proxies and "X-Forwarded-Proto" in request.headers
        if told and request.scheme == "http":
            return redirect(request.url.replace("http://", "https://", 1), 308)
        return None

    @app.after_request
    def insist(response: Response) -> Response:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
        return response


def answers_to(host: str, ours: frozenset[str]) -> bool:
    """Whether ``host`` (a ``Host`` header) is one of ``ours`` or this machine; its port does not count.

    A name of ours that begins with a dot stands for every name below it.
    """
    try:
        parts = urlsplit(f"//{host}")
        name, whole = parts.hostname, parts.netloc == host and parts.username is None and parts.port != 0
    except ValueError:
        return False
    if not name or not whole:
        return False
    return (
        name in ours
        or is_loopback(f"//{host}")
        or any(known.startswith(".") and name.endswith(known) for known in ours)
    )
