"""What an owner writes is checked field by field."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.entries import MOST_PIECES, BadEntry, ProductEntry, PromotionEntry, read


def problems(kind: Any, **fields: Any) -> set[str]:
    with pytest.raises(BadEntry) as refused:
        read(kind, fields)
    return {field for field, _ in refused.value.problems}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"sku": ""}, "sku"),
        ({"sku": "A" * 61}, "sku"),
        ({"sku": "A", "name": "x" * 121}, "name"),
        ({"sku": "A", "name": ""}, "name"),
        ({"sku": "A", "name": {"xx": "What"}}, "name"),
        ({"sku": "A", "name": "turned\u202earound"}, "name.en"),
        ({"sku": "A", "price": "12,50"}, "price"),
        ({"sku": "A", "price": "1e999999"}, "price"),
        ({"sku": "A", "price": "NaN"}, "price"),
        ({"sku": "A", "price": -1}, "price"),
        ({"sku": "A", "price": True}, "price"),
        ({"sku": "A", "stock": -1}, "stock"),
        ({"sku": "A", "stock": "many"}, "stock"),
        ({"sku": "A", "stock": MOST_PIECES + 1}, "stock"),
        ({"sku": "A", "picture": "javascript:alert(1)"}, "picture"),
        ({"sku": "A", "picture": "../../etc/passwd"}, "picture"),
        ({"sku": "A", "colour": "red"}, "colour"),
        ({"sku": "A", "variants": [{"sku": "B", "label": "x" * 25}]}, "variants.0.label"),
    ],
)
def test_a_field_that_makes_no_sense_is_named(fields: dict[str, Any], wrong: str) -> None:
    assert problems(ProductEntry, **fields) == {wrong}


@pytest.mark.parametrize(("written", "amount"), [("1,500", 1500), ("1 500.00", 1500), (" 80 ", 80), (80, 80)])
def test_thousands_may_be_set_apart(written: Any, amount: int) -> None:
    assert read(ProductEntry, {"sku": "A", "price": written}).price == amount


def promotion(**fields: Any) -> PromotionEntry:
    return read(
        PromotionEntry, {"title": "Ten off", "terms": "Ten off.", "kind": "percent", "value": 10} | fields
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"value": 0},
        {"value": 101},
        {"value": "7.5"},
        {"kind": "fixed", "value": 0},
        {"kind": "buy_x_get_y", "buy": 2},
        {"kind": "gift"},
        {"code": "with space"},
        {"max_uses": 0},
        {"starts": "2026-12-02", "ends": "2026-12-01"},
    ],
)
def test_a_promotion_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(BadEntry):
        promotion(**fields)
