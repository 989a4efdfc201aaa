"""What an owner changes in the catalogue: it is checked first, shown at once, and never touches what is sold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select

from catalog import editing, hours
from catalog.editing import UnknownItem
from catalog.entries import (
    MOST_PIECES,
    BadEntry,
    CategoryEntry,
    ProductEntry,
    PromotionEntry,
    VariantEntry,
    ZoneEntry,
    read,
)
from catalog.snapshot import ProductView
from db import Database
from db.models import Category, DeliveryZone, Product, Promotion, Shop
from orders import service as orders
from tests.shop import open_shop, picture, place, product


@pytest.fixture(autouse=True)
def shop(database: Database) -> None:
    with database.writing() as session:
        open_shop(session)


@contextmanager
def edited(database: Database) -> Iterator[Any]:
    """Calls of ``catalog.editing`` in one transaction of their own."""
    with database.writing() as session:
        shop = session.scalars(select(Shop).where(Shop.slug == "main")).one()

        def call(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
            return function(session, shop, *args, **named)

        yield call


def edit(database: Database, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    with edited(database) as call:
        return call(function, *args, **named)


def put(database: Database, **fields: Any) -> bool:
    return bool(edit(database, editing.put_product, read(ProductEntry, fields)))


def row(database: Database, sku: str) -> Product:
    with database.reading() as session:
        return product(session, sku)


def version(database: Database) -> int:
    with database.reading() as session:
        return session.scalars(select(Shop.catalog_version)).one()


def shown(database: Database, now: Any) -> dict[str, ProductView]:
    with database.reading() as session:
        return {view.sku: view for view in picture(session, 1, now()).products}


# --- products -----------------------------------------------------------------------------------------------


def test_a_new_product_comes_last_and_is_shown_at_once(database: Database, now) -> None:
    before = version(database)
    assert put(database, sku="TEA", name={"en": "Tea", "sw": "Chai"}, price="1,350", synonyms=["chai"])
    assert version(database) == before + 1
    with database.reading() as session:
        last = picture(session, 1, now()).products[-1]
    assert (last.sku, last.price, last.available, last.name("sw")) == ("TEA", 135_000, None, "Chai")


def test_what_is_not_given_stays_and_reserved_and_sold_are_never_touched(database: Database, now) -> None:
    place(database, now(), [("BASKET", 2)])
    assert not put(database, sku="BASKET", price=3000)
    basket = row(database, "BASKET")
    assert (basket.price, basket.available, basket.reserved, basket.sold) == (300_000, 3, 2, 0)
    assert basket.names == {"en": "Woven Kiondo Basket"}
    put(database, sku="BASKET", stock=10)
    basket = row(database, "BASKET")
    assert (basket.price, basket.available, basket.reserved) == (300_000, 10, 2)
    put(database, sku="BASKET", stock="unlimited")
    assert row(database, "BASKET").available is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"sku": "NEW", "price": 100}, "name"),
        ({"sku": "NEW", "name": "New"}, "price"),
        ({"sku": "COFFEE", "price": "99.50"}, "price"),
        ({"sku": "COFFEE", "price": 0}, "price"),
        ({"sku": "COFFEE", "category": "nowhere"}, "category"),
        ({"sku": "COFFEE", "stock": 3, "variants": [{"sku": "C-S", "label": "Small"}]}, "stock"),
        ({"sku": "COFFEE", "variants": [{"sku": "HONEY", "label": "Small"}]}, "sku"),
        ({"sku": "COFFEE", "variants": [{"sku": "C-S"}]}, "label"),
        ({"sku": "NEW", "name": "New", "variants": [{"sku": "N-S", "label": "S"}]}, "price"),
    ],
)
def test_what_cannot_be_sold_is_refused_and_changes_nothing(
    database: Database, fields: dict[str, Any], field: str
) -> None:
    before = version(database)
    with pytest.raises(BadEntry) as refused:
        put(database, **fields)
    assert [problem for problem, _ in refused.value.problems] == [field]
    assert version(database) == before
    with database.reading() as session:
        assert len(session.scalars(select(Product)).all()) == 3


def test_a_variant_of_another_product_is_not_a_product(database: Database) -> None:
    put(database, sku="COFFEE", variants=[{"sku": "C-S", "label": "Small"}])
    with pytest.raises(BadEntry):
        put(database, sku="C-S", price=10)


# --- variants -----------------------------------------------------------------------------------------------


def variants(database: Database) -> None:
    put(
        database,
        sku="KIKOI",
        name="Kikoi Wrap",
        price=1200,
        variants=[
            {"sku": "KIKOI-L", "label": {"en": "Large", "sw": "Kubwa"}, "price": 1400, "stock": 3},
            {"sku": "KIKOI-S", "label": "Small", "stock": 4},
        ],
    )


def test_a_product_with_variants_is_shown_with_the_lowest_price_and_sold_as_those(
    database: Database, now
) -> None:
    variants(database)
    views = shown(database, now)
    wrap, large, small = (views[sku] for sku in ("KIKOI", "KIKOI-L", "KIKOI-S"))
    assert (wrap.varies, wrap.price) == (True, 120_000)
    assert (large.price, large.name("sw"), large.parent_id) == (140_000, "Kikoi Wrap, Kubwa", wrap.id)
    assert (small.price, small.available) == (120_000, 4)


def test_the_price_of_the_product_is_that_of_each_variant_without_its_own(database: Database) -> None:
    variants(database)
    put(database, sku="KIKOI", price=1500, variants=[{"sku": "KIKOI-S"}])
    assert [row(database, sku).price for sku in ("KIKOI", "KIKOI-L", "KIKOI-S")] == [
        140_000,
        140_000,
        150_000,
    ]


def test_withdrawing_the_cheapest_variant_raises_the_price_shown(database: Database, now) -> None:
    variants(database)
    edit(database, editing.archive, row(database, "KIKOI-S").id)
    assert row(database, "KIKOI").price == 140_000
    assert "KIKOI-S" not in shown(database, now)
    edit(database, editing.archive, row(database, "KIKOI-S").id, active=True)
    assert row(database, "KIKOI").price == 120_000


def test_renaming_a_product_renames_its_variants(database: Database) -> None:
    variants(database)
    put(database, sku="KIKOI", name="Kikoy")
    assert row(database, "KIKOI-L").names == {"en": "Kikoy"}


@pytest.mark.parametrize(
    ("parent", "fields", "field"),
    [
        ("KIKOI", {"sku": "KIKOI-XL", "label": "large"}, "label"),
        ("KIKOI", {"sku": "HONEY", "label": "Honey"}, "sku"),
        ("KIKOI-L", {"sku": "X", "label": "X"}, "parent"),
        ("NOTHING", {"sku": "X", "label": "X"}, "parent"),
        ("KIKOI", {"sku": "X", "label": "X", "price": "0.5"}, "price"),
    ],
)
def test_a_variant_that_makes_no_sense_is_refused(
    database: Database, parent: str, fields: dict[str, Any], field: str
) -> None:
    variants(database)
    with pytest.raises(BadEntry) as refused:
        edit(database, editing.put_variant, parent, read(VariantEntry, fields))
    assert [problem for problem, _ in refused.value.problems] == [field]


def test_a_product_has_at_most_a_hundred_variants(database: Database) -> None:
    many = [{"sku": f"C-{number}", "label": f"No {number}"} for number in range(editing.MOST_VARIANTS + 1)]
    with pytest.raises(BadEntry, match="at most 100"):
        put(database, sku="COFFEE", variants=many)


# --- stock --------------------------------------------------------------------------------------------------


def test_counting_says_what_is_there_besides_what_is_reserved(database: Database, now) -> None:
    place(database, now(), [("BASKET", 2)])
    edit(database, editing.count_stock, row(database, "BASKET").id, 9)
    basket = row(database, "BASKET")
    assert (basket.available, basket.reserved) == (9, 2)
    edit(database, editing.count_stock, basket.id, None)
    assert row(database, "BASKET").available is None


def test_restocking_and_selling_at_once_loses_nothing(database: Database, now) -> None:
    basket = row(database, "BASKET").id
    placed = place(database, now(), [("BASKET", 5)])

    def more(_: int) -> None:
        edit(database, editing.restock, basket, 2)

    def closing() -> None:
        with database.writing() as session:
            orders.cancel(session, 1, placed.ref)

    with ThreadPoolExecutor(4) as pool:
        closed = pool.submit(closing)
        list(pool.map(more, range(6)))
        closed.result()
    assert row(database, "BASKET").available == 5 + 12


@pytest.mark.parametrize("pieces", [0, -1, MOST_PIECES + 1, MOST_PIECES])
def test_a_delivery_is_some_pieces(database: Database, pieces: int) -> None:
    with pytest.raises(BadEntry):
        edit(database, editing.restock, row(database, "BASKET").id, pieces)
    assert row(database, "BASKET").available == 5


def test_what_is_not_counted_cannot_be_restocked(database: Database) -> None:
    with pytest.raises(BadEntry, match="not counted"):
        edit(database, editing.restock, row(database, "COFFEE").id, 5)


@pytest.mark.parametrize("function", [editing.count_stock, editing.restock])
def test_a_product_with_variants_is_counted_by_variant(database: Database, function: Any) -> None:
    variants(database)
    with pytest.raises(BadEntry, match="variants"):
        edit(database, function, row(database, "KIKOI").id, 5)
    edit(database, function, row(database, "KIKOI-L").id, 5)
    assert row(database, "KIKOI-L").available in {5, 8}


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (editing.count_stock, (999, 1)),
        (editing.restock, (999, 1)),
        (editing.archive, (999,)),
        (editing.reorder, ([999],)),
        (editing.end_promotion, (999,)),
    ],
)
def test_what_the_shop_does_not_have_cannot_be_changed(
    database: Database, function: Any, arguments: tuple[Any, ...]
) -> None:
    with pytest.raises(UnknownItem):
        edit(database, function, *arguments)


def test_another_shops_products_are_out_of_reach(database: Database) -> None:
    with database.writing() as session:
        other = open_shop(session, slug="two")
        other_id = session.scalars(select(Product.id).where(Product.shop_id == other.id)).first()
    for function, more in ((editing.count_stock, (1,)), (editing.archive, ())):
        with pytest.raises(UnknownItem):
            edit(database, function, other_id, *more)
    with pytest.raises(UnknownItem):
        edit(database, editing.reorder, [other_id])


def test_products_are_shown_in_the_order_the_owner_gives(database: Database, now) -> None:
    edit(database, editing.reorder, [row(database, "BASKET").id, row(database, "HONEY").id])
    with database.reading() as session:
        assert [p.sku for p in picture(session, 1, now()).products] == ["BASKET", "HONEY", "COFFEE"]


# --- categories, promotions, zones, hours -------------------------------------------------------------------


def test_a_category_is_made_and_changed_by_its_code(database: Database) -> None:
    assert edit(database, editing.put_category, read(CategoryEntry, {"code": "food", "name": "Food"}))
    put(database, sku="COFFEE", category="food")
    assert not edit(database, editing.put_category, read(CategoryEntry, {"code": "food", "name": "Drinks"}))
    with database.reading() as session:
        (category,) = session.scalars(select(Category))
        assert category.names == {"en": "Drinks"}
        assert product(session, "COFFEE").category_id == category.id


def promotion(**fields: Any) -> PromotionEntry:
    return read(
        PromotionEntry, {"title": "Ten off", "terms": "Ten off.", "kind": "percent", "value": 10} | fields
    )


def test_a_promotion_is_found_by_its_code_whatever_its_case(database: Database, now) -> None:
    assert edit(database, editing.put_promotion, promotion(code="KARIBU", max_uses=2))
    assert not edit(database, editing.put_promotion, promotion(code="karibu", value=20))
    with database.reading() as session:
        (found,) = session.scalars(select(Promotion))
        assert (found.value, found.max_uses) == (20, None)
    edit(database, editing.end_promotion, found.id)
    edit(database, editing.put_promotion, promotion(code="KARIBU", value=30))
    with database.reading() as session:
        assert picture(session, 1, now()).promotions == ()


def test_two_promotions_never_have_one_code(database: Database) -> None:
    with edited(database) as call:
        call(editing.put_promotion, promotion(code="ONE"))
        call(editing.put_promotion, promotion(code="TWO", title="Two"))
    with database.reading() as session:
        two = session.scalars(select(Promotion.id).where(Promotion.code == "TWO")).one()
    with pytest.raises(BadEntry, match="has this code"):
        edit(database, editing.put_promotion, promotion(code="one"), two)
    with pytest.raises(UnknownItem):
        edit(database, editing.put_promotion, promotion(), 999)


def test_a_promotion_is_for_products_that_exist_and_amounts_that_can_be_charged(database: Database) -> None:
    for wrong in ({"products": ["NOTHING"]}, {"kind": "fixed", "value": "9.5"}, {"min_subtotal": "0.01"}):
        with pytest.raises(BadEntry):
            edit(database, editing.put_promotion, promotion(**wrong))


def test_a_zone_is_found_by_its_name(database: Database) -> None:
    zone = {"name": "Within 3 km", "fee": 200, "within_m": 3000}
    assert edit(database, editing.put_zone, read(ZoneEntry, zone))
    assert not edit(database, editing.put_zone, read(ZoneEntry, zone | {"fee": 0}))
    with database.reading() as session:
        (found,) = session.scalars(select(DeliveryZone))
        assert (found.fee, found.within_m) == (0, 3000)
    with pytest.raises(BadEntry):
        edit(database, editing.put_zone, read(ZoneEntry, zone | {"fee": "0.50"}))
    with pytest.raises(UnknownItem):
        edit(database, editing.put_zone, read(ZoneEntry, zone), 999)


def test_hours_and_place_are_kept_beside_the_other_settings(database: Database, now) -> None:
    with database.writing() as session:
        session.scalars(select(Shop)).one().settings = {"hold_minutes": 45}
    with edited(database) as call:
        call(editing.set_hours, {"mon": ["08:00", "18:00"]}, ["2026-12-25"])
        call(editing.set_place, -1.29, 36.82)
    with database.reading() as session:
        seen = picture(session, 1, now())
    assert seen.hours is not None
    assert seen.place is not None
    assert (seen.hold_minutes, seen.hours.week[0][0].start, seen.place.longitude) == (45, 480, 36.82)
    edit(database, editing.set_place, None, None)
    edit(database, editing.set_hours, {}, [])
    with database.reading() as session:
        seen = picture(session, 1, now())
    assert (seen.hours, seen.place) == (None, None)


def test_hours_and_places_that_do_not_exist_are_refused(database: Database) -> None:
    with pytest.raises(hours.BadHours):
        edit(database, editing.set_hours, {"mon": ["25:00", "26:00"]}, [])
    for latitude, longitude in ((91, 0), (0, 181), (1, None)):
        with pytest.raises(BadEntry):
            edit(database, editing.set_place, latitude, longitude)


def test_many_changes_together_make_pictures_old_once(database: Database) -> None:
    before = version(database)
    with database.writing() as session:
        shop = session.scalars(select(Shop)).one()
        with editing.together(session, shop.id):
            editing.put_zone(session, shop, read(ZoneEntry, {"name": "CBD", "fee": 100}))
            editing.put_product(session, shop, read(ProductEntry, {"sku": "COFFEE", "price": 1600}))
    assert version(database) == before + 1
