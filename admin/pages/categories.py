"""Categories: the groups in which customers browse."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Final

from flask import Blueprint, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import catalogue, changing, forms
from admin.changing import Refused
from admin.console import Console, Page, Question
from admin.forms import Answer
from admin.wording import plain
from catalog import editing, entries
from catalog.entries import CategoryEntry
from catalog.snapshot import in_language
from db.models import Category, Product, Shop

PAGE: Final = Page("categories", under="catalogue")


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/categories`` and below."""
    house = console.house

    def one(session: Session, shop: Shop, category_id: int, *, hold: bool = False) -> Category:
        found = select(Category).where(Category.shop_id == shop.id, Category.id == category_id)
        return forms.there(session.scalars(catalogue.held(found) if hold else found).first())

    def form(
        shop: Shop, row: Category | None, values: Mapping[str, str], refused: Refused | None = None
    ) -> Answer:
        return forms.show(
            console, "category.html", shop, row, values, refused,
            state=catalogue.category_state(row), values_of=catalogue.category_values,
        )  # fmt: skip

    @pages.get("/categories")
    def categories() -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            rows = catalogue.categories(session, shop)
            counted = session.execute(
                select(Product.category_id, func.count().label("products"))
                .where(Product.shop_id == shop.id, Product.active, Product.parent_id.is_(None))
                .group_by(Product.category_id)
            ).all()
        return console.show(
            "categories.html",
            shop,
            rows=rows,
            held=Counter({row.category_id: row.products for row in counted}),
            in_language=in_language,
        )

    @pages.get("/categories/new")
    def categories_new() -> Answer:
        with house.database.reading() as session:
            return form(console.shop(session), None, {})

    @pages.get("/categories/<int:category_id>")
    def categories_one(category_id: int) -> Answer:
        with house.database.reading() as session:
            shop = console.shop(session)
            row = one(session, shop, category_id)
            return form(shop, row, catalogue.category_values(catalogue.category_state(row) or {}))

    @pages.post("/categories/new")
    def categories_make() -> Answer:
        return keep(None)

    @pages.post("/categories/<int:category_id>")
    def categories_save(category_id: int) -> Answer:
        return keep(category_id)

    def keep(category_id: int | None) -> Answer:
        values = request.form.to_dict()

        def save() -> None:
            with house.database.writing() as session:
                shop = console.shop(session)
                row = None if category_id is None else one(session, shop, category_id, hold=True)
                said = changing.texts(
                    values, "name", catalogue.languages(shop), row.names if row is not None else None
                )
                code = row.code if row is not None else _free_code(session, shop, said)
                entry = entries.read(
                    CategoryEntry, {"code": code, "name": said, "emoji": values.get("emoji", "").strip()}
                )
                changing.change(
                    console, session, shop, "category_made" if row is None else "category_changed", code,
                    values.get("seen", "") if row is not None else "",
                    lambda: catalogue.category_state(catalogue.category(session, shop, code, hold=True)),
                    lambda: editing.put_category(session, shop, entry),
                )  # fmt: skip

        refused = changing.attempt(save)
        if refused is None:
            return console.done(url_for("admin.categories"), "The category is saved.")
        with house.database.reading() as session:
            shop = console.shop(session)
            row = None if category_id is None else one(session, shop, category_id)
            return form(shop, row, values, refused)

    @pages.post("/categories/<int:category_id>/move")
    def categories_move(category_id: int) -> Response:
        with house.database.writing() as session:
            shop = console.shop(session)
            row = one(session, shop, category_id)
            order = [known.code for known in catalogue.categories(session, shop)]
            forms.move(
                console, session, shop, order, row.code,
                editing.reorder_categories, "category_moved", row.code,
            )  # fmt: skip
            name = plain(in_language(row.names, shop.language))
        return console.done(f"{url_for('admin.categories')}#category-{category_id}", f"{name} was moved.")

    @pages.get("/categories/<int:category_id>/remove")
    def categories_remove_ask(category_id: int) -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            row = one(session, shop, category_id)
            name = plain(in_language(row.names, shop.language))
        says = ("Its products stay on the list, without a category.", "This cannot be taken back.")
        back = url_for("admin.categories_one", category_id=category_id)
        return console.ask(shop, Question(f"Remove {name}", says, "Remove it", back, danger=True))

    @pages.post("/categories/<int:category_id>/remove")
    def categories_remove(category_id: int) -> Response:
        with house.database.writing() as session:
            shop = console.shop(session)
            row = one(session, shop, category_id, hold=True)
            before = catalogue.category_state(row)
            editing.remove_category(session, shop, row.code)
            console.note(session, shop, "category_removed", row.code, before=before)
        return console.done(url_for("admin.categories"), "The category is gone. Its products stay.")


def _free_code(session: Session, shop: Shop, said: Mapping[str, str]) -> str:
    name = unicodedata.normalize("NFKD", in_language(said, shop.language)).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30].strip("-") or "category"
    taken = {row.code for row in catalogue.categories(session, shop)}
    numbered = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return next(code for code in numbered if code not in taken)
