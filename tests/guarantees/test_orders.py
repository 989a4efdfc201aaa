"""Guarantees about orders and stock: one confirmation one order, at the price shown, of goods that are there."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from sqlalchemy import select, update

from db import Database
from db.models import AuditEntry, MoneyEvent, Order, OrderLine, Product, Shop
from errors import OutOfStock
from payments import refunds, settling
from tests.guarantees.world import PASSWORD, World
from tests.shop import customer, open_shop, place

LOGIN = {"Authorization": "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()}


def test_guarantee_07_one_confirm_is_one_order(each_world: World) -> None:
    world = each_world
    world.says("hi")
    world.hears(world.button("product:3"))
    world.work()
    world.says("1")
    address = {"type": "text", "text": {"body": "123 Main St, Nairobi"}}
    taps = [world.message(address) for _ in range(2)]
    world.at_once(50, lambda n: world.post("/api/messages/incoming", taps[n % 2], delivery=f"tap{n % 2}"))
    ids = [row_id for _, row_id in world.due()]
    workers = [world.new_tasks().by_name()["advance"] for _ in range(4)]
    world.at_once(16, lambda n: workers[n % 4](ids[n % len(ids)]))
    world.work()
    assert world.count(Order) == 1
    assert world.basket() == (4, 1, 0)


def test_guarantee_07_the_same_cart_is_the_same_order_in_the_database_itself(database: Database, now) -> None:
    first = place(database, now(), [("BASKET", 1)], cart_version=3)
    assert place(database, now(), [("BASKET", 1)], cart_version=3, seed=9) == first


def test_guarantee_08_the_price_is_the_one_that_was_shown(world: World) -> None:
    world.says("hi")
    world.hears(world.button("product:1"))
    world.work()
    assert "KES 3,000" in world.says("2")[-1]
    with world.database.writing() as session:
        session.execute(update(Product).where(Product.sku == "COFFEE").values(price=160_000))
        session.execute(update(Shop).values(catalog_version=Shop.catalog_version + 1))
    said = world.says("123 Main St, Nairobi")
    assert world.count(Order) == 0, "nothing is ordered at a price nobody saw"
    assert "KES 3,200" in said[-1]
    ref = world.orders()
    with world.database.writing() as session:
        session.execute(update(Product).where(Product.sku == "COFFEE").values(price=999_900))
    with world.database.reading() as session:
        order = session.scalars(select(Order).where(Order.ref == ref)).one()
        lines = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).all()
    assert sum(line.unit_price * line.quantity for line in lines) == order.total
    assert {line.unit_price for line in lines} == {160_000}
    world.taps("pay:mpesa")
    assert world.ghala.orders["gh_1"]["amount"] * 100 == order.total


def test_guarantee_09_nothing_is_oversold(database: Database, now, each_pool: Any) -> None:
    with database.writing() as session:
        open_shop(session, stock=50)
        for buyer in range(160):
            customer(session, 1, f"25471100{buyer:04}")

    def buy(buyer: int) -> bool:
        try:
            place(database, now(), [("BASKET", 1)], wa_id=f"25471100{buyer:04}", seed=buyer)
        except OutOfStock:
            return False
        return True

    assert sum(each_pool(buy, range(160))) == 50
    with database.reading() as session:
        basket = session.scalars(select(Product).where(Product.sku == "BASKET")).one()
        assert (basket.available, basket.reserved) == (0, 50)


@pytest.fixture
def each_pool() -> Any:
    """Eight buyers at a time."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        yield lambda call, items: list(pool.map(call, items))


def test_guarantee_34_an_order_sent_ten_times_by_a_program_is_placed_once(each_world: World) -> None:
    world = each_world
    body = {"phoneNumber": "0722000111", "productId": "COFFEE", "quantity": 1, "deliveryAddress": "Main St"}

    def send(_: int) -> int:
        with world.web.test_client() as client:
            headers = LOGIN | {"Idempotency-Key": "order-1"}
            return client.post("/api/orders", json=body, headers=headers).status_code

    statuses = world.at_once(10, send)
    assert 201 in statuses
    assert set(statuses) <= {201, 409}
    assert world.count(Order) == 1


def test_guarantee_34_a_double_click_on_refund_is_one_refund_and_never_more_than_was_paid(
    each_world: World,
) -> None:
    world = each_world
    world.prompted()
    world.pays()
    world.work()
    ref = world.order().ref

    def click(number: int) -> str:
        try:
            with world.database.writing() as session:
                return refunds.request(
                    session,
                    1,
                    ref,
                    100_000,
                    "damaged",
                    actor="owner",
                    key=f"click-{number // 5}",
                    reference="BACK",
                ).status
        except refunds.RefundRefused as refused:
            return refused.code

    assert world.at_once(10, click) == ["manual"] * 10
    assert world.money() == [("payment", 300_000), ("refund", 100_000), ("refund", 100_000)]
    assert world.count(AuditEntry, AuditEntry.action == "refund_requested") == 2
    assert world.at_once(10, lambda number: click(100 + 5 * number)).count("manual") == 1
    assert sum(amount or 0 for kind, amount in world.money() if kind == "refund") == 300_000
    world.work()
    assert len([text for text in world.seen() if "sent KES 1,000 back" in text.replace("\u00a0", " ")]) == 3


def test_guarantee_34_ten_clicks_on_refund_in_the_console_are_one_refund(each_world: World) -> None:
    import re

    world = each_world
    world.prompted()
    world.pays()
    world.work()
    address = f"/admin/orders/{world.order().ref}/refund"
    with world.web.test_client() as client:
        page = client.get(address, headers=LOGIN).text
    form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page))
    assert {"csrf_token", "action_key"} <= set(form)
    form |= {"amount": "1,000", "reason": "damaged", "reference": "BACK", "password": PASSWORD}

    def click(_: int) -> int:
        with world.web.test_client() as client:
            answer = client.post(address, data=form, headers=LOGIN | {"Origin": "http://localhost"})
            return int(answer.status_code)

    assert world.at_once(10, click) == [303] * 10
    assert world.money() == [("payment", 300_000), ("refund", 100_000)]
    assert world.count(AuditEntry, AuditEntry.action == "refund_requested") == 1


def test_guarantee_34_a_finding_is_settled_once(each_world: World) -> None:
    world = each_world
    world.prompted()
    world.pays(amount=1)
    world.work()
    money = world.rows(MoneyEvent)[0]

    def settle(_: int) -> bool:
        try:
            with world.database.writing() as session:
                settling.settle(session, f"M{money.id}", "sent back", actor="owner")
        except settling.NothingToSettle:
            return False
        return True

    assert sum(world.at_once(10, settle)) == 1
    assert world.count(AuditEntry, AuditEntry.action == "settle") == 1


def test_guarantee_34_an_order_is_moved_once_however_often_the_button_is_pressed(world: World) -> None:
    import re

    ref = world.prompted()
    world.pays()
    world.work()
    with world.web.test_client() as client:
        page = client.get(f"/admin/orders/{ref}", headers=LOGIN).text
        found = re.search(r'name="([^"]*token[^"]*)" value="([^"]+)"', page)
        assert found, page[:2000]
        form = {found[1]: found[2], "status": "preparing"}
        origin = {"Origin": "http://localhost"}
        for _ in range(10):
            answer = client.post(f"/admin/orders/{ref}/move", data=form, headers=LOGIN | origin)
            assert answer.status_code in {303, 409}, answer.text
    assert world.order().status == "preparing"
    assert world.count(AuditEntry, AuditEntry.action == "order_moved") == 1
