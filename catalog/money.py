"""Money: integer minor units and an ISO 4217 currency, nothing else.

Pure. Formatting for people lives with the texts; this module only counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from errors import RuleBroken

MINOR_DIGITS: Final[dict[str, int]] = {
    "KES": 2,
    "TZS": 2,
    "USD": 2,
    "EUR": 2,
    "GBP": 2,
    "ZAR": 2,
    "NGN": 2,
    "GHS": 2,
    "IDR": 2,
    "UGX": 0,
    "RWF": 0,
}
"""ISO 4217 exponents of the currencies the shop may use."""

WHOLE_UNITS_ONLY: Final = frozenset({"KES", "TZS", "UGX", "RWF"})
"""Currencies charged by mobile money, which takes whole shillings or francs (WIRE: Daraja `Amount`)."""


class NotWhole(RuleBroken):
    """An amount would need a fraction that the currency, or mobile money in it, does not have."""

    code = "not_whole"


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """``minor`` units of ``currency``; KES 1,500 is ``Money(150_000, "KES")``."""

    minor: int
    currency: str

    @property
    def major(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-MINOR_DIGITS[self.currency])


def unit(currency: str) -> int:
    """Minor units in one major unit: 100 for KES, 1 for UGX."""
    return int(10 ** MINOR_DIGITS[currency])


def step(currency: str) -> int:
    """The smallest step, in minor units, that this currency may be charged in."""
    return unit(currency) if currency in WHOLE_UNITS_ONLY else 1


def to_minor(amount: Decimal | int, currency: str) -> int:
    """Minor units of an amount in major units.

    Raises:
        NotWhole: the amount is finer than the currency can be charged in, or is not finite.
    """
    value = Decimal(amount)
    if not value.is_finite():
        raise NotWhole(f"{amount} is not an amount")
    scaled = value.scaleb(MINOR_DIGITS[currency])
    minor = int(scaled)
    if minor != scaled or minor % step(currency):
        raise NotWhole(f"{amount} {currency} cannot be charged exactly")
    return minor


def to_major(minor: int, currency: str) -> Decimal:
    """The same amount in major units, exact."""
    return Money(minor, currency).major
