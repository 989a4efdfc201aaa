"""Orders after placing: cancelled, expired, moved along; stock and counts follow."""

import pytest
from sqlalchemy import select, update

from db import Database, inbox
from db.models import Order, Payment
from errors import IllegalMove
from orders import reading, service, totals
from payments import service as payments
from payments.gateways.base import Started
from tests.shop import PHONE, place, product, refs


def expire_all(database: Database) -> list[bool]:
    with database.writing() as session:
        return [service.expire(session, order_id) is not None for order_id in service.due_to_expire(session)]


def status(database: Database, ref: str) -> str:
    with database.reading() as session:
        order = reading.order(session, 1, ref)
        assert order is not None
        return order.status


def test_cancelling_releases_the_stock(database: Database, now) -> None:
    order = place(database, now(), [("BASKET", 2)])
    with database.writing() as session:
        service.cancel(session, 1, order.ref)
    with database.reading() as session:
        assert product(session, "BASKET").available == 5
        assert product(session, "BASKET").reserved == 0
        assert totals.between(session, 1).orders_pending == 0
    assert status(database, order.ref) == "cancelled"


def test_an_order_is_cancelled_once(database: Database, now) -> None:
    order = place(database, now())
    with database.writing() as session:
        service.cancel(session, 1, order.ref)
    with pytest.raises(IllegalMove), database.writing() as session:
        service.cancel(session, 1, order.ref)


def test_another_customers_order_is_unknown(database: Database, now) -> None:
    order = place(database, now())
    with pytest.raises(service.UnknownOrder), database.writing() as session:
        service.cancel(session, 1, order.ref, customer_id=999)


def test_an_unpaid_order_expires_after_its_hold_and_releases_its_stock(database: Database, now) -> None:
    order = place(database, now(), [("BASKET", 2)])
    now.advance(1799)
    assert expire_all(database) == []
    now.advance(2)
    assert expire_all(database) == [True]
    assert status(database, order.ref) == "expired"
    with database.reading() as session:
        assert product(session, "BASKET").available == 5


def test_an_order_does_not_expire_while_a_payment_is_open(database: Database, now) -> None:
    order = place(database, now())
    with database.writing() as session:
        payments.request(session, 1, order.ref, "mpesa", PHONE, refs=refs(2))
    now.advance(3600)
    assert expire_all(database) == []
    with database.writing() as session:
        order_id = session.scalars(select(Order.id)).one()
        assert service.expire(session, order_id) is None
    now.advance(24 * 3600)
    assert expire_all(database) == [True]


def test_an_order_does_not_expire_while_news_of_a_payment_waits(database: Database, now) -> None:
    order = place(database, now())
    with database.writing() as session:
        payment = payments.request(session, 1, order.ref, "mpesa", PHONE, refs=refs(2))
        payments.started(session, payment.id, Started("gh_1"))
        session.execute(update(Payment).values(status="failed"))
        inbox.record(session, 1, "payments:main", [inbox.NewEvent("payment", "d1", b"{}", match_key="gh_1")])
    now.advance(3600)
    assert expire_all(database) == [False]
    assert status(database, order.ref) == "pending_payment"


def test_only_a_paid_order_is_moved_along_and_never_back(database: Database, now) -> None:
    order = place(database, now())
    with pytest.raises(IllegalMove), database.writing() as session:
        service.move(session, 1, order.ref, "preparing")
    with database.writing() as session:
        assert service.mark_paid(session, service.lock_by_ref(session, 1, order.ref), order.total)
    for step in ("preparing", "dispatched", "delivered"):
        with database.writing() as session:
            service.move(session, 1, order.ref, step)
        assert status(database, order.ref) == step
    with pytest.raises(IllegalMove), database.writing() as session:
        service.move(session, 1, order.ref, "preparing")
