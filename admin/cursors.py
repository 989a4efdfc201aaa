"""Cursors: where the next page of a list starts. Opaque to others, never trusted when they come back."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from errors import RuleBroken

_SHAPE: Final = re.compile(r"(\d{1,18})(?:\.(\d{1,18}))?", re.ASCII)
_LONGEST: Final = 64
_LARGEST_KEY: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class InvalidCursor(RuleBroken):
    """This is no cursor we gave out."""

    code = "invalid_cursor"

    def __init__(self) -> None:
        super().__init__("This is not a cursor of this list; leave it out to start at the newest.")


def of_id(row_id: int) -> str:
    """After the row with this id."""
    return _pack(str(row_id))


def to_id(cursor: str) -> int:
    """The id a list continues after.

    Raises:
        InvalidCursor: not made by :func:`of_id`.
    """
    first, second = _unpack(cursor)
    if second is not None:
        raise InvalidCursor
    return first


def of_moment(moment: datetime, row_id: int) -> str:
    """After the row with this moment and, among equals, this id."""
    return _pack(f"{(moment - _EPOCH) // timedelta(microseconds=1)}.{row_id}")


def to_moment(cursor: str) -> tuple[datetime, int]:
    """The moment and id a list continues after.

    Raises:
        InvalidCursor: not made by :func:`of_moment`.
    """
    first, second = _unpack(cursor)
    if second is None:
        raise InvalidCursor
    try:
        return _EPOCH + timedelta(microseconds=first), second
    except OverflowError:
        raise InvalidCursor from None


def of_pair(first: int, second: int) -> str:
    """Between the rows of two tables: before the first with this id and the second with that."""
    return _pack(f"{first}.{second}")


def to_pair(cursor: str) -> tuple[int, int]:
    """Both ids.

    Raises:
        InvalidCursor: not made by :func:`of_pair`.
    """
    first, second = _unpack(cursor)
    if second is None:
        raise InvalidCursor
    return first, second


def _pack(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _unpack(cursor: str) -> tuple[int, int | None]:
    if len(cursor) > _LONGEST:
        raise InvalidCursor
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode(
            "ascii"
        )
    except (ValueError, binascii.Error):
        raise InvalidCursor from None
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise InvalidCursor
    first, second = int(match[1]), None if match[2] is None else int(match[2])
    if max(first, second or 0) > _LARGEST_KEY:
        raise InvalidCursor
    return first, second
