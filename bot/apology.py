"""What we say when we could not deal with a message at all."""

from __future__ import annotations

from bot import texts
from bot.effects import Say
from ghala.messages import Text


def apology(language: str) -> Say:
    """Sorry, and what to do now."""
    return Say(Text(texts.say(texts.spoken(language), "apology")))
