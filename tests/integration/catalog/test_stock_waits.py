"""Who waits for a product hears once that it is there again."""

from __future__ import annotations

import orjson
import pytest
from sqlalchemy import select, update

from catalog import stock_waits
from db import Database, clock
from db.models import Customer, InboxEvent, Product, StockWait
from orders import service as orders
from tests.shop import customer, open_shop, place, product


@pytest.fixture
def basket(database: Database) -> int:
    """Sold-out baskets, and two who wait for one."""
    with database.writing() as session:
        shop = open_shop(session, stock=0)
        basket = product(session, "BASKET").id
        for wa_id in ("254711222333", "254711222444"):
            assert stock_waits.wait(session, shop.id, basket, customer(session, shop.id, wa_id).id)
    return basket


def restock(database: Database, basket: int, pieces: int | None) -> None:
    with database.writing() as session:
        session.execute(update(Product).where(Product.id == basket).values(available=pieces))


def told(database: Database) -> list[tuple[str, int]]:
    with database.reading() as session:
        rows = session.scalars(
            select(InboxEvent).where(InboxEvent.kind == "internal").order_by(InboxEvent.id)
        )
        return [(row.customer_key or "", orjson.loads(row.raw)["product_id"]) for row in rows]


def sweep(database: Database) -> None:
    with database.reading() as session:
        due = stock_waits.due(session)
    for product_id in due:
        with database.writing() as session:
            stock_waits.tell(session, product_id)


@pytest.mark.parametrize("pieces", [3, None])
def test_everybody_who_waits_is_told_once(database: Database, basket: int, pieces: int | None) -> None:
    sweep(database)
    assert told(database) == []
    restock(database, basket, pieces)
    sweep(database)
    sweep(database)
    assert told(database) == [("254711222333", basket), ("254711222444", basket)]
    with database.reading() as session:
        assert session.scalars(select(StockWait)).all() == []
        assert stock_waits.due(session) == []


def test_asking_twice_is_asking_once_and_asking_again_later_is_asking_anew(
    database: Database, basket: int, now
) -> None:
    with database.writing() as session:
        stock_waits.wait(session, 1, basket, 1)
    restock(database, basket, 1)
    sweep(database)
    restock(database, basket, 0)
    now.advance(60)
    with database.writing() as session:
        stock_waits.wait(session, 1, basket, 1)
    restock(database, basket, 1)
    sweep(database)
    assert [who for who, _ in told(database)].count("254711222333") == 2


@pytest.mark.parametrize("silence", ["stopped_at", "blocked_at"])
def test_who_said_stop_is_not_told(database: Database, basket: int, silence: str) -> None:
    with database.writing() as session:
        session.execute(
            update(Customer).where(Customer.identity == "254711222333").values({silence: clock()})
        )
    restock(database, basket, 2)
    sweep(database)
    assert told(database) == [("254711222444", basket)]


def test_more_than_fit_into_one_transaction_are_told_in_turn(database: Database, basket: int) -> None:
    restock(database, basket, 2)
    with database.writing() as session:
        assert len(stock_waits.tell(session, basket, most=1)) == 1
    with database.reading() as session:
        assert stock_waits.due(session) == [basket]
    sweep(database)
    assert len(told(database)) == 2


def test_an_order_that_is_let_go_frees_what_others_wait_for(database: Database, basket: int, now) -> None:
    restock(database, basket, 1)
    with database.writing() as session:
        session.execute(update(Product).values(waited_at=None))
    order = place(database, now(), [("BASKET", 1)], wa_id="254711222555")
    with database.writing() as session:
        session.execute(update(Product).where(Product.id == basket).values(waited_at=clock()))
    sweep(database)
    assert told(database) == []
    with database.writing() as session:
        orders.cancel(session, 1, order.ref)
    sweep(database)
    assert len(told(database)) == 2


def test_a_product_of_another_shop_cannot_be_waited_for(database: Database, basket: int) -> None:
    with database.writing() as session:
        assert not stock_waits.wait(session, 2, basket, 1)
