"""What surrounds the products in the console: promotions, delivery zones, opening hours and the shop's own texts."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from catalog import shops
from db.models import AuditEntry, DeliveryZone, Promotion, Shop
from tests.integration.admin.test_catalogue import entries_of, seen_of, version_of
from tests.integration.admin.test_frame import send

PROMOTION = {
    "title_en": "Coffee week",
    "title_sw": "Wiki ya kahawa",
    "terms_en": "On all coffee.",
    "terms_sw": "Kwa kahawa yote.",
    "kind": "percent",
    "percent": "10",
    "code": "coffee10",
    "products": "COFFEE-1KG",
    "starts": "2026-11-20T00:00",
    "ends": "2026-12-01T00:00",
    "max_uses": "100",
    "max_per_customer": "",
    "min_subtotal": "1,000",
}


def promotions_of(database):
    with database.reading() as session:
        return session.scalars(select(Promotion).order_by(Promotion.id)).all()


def zones_of(database):
    with database.reading() as session:
        return session.scalars(select(DeliveryZone).order_by(DeliveryZone.id)).all()


def settings_of(database):
    with database.reading() as session:
        return session.scalars(select(Shop.settings)).one()


def snapshot_of(database, now):
    with database.reading() as session:
        return shops.snapshot(session, session.scalars(select(Shop.id)).one(), now())


def test_a_promotion_runs_by_the_clock_of_the_shop(room, database) -> None:
    before = version_of(database)
    assert send(room, "/admin/promotions/new", **PROMOTION).status_code == 303
    (made,) = promotions_of(database)
    assert (made.code, made.kind, made.value, made.skus) == ("COFFEE10", "percent", 10, ["COFFEE-1KG"])
    assert made.starts_at == datetime(2026, 11, 19, 21, 0, tzinfo=UTC)
    assert (made.min_subtotal, made.max_uses, made.max_per_customer) == (100_000, 100, None)
    assert version_of(database) > before
    (entry,) = entries_of(database)
    assert (entry.action, entry.subject, entry.after["value"]) == ("promotion_made", "COFFEE10", 10)
    page = room.get("/admin/promotions").text
    assert "10% off" in page
    assert "0 of 100" in page
    assert 'value="2026-11-20T00:00"' in room.get(f"/admin/promotions/{made.id}").text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"kind": "fixed", "value": "200"}, "KES 200 off"),
        ({"kind": "free_delivery"}, "Free delivery"),
        ({"kind": "buy_x_get_y", "buy": "2", "free": "1"}, "Buy 2, get 1 free"),
    ],
)
def test_every_kind_of_promotion_can_be_made(room, form, said) -> None:
    assert send(room, "/admin/promotions/new", **(PROMOTION | {"code": ""} | form)).status_code == 303
    assert said in room.get("/admin/promotions").text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"percent": "101"}, "A percentage is a whole number from 1 to 100."),
        ({"percent": "x"}, "Write a number"),
        ({"kind": "fixed", "value": "10.5"}, "whole shillings: write 10 or 11"),
        ({"kind": "buy_x_get_y", "buy": "2"}, "Say how many are bought"),
        ({"kind": ""}, "Choose one."),
        ({"products": "NOTHING"}, "There is no product NOTHING."),
        ({"ends": "2026-11-01T00:00"}, "It must end after it starts."),
        ({"starts": "soon"}, "Write a date and a time"),
        ({"max_uses": "0"}, "1 or more."),
        ({"code": "a b"}, "cannot be used here"),
        ({"title_en": "", "title_sw": ""}, "Please fill this in."),
    ],
)
def test_a_promotion_that_makes_no_sense_is_refused_beside_its_field(room, database, form, said) -> None:
    answer = send(room, "/admin/promotions/new", **(PROMOTION | form))
    assert (answer.status_code, said in answer.text) == (400, True)
    assert "On all coffee." in answer.text
    assert promotions_of(database) == []


def test_a_new_promotion_does_not_write_over_one_with_its_code(room, database) -> None:
    send(room, "/admin/promotions/new", **PROMOTION)
    answer = send(room, "/admin/promotions/new", **(PROMOTION | {"percent": "50"}))
    assert (answer.status_code, "has this code" in answer.text) == (400, True)
    assert [row.value for row in promotions_of(database)] == [10]


def test_a_promotion_is_changed_once_and_withdrawn(room, database) -> None:
    send(room, "/admin/promotions/new", **PROMOTION)
    (made,) = promotions_of(database)
    seen = seen_of(room.get(f"/admin/promotions/{made.id}").text)
    for percent, status in (("20", 303), ("30", 409)):
        form = PROMOTION | {"percent": percent, "seen": seen}
        assert send(room, f"/admin/promotions/{made.id}", **form).status_code == status
    assert promotions_of(database)[0].value == 20
    send(room, f"/admin/promotions/{made.id}/end")
    assert not promotions_of(database)[0].active
    assert "Withdrawn" in room.get("/admin/promotions").text
    send(room, f"/admin/promotions/{made.id}/end", back_on="1")
    assert promotions_of(database)[0].active


def test_zones_are_chosen_from_a_list_or_measured(room, database) -> None:
    assert send(room, "/admin/delivery/new", name_en="Town", name_sw="Mjini", fee="150").status_code == 303
    assert (
        send(room, "/admin/delivery/new", name_en="Near", name_sw="", fee="0", within="2.5").status_code
        == 303
    )
    town, near = zones_of(database)
    assert (town.fee, town.within_m, near.fee, near.within_m) == (15_000, None, 0, 2500)
    page = room.get("/admin/delivery").text
    assert "Up to 2.5 km" in page
    seen = seen_of(room.get(f"/admin/delivery/{town.id}").text)
    for fee, status in (("200", 303), ("250", 409)):
        answer = send(room, f"/admin/delivery/{town.id}", name_en="Town", name_sw="Mjini", fee=fee, seen=seen)
        assert answer.status_code == status
    assert zones_of(database)[0].fee == 20_000
    send(room, f"/admin/delivery/{town.id}/end")
    assert not zones_of(database)[0].active


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"fee": "10.5"}, "whole shillings"),
        ({"fee": ""}, "Write a number"),
        ({"within": "far"}, "Write kilometres"),
        ({"within": "501"}, "at most 500"),
        ({"within": "nan"}, "Write kilometres"),
        ({"name_en": ""}, "Please fill this in."),
    ],
)
def test_a_zone_that_cannot_be_is_refused_beside_its_field(room, database, form, said) -> None:
    answer = send(room, "/admin/delivery/new", **({"name_en": "Town", "name_sw": "", "fee": "1"} | form))
    assert (answer.status_code, said in answer.text) == (400, True)
    assert zones_of(database) == []


def test_the_shop_knows_where_it_stands(room, database, now) -> None:
    seen = seen_of(room.get("/admin/delivery").text)
    for latitude, said in (("north", "Write degrees"), ("", "a longitude"), ("99", "no place on Earth")):
        answer = send(room, "/admin/delivery/place", latitude=latitude, longitude="36.8", seen=seen)
        assert (answer.status_code, said in answer.text) == (400, True)
    assert (
        send(room, "/admin/delivery/place", latitude="-1.29", longitude="36.8", seen=seen).status_code == 303
    )
    place = snapshot_of(database, now).place
    assert (place.latitude, place.longitude) == (-1.29, 36.8)
    assert send(room, "/admin/delivery/place", latitude="1", longitude="1", seen=seen).status_code == 409


def test_opening_hours_are_set_with_a_break_and_closed_days(room, database, now) -> None:
    seen = seen_of(room.get("/admin/hours").text)
    form = {
        "kept": "yes", "mon_from_0": "08:00", "mon_until_0": "12:00", "mon_from_1": "14:00",
        "mon_until_1": "00:00", "closed_days": "2026-12-25\n2026-12-26", "seen": seen,
    }  # fmt: skip
    assert send(room, "/admin/hours", **form).status_code == 303
    hours = snapshot_of(database, now).hours
    assert [(span.start, span.end) for span in hours.week[0]] == [(480, 720), (840, 1440)]
    assert len(hours.closed) == 2
    page = room.get("/admin/hours").text
    assert 'name="mon_until_1" value="00:00"' in page
    assert send(room, "/admin/hours", kept="no", seen=seen).status_code == 409
    assert send(room, "/admin/hours", kept="no", seen=seen_of(page)).status_code == 303
    assert snapshot_of(database, now).hours is None
    assert [entry.action for entry in entries_of(database)] == ["hours_changed"] * 2


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"mon_from_0": "08:00"}, "Say from when and until when."),
        ({}, "There is no day on which the shop is open."),
        ({"mon_from_0": "25:00", "mon_until_0": "26:00"}, "no time of day"),
        ({"mon_from_0": "08:00", "mon_until_0": "18:00", "closed_days": "Christmas"}, "no date such as"),
    ],
)
def test_hours_that_are_none_are_refused_and_stay_in_the_form(room, database, form, said) -> None:
    seen = seen_of(room.get("/admin/hours").text)
    answer = send(room, "/admin/hours", kept="yes", seen=seen, **form)
    assert (answer.status_code, said in answer.text) == (400, True)
    assert settings_of(database) == {}


def test_the_shop_greets_in_its_own_words(room, database, now) -> None:
    page = room.get("/admin/texts").text
    form = {"seen": seen_of(page), "greeting_en": "Karibu {hello} This is *{shop}*."}
    before = version_of(database)
    assert send(room, "/admin/texts", **form).status_code == 303
    assert snapshot_of(database, now).texts == {"greeting": {"en": form["greeting_en"]}}
    assert version_of(database) > before
    page = room.get("/admin/texts").text
    assert "Karibu Hello Amina! 👋 This is <strong>Duka la Amani</strong>." in page
    assert send(room, "/admin/texts", **form).status_code == 409
    assert send(room, "/admin/texts", seen=seen_of(page)).status_code == 303
    assert snapshot_of(database, now).texts == {}


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("greeting_en", "Hi {name}", "There is nothing to put in for {name}; there is {hello}, {shop}."),
        ("receipt-thanks_sw", "Asante {shop}", "There is nothing to put in for {shop}."),
        ("closed-until_en", "We open {when", "A { or } stands alone"),
        ("promotions-title_en", "x" * 301, "At most 300 characters fit"),
    ],
)
def test_a_text_that_could_not_be_said_is_refused_and_stays_in_the_form(
    room, database, field, text, said
) -> None:
    seen = seen_of(room.get("/admin/texts").text)
    answer = send(room, "/admin/texts", **{"seen": seen, field: text})
    assert (answer.status_code, said in answer.text, text in answer.text) == (400, True, True)
    assert settings_of(database) == {}
    with database.reading() as session:
        assert session.scalars(select(AuditEntry)).all() == []


def test_the_preview_of_a_text_is_the_message_as_the_conversation_makes_it(room) -> None:
    shown = send(room, "/admin/texts/preview?text=receipt-thanks", **{"receipt-thanks_en": "Asante <b>"}).text
    assert "RECEIPT · Duka la Amani" in shown
    assert "Asante &lt;b&gt;" in shown
    closed = send(room, "/admin/texts/preview?text=closed-until", **{"closed-until_en": "Back {when}!"}).text
    assert "Back Saturday" in closed or "Back Friday" in closed
    assert send(room, "/admin/texts/preview?text=nothing").status_code == 200
