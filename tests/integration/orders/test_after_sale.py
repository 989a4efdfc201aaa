"""Orders after the sale: their moves, riders, notes, ratings and the one reminder."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from db import Database, clock
from db.models import Conversation, Customer, Order, OrderMove, OrderNote, Rating, Refund
from errors import IllegalMove
from orders import ratings, reading, service, totals
from orders.order import Delivery, OrderView, Rider
from payments import cancelling
from payments import service as payments
from payments.gateways.base import PaymentUpdate, Started
from tests.shop import PHONE, place, product, refs


def paid(database: Database, now: Any, wanted: Any = (("COFFEE", 2),)) -> OrderView:
    order = place(database, now(), wanted)
    with database.writing() as session:
        payment = payments.request(session, 1, order.ref, "mpesa", PHONE, refs=refs(3))
        payments.started(session, payment.id, Started("gh_1"))
        update_ = PaymentUpdate("succeeded", "gh_1", amount=order.total, transaction_ref="SKJ4X2ABCD")
        assert payments.apply(session, payment.id, update_).outcome == "booked"
    return order


def delivered(database: Database, now: Any) -> OrderView:
    order = paid(database, now)
    with database.writing() as session:
        service.move(session, 1, order.ref, "delivered", actor="Grace")
    return order


def test_every_change_of_status_is_remembered_with_who_made_it(database: Database, now: Any) -> None:
    order = paid(database, now)
    with database.writing() as session:
        service.move(session, 1, order.ref, "preparing", actor="Grace")
        service.move(session, 1, order.ref, "dispatched", actor="Brian", rider=Rider("Otieno", PHONE))
    with database.reading() as session:
        moves = session.execute(select(OrderMove.status, OrderMove.actor).order_by(OrderMove.id)).all()
        seen = reading.order(session, 1, order.ref)
    assert [tuple(move) for move in moves] == [
        ("paid", "money"),
        ("preparing", "Grace"),
        ("dispatched", "Brian"),
    ]
    assert seen is not None
    assert seen.rider == Rider("Otieno", PHONE)


def test_a_paid_order_that_is_cancelled_gives_its_goods_back_and_owes_its_money_once(
    database: Database, now: Any
) -> None:
    order = paid(database, now, [("BASKET", 2)])
    with database.writing() as session:
        cancelling.cancel_paid(session, 1, order.ref, 1)
    with pytest.raises(IllegalMove), database.writing() as session:
        cancelling.cancel_paid(session, 1, order.ref, 1)
    with database.reading() as session:
        basket = product(session, "BASKET")
        assert (basket.available, basket.reserved, basket.sold) == (5, 0, 0)
        due = session.execute(select(Refund.status, Refund.amount, Refund.reason)).all()
        assert [tuple(refund) for refund in due] == [("requested", order.total, cancelling.CANCELLED)]
        counted = totals.between(session, 1)
        assert (counted.orders_paid, counted.orders_closed, counted.revenue) == (1, 0, order.total)


def test_money_for_a_paid_order_that_was_cancelled_does_not_bring_it_back(
    database: Database, now: Any
) -> None:
    order = paid(database, now)
    with database.writing() as session:
        cancelling.cancel_paid(session, 1, order.ref, 1)
        row = service.lock_by_ref(session, 1, order.ref)
        assert not service.mark_paid(session, row, order.total)
        assert row.status == "cancelled"


@pytest.mark.parametrize("status", ["dispatched", "delivered"])
def test_an_order_on_its_way_is_not_cancelled(database: Database, now: Any, status: str) -> None:
    order = paid(database, now)
    with database.writing() as session:
        service.move(session, 1, order.ref, status)
    with pytest.raises(IllegalMove), database.writing() as session:
        cancelling.cancel_paid(session, 1, order.ref, 1)


def test_nobody_cancels_a_paid_order_of_somebody_else(database: Database, now: Any) -> None:
    order = paid(database, now)
    with pytest.raises(service.UnknownOrder), database.writing() as session:
        cancelling.cancel_paid(session, 1, order.ref, 999)


def test_a_delivered_order_is_rated_once_with_one_line(database: Database, now: Any) -> None:
    order = delivered(database, now)
    with database.writing() as session:
        assert ratings.rate(session, 1, order.ref, 1, 5)
        assert not ratings.rate(session, 1, order.ref, 1, 1)
        assert ratings.comment(session, 1, order.ref, 1, "Quick rider")
        assert not ratings.comment(session, 1, order.ref, 1, "Something else")
    with database.reading() as session:
        kept = session.execute(select(Rating.stars, Rating.comment)).one()
    assert tuple(kept) == (5, "Quick rider")


def test_an_order_is_rated_only_after_delivery_and_by_its_customer(database: Database, now: Any) -> None:
    order = paid(database, now)
    with pytest.raises(IllegalMove), database.writing() as session:
        ratings.rate(session, 1, order.ref, 1, 5)
    with pytest.raises(service.UnknownOrder), database.writing() as session:
        ratings.rate(session, 1, order.ref, 999, 5)


def test_a_note_is_kept_with_its_author(database: Database, now: Any) -> None:
    order = place(database, now())
    with database.writing() as session:
        service.note(session, 1, order.ref, "Call before noon", author="Grace")
    with database.reading() as session:
        kept = session.execute(select(OrderNote.author, OrderNote.body)).one()
    assert tuple(kept) == ("Grace", "Call before noon")


def test_a_further_line_goes_to_the_rider_only_while_the_order_is_unpaid(
    database: Database, now: Any
) -> None:
    order = place(database, now())
    with database.writing() as session:
        service.add_to_delivery(session, 1, order.ref, 1, "Blue gate")
        row = service.add_to_delivery(session, 1, order.ref, 1, "ask for Amina")
        assert row.delivery["landmark"] == "Blue gate, ask for Amina"
        service.cancel(session, 1, order.ref)
    with pytest.raises(IllegalMove), database.writing() as session:
        service.add_to_delivery(session, 1, order.ref, 1, "third floor")


def test_a_place_stored_by_a_newer_process_is_read() -> None:
    assert Delivery.of({"kind": "pickup", "drone": True}) == Delivery("pickup")


def reminded(database: Database) -> list[bool]:
    with database.writing() as session:
        return [service.remind(session, order_id) is not None for order_id in service.due_to_remind(session)]


def wrote(database: Database, seconds_ago: float = 0) -> None:
    with database.writing() as session:
        session.execute(update(Conversation).values(inbound_at=clock(-seconds_ago)))


def test_an_unpaid_order_is_reminded_of_once_ten_minutes_before_its_hold_ends(
    database: Database, now: Any
) -> None:
    place(database, now())
    wrote(database)
    now.advance(1190)
    assert reminded(database) == []
    now.advance(20)
    assert reminded(database) == [True]
    assert reminded(database) == []


@pytest.mark.parametrize("why", ["stopped", "blocked", "with a person", "silent for a day", "paying", "over"])
def test_nobody_is_reminded_who(database: Database, now: Any, why: str) -> None:
    order = place(database, now())
    now.advance(1210 if why != "over" else 1810)
    wrote(database, 24 * 3600 if why == "silent for a day" else 0)
    with database.writing() as session:
        match why:
            case "stopped":
                session.execute(update(Customer).values(stopped_at=clock()))
            case "blocked":
                session.execute(update(Customer).values(blocked_at=clock()))
            case "with a person":
                session.execute(update(Conversation).values(handed_off_until=clock(3600)))
            case "paying":
                payments.request(session, 1, order.ref, "mpesa", PHONE, refs=refs(2))
    assert reminded(database) == []


def test_an_order_paid_meanwhile_is_not_reminded_of(database: Database, now: Any) -> None:
    place(database, now())
    wrote(database)
    now.advance(1210)
    with database.writing() as session:
        (due,) = service.due_to_remind(session)
        session.execute(update(Order).values(payment_status="pending"))
        assert service.remind(session, due) is None
