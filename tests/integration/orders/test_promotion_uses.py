"""How often a promotion may be used: counted at placing, given back, honoured when money comes late."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from catalog import editing
from db import Database
from db.models import Order, Promotion, PromotionUse, Shop
from orders import placing, promotions
from orders import service as orders
from orders.order import OrderView
from orders.promotions import PromotionUsedUp
from tests.shop import ADDRESS, customer, open_shop, picture, place, product, refs


def offer(database: Database, **limits: Any) -> int:
    """A shop with ten percent off everything, within limits."""
    with database.writing() as session:
        shop = open_shop(session)
        made = Promotion(
            shop_id=shop.id,
            code="",
            titles={"en": "Ten"},
            terms={"en": "Now"},
            kind="percent",
            value=10,
            **limits,
        )
        session.add(made)
        for number in range(12):
            customer(session, shop.id, f"25471100{number:04}")
        session.flush()
        return made.id


def uses(database: Database) -> int:
    with database.reading() as session:
        counted = session.scalar(select(Promotion.uses))
        rows = session.scalar(
            select(func.count()).select_from(PromotionUse).where(PromotionUse.status == "used")
        )
    assert counted == rows
    return int(counted or 0)


def buy(database: Database, now: Any, number: int, seed: int = 0) -> OrderView:
    return place(database, now(), [("COFFEE", 1)], wa_id=f"25471100{number:04}", seed=seed or number + 1)


def test_an_order_keeps_which_promotion_it_had(database: Database, now) -> None:
    promotion_id = offer(database)
    order = buy(database, now, 1)
    assert (order.discount, order.discount_label) == (15_000, "Ten")
    with database.reading() as session:
        row = session.scalars(select(Order)).one()
        assert (row.promotion_id, row.promotion_code) == (promotion_id, "")
        assert session.scalars(select(PromotionUse.promotion_id)).all() == [promotion_id]


def test_the_last_use_goes_to_one_and_the_next_is_refused_with_nothing_left_behind(
    database: Database, now
) -> None:
    offer(database, max_uses=1)
    with database.reading() as session:
        stale = picture(session, 1, now())
    buy(database, now, 1)
    with database.reading() as session:
        wanted = [placing.Wanted(product(session, "BASKET").id, 1)]
    with pytest.raises(PromotionUsedUp) as refusal, database.writing() as session:
        placing.place(session, stale, 2, wanted, ADDRESS, refs=refs(50))
    assert not refusal.value.personal
    assert uses(database) == 1
    with database.reading() as session:
        assert product(session, "BASKET").reserved == 0
        assert session.scalar(select(func.count()).select_from(Order)) == 1
    assert buy(database, now, 3).discount == 0, "a fresh picture knows that it is used up"


def test_each_customer_uses_it_as_often_as_each_may(database: Database, now) -> None:
    offer(database, max_per_customer=1)
    first = buy(database, now, 1)
    with pytest.raises(PromotionUsedUp) as refusal:
        buy(database, now, 1, seed=77)
    assert refusal.value.personal
    assert buy(database, now, 2).discount == first.discount
    assert uses(database) == 2


def test_an_order_nobody_was_shown_takes_the_next_best(database: Database, now) -> None:
    offer(database, max_per_customer=1)
    buy(database, now, 1)
    with database.writing() as session:
        buyer = customer(session, 1, "254711000001")
        wanted = [placing.Wanted(product(session, "COFFEE").id, 1)]
        order = placing.place_at_best(
            session, picture(session, 1, now()), buyer.id, wanted, ADDRESS, refs=refs(60)
        )
    assert (order.discount, order.total) == (0, 150_000)
    assert uses(database) == 1


@pytest.mark.parametrize("how", ["cancelled", "expired"])
def test_an_order_closed_unpaid_gives_its_use_back_once(database: Database, now, how: str) -> None:
    offer(database, max_uses=1)
    order = buy(database, now, 1)
    with database.writing() as session:
        if how == "cancelled":
            orders.cancel(session, 1, order.ref)
        else:
            now.advance(31 * 60)
            orders.expire(session, orders.lock_by_ref(session, 1, order.ref).id)
    assert uses(database) == 0
    with database.writing() as session:
        promotions.give_back(session, orders.lock_by_ref(session, 1, order.ref))
    assert uses(database) == 0
    assert buy(database, now, 2).discount == 15_000


def test_money_that_comes_late_keeps_the_discount_whatever_the_limit(database: Database, now) -> None:
    offer(database, max_uses=1)
    order = buy(database, now, 1)
    with database.writing() as session:
        orders.cancel(session, 1, order.ref)
    buy(database, now, 2)
    with database.writing() as session:
        assert orders.mark_paid(session, orders.lock_by_ref(session, 1, order.ref), order.total)
    assert uses(database) == 2


def test_many_buyers_of_the_last_uses_never_get_more(database: Database, now) -> None:
    offer(database, max_uses=3)

    def attempt(number: int) -> bool:
        try:
            return buy(database, now, number).discount > 0
        except PromotionUsedUp:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, range(12))) == 3
    assert uses(database) == 3


def test_using_the_last_one_up_makes_pictures_old(database: Database, now) -> None:
    offer(database, max_uses=2)

    def version() -> int:
        with database.reading() as session:
            return session.execute(select(Shop.catalog_version)).scalar_one()

    before = version()
    buy(database, now, 1)
    assert version() == before
    buy(database, now, 2)
    assert version() == before + 1


def test_a_promotion_withdrawn_meanwhile_is_refused(database: Database, now) -> None:
    promotion_id = offer(database)
    with database.reading() as session:
        stale = picture(session, 1, now())
    with database.writing() as session:
        session.get_one(Promotion, promotion_id).active = False
        wanted = [placing.Wanted(product(session, "COFFEE").id, 1)]
    with pytest.raises(PromotionUsedUp), database.writing() as session:
        placing.place(session, stale, 1, wanted, ADDRESS, refs=refs())


def test_limits_set_later_count_what_was_used_before(database: Database, now) -> None:
    promotion_id = offer(database)
    buy(database, now, 1)
    with database.writing() as session:
        promotion = session.get_one(Promotion, promotion_id)
        promotion.max_uses = 5
        editing.recount(session, promotion)
    assert uses(database) == 1
