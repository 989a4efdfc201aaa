"""Every gateway's money, from its proof to the books: once, whole, and only when it is proven."""

from __future__ import annotations

from typing import Any

import pytest
import responses
from flask import Flask
from sqlalchemy import func, select

from admin import problems
from db import Database
from db.models import InboxEvent, MoneyEvent, Order, OutboxMessage
from ghala.signatures import Verifier, sign
from payments import gateways, receiving, service, webhook
from payments.desk import PaymentDesk
from payments.service import PaymentRefusal
from tests.contract.gateways.players import CONFIG, HEARD, PLAYERS, SECRET, Player
from tests.shop import PHONE, place, refs
from tests.till import Bells

SCHEME = CONFIG.ghala_signature_scheme
each = pytest.mark.parametrize("player", PLAYERS, ids=lambda player: player.name)
heard = pytest.mark.parametrize("player", HEARD, ids=lambda player: player.name)


class Counter:
    """A shop with one order for KES 3,000, its web process for webhooks, and its desk."""

    def __init__(self, database: Database, now: Any) -> None:
        self.database = database
        self.now = now
        self.bells = Bells()
        self.desk = PaymentDesk(database, gateways.build(CONFIG), self.bells)
        self.order = place(database, now(), [("COFFEE", 2)])
        app = Flask("counter")
        verifier = Verifier(SCHEME, (SECRET.encode(),))
        app.register_blueprint(webhook.blueprint(database, self.bells, lambda _: (1, verifier), now.time))
        problems.init(app)
        self.http = app.test_client()

    def started(self, player: Player) -> int:
        with self.database.writing() as session:
            payment_id = service.request(session, 1, self.order.ref, player.method, PHONE, refs=refs(9)).id
        with responses.RequestsMock() as wire:
            if player.start is not None:
                player.answers(wire, "start", body=player.payload("answer-started"))
            self.desk.start(payment_id)
        return payment_id

    def hears(self, player: Player, raw: bytes, *, tampered: bytes | None = None) -> int:
        headers = sign(SCHEME, SECRET.encode(), raw, int(self.now.time()))
        answer = self.http.post(
            f"/api/webhooks/{player.name}",
            data=tampered or raw,
            headers=headers,
            content_type="application/json",
        )
        for kind, event_id in self.bells.rung:
            if kind == "payment":
                self.desk.process(event_id)
        return answer.status_code

    def pays(self, player: Player) -> None:
        """The money arrives in the way this gateway tells of it."""
        if player in HEARD:
            assert self.hears(player, player.payload("webhook-paid")) == 200
            return
        with self.database.writing() as session:
            receiving.record(session, 1, self.order.ref, 300_000, actor="owner", refs=refs(8), key="click-1")

    def books(self) -> list[tuple[str, int | None, str]]:
        with self.database.reading() as session:
            rows = session.scalars(select(MoneyEvent).order_by(MoneyEvent.id))
            return [(row.kind, row.amount, row.gateway) for row in rows]

    def order_status(self) -> tuple[str, str]:
        with self.database.reading() as session:
            row = session.scalars(select(Order)).one()
            return row.status, row.payment_status

    def count(self, model: Any, *where: Any) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(model).where(*where)) or 0


@pytest.fixture
def counter(database: Database, now) -> Counter:
    return Counter(database, now)


@each
def test_money_that_is_proven_is_booked_and_its_customer_hears_of_it(player, counter) -> None:
    counter.started(player)
    counter.pays(player)
    assert counter.books() == [("payment", 300_000, player.name)]
    assert counter.order_status() == ("paid", "paid")
    assert counter.count(InboxEvent, InboxEvent.external_id == f"PaymentSucceeded:{counter.order.ref}") == 1
    assert counter.count(OutboxMessage) == 0, "only the conversation speaks"


@each
def test_the_same_proof_again_has_no_effect(player, counter) -> None:
    counter.started(player)
    for _ in range(3):
        counter.pays(player)
    assert counter.books() == [("payment", 300_000, player.name)]


@each
def test_while_a_payment_is_open_and_after_it_is_paid_no_second_one_begins(player, counter) -> None:
    counter.started(player)
    counter.pays(player)
    with pytest.raises(PaymentRefusal):
        counter.started(player)


@heard
def test_a_declined_payment_pays_nothing_and_may_be_tried_again(player, counter) -> None:
    counter.started(player)
    assert counter.hears(player, player.payload("webhook-declined")) == 200
    assert counter.books() == []
    assert counter.order_status() == ("pending_payment", "failed")


@heard
def test_a_tampered_webhook_is_refused_and_stored_nowhere(player, counter) -> None:
    counter.started(player)
    raw = player.payload("webhook-paid")
    assert counter.hears(player, raw, tampered=raw.replace(b"3000", b"3001")) == 401
    assert counter.count(InboxEvent) == 0


@heard
@pytest.mark.parametrize(
    ("written", "instead", "reason"),
    [
        (b"3000", b"2999", "wrong_amount"),
        (b"3000", b"300000", "wrong_amount"),
        (b"3000", b"true", "no_amount"),
        (b"KES", b"TZS", "wrong_currency"),
    ],
)
def test_another_amount_or_currency_pays_nothing_and_is_kept(
    player, counter, written, instead, reason
) -> None:
    counter.started(player)
    assert counter.hears(player, player.payload("webhook-paid").replace(written, instead)) == 200
    assert counter.order_status() == ("pending_payment", "pending")
    with counter.database.reading() as session:
        kept = session.scalars(select(MoneyEvent)).one()
    assert (kept.kind, kept.reason, kept.gateway) == ("unmatched", reason, player.name)


@heard
def test_a_webhook_at_an_address_no_gateway_has_is_not_found(player, counter) -> None:
    raw = player.payload("webhook-paid")
    answer = counter.http.post(
        "/api/webhooks/cash", data=raw, headers=sign(SCHEME, SECRET.encode(), raw, int(counter.now.time()))
    )
    assert answer.status_code == 404


@pytest.mark.parametrize("amount", [299_999, 300_001, 0, -300_000])
def test_cash_of_another_amount_is_not_recorded(counter, amount) -> None:
    with pytest.raises(receiving.NotReceivable), counter.database.writing() as session:
        receiving.record(session, 1, counter.order.ref, amount, actor="owner", refs=refs(8))
    assert counter.books() == []


def test_what_machines_tell_of_is_not_recorded_by_hand(counter) -> None:
    with pytest.raises(receiving.NotReceivable), counter.database.writing() as session:
        receiving.record(session, 1, counter.order.ref, 300_000, actor="owner", refs=refs(8), method="mpesa")
