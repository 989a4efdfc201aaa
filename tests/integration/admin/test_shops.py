"""Several shops: made, set, connected with credentials nobody sees again, tested and chosen."""

import pytest
import responses
from sqlalchemy import select

from admin.console import SHOP_COOKIE
from catalog.credentials import Seals
from db.models import AuditEntry, Shop, ShopCredentials
from tests.factories import Seed
from tests.integration.admin.conftest import open_room
from tests.integration.admin.test_frame import send

KEY = "a-long-key-of-the-tests"
NEW = {
    "slug": "coast",
    "name": "Duka la Pwani",
    "currency": "TZS",
    "country": "TZ",
    "timezone": "Africa/Dar_es_Salaam",
    "language": "sw",
    "languages": ["sw", "en"],
    "hold_minutes": "45",
    "low_stock": "2",
}
ENTERED = {
    "api_url": "https://coast.example/v1",
    "api_key": "key-of-the-coast-9x",
    "webhook_secret": "the-secret-of-the-coast-7q",
    "signature_scheme": "",
    "dialect": "v2",
    "verify_token": "",
    "phone_number_id": "",
}


@pytest.fixture
def room(database, now, shop):
    return open_room(database, now, credentials_keys=(KEY,), public_url="https://duka.example")


@pytest.fixture
def coast(room, database):
    assert send(room, "/admin/shops/new", **NEW).status_code == 303
    with database.reading() as session:
        return session.scalars(select(Shop.id).where(Shop.slug == "coast")).one()


def connect(room, **changes):
    return send(room, "/admin/shops/coast/connection", **(ENTERED | changes))


def entries(database, action):
    with database.reading() as session:
        return session.scalars(select(AuditEntry).where(AuditEntry.action == action)).all()


def test_a_shop_is_made_listed_and_noted(room, database, coast) -> None:
    page = room.get("/admin/shops").text
    assert "Duka la Pwani" in page
    assert "Not connected" in page
    with database.reading() as session:
        made = session.get_one(Shop, coast)
    assert (made.currency, made.timezone, made.language) == ("TZS", "Africa/Dar_es_Salaam", "sw")
    assert made.settings == {"languages": ["en", "sw"], "hold_minutes": 45, "low_stock": 2}
    (entry,) = entries(database, "shop_made")
    assert (entry.shop_id, entry.subject, entry.after["currency"]) == (coast, "coast", "TZS")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"slug": "Two Words"}, "Small letters"),
        ({"slug": "main"}, "already"),
        ({"slug": "new"}, "Small letters"),
        ({"name": " \u202e "}, "Give the shop a name"),
        ({"currency": "XXX"}, "Choose a currency"),
        ({"country": "Kenya"}, "Two letters"),
        ({"timezone": "Nairobi"}, "A time zone"),
        ({"timezone": "../../etc/passwd"}, "A time zone"),
        ({"language": "xx"}, "Choose a language"),
        ({"languages": ["en"]}, "one of them"),
        ({"hold_minutes": "0"}, "A whole number"),
        ({"low_stock": "-1"}, "A whole number"),
    ],
)
def test_what_makes_no_shop_is_said_beside_the_field_and_nothing_is_lost(room, database, wrong, says) -> None:
    answer = send(room, "/admin/shops/new", **(NEW | wrong))
    assert answer.status_code == 400
    assert says in answer.text
    assert f'value="{(NEW | wrong)["hold_minutes"]}"' in answer.text
    with database.reading() as session:
        assert session.scalars(select(Shop.slug)).all() == ["main"]


def test_settings_change_and_keep_what_others_keep_there(room, database, coast) -> None:
    with database.writing() as session:
        shop = session.get_one(Shop, coast)
        shop.settings = shop.settings | {"payment_methods": ["mpesa"]}
        version = shop.catalog_version
    changed = NEW | {"name": "Pwani Mpya", "hold_minutes": "20", "currency": "KES", "slug": "other"}
    assert send(room, "/admin/shops/coast/settings", **changed).status_code == 303
    with database.reading() as session:
        shop = session.get_one(Shop, coast)
    assert (shop.name, shop.slug, shop.currency) == ("Pwani Mpya", "coast", "TZS")
    assert (shop.settings["hold_minutes"], shop.settings["payment_methods"]) == (20, ["mpesa"])
    assert shop.catalog_version == version + 1
    (entry,) = entries(database, "shop_changed")
    assert (entry.before["name"], entry.after["name"]) == ("Duka la Pwani", "Pwani Mpya")


def test_credentials_are_kept_sealed_and_never_shown_again(room, database, coast) -> None:
    assert connect(room).status_code == 303
    with database.reading() as session:
        row = session.get_one(ShopCredentials, coast)
    assert Seals([KEY]).open(coast, row.sealed)["signature_scheme"] == "timestamp-hex"
    for path in ("/admin/shops", "/admin/shops/coast", "/admin/shops/coast/connection"):
        page = room.get(path).text
        assert ENTERED["api_key"] not in page
        assert ENTERED["webhook_secret"] not in page
    assert "ends …9x" in room.get("/admin/shops/coast").text
    (entry,) = entries(database, "shop_connected")
    assert entry.after["secretsChanged"] == ["api_key", "webhook_secret"]
    assert ENTERED["api_key"] not in str(entry.after)


def test_what_is_refused_is_not_written_back_into_the_page(room, database, coast) -> None:
    answer = connect(room, api_url="nonsense")
    assert answer.status_code == 400
    assert "must be an http(s) address" in answer.text
    assert ENTERED["api_key"] not in answer.text
    with database.reading() as session:
        assert session.get(ShopCredentials, coast) is None


def test_without_the_servers_key_nothing_is_kept_and_the_page_says_so(database, now, shop) -> None:
    bare = open_room(database, now)
    send(bare, "/admin/shops/new", **NEW)
    assert "CREDENTIALS_KEY" in bare.get("/admin/shops/coast/connection").text
    assert connect(bare).status_code == 400
    with database.reading() as session:
        assert session.scalars(select(ShopCredentials)).all() == []


def test_credentials_are_thrown_away_after_asking(room, database, coast) -> None:
    connect(room)
    assert "cannot be shown or brought back" in room.get("/admin/shops/coast/disconnect").text
    assert send(room, "/admin/shops/coast/disconnect").status_code == 303
    assert "Not connected" in room.get("/admin/shops/coast").text
    assert len(entries(database, "shop_disconnected")) == 1


def test_the_connection_to_ghala_is_tested_with_the_shops_own_key(room, coast) -> None:
    connect(room)
    with responses.RequestsMock() as ghala:
        for key, status in ((ENTERED["api_key"], 404), ("nobody", 401)):
            ghala.get(
                "https://coast.example/v1/orders/flask-doctor-asks",
                status=status,
                match=[responses.matchers.header_matcher({"Authorization": f"Bearer {key}"})],
            )
        send(room, "/admin/shops/coast/test/ghala")
    assert "Knows our key and refuses another" in room.get("/admin/shops/coast").text


def test_a_refused_key_and_silence_are_told_apart(room, coast) -> None:
    connect(room)
    with responses.RequestsMock() as ghala:
        ghala.get("https://coast.example/v1/orders/flask-doctor-asks", status=401)
        send(room, "/admin/shops/coast/test/ghala")
    assert "Our key is refused (401)" in room.get("/admin/shops/coast").text
    with responses.RequestsMock():
        send(room, "/admin/shops/coast/test/ghala")
    assert "did not answer" in room.get("/admin/shops/coast").text


def test_the_webhook_is_tested_from_outside_by_its_handshake(room, coast) -> None:
    connect(room, verify_token="habari-pwani")

    def echo(request):
        assert request.params["hub.verify_token"] == "habari-pwani"
        return 200, {}, request.params["hub.challenge"]

    with responses.RequestsMock() as world:
        world.add_callback("GET", "https://duka.example/api/shops/coast/messages/incoming", echo)
        send(room, "/admin/shops/coast/test/webhooks")
    assert "shakes hands" in room.get("/admin/shops/coast").text


def test_nothing_is_tested_of_a_shop_that_is_not_connected(room, coast) -> None:
    with responses.RequestsMock():
        send(room, "/admin/shops/coast/test/ghala")
    assert "not connected" in room.get("/admin/shops/coast").text


@pytest.mark.parametrize("path", ["nowhere", "nowhere/settings", "nowhere/connection", "nowhere/disconnect"])
def test_a_shop_that_is_not_there_is_not_found(room, path) -> None:
    assert room.get(f"/admin/shops/{path}").status_code == 404


def test_every_page_shows_the_chosen_shop_only(room, database, coast, now) -> None:
    with database.writing() as session:
        seed = Seed(session, now(), seed=4)
        main = session.scalars(select(Shop).where(Shop.slug == "main")).one()
        seed.order(main, seed.customer(main, name="Only In Main"), status="paid")
    chosen = send(room, "/admin/shop", shop="coast")
    assert chosen.status_code == 303
    assert room.client.get_cookie(SHOP_COOKIE, path="/admin").value == "coast"
    for path in ("/admin/", "/admin/orders", "/admin/customers"):
        assert "Only In Main" not in room.get(path).text
    send(room, "/admin/shop", shop="main")
    assert "Only In Main" in room.get("/admin/customers").text


def test_who_is_told_what_is_set_and_noted_without_numbers(room, database, coast) -> None:
    form = {"phones": "0733 000 111\n+255 754 000 222", "paid": "yes", "hour": "19"}
    assert send(room, "/admin/shops/main/owner", **form).status_code == 303
    page = room.get("/admin/shops/main/owner").text
    assert "+254733000111" in page
    assert "+255754000222" in page
    (entry,) = entries(database, "shop_owner_set")
    assert entry.after == {"numbers": 2, "paid": True, "needs": False, "summary": False, "hour": 19}
    assert "+254733000111" not in room.get("/admin/shops/main").text


@pytest.mark.parametrize(
    "wrong", [{"phones": "hello"}, {"hour": "24"}, {"hour": ""}, {"phones": "0733000111," * 6}]
)
def test_numbers_and_hours_that_are_none_are_refused(room, database, coast, wrong) -> None:
    answer = send(room, "/admin/shops/main/owner", **({"phones": "0733000111", "hour": "20"} | wrong))
    assert answer.status_code == 400
    assert 'class="wrong"' in answer.text
    assert entries(database, "shop_owner_set") == []
