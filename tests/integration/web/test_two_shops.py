"""Two shops in one installation: each receives, answers and charges with its own credentials."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
import responses
from sqlalchemy import select

from app import House, desk
from catalog import credentials, shops
from catalog.credentials import Connections, NoKey, Seals, Unfit, Unreadable
from config import Config
from db import Database, outbox
from db.models import (
    Conversation,
    Payment,
    Product,
    ShopCredentials,
)
from db.redis_link import RedisLink
from db.refs import Refs
from ghala.dialects import V1
from jobs.lines import Lines
from jobs.pacing import Pacing
from jobs.sender import NOT_CONNECTED, Sender
from orders import placing
from payments import service
from tests.integration.jobs.conftest import Ghala, refusal, text
from tests.integration.web.conftest import CLOSED_REDIS, Door, RecordingBell, envelope
from tests.integration.web.conftest import text as message
from tests.shop import ADDRESS, PHONE, customer, open_shop, picture, refs

KEY = "a-long-key-of-the-tests"
COAST_SECRET = "the-secret-of-the-coast"
COAST_KEY = "key-of-the-coast"
COAST = "/api/shops/coast/messages/incoming"
ENTERED = {
    "api_url": "https://coast.example/v1",
    "api_key": COAST_KEY,
    "webhook_secret": COAST_SECRET,
    "signature_scheme": "timestamp-hex",
    "dialect": "v1",
    "verify_token": "hello-coast",
    "phone_number_id": "",
}
CONFIG = Config(
    credentials_keys=(KEY,),
    ghala_api_url="https://main.example/v1",
    ghala_api_key="key-of-main",
    ghala_webhook_secrets=("the-secret-of-main",),
    admin_password="x" * 20,
)


def connect(database: Database, shop_id: int, keys: tuple[str, ...] = (KEY,), **changes: str) -> None:
    with database.writing() as session:
        credentials.save(session, Seals(keys), shop_id, ENTERED | changes, production=True)


@pytest.fixture
def coast(database: Database) -> int:
    """A second shop, connected, beside ``main``."""
    with database.writing() as session:
        open_shop(session)
        shop_id = open_shop(session, slug="coast").id
    connect(database, shop_id)
    return shop_id


@pytest.fixture
def door(database: Database, coast: int) -> Door:
    return Door(database, credentials_keys=(KEY,))


def test_a_shop_receives_what_its_own_secret_signs(door: Door, coast: int) -> None:
    raw = json.dumps(envelope(message())).encode()
    own = door.signed(raw, secret=COAST_SECRET, scheme="timestamp-hex")
    assert door.knock(raw, COAST, own).status_code == 200
    assert [row.shop_id for row in door.rows()] == [coast]


def test_the_secret_of_one_shop_opens_no_other(door: Door) -> None:
    raw = json.dumps(envelope(message())).encode()
    assert door.knock(raw, COAST, door.signed(raw, scheme="timestamp-hex")).status_code == 401
    assert door.knock(raw, headers=door.signed(raw, secret=COAST_SECRET)).status_code == 401
    assert door.knock(raw, headers=door.signed(raw)).status_code == 200
    assert len(door.rows()) == 1


def test_a_shop_without_credentials_receives_nothing(door: Door, database: Database) -> None:
    with database.writing() as session:
        open_shop(session, slug="bare")
    raw = json.dumps(envelope(message())).encode()
    for path in ("messages/incoming", "webhooks/ghala"):
        assert door.knock(raw, f"/api/shops/bare/{path}", door.signed(raw)).status_code == 404
    assert door.rows() == []


def test_each_shop_shakes_hands_by_its_own_token(door: Door) -> None:
    client = door.app.test_client()
    asked = {"hub.mode": "subscribe", "hub.challenge": "42", "hub.verify_token": "hello-coast"}
    assert client.get(COAST, query_string=asked).text == "42"
    assert client.get("/api/messages/incoming", query_string=asked).status_code == 403


def test_each_shop_charges_with_its_own_key_at_its_own_address(database: Database, coast: int, now) -> None:
    house = House(CONFIG, database, RedisLink(CLOSED_REDIS), RecordingBell(), Refs())
    ids = {1: _payment(database, now, 1, "main", 1), coast: _payment(database, now, coast, "coast", 2)}
    with responses.RequestsMock() as ghala:
        for host, key in (("main", "key-of-main"), ("coast", COAST_KEY)):
            ghala.post(
                f"https://{host}.example/v1/orders",
                json={"id": f"gh_{host}", "status": "pending"},
                status=201,
                match=[responses.matchers.header_matcher({"Authorization": f"Bearer {key}"})],
            )
        for payment_id in ids.values():
            desk(house).start(payment_id)
        callbacks = [json.loads(call.request.body or b"{}").get("callback_url", "") for call in ghala.calls]
    assert [path.split("?")[0].split(":8000")[1] for path in callbacks] == [
        "/api/webhooks/ghala",
        "/api/shops/coast/webhooks/ghala",
    ]
    with database.reading() as session:
        found = {payment.shop_id: payment.gateway_ref for payment in session.scalars(select(Payment))}
    assert found == {1: "gh_main", coast: "gh_coast"}


def test_a_shop_without_credentials_charges_nobody(database: Database, coast: int, now) -> None:
    payment_id = _payment(database, now, coast, "coast", 2)
    with database.writing() as session:
        assert credentials.forget(session, coast)
    house = House(CONFIG, database, RedisLink(CLOSED_REDIS), RecordingBell(), Refs())
    with responses.RequestsMock():
        desk(house).start(payment_id)
    with database.reading() as session:
        assert session.get_one(Payment, payment_id).status == "created"


class Post:
    """The real sender over two shops, each with a Ghala of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ghalas: dict[str, Ghala] = {}
        self.main = Ghala()
        connections = Connections(database, CONFIG)
        self.connections = connections
        pacing = Pacing(RedisLink(CLOSED_REDIS), 0, 0)
        lines = Lines(CONFIG, connections.of, self.client)
        self.sender = Sender(database, lambda: self.main, V1(), pacing, random.Random(1), lines=lines)

    def client(self, config: Config) -> Ghala:
        return self.ghalas.setdefault(config.ghala_api_key, Ghala())

    def promise(self, shop_id: int, wa_id: str, words: str) -> None:
        with self.database.writing() as session:
            buyer = customer(session, shop_id, wa_id)
            session.get_one(Conversation, buyer.id).inbound_at = session.scalar(select(outbox.clock()))
            outbox.promise(session, shop_id, buyer.id, [outbox.Promise(f"k-{words}", text(words))])

    def send(self) -> list[outbox.Outcome]:
        claimed, _ = self.sender.exchange([], 10)

        async def all_of_them() -> list[outbox.Outcome]:
            return [await self.sender.send(self.main, one) for one in claimed]

        done = asyncio.run(all_of_them())
        self.sender.exchange(done, 0)
        return done


@pytest.fixture
def post(database: Database, coast: int) -> Post:
    return Post(database)


def test_each_shop_answers_with_its_own_key(post: Post, coast: int) -> None:
    post.promise(1, "254700000001", "from main")
    post.promise(coast, "254700000002", "from the coast")
    assert [one.status for one in post.send()] == ["sent", "sent"]
    assert post.main.bodies() == ["from main"]
    assert post.ghalas[COAST_KEY].bodies() == ["from the coast"]


def test_a_refused_key_holds_up_its_own_shop_only(post: Post, coast: int) -> None:
    post.ghalas[COAST_KEY] = Ghala(answers=[refusal(401)])
    post.promise(coast, "254700000002", "from the coast")
    assert [one.status for one in post.send()] == ["waiting"]
    post.promise(1, "254700000001", "from main")
    assert [one.status for one in post.send()] == ["sent"]
    assert post.sender.room(0) == 256


def test_what_a_shop_without_credentials_says_waits_and_costs_no_attempt(post: Post, coast: int) -> None:
    with post.database.writing() as session:
        credentials.forget(session, coast)
    post.promise(coast, "254700000002", "hello")
    (done,) = post.send()
    assert (done.status, done.error, done.count_attempt) == ("waiting", NOT_CONNECTED, False)
    assert post.main.requests == []


def test_a_new_key_is_used_from_then_on(post: Post, coast: int) -> None:
    connect(post.database, coast, api_key="another-key")
    post.connections.look_again()
    post.promise(coast, "254700000002", "hello")
    post.send()
    assert list(post.ghalas) == ["another-key"]


def test_what_is_stored_shows_nothing_and_opens_for_its_shop_only(database: Database, coast: int) -> None:
    with database.reading() as session:
        row = session.get_one(ShopCredentials, coast)
        sealed, hints = row.sealed, credentials.hints(row)
    for secret in (COAST_KEY, COAST_SECRET, "hello-coast", "coast.example"):
        assert secret.encode() not in sealed
    assert {name: hint.ending for name, hint in hints.items()} == {
        "api_key": "st",
        "webhook_secret": "st",
        "verify_token": "st",
    }
    assert Seals([KEY]).open(coast, sealed)["api_key"] == COAST_KEY
    with pytest.raises(Unreadable):
        Seals([KEY]).open(coast + 1, sealed)
    with pytest.raises(Unreadable):
        Seals([KEY]).open(coast, sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_keys_are_changed_by_sealing_again(database: Database, coast: int) -> None:
    new = "another-long-key-of-tests"
    with database.writing() as session:
        assert credentials.seal_again(session, Seals([new, KEY])) == 1
    with database.reading() as session:
        sealed = session.get_one(ShopCredentials, coast).sealed
    assert Seals([new]).open(coast, sealed)["api_key"] == COAST_KEY
    with pytest.raises(Unreadable):
        Seals([KEY]).open(coast, sealed)


def test_with_another_key_the_shop_is_silent_rather_than_somebody_else(
    database: Database, coast: int
) -> None:
    other = Connections(database, Config(credentials_keys=("quite-another-long-key",)))
    assert other.of(coast) is None
    assert other.by_slug("coast") is None


def test_an_empty_secret_stays_what_it_was_and_a_new_address_asks_for_the_key(
    database: Database, coast: int
) -> None:
    kept = {"api_key": "", "webhook_secret": "", "verify_token": ""}
    connect(database, coast, **kept, dialect="v2")
    config = Connections(database, CONFIG).of(coast)
    assert config is not None
    assert (config.ghala_api_key, config.ghala_dialect) == (COAST_KEY, "v2")
    with pytest.raises(Unfit) as refused:
        connect(database, coast, **kept, api_url="https://elsewhere.example")
    assert list(refused.value.problems) == ["api_key"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"api_url": "ftp://x"}, "api_url"),
        ({"api_url": "http://plain.example"}, "api_url"),
        ({"dialect": "v9"}, "dialect"),
        ({"dialect": "cloud"}, "phone_number_id"),
        ({"signature_scheme": "none"}, "signature_scheme"),
        ({"webhook_secret": "short"}, "webhook_secret"),
        ({"api_key": "sp\nace"}, "api_key"),
    ],
)
def test_what_makes_no_connection_is_refused_by_field(
    database: Database, coast: int, wrong: dict[str, str], field: str
) -> None:
    with pytest.raises(Unfit) as refused:
        connect(database, coast, **wrong)
    assert field in refused.value.problems


def test_nothing_is_kept_without_a_key(database: Database, coast: int) -> None:
    with pytest.raises(NoKey):
        connect(database, coast, keys=(), **ENTERED)


def _payment(database: Database, now: Any, shop_id: int, slug: str, seed: int) -> int:
    with database.writing() as session:
        buyer = customer(session, shop_id)
        coffee = session.scalars(
            select(Product.id).where(Product.shop_id == shop_id, Product.sku == "COFFEE")
        ).one()
        order = placing.place(
            session,
            picture(session, shop_id, now()),
            buyer.id,
            [placing.Wanted(coffee, 2)],
            ADDRESS,
            refs=refs(seed),
            customer_name="Amina",
        )
        assert shops.find(session, slug) is not None
        return service.request(session, shop_id, order.ref, "mpesa", PHONE, refs=refs(seed + 40)).id
