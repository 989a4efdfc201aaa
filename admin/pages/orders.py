"""All orders, newest first."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, request
from werkzeug.exceptions import BadRequest

from admin import queries
from admin.console import Console, Page
from admin.cursors import InvalidCursor

PAGE: Final = Page("orders", "Orders", icon="orders", bar=True)


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/orders``."""

    @pages.get("/orders")
    def orders() -> str:
        after = request.args.get("after") or None
        with console.house.database.reading() as session:
            shop = console.shop(session)
            try:
                page = queries.orders_page(session, shop.id, after)
            except InvalidCursor as wrong:
                raise BadRequest from wrong
        return console.show("orders.html", shop, page=page, after=after)
