"""The catalogue as files: looked at before anything is changed, and written out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from admin.changing import friendly
from admin.console import Console, Page
from admin.wording import plain
from catalog import exporting, importing
from catalog.importing import BadCatalogue, Change, Preview
from db.models import Shop
from languages import LANGUAGES

PAGE: Final = Page("files", under="catalogue")
LARGEST: Final = 2 * importing.LARGEST
"""A file a little too large still gets an answer of ours."""
MOST_SHOWN: Final = 100
LONGEST_NAME: Final = 80
NO_FILE: Final = "Choose a file first."
MEANWHILE: Final = "The catalogue changed while you looked. This is what the file would change now."
Answer = str | BaseResponse | tuple[str, int]


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/files`` and below."""
    house = console.house
    for view in ("files_look", "files_put"):
        console.allow_larger(view, LARGEST)

    def page(shop: Shop, status: int = 200, **values: Any) -> Answer:
        told = {"what": None, "problem": "", "content": "", "name": ""} | values
        shown = console.show(
            "files.html", shop, most=MOST_SHOWN, differences=differences, friendly=friendly, **told
        )
        return shown if status == 200 else (shown, status)  # noqa: PLR2004

    def preview(session: Session, shop: Shop, name: str, content: str) -> Preview:
        file = importing.read_file(name, content.encode())
        return importing.preview(file, exporting.current(session, shop), shop)

    @pages.get("/files")
    def files() -> Answer:
        with house.database.reading() as session:
            return page(console.shop(session))

    @pages.post("/files/look")
    def files_look() -> Answer:
        with house.database.reading() as session:
            shop = console.shop(session)
            sent = request.files.get("file")
            if sent is None or not sent.filename:
                return page(shop, 400, problem=NO_FILE)
            name = plain(sent.filename, LONGEST_NAME)
            with sent.stream as stream:
                content = stream.read(importing.LARGEST + 1)
            try:
                file = importing.read_file(name, content)
                what = importing.preview(file, exporting.current(session, shop), shop)
            except BadCatalogue as wrong:
                return page(shop, 400, problem=sentences(wrong), name=name)
        return page(shop, what=what, content=content.decode("utf-8-sig"), name=name)

    @pages.post("/files/put")
    def files_put() -> Answer:
        name = plain(request.form.get("name", ""), LONGEST_NAME)
        content = request.form.get("content", "")
        try:
            with house.database.writing() as session:
                shop = console.shop(session)
                what = preview(session, shop, name, content)
                as_seen = what.digest == request.form.get("digest", "")
                if as_seen:
                    importing.apply(session, shop, what, actor=house.config.admin_username, source=name)
        except BadCatalogue as wrong:
            with house.database.reading() as session:
                return page(console.shop(session), 400, problem=sentences(wrong), name=name)
        if not as_seen:
            return page(shop, 409, what=what, content=content, name=name, problem=MEANWHILE)
        were = "1 entry was" if what.left_out == 1 else f"{what.left_out} entries were"
        left = f" {were} left out." if what.left_out else ""
        return console.done(
            url_for("admin.catalogue"),
            f"Imported: {len(what.new)} new, {len(what.changed)} changed.{left}",
        )

    @pages.get("/files/catalogue.yaml")
    def files_yaml() -> Response:
        with house.database.reading() as session:
            shop = console.shop(session)
            text = exporting.as_yaml(exporting.current(session, shop))
        return download(text.encode(), "application/yaml", f"{shop.slug}-catalogue.yaml")

    @pages.get("/files/products.csv")
    def files_csv() -> Response:
        with house.database.reading() as session:
            shop = console.shop(session)
            text = exporting.as_sheet(exporting.current(session, shop))
        # Spreadsheets know UTF-8 by its mark only.
        return download(text.encode("utf-8-sig"), "text/csv", f"{shop.slug}-products.csv")


def download(content: bytes, kind: str, name: str) -> Response:
    """A file to keep."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, content_type=f"{kind}; charset=utf-8", headers=headers)


def sentences(wrong: BadCatalogue) -> str:
    """Why a file cannot be used, for the person who chose it."""
    return " ".join(f"{why[:1].upper()}{why[1:].rstrip('.')}." for why in wrong.problems)


def differences(change: Change) -> list[tuple[str, str, str]]:
    """What a change does: fields, with what they say before and after."""
    return [(_in_words(name), said(before), said(after)) for name, before, after in change.differences()]


def _in_words(name: str) -> str:
    """A field's name, its language written out."""
    field, _, code = name.removesuffix(")").partition(" (")
    return f"{field} in {LANGUAGES[code].name}" if code in LANGUAGES else name


def said(value: Any) -> str:
    """A field of a file in one line."""
    if value is None or value in ("", [], {}):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {said(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(said(one) for one in value)
    return plain(str(value), 120)
