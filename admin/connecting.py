"""Testing what connects a shop: whether Ghala knows its key, and whether the world reaches its webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from secrets import token_hex
from typing import Final
from urllib.parse import urlencode

from catalog.shops import MAIN
from config import Config
from ghala import probing
from ghala.probing import NotReached
from keeping import doctor

NOT_CONNECTED: Final = "There is nothing to test: this shop is not connected."
MOST_SAID: Final = 3
Test = Callable[[Config | None, str, Callable[[], datetime]], tuple[bool, str]]


def messages_path(slug: str) -> str:
    """Where Ghala posts this shop's messages."""
    return "/api/messages/incoming" if slug == MAIN else f"/api/shops/{slug}/messages/incoming"


def ghala(config: Config | None, slug: str, now: Callable[[], datetime]) -> tuple[bool, str]:  # noqa: ARG001
    """Whether Ghala is there and knows the shop's key; nothing is changed or sent."""
    if config is None:
        return False, NOT_CONNECTED
    try:
        found = list(doctor.ghala_answers(config, probing.ask, now))
    except NotReached as error:
        return False, f"Ghala did not answer: {error}. Look at the address again."
    worst = [one for one in found if one.grade != doctor.GOOD]
    good = not any(one.grade == doctor.BAD for one in found)
    said = " ".join(_sentence(one.found) for one in (worst or found)[:MOST_SAID])
    return good, f"Ghala: {said}"


def webhooks(config: Config | None, slug: str, now: Callable[[], datetime]) -> tuple[bool, str]:  # noqa: ARG001
    """Whether the shop's webhook can be reached by the address the world knows."""
    if config is None:
        return False, NOT_CONNECTED
    if not config.public_url:
        return False, "PUBLIC_URL is not set on the server: nobody outside can reach the webhooks."
    challenge = token_hex(8)
    asked = {
        "hub.mode": "subscribe",
        "hub.challenge": challenge,
        "hub.verify_token": config.ghala_verify_token,
    }
    try:
        answer = probing.ask(f"{config.public_url}{messages_path(slug)}?{urlencode(asked)}")
    except NotReached as error:
        return False, f"The webhook was not reached: {error}."
    if answer.status == 200 and answer.body == challenge.encode():  # noqa: PLR2004
        return True, "The webhook is reached and shakes hands."
    if answer.status == 403 and not config.ghala_verify_token:  # noqa: PLR2004 - ours, refusing strangers
        return True, "The webhook is reached. Without a verify token it shakes hands with nobody."
    return False, f"The webhook was answered with {answer.status}: look at PUBLIC_URL and the proxy in front."


TESTS: Final[Mapping[str, Test]] = {"ghala": ghala, "webhooks": webhooks}


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
