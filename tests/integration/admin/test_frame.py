"""What holds for every page of the console: the frame, its cookies, and how changes are made."""

import re

import pytest

from admin.console import STATIC
from admin.pages import PAGES
from tests.factories import Seed
from tests.integration.admin.conftest import basic, open_room

ICONS = (STATIC / "icons.svg").read_text()
SAME_SITE = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}


def token_of(room) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', room.get("/admin/more").text)
    assert found is not None
    return found[1]


def send(room, path, **form):
    return room.post(path, data={"csrf_token": token_of(room)} | form, headers=SAME_SITE)


def test_every_place_in_the_navigation_is_there_and_says_where_the_owner_is(room) -> None:
    for module in PAGES:
        if module.PAGE.label:
            rule = next(r for r in room.app.url_map.iter_rules() if r.endpoint == f"admin.{module.PAGE.name}")
            page = room.get(rule.rule).text
            assert re.search(rf'href="{rule.rule}" aria-current="page"', page), rule
            assert page.count("<h1") == 1
            assert f'<symbol id="{module.PAGE.icon}"' in ICONS


def test_every_post_of_the_console_asks_for_proof_that_the_form_is_ours(room) -> None:
    for rule in room.app.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and rule.endpoint.startswith("admin."):
            path = re.sub(r"<int:\w+>", "1", re.sub(r"<\w+>", "x", rule.rule))
            assert room.post(path, data={}, headers=SAME_SITE).status_code == 403, rule
            forged = room.client.post(path, data={"csrf_token": token_of(room)}, headers=basic())
            assert forged.status_code == 403, rule


@pytest.mark.parametrize(("chosen", "shown"), [("dark", "dark"), ("light", "light"), ("", None), ("x", None)])
def test_the_owner_chooses_light_or_dark_and_it_stays(room, chosen, shown) -> None:
    answer = send(room, "/admin/theme", theme=chosen, back="/admin/orders")
    assert (answer.status_code, answer.location) == (303, "/admin/orders")
    page = room.get("/admin/").text
    found = re.search(r'<html lang="en" data-theme="(\w+)"', page)
    assert (found[1] if found else None) == shown


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/admin/\\evil", "/admin/\nx", "x"]
)
def test_nobody_is_led_away_from_the_console(room, back) -> None:
    assert send(room, "/admin/theme", theme="dark", back=back).location == "/admin/"


def test_a_second_shop_can_be_chosen_at_the_top_and_has_its_own_orders(room, database, now, shop) -> None:
    assert 'name="shop"' not in room.get("/admin/").text
    with database.writing() as session:
        seed = Seed(session, now(), seed=5)
        ref = seed.order(shop, seed.customer(shop)).ref
        from db.models import Shop

        seed.add(
            Shop(slug="coast", name="Duka la Pwani", currency="TZS", country="TZ", timezone="Africa/Nairobi",
                 language="sw", settings={}, created_at=now())
        )  # fmt: skip
    assert 'name="shop"' in room.get("/admin/").text
    assert room.get(f"/admin/orders/{ref}").status_code == 200
    assert send(room, "/admin/shop", shop="coast").status_code == 303
    assert '<option value="coast" selected>' in room.get("/admin/").text
    assert room.get(f"/admin/orders/{ref}").status_code == 404
    assert send(room, "/admin/shop", shop="nowhere").status_code == 400


def test_what_a_change_did_is_said_once(room, database, now, shop) -> None:
    with database.writing() as session:
        seed = Seed(session, now(), seed=5)
        ref = seed.order(shop, seed.customer(shop), status="paid").ref
    send(room, f"/admin/orders/{ref}/move", status="preparing")
    assert "The order is being prepared." in room.get("/admin/orders").text
    assert "The order is being prepared." not in room.get("/admin/orders").text


@pytest.mark.parametrize("cookie", ["x", "x.y", "WyJoaSIsImdvb2QiXQ==.00", "WyJoaSIsImdvb2QiXQ==.é", "."])
def test_a_sentence_nobody_sealed_is_not_said(room, cookie) -> None:
    room.client.set_cookie("duka_flash", cookie, path="/admin")
    page = room.get("/admin/").text
    assert 'class="flash' not in page


def test_what_has_not_changed_is_not_sent_again(room) -> None:
    first = room.get("/admin/live")
    again = room.get("/admin/live", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_assets_are_sent_compressed_to_browsers_that_take_it(room) -> None:
    style = re.search(r'href="(/admin/static/admin.css[^"]*)"', room.get("/admin/").text)
    assert style is not None
    small = room.client.get(style[1], headers={"Accept-Encoding": "gzip, br"})
    whole = room.client.get(style[1])
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["Vary"] == "Accept-Encoding"
    assert len(small.data) < len(whole.data) / 2
    small.close()
    whole.close()


def test_cookies_are_for_the_server_and_secure_in_production(database, now, shop) -> None:
    room = open_room(database, now, env="production")
    answer = send(room, "/admin/theme", theme="dark")
    for word in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/admin"):
        assert word in answer.headers["Set-Cookie"]
