"""When somebody writes more than anybody can mean: one notice instead of an answer to each message. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot import texts
from bot.effects import Say
from ghala.messages import Text

NOTICE_EVERY: Final = 15 * 60
"""Seconds within which one notice is enough."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How much of one customer may wait before it is a flood.

    ``messages`` counts what the customer wrote and nobody has read, ``unsent`` what we promised and could
    not send yet: pacing lets only one message per person out every few seconds, so both grow in a flood. The
    second is generous, since it also grows while Ghala is away and the customer is innocent.
    """

    messages: int = 30
    unsent: int = 60

    def lost(self, messages: int, unsent: int) -> bool:
        """Whether it is a flood."""
        return messages > 0 and (messages > self.messages or unsent > self.unsent)


def notice(customer_id: int, language: str, now: datetime) -> Say:
    """The one thing said to a flood: that it was not read, and what to do."""
    window = int(now.timestamp()) // NOTICE_EVERY
    return Say(Text(texts.say(texts.spoken(language), "flood")), key=f"flood:{customer_id}:{window}")
