"""Card numbers and PINs that people type into a chat: masked before anything is stored."""

from __future__ import annotations

import re
from typing import Final

_RUN: Final = re.compile(r"(?<![0-9])(?<!•••• )[0-9](?:[ \-.]?[0-9]){12,}")
"""Digits in groups, enough of them to hold a card number; what a masked one still shows belongs to none."""
_GROUP: Final = re.compile(r"[0-9]+")
_SHORTEST_CARD, _LONGEST_CARD = 13, 19
_SHOWN: Final = 4
_DOUBLED: Final = {str(digit): 2 * digit - (9 if digit > 4 else 0) for digit in range(10)}  # noqa: PLR2004
_PIN: Final = re.compile(
    r"(\b(?:pin|p\.i\.n|password|cvv|cvc|namba ya siri|nambari ya siri|siri)\b[^0-9\n]{0,20})([0-9]{3,8})(?![0-9])",
    re.IGNORECASE,
)
_BARE_PIN: Final = re.compile(r"\s*[0-9]{4}\s*")


def luhn(digits: str) -> bool:
    """Whether the digits carry a valid check digit (ISO/IEC 7812), as every card number does."""
    total = sum(map(int, digits[::-2])) + sum(_DOUBLED[digit] for digit in digits[-2::-2])
    return total % 10 == 0


def mask_secrets(text: str, *, pin_expected: bool = False) -> str:
    """``text`` with card numbers, PINs and card codes replaced by dots.

    ``pin_expected`` says that the phone is asking for a PIN right now, so that four bare
    digits are one. A text without secrets is returned unchanged.
    """
    if pin_expected and _BARE_PIN.fullmatch(text):
        return "••••"
    text = _RUN.sub(_masked_run, text)
    return _PIN.sub(lambda found: found.group(1) + "••••", text)


def _masked_run(found: re.Match[str]) -> str:
    """The run without its card numbers: other numbers may stand before and after one, as in "2 4111 1111 …"."""
    run = found.group()
    groups = list(_GROUP.finditer(run))
    kept, copied, first = [], 0, 0
    while first < len(groups):
        last, digits = _card(groups, first)
        if digits:
            kept.append(f"{run[copied : groups[first].start()]}•••• {digits[-_SHOWN:]}")
            copied = groups[last].end()
        first = last + 1
    return "".join(kept) + run[copied:]


def _card(groups: list[re.Match[str]], first: int) -> tuple[int, str]:
    """The last group of the longest card number that begins with group ``first``, and its digits, if there is one."""
    for last in range(min(first + _LONGEST_CARD, len(groups)) - 1, first - 1, -1):
        digits = "".join(group.group() for group in groups[first : last + 1])
        if _SHORTEST_CARD <= len(digits) <= _LONGEST_CARD and len(set(digits)) > 1 and luhn(digits):
            return last, digits
    return first, ""
