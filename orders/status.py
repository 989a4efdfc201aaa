"""Where an order may go from where it is. Pure."""

from __future__ import annotations

from typing import Final

MOVES: Final[dict[str, frozenset[str]]] = {
    "pending_payment": frozenset({"paid", "cancelled", "expired"}),
    "paid": frozenset({"preparing", "dispatched", "delivered", "cancelled"}),
    "preparing": frozenset({"dispatched", "delivered", "cancelled"}),
    "dispatched": frozenset({"delivered"}),
    "delivered": frozenset(),
    # Late money honours a closed order when the goods are still there.
    "cancelled": frozenset({"paid"}),
    "expired": frozenset({"paid"}),
}
"""From each status, the statuses it may move to."""

OWNER_MOVES: Final = frozenset({"preparing", "dispatched", "delivered", "cancelled"})
"""Moves a person in the shop makes; the rest follow from money and time."""

CANCELLABLE: Final = frozenset({"paid", "preparing"})
"""Paid and not yet on its way: it can still be cancelled, and its money is due back."""

UNPAID: Final = frozenset({"pending_payment", "cancelled", "expired"})


def sources(target: str) -> tuple[str, ...]:
    """Every status from which an order may move to ``target``."""
    return tuple(sorted(status for status, targets in MOVES.items() if target in targets))
