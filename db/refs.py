"""Names that others see or keep: order and payment references, idempotency keys.

The random source is passed in, so that a simulation repeats itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No 0/O, 1/I/L, U: what is read aloud over the phone arrives as it was said."""


class Refs:
    """Makes new names; ``below(n)`` gives a random number from 0 to n-1."""

    def __init__(self, below: Callable[[int], int] = secrets.randbelow) -> None:
        self._below = below

    def _letters(self, count: int) -> str:
        return "".join(ALPHABET[self._below(len(ALPHABET))] for _ in range(count))

    def order(self) -> str:
        """What the customer quotes: ``ORD-7K3M9Q``, one of 729 million."""
        return f"ORD-{self._letters(6)}"

    def payment(self) -> str:
        """What the gateway calls our payment: unguessable, since it finds a payment in a hint."""
        return f"PAY-{self._letters(16)}"

    def key(self, purpose: str) -> str:
        """An idempotency key, stored before its first use: ``out:…``, ``pay:…``."""
        return f"{purpose}:{self._below(1 << 128):032x}"
