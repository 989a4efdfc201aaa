"""Products: the list in the owner's order, and each with its words, price, picture, stock and variants."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from flask import Blueprint, Response, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from admin import bubbles, catalogue, changing, forms, pictures
from admin.changing import Refused
from admin.chat_text import formatted
from admin.console import Console, Page, Question
from admin.forms import Answer
from admin.wording import plain
from catalog import editing, entries, shops
from catalog.entries import BadEntry, ProductEntry, VariantEntry
from catalog.snapshot import ProductView, in_language
from db.models import Product, Shop

PAGE: Final = Page("catalogue", "Catalogue", icon="catalogue", bar=True)
LARGEST: Final = 3 * pictures.MOST_BYTES
"""A file somewhat too large still gets an answer beside its field."""
LONGEST_SEARCH: Final = 80
MOST_PIECES: Final = 1_000_000
NOT_WHOLE: Final = "Write a whole number, 0 or more."


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/catalogue`` and below."""
    house = console.house
    folder = house.config.media_dir
    for view in ("catalogue_make", "catalogue_save", "catalogue_variant_make", "catalogue_variant_save"):
        console.allow_larger(view, LARGEST)
    console.allow_larger("catalogue_preview", LARGEST)

    @pages.get("/catalogue", endpoint="catalogue")
    def catalogue_list() -> str:
        text = plain(request.args.get("q", ""), LONGEST_SEARCH)
        category = request.args.get("category", "")
        archived = request.args.get("archived", "") == "1"
        number = request.args.get("page", "1")
        page = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1  # noqa: PLR2004
        with house.database.reading() as session:
            shop = console.shop(session)
            shelf = catalogue.shelf(session, shop, text, category, archived=archived, page=page)
        asked: dict[str, Any] = {"q": text, "category": category, "archived": "1" if archived else ""}
        asked = {name: value for name, value in asked.items() if value}
        return console.show("catalogue.html", shop, shelf=shelf, asked=asked, archived=archived)

    @pages.get("/catalogue/picture/<name>")
    def catalogue_picture(name: str) -> Response:
        return pictures.serve(folder, name, small=request.args.get("size") == "small", public=False)

    # --- one product ----------------------------------------------------------------------------------------

    def uploaded(form: Mapping[str, str], values: dict[str, str], before: str) -> str:
        """The picture that the form asks for; a new one is kept, also when something else is refused."""
        file = request.files.get("file")
        if file is not None and file.filename:
            with closing(file):
                data = file.stream.read(pictures.MOST_BYTES + 1)
            try:
                values["uploaded"] = pictures.keep(folder, pictures.draw(data))
            except pictures.BadPicture as wrong:
                raise BadEntry(("file", str(wrong))) from wrong
            return values["uploaded"]
        if pictures.kept(folder, form.get("uploaded", "")):
            return form["uploaded"]
        return "" if form.get("no_picture") else before

    def product_page(
        shop: Shop,
        session: Session,
        row: Product | None,
        values: Mapping[str, str],
        refused: Refused | None = None,
    ) -> Answer:
        return forms.show(
            console, "catalogue_product.html", shop, row, values, refused,
            state=catalogue.product_state(session, row),
            values_of=lambda state: catalogue.product_values(state, shop),
            categories=[
                (category.code, in_language(category.names, shop.language))
                for category in catalogue.categories(session, shop)
            ],
            variants=[] if row is None else catalogue.variants(session, row.id),
            shown=preview(session, shop, row.id if row else 0, values),
            formatted=formatted,
        )  # fmt: skip

    def preview(
        session: Session, shop: Shop, product_id: int, values: Mapping[str, str]
    ) -> Sequence[bubbles.ProductShown]:
        """The product as customers will see it, as far as the form can be understood."""
        languages = catalogue.languages(shop)
        try:
            price = editing.amount(shop, "price", entries.read(VariantEntry, _price(values)).price or 0)  # type: ignore[arg-type]
        except BadEntry:
            price = 0
        picture = values.get("uploaded") or values.get("picture", "")

        def said(name: str) -> dict[str, str]:
            written = changing.texts(values, name, languages)
            return {code: seen for code, text in written.items() if (seen := entries.visible(text))}

        shown = ProductView(
            id=product_id,
            sku=values.get("sku", ""),
            names=said("name") or {shop.language: "…"},
            price=price,
            descriptions=said("description"),
            emoji=plain(values.get("emoji", ""), 8),
            varies=bool(catalogue.variants(session, product_id)),
        )
        picture = _address(picture)
        snapshot = shops.snapshot(session, shop.id, house.now())
        return [bubbles.product(snapshot, shown, language, picture) for language in languages]

    def one(session: Session, shop: Shop, product_id: int, *, hold: bool = False) -> Product:
        return forms.there(catalogue.product(session, shop, product_id, hold=hold))

    @pages.post("/catalogue/preview")
    def catalogue_preview() -> str:
        number = request.form.get("product", "0")
        product_id = int(number) if number.isascii() and number.isdigit() and len(number) < 12 else 0  # noqa: PLR2004
        with house.database.reading() as session:
            shop = console.shop(session)
            shown = preview(session, shop, product_id, request.form)
            return console.show("_product_shown.html", shop, shown=shown, formatted=formatted)

    @pages.get("/catalogue/new")
    def catalogue_new() -> Answer:
        with house.database.reading() as session:
            shop = console.shop(session)
            return product_page(shop, session, None, {})

    @pages.get("/catalogue/<int:product_id>")
    def catalogue_product(product_id: int) -> Answer:
        with house.database.reading() as session:
            shop = console.shop(session)
            row = one(session, shop, product_id)
            state = catalogue.product_state(session, row) or {}
            return product_page(shop, session, row, catalogue.product_values(state, shop))

    @pages.post("/catalogue/new")
    def catalogue_make() -> Answer:
        values = request.form.to_dict()

        def make() -> None:
            picture = uploaded(request.form, values, "")
            with house.database.writing() as session:
                shop = console.shop(session)
                sku = values.get("sku", "").strip() or _free_sku(session, shop, values)
                if _by_sku(session, shop, sku) is not None:
                    raise BadEntry(("sku", "another product has this code"))
                data = _product_data(values, shop, None) | {"sku": sku, "picture": picture}
                data["stock"] = values.get("stock", "").strip() or None
                entry = entries.read(ProductEntry, data)
                changing.change(
                    console, session, shop, "product_made", sku, "",
                    lambda: catalogue.product_state(session, _by_sku(session, shop, sku)),
                    lambda: editing.put_product(session, shop, entry),
                )  # fmt: skip
                row = _by_sku(session, shop, sku)
                values["made"] = str(row.id if row else 0)

        refused = changing.attempt(make)
        if refused is None:
            address = url_for("admin.catalogue_product", product_id=int(values["made"]))
            return console.done(address, "The product is in the catalogue. Customers see it at once.")
        with house.database.reading() as session:
            return product_page(console.shop(session), session, None, values, refused)

    @pages.post("/catalogue/<int:product_id>")
    def catalogue_save(product_id: int) -> Answer:
        values = request.form.to_dict()

        def save() -> None:
            with house.database.reading() as session:
                before = one(session, console.shop(session), product_id).picture
            picture = uploaded(request.form, values, before)
            with house.database.writing() as session:
                shop = console.shop(session)
                row = one(session, shop, product_id, hold=True)
                data = _product_data(values, shop, row) | {"sku": row.sku, "picture": picture}
                if catalogue.variants(session, row.id):
                    data.pop("price")
                entry = entries.read(ProductEntry, data)
                changing.change(
                    console, session, shop, "product_changed", row.sku, values.get("seen", ""),
                    lambda: catalogue.product_state(session, one(session, shop, product_id, hold=True)),
                    lambda: editing.put_product(session, shop, entry),
                )  # fmt: skip

        refused = changing.attempt(save)
        if refused is None:
            return console.done(
                url_for("admin.catalogue_product", product_id=product_id), "The product is saved."
            )
        with house.database.reading() as session:
            shop = console.shop(session)
            row = one(session, shop, product_id)
            values.setdefault("picture", row.picture)
            values["sku"] = row.sku
            return product_page(shop, session, row, values, refused)

    @pages.post("/catalogue/<int:product_id>/move")
    def catalogue_move(product_id: int) -> BaseResponse:
        with house.database.writing() as session:
            shop = console.shop(session)
            row = one(session, shop, product_id)
            order = session.scalars(
                select(Product.id)
                .where(Product.shop_id == shop.id, Product.parent_id.is_(None), Product.active)
                .order_by(Product.position, Product.id)
            ).all()
            forms.move(console, session, shop, order, row.id, editing.reorder, "product_moved", row.sku)
            name = plain(in_language(row.names, shop.language))
        address = url_for("admin.catalogue", page=request.form.get("page") or None)
        return console.done(f"{address}#product-{product_id}", f"{name} was moved.")

    @pages.post("/catalogue/<int:product_id>/stock")
    def catalogue_stock(product_id: int) -> BaseResponse:
        written = request.form.get("pieces", "").strip()
        more = request.form.get("how") == "more"
        with house.database.reading() as session:
            shop = console.shop(session)
            row = session.get(Product, product_id)
            if row is None or row.shop_id != shop.id:
                raise NotFound
            parent_id = row.parent_id
        address = url_for("admin.catalogue_product", product_id=parent_id or product_id)
        if not (_is_count(written) or (written == "" and not more)):
            return console.done(address, f"The stock was not changed. {NOT_WHOLE}", tone="bad")
        try:
            with house.database.writing() as session:
                shop = console.shop(session)
                row = forms.there(
                    catalogue.product(session, shop, product_id, parent_id=parent_id, hold=True)
                )
                before = {"available": row.available}
                if more:
                    editing.restock(session, shop, product_id, int(written))
                else:
                    editing.count_stock(session, shop, product_id, int(written) if written else None)
                session.refresh(row)
                after = {"available": row.available}
                console.note(session, shop, "stock_counted", row.sku, before=before, after=after)
        except BadEntry as wrong:
            words = " ".join(changing.explained(wrong).values())
            return console.done(address, f"The stock was not changed. {words}", tone="bad")
        count = after["available"]
        said = "The stock is not counted any more." if count is None else f"There are {count} to sell now."
        return console.done(address, said)

    @pages.get("/catalogue/<int:product_id>/archive")
    def catalogue_archive_ask(product_id: int) -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            row = one(session, shop, product_id)
            name = plain(in_language(row.names, shop.language))
        says = (
            "Customers do not see it any more, and carts that hold it are told.",
            "Orders that have it keep it, and it stays in your reports.",
            "You find it under “Archived” and can put it back at any time.",
        )
        back = url_for("admin.catalogue_product", product_id=product_id)
        return console.ask(shop, Question(f"Archive {name}", says, "Archive it", back))

    @pages.post("/catalogue/<int:product_id>/archive")
    def catalogue_archive(product_id: int) -> BaseResponse:
        active = request.form.get("back_on") == "1"
        with house.database.writing() as session:
            shop = console.shop(session)
            row = session.get(Product, product_id)
            if row is None or row.shop_id != shop.id:
                raise NotFound
            before, parent_id, sku = row.active, row.parent_id, row.sku
            editing.archive(session, shop, product_id, active=active)
            if before is not active:
                action = "product_put_back" if active else "product_archived"
                console.note(session, shop, action, sku, before={"active": before}, after={"active": active})
        said = "It is on the list again." if active else "It is archived. Customers do not see it any more."
        if parent_id is None and not active:
            return console.done(url_for("admin.catalogue"), said)
        return console.done(url_for("admin.catalogue_product", product_id=parent_id or product_id), said)

    # --- variants -------------------------------------------------------------------------------------------

    def variant_page(
        shop: Shop,
        parent: Product,
        row: Product | None,
        values: Mapping[str, str],
        refused: Refused | None = None,
    ) -> Answer:
        return forms.show(
            console, "catalogue_variant.html", shop, row, values, refused,
            state=catalogue.variant_state(row),
            values_of=lambda state: catalogue.variant_values(state, shop),
            parent=parent, parent_name=in_language(parent.names, shop.language),
        )  # fmt: skip

    def variant(session: Session, shop: Shop, product_id: int, variant_id: int) -> Product:
        return forms.there(catalogue.product(session, shop, variant_id, parent_id=product_id))

    @pages.get("/catalogue/<int:product_id>/variants/new")
    def catalogue_variant_new(product_id: int) -> Answer:
        with house.database.reading() as session:
            shop = console.shop(session)
            parent = one(session, shop, product_id)
            price = catalogue.major(parent.price, shop.currency)
            return variant_page(shop, parent, None, {"price": price})

    @pages.get("/catalogue/<int:product_id>/variants/<int:variant_id>")
    def catalogue_variant(product_id: int, variant_id: int) -> Answer:
        with house.database.reading() as session:
            shop = console.shop(session)
            parent = one(session, shop, product_id)
            row = variant(session, shop, product_id, variant_id)
            state = catalogue.variant_state(row) or {}
            return variant_page(shop, parent, row, catalogue.variant_values(state, shop))

    @pages.post("/catalogue/<int:product_id>/variants/new")
    def catalogue_variant_make(product_id: int) -> Answer:
        return keep_variant(product_id, None)

    @pages.post("/catalogue/<int:product_id>/variants/<int:variant_id>")
    def catalogue_variant_save(product_id: int, variant_id: int) -> Answer:
        return keep_variant(product_id, variant_id)

    def keep_variant(product_id: int, variant_id: int | None) -> Answer:
        values = request.form.to_dict()

        def save() -> None:
            before = ""
            with house.database.reading() as session:
                shop = console.shop(session)
                one(session, shop, product_id)
                if variant_id is not None:
                    before = variant(session, shop, product_id, variant_id).picture
            picture = uploaded(request.form, values, before)
            with house.database.writing() as session:
                shop = console.shop(session)
                parent = one(session, shop, product_id, hold=True)
                row = None if variant_id is None else variant(session, shop, product_id, variant_id)
                languages = catalogue.languages(shop)
                data: dict[str, Any] = _price(values) | {
                    "label": changing.texts(values, "label", languages, row.labels if row else None),
                    "picture": picture,
                }
                if row is None:
                    sku = values.get("sku", "").strip() or _free_sku(
                        session, shop, values, "label", f"{parent.sku}-"
                    )
                    if _by_sku(session, shop, sku) is not None:
                        raise BadEntry(("sku", "another product has this code"))
                    data["stock"] = values.get("stock", "").strip() or None
                else:
                    sku = row.sku
                entry = entries.read(VariantEntry, data | {"sku": sku})
                changing.change(
                    console, session, shop, "variant_made" if row is None else "variant_changed", sku,
                    values.get("seen", "") if row is not None else "",
                    lambda: catalogue.variant_state(_by_sku(session, shop, sku)),
                    lambda: editing.put_variant(session, shop, parent.sku, entry),
                )  # fmt: skip

        refused = changing.attempt(save)
        if refused is None:
            return console.done(
                url_for("admin.catalogue_product", product_id=product_id), "The variant is saved."
            )
        with house.database.reading() as session:
            shop = console.shop(session)
            parent = one(session, shop, product_id)
            row = None if variant_id is None else variant(session, shop, product_id, variant_id)
            values.setdefault("picture", row.picture if row else "")
            return variant_page(shop, parent, row, values, refused)


def _price(values: Mapping[str, str]) -> dict[str, Any]:
    return {"sku": "-", "price": values.get("price", "")}


def _product_data(values: Mapping[str, str], shop: Shop, row: Product | None) -> dict[str, Any]:
    """What the form says about a product, for ``ProductEntry``."""
    languages = catalogue.languages(shop)
    data: dict[str, Any] = {
        "name": changing.texts(values, "name", languages, row.names if row else None),
        "description": changing.texts(values, "description", languages, row.descriptions if row else None),
        "price": values.get("price", ""),
        "category": values.get("category", "") or None,
        "emoji": values.get("emoji", "").strip(),
    }
    words = [word for part in values.get("synonyms", "").splitlines() for word in part.split(",")]
    synonyms = list(dict.fromkeys(word.strip() for word in words if word.strip()))
    if row is None or synonyms != list(dict.fromkeys(shops.said(row.synonyms))):
        data["synonyms"] = synonyms
    return data


def _by_sku(session: Session, shop: Shop, sku: str) -> Product | None:
    found = select(Product).where(Product.shop_id == shop.id, Product.sku == sku)
    return session.scalars(catalogue.held(found)).first()


def _free_sku(
    session: Session, shop: Shop, values: Mapping[str, str], field: str = "name", before: str = ""
) -> str:
    """A code for people who do not care for codes: the name in capitals, counted on when it is taken."""
    said = changing.texts(values, field, catalogue.languages(shop))
    ascii_name = (
        unicodedata.normalize("NFKD", in_language(said, shop.language)).encode("ascii", "ignore").decode()
    )
    stem = before + (re.sub(r"[^A-Z0-9]+", "-", ascii_name.upper()).strip("-")[:40].strip("-") or "ITEM")
    stem = stem[:50]
    taken = set(session.scalars(select(Product.sku).where(Product.shop_id == shop.id)))
    return next(sku for number in range(1, len(taken) + 2) if (sku := _numbered(stem, number)) not in taken)


def _numbered(stem: str, number: int) -> str:
    return stem if number == 1 else f"{stem}-{number}"


def _address(picture: str) -> str:
    """Where the console shows a picture; those of other sites it does not load."""
    if not picture or picture.startswith(("https://", "http://")) or "/" in picture:
        return ""
    return url_for("admin.catalogue_picture", name=picture)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text[:9]) <= MOST_PIECES and len(text) <= 7  # noqa: PLR2004
