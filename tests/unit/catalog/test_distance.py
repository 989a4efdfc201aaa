"""How far a pin is from the shop, and which zone it falls into."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.distance import metres
from catalog.snapshot import Place, ZoneView
from tests.unit.bot.talk import SHOP

KENCOM = (-1.2858, 36.8252)
NEAR, FAR, LISTED = (
    ZoneView(1, {"en": "Near"}, 10_000, 3_000),
    ZoneView(2, {"en": "Far"}, 30_000, 10_000),
    ZoneView(3, {"en": "Thika"}, 80_000),
)
ZONED = replace(SHOP, place=Place(*KENCOM), zones=(FAR, LISTED, NEAR))
POINTS = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@pytest.mark.parametrize(
    ("there", "away"),
    [
        (KENCOM, 0),
        ((-4.0435, 39.6682), 440_000),  # Mombasa
        ((-6.7924, 39.2083), 667_000),  # Dar es Salaam
        ((1.2858, -143.1748), 20_015_000),  # the other side of the Earth
    ],
)
def test_known_distances_are_right_to_half_a_percent(there, away) -> None:
    assert metres(*KENCOM, *there) == pytest.approx(away, rel=0.005)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(POINTS, POINTS)
def test_a_distance_is_the_same_both_ways_and_never_more_than_half_round_the_earth(one, other) -> None:
    there = metres(*one, *other)
    assert isinstance(there, int)
    assert 0 <= there <= 20_020_000
    assert there == metres(*other, *one)


@pytest.mark.parametrize(
    ("pin", "zone"),
    [(KENCOM, NEAR), ((-1.2648, 36.8039), FAR), ((-1.0388, 37.0834), None), ((-1.2858, 36.8520), NEAR)],
)
def test_a_pin_falls_into_the_smallest_zone_around_it(pin, zone) -> None:
    assert ZONED.zone_at(*pin) == zone


def test_a_shop_that_does_not_know_where_it_stands_measures_nothing() -> None:
    lost = replace(ZONED, place=None)
    assert not lost.measures()
    assert lost.zone_at(*KENCOM) is None
    assert not replace(ZONED, zones=(LISTED,)).measures()
