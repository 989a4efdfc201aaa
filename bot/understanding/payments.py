"""Payment messages that people paste: an M-Pesa SMS or its code. Evidence of nothing, a reason to ask."""

from __future__ import annotations

import re
from typing import Final

_SMS: Final = re.compile(r"\b[A-Z0-9]{10}\s+(?:confirmed|imethibitishwa)\b", re.IGNORECASE)
_SENT: Final = re.compile(
    r"\b(?:ksh|tsh|kes|tzs)\s?[0-9][0-9,.]*\s+(?:sent to|paid to|imetumwa|imelipwa)\b", re.IGNORECASE
)
_CODE: Final = re.compile(r"(?=[A-Z0-9]*[0-9])(?=[A-Z0-9]*[A-Z][A-Z0-9]*[A-Z])[A-Z0-9]{10}")


def pasted_sms(text: str) -> bool:
    """Whether ``text`` looks like the message M-Pesa sends after a payment."""
    return bool(_SMS.search(text[:2000]) or _SENT.search(text[:2000]))


def payment_code(text: str) -> bool:
    """Whether ``text`` is nothing but a transaction code ("SKJ4X2ABCD")."""
    return bool(_CODE.fullmatch(text.strip()))
