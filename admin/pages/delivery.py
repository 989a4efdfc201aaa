"""Delivery: zones with their fees, chosen from a list or measured from where the shop stands."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from flask import Blueprint, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import catalogue, changing, forms
from admin.changing import Refused
from admin.console import Console, Page
from admin.forms import Answer
from admin.wording import plain
from catalog import editing, entries
from catalog.entries import BadEntry, ZoneEntry
from catalog.snapshot import in_language
from db.models import DeliveryZone, Shop

PAGE: Final = Page("delivery", under="catalogue")
FARTHEST: Final = 500


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/delivery`` and below."""
    house = console.house

    def one(session: Session, shop: Shop, zone_id: int, *, hold: bool = False) -> DeliveryZone:
        return forms.there(catalogue.zone(session, shop, zone_id, hold=hold))

    def overview(
        session: Session, shop: Shop, values: Mapping[str, str], refused: Refused | None = None
    ) -> Answer:
        state = place_of(shop)
        page = console.show(
            "delivery.html",
            shop,
            zones=catalogue.zones(session, shop),
            values=values,
            problems={} if refused is None else refused.problems,
            clash=None if refused is None or refused.clash is None else changing.differences(
                place_values(refused.clash), values
            ),
            seen=changing.mark(state),
            in_language=in_language,
        )  # fmt: skip
        return page if refused is None else (page, refused.status)

    def form(
        shop: Shop, row: DeliveryZone | None, values: Mapping[str, str], refused: Refused | None = None
    ) -> Answer:
        return forms.show(
            console, "zone.html", shop, row, values, refused,
            state=catalogue.zone_state(row), values_of=lambda state: catalogue.zone_values(state, shop),
        )  # fmt: skip

    @pages.get("/delivery")
    def delivery() -> Answer:
        with house.database.reading() as session:
            shop = console.shop(session)
            return overview(session, shop, place_values(place_of(shop)))

    @pages.post("/delivery/place")
    def delivery_place() -> Answer:
        values = request.form.to_dict()

        def save() -> None:
            with house.database.writing() as session:
                shop = console.shop(session)
                latitude, longitude = degrees(values, "latitude"), degrees(values, "longitude")
                changing.change(
                    console, session, shop, "place_changed", shop.slug, values.get("seen", ""),
                    lambda: catalogue.settings_state(session, shop, "latitude", "longitude"),
                    lambda: editing.set_place(session, shop, latitude, longitude),
                )  # fmt: skip

        refused = changing.attempt(save)
        if refused is None:
            return console.done(url_for("admin.delivery"), "The place of the shop is saved.")
        with house.database.reading() as session:
            return overview(session, console.shop(session), values, refused)

    @pages.get("/delivery/new")
    def delivery_new() -> Answer:
        with house.database.reading() as session:
            return form(console.shop(session), None, {})

    @pages.get("/delivery/<int:zone_id>")
    def delivery_zone(zone_id: int) -> Answer:
        with house.database.reading() as session:
            shop = console.shop(session)
            row = one(session, shop, zone_id)
            return form(shop, row, catalogue.zone_values(catalogue.zone_state(row) or {}, shop))

    @pages.post("/delivery/new")
    def delivery_make() -> Answer:
        return keep(None)

    @pages.post("/delivery/<int:zone_id>")
    def delivery_save(zone_id: int) -> Answer:
        return keep(zone_id)

    def keep(zone_id: int | None) -> Answer:
        values = request.form.to_dict()

        def save() -> None:
            with house.database.writing() as session:
                shop = console.shop(session)
                row = None if zone_id is None else one(session, shop, zone_id, hold=True)
                said = changing.texts(values, "name", catalogue.languages(shop), row.names if row else None)
                data: dict[str, Any] = {
                    "name": said, "fee": values.get("fee", ""), "within_m": metres(values.get("within", ""))
                }  # fmt: skip
                entry = entries.read(ZoneEntry, data)
                known = {zone.id: zone for zone in catalogue.zones(session, shop)}
                if row is None and any(
                    zone.names.get("en") == entry.name.get("en") for zone in known.values()
                ):
                    raise BadEntry(("name", "another zone is called so"))

                def state() -> changing.State | None:
                    if zone_id is not None:
                        return catalogue.zone_state(one(session, shop, zone_id, hold=True))
                    return forms.newest(catalogue.zones(session, shop), set(known), catalogue.zone_state)

                changing.change(
                    console, session, shop, "zone_made" if row is None else "zone_changed",
                    in_language(entry.name, shop.language),
                    values.get("seen", "") if row is not None else "", state,
                    lambda: editing.put_zone(session, shop, entry, zone_id),
                )  # fmt: skip

        refused = changing.attempt(save)
        if refused is None:
            return console.done(url_for("admin.delivery"), "The zone is saved.")
        with house.database.reading() as session:
            shop = console.shop(session)
            row = None if zone_id is None else one(session, shop, zone_id)
            return form(shop, row, values, refused)

    @pages.post("/delivery/<int:zone_id>/end")
    def delivery_end(zone_id: int) -> Response:
        active = request.form.get("back_on") == "1"
        with house.database.writing() as session:
            shop = console.shop(session)
            row = one(session, shop, zone_id, hold=True)
            before = row.active
            row.active = active
            editing.changed(session, shop.id)
            if before is not active:
                console.note(
                    session, shop, "zone_offered" if active else "zone_withdrawn",
                    plain(in_language(row.names, shop.language)),
                    before={"active": before}, after={"active": active},
                )  # fmt: skip
        said = "The zone is offered again." if active else "The zone is not offered any more."
        return console.done(url_for("admin.delivery"), said)


def place_of(shop: Shop) -> dict[str, Any]:
    """Where the shop stands, as it is stored."""
    settings = shop.settings or {}
    return {name: settings.get(name) for name in ("latitude", "longitude")}


def place_values(state: Mapping[str, Any]) -> dict[str, str]:
    """The fields of the place."""
    return {name: "" if at is None else f"{at:.6f}".rstrip("0").rstrip(".") for name, at in state.items()}


def degrees(values: Mapping[str, str], field: str) -> float | None:
    """One coordinate.

    Raises:
        BadEntry: it is no number.
    """
    written = values.get(field, "").strip().replace(",", ".")
    if not written:
        return None
    try:
        number = round(Decimal(written), 6)
    except InvalidOperation:
        raise BadEntry((field, "write degrees, such as -1.2921")) from None
    if not number.is_finite():
        raise BadEntry((field, "write degrees, such as -1.2921"))
    return float(number)


def metres(written: str) -> int | None:
    """A distance in kilometres as metres.

    Raises:
        BadEntry: it is none.
    """
    text = written.strip().replace(",", ".")
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise BadEntry(("within", "write kilometres, such as 5 or 2.5")) from None
    if not number.is_finite() or not 0 < number <= FARTHEST:
        raise BadEntry(("within", f"write kilometres, more than 0 and at most {FARTHEST}"))
    return max(1, int(number * 1000))
