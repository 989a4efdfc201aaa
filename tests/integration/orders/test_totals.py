"""What pages count is kept as it happens, and equals the ledger."""

import importlib
from datetime import UTC, date, datetime, timedelta

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import func, select, text

from bot.conversation import CartLine, Conversation
from bot.funnel import newly, stage
from db import Database
from db.models import MoneyEvent, Order, OrderLine, OrderWord, ProductTotal
from db.words import words_of, words_of_order
from orders import service, totals
from tests.factories import Seed
from tests.shop import open_shop, place
from tests.till import Till

TODAY = date(2026, 11, 20)


def pay(database: Database, ref: str) -> None:
    with database.writing() as session:
        order = service.lock_by_ref(session, 1, ref)
        assert service.mark_paid(session, order, order.total)


def test_a_paid_order_counts_in_its_day_its_hour_and_its_products(database: Database, now) -> None:
    first = place(database, now(), [("COFFEE", 2), ("HONEY", 1)], seed=1)
    pay(database, first.ref)
    now.advance(3600)
    second = place(database, now(), [("COFFEE", 1)], seed=2, wa_id="254700000001")
    pay(database, second.ref)
    place(database, now(), [("HONEY", 5)], seed=3, wa_id="254700000002")  # never paid
    with database.reading() as session:
        day = totals.between(session, 1, TODAY, TODAY)
        hours = totals.by_hour(session, 1, now() - timedelta(days=1), now() + timedelta(days=1))
        best = totals.top_products(session, 1, TODAY, TODAY)
        ledger = session.execute(
            select(func.sum(OrderLine.quantity), func.sum(OrderLine.total))
            .join(Order, Order.id == OrderLine.order_id)
            .where(Order.paid_at.is_not(None))
        ).one()
    assert day.revenue == first.total + second.total == sum(hours.values())
    assert hours == {
        datetime(2026, 11, 20, 9, tzinfo=UTC): first.total,
        datetime(2026, 11, 20, 10, tzinfo=UTC): second.total,
    }
    assert [(sold.pieces, sold.revenue) for sold in best] == [(3, 450_000), (1, 80_000)]
    assert (sum(sold.pieces for sold in best), sum(sold.revenue for sold in best)) == tuple(ledger)
    assert (day.orders_placed, day.orders_paid, day.average) == (3, 2, (first.total + second.total) // 2)


def test_days_and_hours_are_the_shops_own(database: Database, now) -> None:
    now.moment = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)  # half past midnight in Nairobi
    for watcher in now.watchers:
        watcher(now.moment)
    order = place(database, now())
    pay(database, order.ref)
    with database.reading() as session:
        assert list(totals.by_day(session, 1, TODAY, TODAY + timedelta(days=1))) == [date(2026, 11, 21)]
        assert session.scalar(select(ProductTotal.day)) == date(2026, 11, 21)


def test_nothing_paid_has_no_average() -> None:
    assert totals.Totals(orders_placed=3).average is None
    assert totals.Totals(messages_in=3).messages_per_order is None
    assert totals.Totals(orders_paid=2, messages_in=6, messages_out=8).messages_per_order == 7


def test_a_customer_is_counted_once_at_each_step_of_a_day() -> None:
    greeted = Conversation()
    looking = Conversation(state="product_selected")
    full = Conversation(state="greeting", cart=(CartLine(1, 1, 100),))
    assert [stage(c) for c in (greeted, looking, full, Conversation(state="payment_selection"))] == [
        1,
        2,
        3,
        3,
    ]
    assert newly(0, 3) == {"greeted": 1, "browsed": 1, "carted": 1}
    assert newly(2, 3) == {"carted": 1}
    assert newly(3, 1) == {}


def test_an_order_is_found_by_reference_name_phone_and_products(database: Database, now) -> None:
    order = place(database, now(), [("COFFEE", 1)])
    with database.reading() as session:
        words = set(session.scalars(select(OrderWord.word)))
    assert words == {
        order.ref[4:].lower(),
        "254711222333",
        "711222333",
        "amina",
        "premium",
        "coffee",
        "beans",
        "1kg",
    }


def test_words_are_small_letters_without_accents_or_signs() -> None:
    assert words_of(["Joyce Achieng' Café 250g\x00 ☕", "JOYCE"]) == ["joyce", "achieng", "cafe", "250g"]
    assert words_of(["x" * 900]) == ["x" * 24]
    assert len(words_of_order("ORD-1", " ".join(f"w{n}" for n in range(99)), "+254711222333", [])) == 40


def test_the_migration_counts_and_finds_what_was_there_before(database: Database, now) -> None:
    with database.writing() as session:
        shop = open_shop(session)
        seed = Seed(session, now())
        for name in ("COFFEE-1KG", "HONEY-500"):
            seed.product(shop, sku=name, names={"en": name})
        seed.order(shop, seed.customer(shop), status="paid", goods=((0, 2), (1, 1)))
        tables = ("order_words", "hourly_totals", "product_totals")
        ordering = {"order_words": "order_id, word", "hourly_totals": "hour", "product_totals": "product_id"}
        columns = {
            "order_words": "shop_id, word, order_id",
            "hourly_totals": "shop_id, hour, orders_paid, revenue",
            "product_totals": "shop_id, day, product_id, pieces, revenue",
        }

        def rows() -> list[list[tuple[object, ...]]]:
            return [
                [
                    tuple(row)
                    for row in session.execute(text(f"SELECT {columns[t]} FROM {t} ORDER BY {ordering[t]}"))  # noqa: S608
                ]
                for t in tables
            ]

        before = rows()
        for table in tables:
            session.execute(text(f"DELETE FROM {table}"))  # noqa: S608
        migration = importlib.import_module("db.migrations.versions.0010_counted_and_found")
        with Operations.context(MigrationContext.configure(session.connection())):
            migration.fill()
        assert rows() == before


def test_takings_equal_the_ledger_by_day_and_by_hour(database: Database, now) -> None:
    till = Till(database, now)
    till.started()
    till.hear()
    with database.reading() as session:
        booked = session.scalar(select(func.sum(MoneyEvent.amount)).where(MoneyEvent.kind == "payment"))
        assert booked
        assert totals.between(session, 1).takings == booked
        hours = totals.by_hour(session, 1, now() - timedelta(days=1), now() + timedelta(days=1))
        assert sum(hours.values()) == booked
