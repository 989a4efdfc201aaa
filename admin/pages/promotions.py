"""Promotions: discounts with their terms, when they run, and how often they were used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import catalogue, changing, forms
from admin.changing import Refused
from admin.console import Console, Page
from admin.forms import Answer
from admin.wording import plain
from catalog import editing, entries
from catalog.entries import BadEntry, PromotionEntry
from catalog.snapshot import in_language
from db.models import Product, Promotion, Shop

PAGE: Final = Page("promotions", under="catalogue")
KINDS: Final = (
    ("percent", "Percent off"),
    ("fixed", "Amount off"),
    ("free_delivery", "Free delivery"),
    ("buy_x_get_y", "Buy some, get some free"),
)
MOST_CODES: Final = 500


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/promotions`` and below."""
    house = console.house

    def one(session: Session, shop: Shop, promotion_id: int, *, hold: bool = False) -> Promotion:
        return forms.there(catalogue.promotion(session, shop, promotion_id, hold=hold))

    def form(
        session: Session,
        shop: Shop,
        row: Promotion | None,
        values: Mapping[str, str],
        refused: Refused | None = None,
    ) -> Answer:
        skus = session.scalars(
            select(Product.sku)
            .where(Product.shop_id == shop.id, Product.active)
            .order_by(Product.sku)
            .limit(MOST_CODES)
        ).all()
        return forms.show(
            console, "promotion.html", shop, row, values, refused,
            state=catalogue.promotion_state(row),
            values_of=lambda state: catalogue.promotion_values(state, shop),
            kinds=KINDS, skus=skus,
        )  # fmt: skip

    @pages.get("/promotions")
    def promotions() -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            rows = catalogue.promotions(session, shop)
        now = house.now()
        return console.show(
            "promotions.html",
            shop,
            rows=[(row, *standing(row, now), worth(row, shop)) for row in rows],
            in_language=in_language,
        )

    @pages.get("/promotions/new")
    def promotions_new() -> Answer:
        with house.database.reading() as session:
            return form(session, console.shop(session), None, {"kind": "percent"})

    @pages.get("/promotions/<int:promotion_id>")
    def promotions_one(promotion_id: int) -> Answer:
        with house.database.reading() as session:
            shop = console.shop(session)
            row = one(session, shop, promotion_id)
            state = catalogue.promotion_state(row) or {}
            return form(session, shop, row, catalogue.promotion_values(state, shop))

    @pages.post("/promotions/new")
    def promotions_make() -> Answer:
        return keep(None)

    @pages.post("/promotions/<int:promotion_id>")
    def promotions_save(promotion_id: int) -> Answer:
        return keep(promotion_id)

    def keep(promotion_id: int | None) -> Answer:
        values = request.form.to_dict()

        def save() -> None:
            with house.database.writing() as session:
                shop = console.shop(session)
                row = None if promotion_id is None else one(session, shop, promotion_id, hold=True)
                entry = entries.read(PromotionEntry, promotion_data(values, shop, row))
                if row is None:
                    _refuse_taken(session, shop, entry)
                known = {known.id for known in catalogue.promotions(session, shop)}

                def state() -> changing.State | None:
                    if promotion_id is not None:
                        return catalogue.promotion_state(one(session, shop, promotion_id, hold=True))
                    return forms.newest(catalogue.promotions(session, shop), known, catalogue.promotion_state)

                changing.change(
                    console, session, shop, "promotion_made" if row is None else "promotion_changed",
                    entry.code or in_language(entry.title, shop.language),
                    values.get("seen", "") if row is not None else "", state,
                    lambda: editing.put_promotion(session, shop, entry, promotion_id),
                )  # fmt: skip

        refused = changing.attempt(save)
        if refused is None:
            return console.done(url_for("admin.promotions"), "The promotion is saved.")
        with house.database.reading() as session:
            shop = console.shop(session)
            row = None if promotion_id is None else one(session, shop, promotion_id)
            return form(session, shop, row, values, refused)

    @pages.post("/promotions/<int:promotion_id>/end")
    def promotions_end(promotion_id: int) -> Response:
        active = request.form.get("back_on") == "1"
        with house.database.writing() as session:
            shop = console.shop(session)
            row = one(session, shop, promotion_id, hold=True)
            before = row.active
            editing.end_promotion(session, shop, promotion_id, active=active)
            if before is not active:
                console.note(
                    session, shop, "promotion_run_again" if active else "promotion_withdrawn",
                    row.code or plain(in_language(row.titles, shop.language)),
                    before={"active": before}, after={"active": active},
                )  # fmt: skip
        said = (
            "The promotion runs again." if active else "The promotion is withdrawn. New orders do not get it."
        )
        return console.done(url_for("admin.promotions"), said)


def promotion_data(values: Mapping[str, str], shop: Shop, row: Promotion | None) -> dict[str, Any]:
    """What the form says about a promotion, for ``PromotionEntry``; only the fields of its kind are taken."""
    languages = catalogue.languages(shop)
    kind = values.get("kind", "")
    data: dict[str, Any] = {
        "title": changing.texts(values, "title", languages, row.titles if row is not None else None),
        "terms": changing.texts(values, "terms", languages, row.terms if row is not None else None),
        "kind": kind,
        "code": values.get("code", "").strip().upper(),
        "products": [sku.strip() for sku in values.get("products", "").split(",") if sku.strip()],
        "starts": moment("starts", values.get("starts", ""), shop),
        "ends": moment("ends", values.get("ends", ""), shop),
    }
    wanted = {"percent": ("percent",), "fixed": ("value",), "buy_x_get_y": ("buy", "free")}.get(kind, ())
    for name in wanted:
        data["value" if name == "percent" else name] = values.get(name, "").strip() or "0"
    for name in ("min_subtotal", "max_uses", "max_per_customer"):
        if values.get(name, "").strip():
            data[name] = values[name].strip()
    return data


def moment(field: str, written: str, shop: Shop) -> datetime | None:
    """A date and time as a form has it, in the shop's zone.

    Raises:
        BadEntry: it is none.
    """
    if not written.strip():
        return None
    try:
        return datetime.fromisoformat(written.strip()).replace(tzinfo=ZoneInfo(shop.timezone))
    except ValueError:
        raise BadEntry((field, "write a date and a time, such as 2026-12-24 18:00")) from None


def standing(row: Promotion, now: datetime) -> tuple[str, str]:
    """Whether a promotion runs: words, and the status whose colour fits."""
    if not row.active:
        return "Withdrawn", "cancelled"
    if row.ends_at is not None and row.ends_at <= now:
        return "Over", "cancelled"
    if row.max_uses is not None and row.uses >= row.max_uses:
        return "Used up", "cancelled"
    if row.starts_at is not None and row.starts_at > now:
        return "Later", "pending"
    return "Running", "succeeded"


def worth(row: Promotion, shop: Shop) -> str:
    """What a promotion gives, in a few words."""
    if row.kind == "percent":
        return f"{row.value}% off"
    if row.kind == "fixed":
        return f"{shop.currency} {catalogue.major(row.value, shop.currency)} off"
    if row.kind == "free_delivery":
        return "Free delivery"
    return f"Buy {row.buy}, get {row.free} free"


def _refuse_taken(session: Session, shop: Shop, entry: PromotionEntry) -> None:
    """A new promotion never writes over one that is there."""
    for row in catalogue.promotions(session, shop):
        if entry.code and row.code.upper() == entry.code.upper():
            raise BadEntry(("code", "another promotion has this code"))
        if not entry.code and not row.code and row.titles.get("en") == entry.title.get("en"):
            raise BadEntry(("title", "another promotion without a code is called so"))
