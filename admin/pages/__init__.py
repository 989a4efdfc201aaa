"""The owner's pages, one module each. The order here is the order in the navigation."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import cache
from typing import Final

from flask import Blueprint, Response, g, request

from admin import flashes
from admin.console import STATIC, Console, theme
from admin.headers import secure
from admin.house import AdminHouse
from admin.pages import (
    catalogue,
    categories,
    customers,
    delivery,
    files,
    hours,
    inbox,
    look,
    more,
    needs,
    order,
    orders,
    promotions,
    reports,
    shops,
    texts,
    today,
)

PAGES: Final = (
    today,
    needs,
    orders,
    order,
    inbox,
    catalogue,
    categories,
    promotions,
    delivery,
    hours,
    texts,
    files,
    customers,
    reports,
    shops,
    more,
    look,
)
"""Every page: a module with ``PAGE`` and ``routes(pages, console)``."""

OK: Final = 200
FOREVER: Final = "public, max-age=31536000, immutable"


def blueprint(house: AdminHouse) -> Blueprint:
    """``/admin/…``; everything but the stylesheet and the scripts asks for the admin's credentials.

    Every change is a POST, and every POST has to prove here that one of our own pages sent it.
    """
    pages = Blueprint(
        "admin", __name__, url_prefix="/admin", template_folder="../templates", static_folder="../static"
    )
    console = Console(house, [module.PAGE for module in PAGES])

    @pages.before_request
    def guard() -> None:
        if request.endpoint == "admin.static":
            return
        house.guard.admit(request)
        request.max_content_length = console.largest(request.endpoint)
        request.max_form_memory_size = console.largest(request.endpoint)
        if request.method == "POST":
            console.forms.check(request)

    @pages.after_request
    def protect(response: Response) -> Response:
        if request.endpoint == "admin.static" and request.args.get("v"):
            response.headers["Cache-Control"] = FOREVER
        if request.endpoint == "admin.static":
            _compress(response)
        if g.get("flash_said"):
            response.delete_cookie(flashes.COOKIE, path="/admin")
        return secure(response, production=house.config.production)

    _small()
    pages.add_app_template_global(console.asset, "admin_asset")
    pages.add_app_template_global(theme, "admin_theme")
    for module in PAGES:
        module.routes(pages, console)
    return pages


@cache
def _small() -> Mapping[str, bytes]:
    """Our stylesheets, scripts and drawings, compressed."""
    return {
        file.name: gzip.compress(file.read_bytes(), mtime=0)
        for file in STATIC.iterdir()
        if file.suffix in {".css", ".js", ".svg"}
    }


def _compress(response: Response) -> None:
    """Send a file of ours compressed; pages are not, since they carry tokens beside what others wrote."""
    response.headers["Vary"] = "Accept-Encoding"
    known = _small().get((request.view_args or {}).get("filename", ""))
    if known is None or response.status_code != OK or request.accept_encodings["gzip"] <= 0:
        return
    response.direct_passthrough = False
    response.close()
    response.set_data(known)
    response.headers["Content-Encoding"] = "gzip"
