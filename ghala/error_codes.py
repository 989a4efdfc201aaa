"""What to do about each error code of WhatsApp, by code and never by title (WIRE 2d)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final


class Policy(Enum):
    """The few ways of dealing with a refused message, whether the answer or a later status says so."""

    RETRY = "retry"
    """Temporary: try again with backoff."""
    PAIR_RATE = "pair_rate"
    """Too many to one person: wait 4^X seconds; nobody else waits."""
    TEMPLATE = "template"
    """Outside the 24-hour window: send the approved template instead, or wait for the customer's next word."""
    TEXT = "text"
    """Its kind or its picture cannot be carried: the same words as plain numbered text."""
    NEW_KEY = "new_key"
    """The key was used for other words, so it proves nothing about these: once more under a new one."""
    STOP = "stop"
    """Key, permission or account: the shop sends nothing and its owner is told; no attempts are used up."""
    LEAVE = "leave"
    """This person cannot be reached: only receipts are still tried until they write again."""
    DROP = "drop"
    """This message will never arrive; the next one may."""
    FIX = "fix"
    """The request itself is wrong: our bug or a template to mend."""
    ALERT = "alert"
    """Something outside the shop, as billing, that its owner must settle; until then as ``STOP``."""


_CODES: Final[Mapping[Policy, tuple[int, ...]]] = {
    Policy.RETRY: (1, 2, 4, 80007, 130429, 131000, 131016, 133004),
    Policy.PAIR_RATE: (131056,),
    Policy.TEMPLATE: (470, 131047),
    Policy.TEXT: (131051, 131052, 131053),
    Policy.STOP: (0, 3, 10, 190, *range(200, 300), 368, 131005, 131031, 131048),
    Policy.LEAVE: (131026,),
    Policy.DROP: (130472, 131021, 131049, 131050),
    Policy.FIX: (33, 100, 131008, 131009, 132000, 132001, 132005, 132007, 132012, 132015, 132016),
    Policy.ALERT: (131042,),
}  # fmt: skip

POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {str(code): policy for policy, codes in _CODES.items() for code in codes}
    | {
        # Ghala v2 answers with words (WIRE 1a).
        "unauthorized": Policy.STOP,
        "not_authenticated": Policy.STOP,
        "plan_feature_locked": Policy.ALERT,
        "outside_messaging_window": Policy.TEMPLATE,
        "whatsapp_rejected": Policy.DROP,
        "idempotency_in_progress": Policy.RETRY,
        "idempotency_key_reused": Policy.NEW_KEY,
    }
)
"""Every known code, written as text, and what to do about it."""

UNAUTHORIZED_CODES: Final = frozenset(map(str, (0, 3, 10, 190, *range(200, 300), 131005))) | {
    "not_authenticated"
}
"""Codes that say the key is bad or may not do this, whatever the HTTP status."""


def policy_of(code: int | str | None) -> Policy | None:
    """What to do about ``code``; None if it is not in the table.

    Then the HTTP status decides (4xx is final, 5xx may pass), and a failure told afterwards is noted and not repeated.
    """
    return POLICIES.get(str(code))


def pair_wait(attempt: int) -> float:
    """Seconds to wait after the ``attempt``-th refusal for writing to one person too often: 4, 16, 64, at most 256."""
    return 4.0 ** min(max(attempt, 1), 4)
