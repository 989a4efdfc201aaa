"""All orders, newest first: searched, filtered, or on a board by status."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, request
from werkzeug.exceptions import BadRequest

from admin import finding
from admin.console import Console, Page
from admin.cursors import InvalidCursor
from admin.wording import plain
from db.models import ORDER_STATUSES

PAGE: Final = Page("orders", "Orders", icon="orders", bar=True)
LONGEST_SEARCH: Final = 80


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/orders`` and ``/admin/orders/board``."""

    @pages.get("/orders")
    def orders() -> str:
        after = request.args.get("after") or None
        text = plain(request.args.get("q", ""), LONGEST_SEARCH)
        status = request.args.get("status", "")
        with console.house.database.reading() as session:
            shop = console.shop(session)
            try:
                page = finding.orders(session, shop.id, text, status, after)
            except InvalidCursor as wrong:
                raise BadRequest from wrong
        asked = {name: value for name, value in (("q", text), ("status", status)) if value}
        return console.show("orders.html", shop, page=page, after=after, asked=asked, statuses=ORDER_STATUSES)

    @pages.get("/orders/board")
    def orders_board() -> str:
        with console.house.database.reading() as session:
            shop = console.shop(session)
            columns = finding.board(session, shop.id)
        shown = request.args.get("status", "")
        shown = shown if shown in finding.BOARD else "paid"
        return console.show("board.html", shop, columns=columns, shown=shown)
