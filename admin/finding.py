"""Finding orders and customers among a million: by status, and by words kept of each, whose beginnings are enough.

Every statement is bounded: a search walks down the newest rows of its rarest word and stops after
``LOOKED_AT``; its cursor goes on from there, so that nothing is left out and no page is slow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from admin import cursors, queries
from admin.queries import PAGE, CustomerRow, OrderRow, Page
from db.models import ORDER_STATUSES, CustomerWord, Order, OrderWord
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

        def of_status(ids: list[int]) -> list[int]:
            if status not in ORDER_STATUSES or not ids:
                return ids
            right = set(session.scalars(select(Order.id).where(Order.id.in_(ids), Order.status == status)))
            return [order_id for order_id in ids if order_id in right]

        ids, last = _ORDERS.search(session, shop_id, words, before, limit, of_status)
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


def customers(
    session: Session, shop_id: int, text: str = "", after: str | None = None, limit: int = PAGE
) -> Page[CustomerRow]:
    """Customers seen last first; with words, those that have all of them, newest first.

    Raises:
        InvalidCursor: ``after`` is not one of ours.
    """
    words = words_asked(text)
    if not words:
        return queries.customers_page(session, shop_id, after, limit)
    before = None if after is None else cursors.to_id(after)
    ids, last = _CUSTOMERS.search(session, shop_id, words, before, limit)
    rows = queries.customer_rows(session, ids)
    return Page(rows, None if last is None else cursors.of_id(last))


def board(session: Session, shop_id: int) -> list[tuple[str, Page[OrderRow]]]:
    """The newest orders of each status that work is done in."""
    return [(status, orders(session, shop_id, status=status, limit=COLUMN)) for status in BOARD]


@dataclass(frozen=True)
class Words:
    """A table of words, and which of its columns says whose they are."""

    table: Any
    word: InstrumentedAttribute[str]
    owner: InstrumentedAttribute[int]

    def search(
        self,
        session: Session,
        shop_id: int,
        words: Sequence[str],
        before: int | None,
        limit: int,
        fitting: Callable[[list[int]], list[int]] = lambda ids: ids,
    ) -> tuple[list[int], int | None]:
        """Ids of what has all words and is ``fitting``, newest first, and where the next page goes on."""
        endings = [self._endings(session, shop_id, word) for word in words]
        if not all(endings):
            return [], None
        endings.sort(key=lambda those: self._common(session, shop_id, those))
        candidates = self._newest(session, shop_id, endings[0], before)
        full = len(candidates) == LOOKED_AT
        kept = candidates
        for those in endings[1:]:
            kept = self._having(session, kept, those)
        kept = fitting(kept)
        if len(kept) > limit:
            return kept[:limit], kept[limit - 1]
        return kept, candidates[-1] if full else None

    def _endings(self, session: Session, shop_id: int, beginning: str) -> list[str]:
        """The distinct words that begin so, one step through the index each."""
        found: list[str] = []
        at: ColumnElement[bool] = self.word >= beginning
        while len(found) < MOST_ENDINGS:
            word = session.scalar(
                select(self.word)
                .where(self.table.shop_id == shop_id, at, self.word < beginning + AFTER_ALL)
                .order_by(self.word)
                .limit(1)
            )
            if word is None:
                break
            found.append(word)
            at = self.word > word
        return found

    def _common(self, session: Session, shop_id: int, words: Sequence[str]) -> tuple[int, int]:
        """How common these words are: those of them that more have than are looked at, and how many they are."""
        probes = (
            session.scalar(
                select(self.owner)
                .where(self.table.shop_id == shop_id, self.word == word)
                .offset(LOOKED_AT - 1)
                .limit(1)
            )
            for word in words
        )
        return sum(probe is not None for probe in probes), len(words)

    def _newest(self, session: Session, shop_id: int, words: Sequence[str], before: int | None) -> list[int]:
        """The newest that have any of these words: the newest of each word, merged."""
        found: set[int] = set()
        for word in words:
            statement = (
                select(self.owner)
                .where(self.table.shop_id == shop_id, self.word == word)
                .order_by(self.owner.desc())
                .limit(LOOKED_AT)
            )
            found.update(
                session.scalars(statement if before is None else statement.where(self.owner < before))
            )
        return sorted(found, reverse=True)[:LOOKED_AT]

    def _having(self, session: Session, ids: Sequence[int], words: Sequence[str]) -> list[int]:
        """Those of some that have any of these words, by the index on whose they are."""
        if not ids:
            return []
        has = set(
            session.scalars(
                select(self.owner).where(
                    self.owner.in_(list(ids)), or_(*(self.word == word for word in words))
                )
            )
        )
        return [row_id for row_id in ids if row_id in has]


_ORDERS: Final = Words(OrderWord, OrderWord.word, OrderWord.order_id)
_CUSTOMERS: Final = Words(CustomerWord, CustomerWord.word, CustomerWord.customer_id)
