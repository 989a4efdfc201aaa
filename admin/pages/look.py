"""Which shop is shown, and whether light or dark: both are kept in cookies of the browser."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, redirect, request, url_for
from sqlalchemy import select
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from admin.console import SHOP_COOKIE, THEME_COOKIE, THEMES, YEAR, Console, Page, back
from db.models import Shop

PAGE: Final = Page("look")


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/theme`` and ``/admin/shop``."""

    def keep(response: Response, name: str, value: str) -> Response:
        production = console.house.config.production
        if value:
            response.set_cookie(
                name, value, max_age=YEAR, path="/admin", httponly=True, samesite="Strict", secure=production
            )
        else:
            response.delete_cookie(name, path="/admin")
        return response

    @pages.post("/theme")
    def look_theme() -> Response:
        wanted = request.form.get("theme", "")
        return keep(
            redirect(back(url_for("admin.today")), 303), THEME_COOKIE, wanted if wanted in THEMES else ""
        )

    @pages.post("/shop")
    def look_shop() -> Response:
        slug = request.form.get("shop", "")
        if "\x00" in slug:
            raise BadRequest
        with console.house.database.reading() as session:
            known = session.scalar(select(Shop.slug).where(Shop.slug == slug))
        if known is None:
            raise BadRequest
        # Another shop has other orders: the page that was open may not exist there.
        return keep(redirect(url_for("admin.today"), 303), SHOP_COOKIE, known)
