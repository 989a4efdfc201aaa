"""A pile: what several threads bring while one works is done by one of them, all at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from db.pile import Pile, RoundFailed

PATIENCE = 10.0


class Slow:
    """Work that stands still until it is told to go on, and remembers its rounds."""

    def __init__(self) -> None:
        self.rounds: list[list[int]] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.breaks_at = -1

    def __call__(self, items: Sequence[int]) -> list[str]:
        self.rounds.append(list(items))
        self.begun.set()
        assert self.go_on.wait(PATIENCE)
        if self.breaks_at in items:
            raise ValueError("stumbled")
        return [f"did {item}" for item in items]


def brought(
    pile: Pile[int, str], threads: ThreadPoolExecutor, work: Slow, items: Sequence[int]
) -> list[Future[str]]:
    """The first of ``items`` is being worked on, the others lie on the pile; then work goes on."""
    first = threads.submit(pile.bring, items[0])
    assert work.begun.wait(PATIENCE)
    others = []
    for item in items[1:]:
        others.append(threads.submit(pile.bring, item))
        while len(pile._waiting) < len(others):
            pass
    work.go_on.set()
    return [first, *others]


def test_who_comes_alone_is_done_at_once() -> None:
    pile = Pile[int, str](lambda items: [str(item) for item in items], 10, threading.Lock)
    assert [pile.bring(7), pile.bring(8)] == ["7", "8"]


def test_who_comes_meanwhile_is_done_together_and_each_gets_its_own() -> None:
    work = Slow()
    with ThreadPoolExecutor(4) as threads:
        done = brought(Pile(work, 10, threading.Lock), threads, work, [1, 2, 3, 4])
        assert [one.result(PATIENCE) for one in done] == ["did 1", "did 2", "did 3", "did 4"]
    assert work.rounds == [[1], [2, 3, 4]]


def test_no_more_are_done_at_once_than_may_be() -> None:
    work = Slow()
    with ThreadPoolExecutor(6) as threads:
        done = brought(Pile(work, 2, threading.Lock), threads, work, [1, 2, 3, 4, 5, 6])
        assert [one.result(PATIENCE) for one in done] == [f"did {item}" for item in range(1, 7)]
    assert work.rounds == [[1], [2, 3], [4, 5], [6]]


def test_a_round_that_stumbles_is_told_to_all_in_it_and_to_nobody_else() -> None:
    work = Slow()
    work.breaks_at = 3
    with ThreadPoolExecutor(4) as threads:
        done = brought(Pile(work, 2, threading.Lock), threads, work, [1, 2, 3, 4])
        assert done[0].result(PATIENCE) == "did 1"
        with pytest.raises(ValueError, match="stumbled"):
            done[1].result(PATIENCE)
        with pytest.raises(RoundFailed):
            done[2].result(PATIENCE)
        assert done[3].result(PATIENCE) == "did 4"


def test_who_comes_after_a_round_that_stumbled_is_done() -> None:
    work = Slow()
    work.breaks_at = 1
    work.go_on.set()
    pile = Pile(work, 2, threading.Lock)
    with pytest.raises(ValueError, match="stumbled"):
        pile.bring(1)
    assert pile.bring(2) == "did 2"
