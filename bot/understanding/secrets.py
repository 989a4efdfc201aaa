"""Card numbers and PINs that people type into a chat: masked before anything is stored."""

from __future__ import annotations

import re
from typing import Final

_CARD: Final = re.compile(r"(?<![0-9])(?:[0-9][ \-.]?){12,18}[0-9](?![0-9])")
_SHOWN: Final = 4
_PIN: Final = re.compile(
    r"(\b(?:pin|p\.i\.n|password|cvv|cvc|namba ya siri|nambari ya siri|siri)\b[^0-9\n]{0,20})([0-9]{3,8})(?![0-9])",
    re.IGNORECASE,
)
_BARE_PIN: Final = re.compile(r"\s*[0-9]{4}\s*")


def luhn(digits: str) -> bool:
    """Whether the digits carry a valid check digit (ISO/IEC 7812), as every card number does."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004
    return total % 10 == 0


def mask_secrets(text: str, *, pin_expected: bool = False) -> str:
    """``text`` with card numbers, PINs and card codes replaced by dots.

    ``pin_expected`` says that the phone is asking for a PIN right now, so that four bare
    digits are one. A text without secrets is returned unchanged.
    """
    if pin_expected and _BARE_PIN.fullmatch(text):
        return "••••"
    return _PIN.sub(lambda found: found.group(1) + "••••", _CARD.sub(_masked_card, text))


def _masked_card(found: re.Match[str]) -> str:
    digits = re.sub(r"[^0-9]", "", found.group())
    return f"•••• {digits[-_SHOWN:]}" if luhn(digits) and len(set(digits)) > 1 else found.group()
