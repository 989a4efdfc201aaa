"""What the owner is told on WhatsApp, each once, and what their answer does."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from admin import finding, queries
from bot import owner
from db.models import AuditEntry, Customer, MoneyEvent, Order, OutboxMessage, Product, Shop
from db.types import clock
from keeping import privacy
from orders import totals
from tests.factories import Seed
from tests.integration.bot.conftest import Chat
from tests.shop import WA_ID

OWNER = "254733000111"


@pytest.fixture
def chat(database, now, redis_url) -> Chat:
    chat = Chat(database, now, redis_url)
    with database.writing() as session:
        owner.appoint(session, 1, [f"+{OWNER}"])
    return chat


def buys(chat: Chat) -> str:
    """A customer orders and pays; the order's reference."""
    ref = chat.orders()
    chat.answer("1")
    if not any(name == "start" for name, _ in chat.worker.bell.rung):
        chat.answer("yes")
    chat.worker.advance(chat.worker.take_money())
    chat.answers()
    return ref


def told(chat: Chat) -> list[str]:
    """What the owner was promised."""
    with chat.database.reading() as session:
        rows = session.scalars(
            select(OutboxMessage)
            .join(Customer, Customer.id == OutboxMessage.customer_id)
            .where(Customer.identity == OWNER)
            .order_by(OutboxMessage.id)
        )
        return [row.message["body"].replace("\u00a0", " ") for row in rows]


def wishes(chat: Chat, **changes: object) -> None:
    with chat.database.writing() as session:
        shop = session.get_one(Shop, 1)
        shop.settings = {"owner": owner.wishes(shop) | changes}


def tell(chat: Chat) -> int:
    with chat.database.writing() as session:
        return owner.tell(session, 1)


def status(chat: Chat) -> str:
    with chat.database.reading() as session:
        return session.scalars(select(Order.status)).one()


def test_a_paid_order_is_told_to_the_owner_once_with_a_template_for_later(chat: Chat) -> None:
    ref = buys(chat)
    (said,) = told(chat)
    assert ref in said
    assert "KES 3,000" in said
    assert "2 \u00d7 Premium Coffee Beans 1kg" in said
    row = next(row for row in chat.promised() if (row.unique_key or "").startswith(f"owner:paid:{ref}"))
    assert row.fallback["name"] == "owner_order_paid"


def test_one_confirms_the_order_and_the_customer_hears_once(chat: Chat) -> None:
    ref = buys(chat)
    assert "is being prepared" in chat.says("1", sender=OWNER)[0]
    assert status(chat) == "preparing"
    chat.worker.advance(chat.worker.bell.last("internal"))
    (news,) = chat.answers()
    assert ref in news
    assert chat.says("1", sender=OWNER) == ["No paid order waits to be confirmed."]
    entries = [row for row in chat.rows(AuditEntry) if row.action == "order_moved"]
    assert [(row.actor, row.subject, row.after) for row in entries] == [
        ("owner", ref, {"status": "preparing"})
    ]


def test_of_two_orders_the_quoted_one_is_confirmed(chat: Chat) -> None:
    first = buys(chat)
    chat.now.advance(60)
    second = buys(chat)
    with chat.database.writing() as session:
        session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.unique_key.startswith(f"owner:paid:{first}"))
            .values(provider_id="wamid.told")
        )
    heard = chat.hears("1", sender=OWNER, raw={"context": {"id": "wamid.told"}})
    chat.worker.advance(heard)
    with chat.database.reading() as session:
        found = {row.ref: row.status for row in session.execute(select(Order.ref, Order.status))}
    assert found == {first: "preparing", second: "paid"}


def test_whatever_else_an_owner_writes_is_no_shopping(chat: Chat) -> None:
    (said,) = chat.says("2 coffee", sender=OWNER)
    assert "This number gets the shop's messages" in said
    assert chat.rows(Order) == []


def test_an_owner_who_has_ordered_before_shops_as_anybody(chat: Chat) -> None:
    with chat.database.writing() as session:
        session.execute(update(Customer).where(Customer.identity == OWNER).values(orders_placed=1))
    (said,) = chat.says("2 coffee", sender=OWNER)
    assert "This number gets" not in said


def test_one_of_a_customer_confirms_nothing(chat: Chat) -> None:
    buys(chat)
    chat.says("1")
    assert status(chat) == "paid"


def test_nobody_is_told_what_they_do_not_wish_to_hear(chat: Chat) -> None:
    wishes(chat, paid=False, needs=False, summary=False)
    buys(chat)
    with chat.database.writing() as session:
        session.execute(update(Product).where(Product.sku == "BASKET").values(available=1))
    chat.now.advance(13 * 3600)
    tell(chat)
    assert told(chat) == []


def test_what_needs_a_person_is_told_once_and_again_only_when_there_is_more(chat: Chat) -> None:
    wishes(chat, summary=False)
    with chat.database.writing() as session:
        shop = session.get_one(Shop, 1)
        session.execute(update(Product).where(Product.sku == "BASKET").values(available=1))
        Seed(session, chat.now()).money(shop)
    assert tell(chat) == 1
    chat.now.advance(60)
    assert tell(chat) == 0
    with chat.database.writing() as session:
        Seed(session, chat.now(), seed=2).money(session.get_one(Shop, 1), transaction_ref="OTHER")
    chat.now.advance(60)
    assert tell(chat) == 1
    first, second = told(chat)
    assert "money without an order or to give back: 1" in first
    assert "nearly sold out: 1" in first
    assert "nearly sold out" not in second


def test_two_workers_who_look_at_once_tell_once(chat: Chat) -> None:
    with chat.database.writing() as session:
        session.execute(update(Product).where(Product.sku == "BASKET").values(available=1))
    assert [tell(chat), tell(chat)] == [1, 0]


def test_the_day_is_told_at_its_hour_once_and_agrees_with_the_books(chat: Chat) -> None:
    wishes(chat, needs=False, paid=False)
    buys(chat)
    tell(chat)
    assert told(chat) == []
    chat.now.advance(8 * 3600)  # 20:07 in Nairobi
    assert tell(chat) == 1
    chat.now.advance(1800)
    assert tell(chat) == 0
    (said,) = told(chat)
    assert "Orders: 1, paid: 1" in said
    assert "Taken: KES 3,000, by M-Pesa KES 3,000" in said
    assert "Difference to the books: KES 0" in said


def test_money_that_was_counted_but_not_booked_is_the_difference(chat: Chat) -> None:
    wishes(chat, needs=False, paid=False)
    buys(chat)
    with chat.database.writing() as session:
        session.execute(update(MoneyEvent).values(amount=MoneyEvent.amount - 50_000))
    chat.now.advance(8 * 3600)
    tell(chat)
    assert "Difference to the books: KES 500" in told(chat)[0]


def test_only_the_numbers_named_last_are_the_owners(chat: Chat) -> None:
    with chat.database.writing() as session:
        owner.appoint(session, 1, ["+254733000222"])
    with chat.database.reading() as session:
        assert [row.identity for row in owner.of_shop(session, 1)] == ["254733000222"]
        assert owner.to_tell(session) == [1]
        assert session.scalar(
            select(Customer.owner_since <= clock()).where(Customer.identity == "254733000222")
        )


def counted(chat: Chat) -> int:
    with chat.database.reading() as session:
        return totals.between(session, 1).customers


def listed(chat: Chat) -> list[str]:
    with chat.database.reading() as session:
        return [row.phone or "" for row in queries.customers_page(session, 1).rows]


def test_an_owner_is_neither_listed_nor_counted_as_a_customer(chat: Chat) -> None:
    buys(chat)
    assert (listed(chat), counted(chat)) == ([f"+{WA_ID}"], 1)
    for _ in range(2):
        with chat.database.writing() as session:
            owner.appoint(session, 1, [f"+{OWNER}", f"+{WA_ID}"])
        assert (listed(chat), counted(chat)) == ([], 0)
    with chat.database.writing() as session:
        owner.appoint(session, 1, [f"+{OWNER}"])
    assert (listed(chat), counted(chat)) == ([f"+{WA_ID}"], 1)


def test_an_owner_is_still_found_by_name_or_number(chat: Chat) -> None:
    with chat.database.reading() as session:
        (row,) = finding.customers(session, 1, OWNER[-9:]).rows
    assert row.owner


def test_an_owner_who_is_erased_is_none_any_more_and_hears_nothing(chat: Chat) -> None:
    with chat.database.reading() as session:
        (person,) = owner.of_shop(session, 1)
    privacy.erase(chat.database, person.id)
    with chat.database.reading() as session:
        assert owner.of_shop(session, 1) == []
        assert owner.to_tell(session) == []
    assert counted(chat) == 1
    buys(chat)
    assert told(chat) == []
