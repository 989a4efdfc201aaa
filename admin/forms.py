"""What the pages that make, change and order things of the catalogue have in common."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, TypeVar

from flask import request
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from admin import catalogue, changing
from admin.changing import Refused, State
from admin.console import Console
from catalog.snapshot import in_language
from db.models import Shop
from languages import LANGUAGES

Answer = str | Response | tuple[str, int]
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
UP: Final = "up"


def there(row: T | None) -> T:
    """The row an address names.

    Raises:
        NotFound: the shop has none.
    """
    if row is None:
        raise NotFound
    return row


def show(
    console: Console,
    template: str,
    shop: Shop,
    row: object,
    values: Mapping[str, str],
    refused: Refused | None,
    *,
    state: State | None,
    values_of: Callable[[State], Mapping[str, str]],
    **more: Any,
) -> Answer:
    """The form of one thing: as it is, or as it was sent with what stands against it.

    Args:
        console: renders.
        template: the page.
        shop: the one chosen at the top.
        row: the thing; ``None`` for a new one.
        values: what the fields hold.
        refused: why it was not taken.
        state: what the form shows of the thing as it is stored now.
        values_of: the fields of a state, to say what somebody else made of it meanwhile.
        more: what this page shows besides.
    """
    now = None if refused is None or not refused.clash else values_of(refused.clash)
    page = console.show(
        template,
        shop,
        row=row,
        values=values,
        problems={} if refused is None else refused.problems,
        seen=changing.mark(state),
        clash=None if now is None else changing.differences(now, values),
        languages=[(code, LANGUAGES[code].name) for code in catalogue.languages(shop)],
        in_language=in_language,
        **more,
    )
    return page if refused is None else (page, refused.status)


def newest(rows: Sequence[T], known: set[int], state: Callable[[T], State | None]) -> State | None:
    """The state of the row that was made: the one whose id is not among those ``known``."""
    made = [row for row in rows if getattr(row, "id") not in known]  # noqa: B009 - any table's row
    return state(made[0]) if made else None


def move(
    console: Console,
    session: Session,
    shop: Shop,
    order: Sequence[K],
    one: K,
    put: Callable[[Session, Shop, Sequence[K]], None],
    action: str,
    subject: str,
) -> None:
    """Move one thing a place up or down among its like, as the form says, and note it; at the end it stays."""
    if one not in order:
        return
    moved = list(order)
    at = moved.index(one)
    to = at + (-1 if request.form.get("to") == UP else 1)
    if 0 <= to < len(moved):
        moved[at], moved[to] = moved[to], moved[at]
        put(session, shop, moved)
        console.note(session, shop, action, subject, before={"place": at + 1}, after={"place": to + 1})
