"""Finding orders among a million: by status, and by the words of ``order_words``, whose beginnings are enough.

Every statement is bounded: a search walks down the newest orders of its rarest word and stops after
``LOOKED_AT``; its cursor goes on from there, so that nothing is left out and no page is slow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, aliased

from admin import cursors, queries
from admin.queries import PAGE, OrderRow, Page
from db.models import ORDER_STATUSES, Order, OrderWord
from db.words import AFTER_ALL, words_of, words_of_phone

LOOKED_AT: Final = 500
MOST_ENDINGS: Final = 20
"""Words that begin as asked for; of more, the first in the order of the alphabet are taken."""
MOST_WORDS: Final = 5
COLUMN: Final = 12
BOARD: Final = ("pending_payment", "paid", "preparing", "dispatched", "delivered")
PREFIX: Final = "ord"
"""What every reference begins with finds nothing by itself."""


def words_asked(text: str) -> list[str]:
    """The words of a search; a phone number is one word, however it is spaced."""
    bare = text.strip()
    if bare and all(letter in "+0123456789 -()" for letter in bare) and any(map(str.isdigit, bare)):
        digits = words_of_phone(bare)[0]
        return [digits[1:] if digits.startswith("0") and len(digits) > 1 else digits]
    return [word for word in words_of([text]) if word != PREFIX][:MOST_WORDS]


def orders(
    session: Session,
    shop_id: int,
    text: str = "",
    status: str = "",
    after: str | None = None,
    limit: int = PAGE,
) -> Page[OrderRow]:
    """Orders, newest first, of one status and with all words, if any are asked for.

    Raises:
        InvalidCursor: ``after`` is not one of ours.
    """
    before = None if after is None else cursors.to_id(after)
    words = words_asked(text)
    if words:
        ids, last = _search(session, shop_id, words, status, before, limit)
        rows = queries.order_rows(session, ids)
        return Page(rows, None if last is None else cursors.of_id(last))
    statement = select(Order.id).where(Order.shop_id == shop_id).order_by(Order.id.desc()).limit(limit + 1)
    if status in ORDER_STATUSES:
        statement = statement.where(Order.status == status)
    if before is not None:
        statement = statement.where(Order.id < before)
    found = list(session.scalars(statement))
    more = len(found) > limit
    return Page(queries.order_rows(session, found[:limit]), cursors.of_id(found[limit - 1]) if more else None)


def board(session: Session, shop_id: int) -> list[tuple[str, Page[OrderRow]]]:
    """The newest orders of each status that work is done in."""
    return [(status, orders(session, shop_id, status=status, limit=COLUMN)) for status in BOARD]


def _endings(session: Session, shop_id: int, beginning: str) -> list[str]:
    """The distinct words that begin so, one step through the index each."""
    found: list[str] = []
    at: ColumnElement[bool] = OrderWord.word >= beginning
    while len(found) < MOST_ENDINGS:
        word = session.scalar(
            select(OrderWord.word)
            .where(OrderWord.shop_id == shop_id, at, OrderWord.word < beginning + AFTER_ALL)
            .order_by(OrderWord.word)
            .limit(1)
        )
        if word is None:
            break
        found.append(word)
        at = OrderWord.word > word
    return found


def _search(
    session: Session, shop_id: int, words: Sequence[str], status: str, before: int | None, limit: int
) -> tuple[list[int], int | None]:
    """Ids of orders with all words, newest first, and where the next page goes on."""
    endings = [_endings(session, shop_id, word) for word in words]
    if not all(endings):
        return [], None
    endings.sort(key=lambda those: _common(session, shop_id, those))
    candidates = _newest(session, shop_id, endings[0], before)
    full = len(candidates) == LOOKED_AT
    kept = candidates
    for those in endings[1:]:
        kept = _having(session, kept, those)
    if status in ORDER_STATUSES and kept:
        right = set(session.scalars(select(Order.id).where(Order.id.in_(kept), Order.status == status)))
        kept = [order_id for order_id in kept if order_id in right]
    if len(kept) > limit:
        return kept[:limit], kept[limit - 1]
    return kept, candidates[-1] if full else None


def _common(session: Session, shop_id: int, words: Sequence[str]) -> tuple[int, int]:
    """How common these words are: those of them with more orders than are looked at, and how many they are."""
    probes = (
        session.scalar(
            select(OrderWord.order_id)
            .where(OrderWord.shop_id == shop_id, OrderWord.word == word)
            .offset(LOOKED_AT - 1)
            .limit(1)
        )
        for word in words
    )
    return sum(probe is not None for probe in probes), len(words)


def _newest(session: Session, shop_id: int, words: Sequence[str], before: int | None) -> list[int]:
    """The newest orders with any of these words: the newest of each word, merged."""
    found: set[int] = set()
    for word in words:
        statement = (
            select(OrderWord.order_id)
            .where(OrderWord.shop_id == shop_id, OrderWord.word == word)
            .order_by(OrderWord.order_id.desc())
            .limit(LOOKED_AT)
        )
        found.update(
            session.scalars(statement if before is None else statement.where(OrderWord.order_id < before))
        )
    return sorted(found, reverse=True)[:LOOKED_AT]


def _having(session: Session, ids: Sequence[int], words: Sequence[str]) -> list[int]:
    """Those of some orders that have any of these words (``ix_order_words_order``)."""
    if not ids:
        return []
    other = aliased(OrderWord)
    has = set(
        session.scalars(
            select(other.order_id).where(
                other.order_id.in_(list(ids)), or_(*(other.word == word for word in words))
            )
        )
    )
    return [order_id for order_id in ids if order_id in has]
