"""What a page says once after a change: a sentence in a sealed cookie, gone when it was read."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

import orjson
from werkzeug.wrappers import Response

from admin.csrf import Forms

COOKIE: Final = "duka_flash"
LONGEST: Final = 300
LIFE: Final = 60
"""Seconds until an unread sentence is forgotten."""


@dataclass(frozen=True, slots=True)
class Flash:
    """One sentence; ``tone`` is ``good`` or ``bad``."""

    text: str
    tone: str = "good"


def put(response: Response, forms: Forms, flash: Flash, *, secure: bool) -> None:
    """Let the next page say this."""
    written = base64.urlsafe_b64encode(orjson.dumps([flash.text[:LONGEST], flash.tone])).decode()
    response.set_cookie(
        COOKIE,
        f"{written}.{forms.seal(written)}",
        max_age=LIFE,
        path="/admin",
        httponly=True,
        samesite="Strict",
        secure=secure,
    )


def read(cookie: str, forms: Forms) -> Flash | None:
    """What the last change left to say; nothing, when the cookie is not ours."""
    written, _, seal = cookie.partition(".")
    if not forms.sealed(written, seal):
        return None
    try:
        text, tone = orjson.loads(base64.urlsafe_b64decode(written))
    except (ValueError, binascii.Error):
        return None
    return Flash(str(text), "bad" if tone == "bad" else "good")
