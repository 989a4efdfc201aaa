"""`make chaos` in short: a few ways to break the running shop on each database; times are not judged here."""

from __future__ import annotations

import asyncio

import pytest

from chaos.load import Exchange, Ledger, Post
from chaos.nemeses import NEMESES
from chaos.run import measure, short

SCALE = 0.25


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("database", "nemeses"),
    [
        ("sqlite", ["kill-redis", "fill-disk"]),
        ("postgres", ["flush-redis", "terminate-backends", "ghala-garbage"]),
    ],
)
def test_whatever_is_broken_nothing_is_lost_and_nothing_doubled(database: str, nemeses: list[str]) -> None:
    assert asyncio.run(short(database, nemeses, SCALE, per_second=2.0)) == []


def test_every_nemesis_has_a_name_of_its_own() -> None:
    assert len({nemesis.name for nemesis in NEMESES}) == len(NEMESES)


def test_recovery_is_measured_from_the_end_of_the_harm() -> None:
    written = [
        Exchange("a", "1", "hi", posted=90.0, acked=90.0, answered=104.0),
        Exchange("b", "2", "hi", posted=101.5, acked=101.5, answered=104.5),
        Exchange("c", "3", "hi", posted=103.0, acked=103.0, answered=103.1),
    ]
    ledger = Ledger(
        posts=[Post(1.0, 9.0, 200), Post(90.0, 0.1, 200), Post(95.0, 0.0, 0), Post(96.0, 0.0, 503)]
    )
    took = measure(ledger, written, first_post=1, began=80.0, over=100.0)
    assert (took.back, took.drained, took.meanwhile) == (1.5, 4.0, 14.0)
    assert (took.p95, took.slowest) == (100.0, 100.0)
    assert took.refused == {0: 1, 503: 1}


def test_how_long_no_webhook_was_taken_shows_though_the_harm_itself_lasted_so_long() -> None:
    posts = [
        Post(at, 0.5, status) for at, status in ((1.0, 200), (2.0, 200), (3.0, 0), (9.0, 503), (14.0, 200))
    ]
    assert measure(Ledger(posts=posts), [], first_post=0, began=2.0, over=14.0).silent == 12.0
