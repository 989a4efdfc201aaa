"""Today at a glance."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response

from admin import queries
from admin.console import Console, Page

PAGE: Final = Page("today", "Today", icon="today", bar=True)


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/`` and the part of it that refreshes itself."""

    def part(template: str) -> str:
        with console.house.database.reading() as session:
            shop = console.shop(session)
            board = queries.dashboard(session, shop.id, console.today(shop))
        return console.show(template, shop, board=board)

    @pages.get("/")
    def today() -> str:
        return part("today.html")

    @pages.get("/live")
    def today_live() -> Response:
        return console.live(part("_live.html"))
