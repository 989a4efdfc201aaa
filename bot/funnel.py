"""How far a customer has come today on the way to an order. Pure."""

from __future__ import annotations

from typing import Final

from bot.conversation import Conversation
from bot.global_words import PAYING, SHOPPING

STAGES: Final = ("greeted", "browsed", "carted")
"""Each is counted once per customer and day; what follows, orders and payments, is counted by itself."""


def stage(conversation: Conversation) -> int:
    """How many of ``STAGES`` this conversation has reached."""
    if conversation.cart or conversation.state in PAYING:
        return 3
    return 2 if conversation.state in SHOPPING else 1


def newly(before: int, reached: int) -> dict[str, int]:
    """What to count for a customer who had come as far as ``before`` today."""
    return dict.fromkeys(STAGES[before:reached], 1)
