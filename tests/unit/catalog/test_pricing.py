"""What a cart costs: laws that hold for every cart, every promotion and every zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.money import step
from catalog.pricing import quote, saving
from catalog.snapshot import ProductView, PromotionView, ShopSnapshot, ZoneView

NOW = datetime(2026, 11, 20, 9, 7, tzinfo=UTC)
MANY = settings(max_examples=300, deadline=None, derandomize=True)
SKUS = ("A", "B", "C", "D")
RED, BLUE = 5, 6


def shop(
    *promotions: PromotionView, prices: tuple[int, ...] = (100, 250, 1500, 40), currency: str = "KES"
) -> ShopSnapshot:
    """Four plain products, and a shirt in red and blue."""
    unit = step(currency)
    plain = [
        ProductView(n, sku, {"en": sku}, price * unit)
        for n, (sku, price) in enumerate(zip(SKUS, prices, strict=True), 1)
    ]
    shirt = ProductView(9, "SHIRT", {"en": "Shirt"}, 300 * unit, varies=True)
    colours = [
        ProductView(
            number, f"SHIRT-{number}", {"en": f"Shirt, {name}"}, price * unit, parent_id=9, parent_sku="SHIRT"
        )
        for number, name, price in ((RED, "Red", 300), (BLUE, "Blue", 400))
    ]
    return ShopSnapshot(
        1,
        "main",
        "Duka",
        currency,
        "KE",
        "Africa/Nairobi",
        ("en",),
        NOW,
        (*plain, shirt, *colours),
        promotions=promotions,
    )


def promotion(kind: str, value: int = 0, **more: object) -> PromotionView:
    return PromotionView(
        **({"id": 1, "titles": {"en": "P"}, "terms": {"en": "T"}, "kind": kind, "value": value} | more)
    )


CARTS = st.dictionaries(st.sampled_from([1, 2, 3, 4, RED, BLUE]), st.integers(1, 30), max_size=6).map(
    lambda cart: tuple(cart.items())
)
PROMOTIONS = st.builds(
    promotion,
    st.sampled_from(["percent", "fixed", "free_delivery", "buy_x_get_y"]),
    st.integers(0, 100) | st.integers(0, 50).map(lambda shillings: shillings * 10_000),
    id=st.integers(1, 9),
    buy=st.integers(0, 4),
    get=st.integers(0, 4),
    code=st.sampled_from(["", "", "CODE"]),
    skus=st.sampled_from([(), (), ("A",), ("B", "SHIRT"), ("NONE",)]),
    min_subtotal=st.sampled_from([0, 0, 50_000]),
    starts_at=st.sampled_from([None, None, NOW - timedelta(days=1), NOW + timedelta(seconds=1)]),
    ends_at=st.sampled_from([None, None, NOW, NOW + timedelta(days=1)]),
    used_up=st.sampled_from([False, False, True]),
).map(lambda made: replace(made, value=min(made.value, 100)) if made.kind == "percent" else made)
PRICES = st.tuples(*(st.integers(1, 5000) for _ in SKUS))
ZONES = st.none() | st.integers(0, 900).map(lambda fee: ZoneView(1, {"en": "Z"}, fee * 100))


@MANY
@given(CARTS, st.lists(PROMOTIONS, max_size=4), PRICES, ZONES, st.sampled_from(["", "code", "CODE", "other"]))
def test_a_total_is_exact_payable_and_never_takes_more_off_than_there_is(
    cart, promotions, prices, zone, code
) -> None:
    found = quote(shop(*promotions, prices=prices), cart, code=code, zone=zone)
    assert found.subtotal == sum(line.product.price * line.quantity for line in found.lines)
    assert found.total == found.subtotal - found.discount + found.delivery_fee
    assert 0 <= found.discount <= found.subtotal + found.delivery_fee
    assert found.discount % step("KES") == found.total % step("KES") == 0
    assert (found.total > 0) == bool(found.lines)
    assert (found.promotion is None) == (found.discount == 0)
    if found.promotion is not None and found.promotion.kind == "free_delivery":
        assert found.discount == found.delivery_fee
    else:
        assert found.discount <= found.subtotal


@MANY
@given(CARTS, st.lists(PROMOTIONS, max_size=4), PRICES, ZONES)
def test_the_promotion_that_saves_most_wins_and_one_that_does_not_run_never_does(
    cart, promotions, prices, zone
) -> None:
    seen = shop(*promotions, prices=prices)
    found = quote(seen, cart, zone=zone)
    automatic = [p for p in promotions if not p.code and p.runs_at(NOW)]
    most = max((saving(p, found.lines, found.delivery_fee, "KES") for p in automatic), default=0)
    assert found.discount == most
    if found.promotion is not None:
        won = found.promotion
        assert not won.used_up
        assert won.starts_at is None or won.starts_at <= NOW
        assert won.ends_at is None or won.ends_at > NOW


@MANY
@given(CARTS, st.lists(PROMOTIONS, max_size=4), PRICES, ZONES, st.sampled_from([1, 2, 3, 4, RED, BLUE]))
def test_one_more_piece_never_makes_the_whole_cheaper(cart, promotions, prices, zone, more) -> None:
    # A least subtotal, and free delivery for some products only, are rewards for adding: there it may.
    plain = [replace(p, min_subtotal=0, skus=() if p.kind == "free_delivery" else p.skus) for p in promotions]
    seen = shop(*plain, prices=prices)
    fuller = dict(cart)
    fuller[more] = fuller.get(more, 0) + 1
    if cart:  # the first piece brings the delivery with it
        assert quote(seen, fuller.items(), zone=zone).total >= quote(seen, cart, zone=zone).total


@MANY
@given(CARTS, st.lists(PROMOTIONS, max_size=4), PRICES)
def test_the_order_of_the_lines_does_not_change_the_price(cart, promotions, prices) -> None:
    seen = shop(*promotions, prices=prices)
    assert quote(seen, cart).total == quote(seen, reversed(cart)).total


@pytest.mark.parametrize(
    ("buy", "get", "cart", "off"),
    [
        (2, 1, ((1, 2),), 0),
        (2, 1, ((1, 3),), 100),
        (2, 1, ((1, 5),), 100),
        (2, 1, ((1, 6),), 200),
        (2, 1, ((3, 1), (2, 1), (1, 1)), 100),
        (1, 1, ((3, 1), (2, 1), (1, 1)), 250),
        (1, 2, ((1, 2),), 100),
        (1, 2, ((1, 3),), 200),
        (2, 1, ((RED, 2), (BLUE, 1)), 300),
        (0, 1, ((1, 3),), 0),
        (1, 0, ((1, 3),), 0),
    ],
)
def test_buying_some_gives_the_cheapest_of_them_free(buy, get, cart, off) -> None:
    assert quote(shop(promotion("buy_x_get_y", buy=buy, get=get)), cart).discount == off * 100


def test_a_promotion_of_a_product_that_varies_counts_its_variants_together() -> None:
    seen = shop(promotion("buy_x_get_y", buy=2, get=1, skus=("SHIRT",)))
    assert quote(seen, ((RED, 1), (BLUE, 2))).discount == 300_00
    assert quote(seen, ((RED, 1), (BLUE, 1), (1, 1))).discount == 0


def test_a_product_that_varies_is_never_sold_itself() -> None:
    assert quote(shop(), ((9, 2),)).lines == ()


@pytest.mark.parametrize(("value", "off"), [(10, 2_00), (33, 9_00), (100, 28_00)])
def test_percentages_are_rounded_down_to_whole_shillings(value, off) -> None:
    seen = shop(promotion("percent", value), prices=(1, 7, 29, 3))
    assert quote(seen, ((3, 1),)).discount == off


def test_a_fixed_amount_larger_than_the_cart_leaves_one_shilling_to_pay() -> None:
    assert quote(shop(promotion("fixed", 500_00)), ((1, 1),)).total == 100


def test_a_code_competes_with_what_applies_by_itself() -> None:
    seen = shop(promotion("percent", 10), promotion("fixed", 200_00, id=2, code="BIG"))
    assert quote(seen, ((3, 1),)).promotion.id == 1
    assert quote(seen, ((3, 1),), code=" big ").promotion.id == 2
    assert quote(seen, ((3, 2),), code="BIG").promotion.id == 1


def test_a_promotion_the_customer_has_used_up_gives_way_to_the_next() -> None:
    seen = shop(promotion("percent", 50), promotion("percent", 10, id=2))
    assert quote(seen, ((3, 1),), without={1}).promotion.id == 2


def test_free_delivery_takes_the_fee_and_nothing_else() -> None:
    seen = shop(promotion("free_delivery", min_subtotal=100_000))
    zone = ZoneView(1, {"en": "Karen"}, 350_00)
    assert quote(seen, ((3, 1),), zone=zone).total == 1500_00
    assert quote(seen, ((2, 1),), zone=zone).total == 250_00 + 350_00


@pytest.mark.parametrize(
    ("start", "end", "runs"), [(0, None, True), (1, None, False), (None, 0, False), (None, 1, True)]
)
def test_a_promotion_runs_from_its_start_until_before_its_end(start, end, runs) -> None:
    def at(seconds: int | None) -> datetime | None:
        return None if seconds is None else NOW + timedelta(seconds=seconds)

    made = promotion("percent", 10, starts_at=at(start), ends_at=at(end))
    assert (quote(shop(made), ((3, 1),)).discount > 0) is runs


def test_a_currency_with_cents_is_discounted_to_the_cent() -> None:
    seen = shop(promotion("percent", 33), prices=(1, 1, 101, 1), currency="USD")
    assert quote(seen, ((3, 1),)).discount == 33
