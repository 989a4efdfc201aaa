"""Where a payment may go from where it is, and a refund. Pure.

``failed`` and ``expired`` are not final for money: a late success still books it.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

MOVES: Final[dict[str, frozenset[str]]] = {
    "created": frozenset({"pending", "succeeded", "failed", "expired", "unknown", "needs_review"}),
    "pending": frozenset({"succeeded", "failed", "expired", "unknown", "needs_review"}),
    "unknown": frozenset({"pending", "succeeded", "failed", "expired", "needs_review"}),
    "needs_review": frozenset({"succeeded", "failed"}),
    "failed": frozenset({"succeeded", "needs_review"}),
    "expired": frozenset({"succeeded", "needs_review"}),
    "succeeded": frozenset(),
}
"""From each status, the statuses it may move to."""

REFUND_MOVES: Final[dict[str, frozenset[str]]] = {
    "requested": frozenset({"pending", "failed", "manual"}),
    "pending": frozenset({"succeeded", "failed", "manual"}),
    # The gateway said no: it is tried again, or paid back by hand.
    "failed": frozenset({"requested", "manual"}),
    "succeeded": frozenset(),
    "manual": frozenset(),
}
"""From each status of a refund, the statuses it may move to."""

OPEN: Final = frozenset({"created", "pending", "unknown", "needs_review"})
"""While a payment is one of these, its order gets no second one and does not expire."""


class Step(Enum):
    """What a piece of news means for a payment."""

    MOVE = "move"
    REPEAT = "repeat"
    ILLEGAL = "illegal"


def step(current: str, target: str) -> Step:
    """Judge news saying ``target`` about a payment that is ``current``."""
    if current == target:
        return Step.REPEAT
    return Step.MOVE if target in MOVES[current] else Step.ILLEGAL


def sources(target: str) -> tuple[str, ...]:
    """Every status from which a payment may move to ``target``."""
    return tuple(sorted(status for status, targets in MOVES.items() if target in targets))


def refund_sources(target: str) -> tuple[str, ...]:
    """Every status from which a refund may move to ``target``."""
    return tuple(sorted(status for status, targets in REFUND_MOVES.items() if target in targets))
