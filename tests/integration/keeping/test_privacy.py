"""A person is shown all that is known of them, and is forgotten while the books stay true."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import select

from bot.copies import ConversationCopies
from catalog import stock_waits
from db import Database, inbox
from db.models import (
    AuditEntry,
    Customer,
    InboxEvent,
    Order,
    OutboxMessage,
    Promotion,
    PromotionUse,
    StockWait,
)
from keeping import privacy
from keeping.privacy import StillNeeded, UnknownCustomer
from orders import promotions, totals
from orders import service as orders
from tests.integration.keeping.conftest import DAY, Shop, broken_promises, everything
from tests.shop import PHONE, WA_ID, open_shop, product

NEIGHBOUR = "254722000999"


@pytest.fixture
def delivered(shop: Shop) -> Shop:
    """Amina bought, paid, and has her coffee."""
    ref = shop.buys()
    shop.pays()
    shop.send()
    arrives(shop.database, "payment", {"phone": "0711222333", "order": ref})
    arrives(shop.database, "status", {"recipient_id": WA_ID, "id": "wamid.out1"})
    with shop.database.writing() as session:
        orders.move(session, 1, ref, "delivered")
    return shop


def arrives(database: Database, kind: str, data: dict[str, Any]) -> int:
    event = inbox.NewEvent(kind, f"x{kind}{len(data)}", json.dumps(data).encode())
    with database.writing() as session:
        ((event_id, _),) = inbox.record(session, 1, "test:main", [event])
        inbox.finish(session, [event_id])
    return event_id


def person(database: Database, who: str = WA_ID) -> Customer:
    with database.reading() as session:
        return privacy.find(session, 1, who)


@pytest.mark.parametrize("who", [WA_ID, PHONE, "+254 711 222 333", "#1"])
def test_a_customer_is_found_by_chat_number_phone_or_id(delivered: Shop, who: str) -> None:
    assert person(delivered.database, who).id == 1


@pytest.mark.parametrize("who", ["254799999999", "#99", "", "Amina", "'; --"])
def test_nobody_is_found_by_anything_else(delivered: Shop, who: str) -> None:
    with pytest.raises(UnknownCustomer):
        person(delivered.database, who)


def test_the_export_holds_everything_about_one_customer_and_nothing_of_others(delivered: Shop) -> None:
    delivered.says("Hello from the neighbour", sender=NEIGHBOUR)
    with delivered.database.reading() as session:
        known = privacy.export(session, privacy.find(session, 1, WA_ID))
    text = json.dumps(known)
    assert known["customer"]["phone"] == PHONE
    assert known["orders"][0]["total"] == known["payments"][0]["amount"] == 300_000
    assert known["order_lines"][0]["sku"] == "COFFEE"
    assert known["money_events"][0]["kind"] == "payment"
    assert "2 coffee" in json.dumps(known["messages_received"][0]["message"])
    assert any("RECEIPT" in json.dumps(one["message"]) for one in known["messages_sent"])
    assert known["conversation"]["data"]["name"] == "Amina"
    assert NEIGHBOUR not in text
    assert "neighbour" not in text


def test_an_erased_person_is_nowhere_in_the_database(delivered: Shop) -> None:
    assert all(word in everything(delivered.database) for word in (WA_ID, "Amina", "Main St", "711222333"))
    erased = privacy.erase(delivered.database, 1)
    left = everything(delivered.database)
    for word in (WA_ID, "711222333", "Amina", "Main St", "wamid.out"):
        assert word not in left, word
    assert (erased.orders, erased.events) == (1, 5)


def test_what_a_person_waits_for_and_the_discounts_they_used_are_theirs_to_see(delivered: Shop) -> None:
    with delivered.database.writing() as session:
        basket = product(session, "BASKET").id
        stock_waits.wait(session, 1, basket, 1)
        promotion = Promotion(shop_id=1, titles={"en": "T"}, terms={"en": "T"}, kind="percent", value=10)
        session.add(promotion)
        session.flush()
        order = session.scalars(select(Order)).one()
        promotions.use(session, order, promotion.id)
    with delivered.database.reading() as session:
        known = privacy.export(session, session.get_one(Customer, 1))
    assert [row["product_id"] for row in known["stock_waits"]] == [basket]
    assert [row["promotion_id"] for row in known["promotion_uses"]] == [promotion.id]


def test_who_is_forgotten_waits_for_nothing_and_their_discounts_stay_counted(delivered: Shop) -> None:
    with delivered.database.writing() as session:
        stock_waits.wait(session, 1, product(session, "BASKET").id, 1)
        promotion = Promotion(
            shop_id=1, titles={"en": "T"}, terms={"en": "T"}, kind="percent", value=10, max_uses=5
        )
        session.add(promotion)
        session.flush()
        promotions.use(session, session.scalars(select(Order)).one(), promotion.id)
    privacy.erase(delivered.database, 1)
    assert delivered.rows(StockWait) == []
    assert [(row.customer_id, row.status) for row in delivered.rows(PromotionUse)] == [(1, "used")]


def test_erasing_keeps_the_ledger_to_the_shilling(delivered: Shop) -> None:
    def books() -> Any:
        with delivered.database.reading() as session:
            order = session.scalars(select(Order)).one()
            return order.total, order.status, asdict(totals.between(session, 1))

    before, payment = books(), delivered.payment()
    privacy.erase(delivered.database, 1)
    assert books() == before
    assert broken_promises(delivered.database) == []
    after = delivered.payment()
    assert (after.amount, after.transaction_ref, after.key) == (
        payment.amount,
        payment.transaction_ref,
        payment.key,
    )
    assert after.phone is None


def test_erasing_is_noted_without_naming_the_person(delivered: Shop) -> None:
    privacy.erase(delivered.database, 1, actor="asha")
    with delivered.database.reading() as session:
        note = session.scalars(select(AuditEntry).where(AuditEntry.action == "customer_erased")).one()
    assert (note.actor, note.subject) == ("asha", "customer 1")
    assert note.after == {"orders": 1, "messages": note.after["messages"], "events": 5, "forced": False}


def test_others_keep_their_words(delivered: Shop) -> None:
    delivered.says("Hello from the neighbour", sender=NEIGHBOUR)
    privacy.erase(delivered.database, 1)
    left = everything(delivered.database)
    assert NEIGHBOUR in left
    assert "Hello from the neighbour" in left


def test_a_person_who_writes_again_is_new(delivered: Shop) -> None:
    privacy.erase(delivered.database, 1)
    delivered.worker.advance(delivered.hears("Hi"))
    assert "Hello" in delivered.promised()[-1].message["body"]
    people = delivered.rows(Customer)
    assert [one.identity == WA_ID for one in people] == [False, True]
    assert people[0].identity.startswith("erased:")


def test_a_repeat_of_a_message_of_last_week_is_still_a_repeat(delivered: Shop) -> None:
    privacy.erase(delivered.database, 1)
    with delivered.database.writing() as session:
        again = inbox.NewEvent("message", "again", b"{}", own_id="wamid.1", customer_key=WA_ID)
        assert inbox.record(session, 1, "messages:main", [again]) == []


def test_messages_too_old_to_come_again_are_deleted(delivered: Shop, now: Any) -> None:
    now.advance(8 * DAY)
    privacy.erase(delivered.database, 1)
    assert [row for row in delivered.rows(InboxEvent) if row.kind == "message"] == []


def test_two_erased_people_have_nothing_in_common(delivered: Shop) -> None:
    delivered.says("Hi", sender=NEIGHBOUR)
    privacy.erase(delivered.database, 1)
    privacy.erase(delivered.database, 2)
    first, second = (row.identity for row in delivered.rows(Customer))
    assert first != second


def test_an_erased_customer_cannot_be_erased_or_found_again(delivered: Shop) -> None:
    privacy.erase(delivered.database, 1)
    for again in (lambda: privacy.erase(delivered.database, 1), lambda: person(delivered.database, "#1")):
        with pytest.raises(UnknownCustomer):
            again()


def test_an_open_order_keeps_its_customer(shop: Shop) -> None:
    ref = shop.buys()
    before = everything(shop.database)
    with pytest.raises(StillNeeded) as refusal:
        privacy.erase(shop.database, 1)
    assert refusal.value.reasons[0] == f"Order {ref} is open and unpaid."
    assert "is under way" in refusal.value.reasons[1]
    assert everything(shop.database) == before


def test_a_paid_order_not_delivered_keeps_its_customer(shop: Shop) -> None:
    ref = shop.buys()
    shop.pays()
    with pytest.raises(StillNeeded, match=f"Order {ref} is paid and not delivered"):
        privacy.erase(shop.database, 1)


def test_who_insists_erases_all_the_same_and_the_money_still_finds_its_order(shop: Shop) -> None:
    shop.buys()
    privacy.erase(shop.database, 1, forced=True)
    event = shop.worker.take_money()
    shop.worker.advance(event)
    shop.send()
    assert shop.order().status == "paid"
    assert broken_promises(shop.database) == []
    assert [row.status for row in shop.rows(OutboxMessage)][-1] == "dead"
    assert all("erased" not in str(request.json) for request in shop.post.taken)


def test_what_waits_for_the_person_is_not_sent(delivered: Shop) -> None:
    delivered.says("products")
    privacy.erase(delivered.database, 1)
    assert delivered.send() == 0


def test_a_worker_that_held_the_conversation_cannot_bring_the_person_back(delivered: Shop) -> None:
    (claim,) = delivered.worker.shell.claim([delivered.hears("My name is Amina")])
    privacy.erase(delivered.database, 1)
    assert delivered.worker.shell.work(claim) is None
    assert "Amina" not in everything(delivered.database)


def test_the_copy_in_redis_goes_too(delivered: Shop) -> None:
    copies = ConversationCopies(delivered.worker.link)
    version = delivered.conversation().version
    assert copies.get(1, version) is not None
    privacy.erase(delivered.database, 1, drop_copy=copies.drop)
    assert copies.get(1, version) is None


def test_another_shops_customer_with_the_same_number_stays(delivered: Shop) -> None:
    with delivered.database.writing() as session:
        other = open_shop(session, slug="other")
        from tests.shop import customer

        customer(session, other.id)
    privacy.erase(delivered.database, 1)
    assert person_of(delivered.database, 2) == [WA_ID]


def person_of(database: Database, shop_id: int) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Customer.identity).where(Customer.shop_id == shop_id)))
