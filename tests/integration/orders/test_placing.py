"""Placing an order: prices copied, stock held, one cart one order."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from catalog import shops
from db import Database
from db.models import Customer, Order, Product, StockReservation
from errors import OutOfStock
from orders import placing, reading, totals
from orders.order import Delivery
from tests.shop import ADDRESS, customer, open_shop, picture, place, product, refs


def test_an_order_copies_names_and_prices_and_has_a_reference_to_quote(database: Database, now) -> None:
    order = place(database, now(), [("COFFEE", 2), ("HONEY", 1)])
    assert order.ref.startswith("ORD-")
    assert len(order.ref) == 10
    assert [(line.name, line.quantity, line.unit_price) for line in order.lines] == [
        ("Premium Coffee Beans 1kg", 2, 150_000),
        ("Organic Honey 500g", 1, 80_000),
    ]
    assert (order.subtotal, order.total, order.currency) == (380_000, 380_000, "KES")
    assert (order.status, order.payment_status) == ("pending_payment", "unpaid")
    assert order.delivery == ADDRESS
    assert (order.hold_until - order.placed_at).total_seconds() == 1800


def test_a_later_price_change_leaves_the_order_as_it_was(database: Database, now) -> None:
    order = place(database, now())
    with database.writing() as session:
        product(session, "COFFEE").price = 999_900
    with database.reading() as session:
        shop = shops.find(session, "main")
        assert shop is not None
        assert reading.order(session, shop.id, order.ref) == order


def test_counted_stock_is_held_and_what_is_not_counted_is_not(database: Database, now) -> None:
    place(database, now(), [("BASKET", 3), ("COFFEE", 900)])
    with database.reading() as session:
        basket = product(session, "BASKET")
        assert (basket.available, basket.reserved, basket.sold) == (2, 3, 0)
        assert product(session, "COFFEE").available is None
        held = session.scalars(select(StockReservation)).all()
        assert [(r.product_id, r.quantity, r.status) for r in held] == [(basket.id, 3, "held")]


def test_more_than_there_is_takes_nothing_and_says_what_is_left(database: Database, now) -> None:
    with database.writing() as session:
        open_shop(session)
    with pytest.raises(OutOfStock) as refusal:
        place(database, now(), [("COFFEE", 1), ("BASKET", 6)])
    assert refusal.value.available == 5
    with database.reading() as session:
        assert product(session, "BASKET").available == 5
        assert session.scalar(select(func.count()).select_from(Order)) == 0


def test_the_same_cart_placed_twice_is_one_order(database: Database, now) -> None:
    first = place(database, now(), [("BASKET", 1)], cart_version=1)
    second = place(database, now(), [("BASKET", 1)], cart_version=1, seed=2)
    assert second == first
    with database.reading() as session:
        assert product(session, "BASKET").available == 4


@pytest.mark.parametrize("change", [{"price": 160_000}, {"active": False}])
def test_a_changed_or_withdrawn_product_is_refused_at_the_price_shown(
    database: Database, now, change
) -> None:
    with database.writing() as session:
        shop = open_shop(session)
        buyer = customer(session, shop.id)
        seen = picture(session, shop.id, now())
        coffee = product(session, "COFFEE")
        for name, value in change.items():
            setattr(coffee, name, value)
        session.flush()
        expected = placing.PriceChanged if "price" in change else placing.ProductUnavailable
        with pytest.raises(expected):
            placing.place(
                session, seen, buyer.id, [placing.Wanted(coffee.id, 1, 150_000)], ADDRESS, refs=refs()
            )


@pytest.mark.parametrize("quantity", [0, -1, 1000, 10**9])
def test_impossible_quantities_are_refused(database: Database, now, quantity) -> None:
    with pytest.raises(placing.NothingToOrder):
        place(database, now(), [("COFFEE", quantity)])


def test_a_reference_that_is_taken_is_drawn_again(database: Database, now) -> None:
    first = place(database, now(), seed=7)
    second = place(database, now(), seed=7)
    assert first.ref != second.ref


def test_orders_and_customers_are_counted_as_they_happen(database: Database, now) -> None:
    place(database, now(), cart_version=1)
    place(database, now(), wa_id="255712000111", seed=2)
    with database.reading() as session:
        shop = shops.find(session, "main")
        assert shop is not None
        counted = totals.between(session, shop.id)
        assert (counted.customers, counted.orders_placed, counted.orders_pending) == (2, 2, 2)
        assert session.scalars(select(Customer.orders_placed)).all() == [1, 1]


def test_a_zone_adds_its_fee(database: Database, now) -> None:
    from catalog.snapshot import ZoneView

    with database.writing() as session:
        shop = open_shop(session)
        seen = replace(picture(session, shop.id, now()), zones=(ZoneView(9, {"en": "CBD"}, 20_000),))
        order = placing.place(
            session,
            seen,
            customer(session, shop.id).id,
            [placing.Wanted(product(session, "COFFEE").id, 1)],
            Delivery("address", "CBD", zone_id=9),
            refs=refs(),
        )
    assert (order.delivery_fee, order.total) == (20_000, 170_000)


def test_many_buyers_of_the_last_pieces_never_oversell(database: Database, now) -> None:
    with database.writing() as session:
        open_shop(session, stock=10)
        for buyer in range(40):
            customer(session, 1, f"25471100{buyer:04}")

    def buy(buyer: int) -> bool:
        try:
            place(database, now(), [("BASKET", 1)], wa_id=f"25471100{buyer:04}", seed=buyer)
        except OutOfStock:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        bought = sum(pool.map(buy, range(40)))
    with database.reading() as session:
        basket = session.scalars(select(Product).where(Product.sku == "BASKET")).one()
        assert bought == 10
        assert (basket.available, basket.reserved) == (0, 10)
