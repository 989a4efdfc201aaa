"""Every page that has no room in the bar of a phone, and how the console looks."""

from __future__ import annotations

from typing import Final

from flask import Blueprint

from admin.console import Console, Page

PAGE: Final = Page("more")


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/more``."""

    @pages.get("/more")
    def more() -> str:
        with console.house.database.reading() as session:
            shop = console.shop(session)
        return console.show("more.html", shop)
