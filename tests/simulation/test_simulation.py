"""The whole shop in one thread: a few seeds of bad luck, and proof that the oracle would see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.shell import ConversationShell
from db import inbox
from simulation import mutants
from simulation.faults import CRASH_RATE, RATES
from simulation.scheduler import Crash, Lock, Process, Scheduler
from simulation.shop import Result, Simulation

CUSTOMERS = 15
SAMPLE = ("unsigned_is_fine", "status_downgrades")


@pytest.fixture(scope="module")
def runs() -> dict[int, Result]:
    return {seed: Simulation(seed, CUSTOMERS).run() for seed in (2, 4)}


def test_nothing_is_lost_and_nothing_is_doubled(runs: dict[int, Result]) -> None:
    assert {seed: result.violations for seed, result in runs.items() if result.violations} == {}


def test_much_went_wrong_meanwhile(runs: dict[int, Result]) -> None:
    kinds = {kind for result in runs.values() for kind in result.faults}
    assert len(kinds) >= 25
    assert sum(result.injected for result in runs.values()) >= 150
    assert len({point for result in runs.values() for point in result.passed}) >= 20


def test_webhooks_that_come_at_once_share_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    piles = []
    real = inbox.record_each

    def counted(session: Any, shop_id: int, source: str, deliveries: Any) -> Any:
        piles.append(len(deliveries))
        return real(session, shop_id, source, deliveries)

    monkeypatch.setattr(inbox, "record_each", counted)
    assert Simulation(2, 10, kinds=["webhook.held_up"]).run().violations == []
    assert sum(pile > 1 for pile in piles) >= 3


def test_the_same_seed_is_the_same_run_to_the_last_event(runs: dict[int, Result]) -> None:
    again = Simulation(2, CUSTOMERS).run()
    assert again.digest == runs[2].digest
    assert replace(again, recent=[]) == replace(runs[2], recent=[])


def test_another_seed_is_another_run(runs: dict[int, Result]) -> None:
    assert len({result.digest for result in runs.values()}) == 2


@pytest.mark.parametrize("name", SAMPLE)
def test_a_planted_bug_is_caught(name: str) -> None:
    mutant = next(mutant for mutant in mutants.MUTANTS if mutant.name == name)
    assert mutants.hunt(mutant, range(1, mutants.SEEDS + 1), CUSTOMERS).outcome == "caught"


def test_a_mutant_that_takes_other_arguments_than_what_it_replaces_is_broken_and_not_caught() -> None:
    def other_arguments(stack: mutants.Planting) -> None:
        mutants.swap(stack, mutants.Sender, "room", lambda self, in_flight, more: 0)

    verdict = mutants.hunt(mutants.Mutant(other_arguments), [1], 1)
    assert (verdict.outcome, verdict.why[:17]) == ("broken", "Sender.room takes")


def test_a_mutant_of_something_that_is_gone_is_broken() -> None:
    def gone(stack: mutants.Planting) -> None:
        mutants.swap(stack, mutants.Sender, "carrier_pigeon", lambda: None)

    assert mutants.hunt(mutants.Mutant(gone), [1], 1).outcome == "broken"


def test_a_mutant_that_stumbles_over_its_own_code_is_broken_and_not_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("simulation.shop.EVENTS", 500)  # it would go on stumbling until then
    monkeypatch.setattr("simulation.shop.EVENTS_EACH", 0)

    def stumbles(stack: mutants.Planting) -> None:
        def claim(self: Any, event_ids: Any) -> None:
            event_ids.no_such_thing  # type: ignore[attr-defined]  # noqa: B018

        mutants.swap(stack, mutants.ConversationShell, "claim", claim)

    verdict = mutants.hunt(mutants.Mutant(stumbles), [1], 1)
    assert verdict.outcome == "broken"
    assert "AttributeError" in verdict.why


def test_a_mutant_nobody_calls_says_nothing() -> None:
    def idle(stack: mutants.Planting) -> None:
        mutants.swap(stack, mutants.Sender, "stop", lambda self, patience: None)

    verdict = mutants.hunt(mutants.Mutant(idle), [1], 1)
    assert (verdict.outcome, verdict.why) == ("broken", "never called")


def test_a_shop_that_never_comes_to_rest_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulation.shop.EVENTS", 50)
    monkeypatch.setattr("simulation.shop.EVENTS_EACH", 0)
    assert Simulation(1, 3).run().violations[0].startswith("I16 the shop is busy without end")


def test_a_mutant_leaves_the_shop_as_it_was() -> None:
    before = [
        vars(owner).copy() for owner in (mutants.Sender, mutants.ConversationShell, mutants.PaymentDesk)
    ]
    for mutant in mutants.MUTANTS:
        with mutants.planted(mutant):
            pass
    after = [vars(owner).copy() for owner in (mutants.Sender, mutants.ConversationShell, mutants.PaymentDesk)]
    assert before == after


def test_there_are_enough_mutants_and_faults() -> None:
    assert len(mutants.MUTANTS) >= 20
    assert len(RATES) >= 40
    assert 0 < CRASH_RATE < 0.1


def test_time_passes_only_when_something_is_due() -> None:
    scheduler = Scheduler()
    order: list[str] = []
    scheduler.after(2, lambda: order.append("second"))
    scheduler.after(1, lambda: order.append("first"))
    scheduler.after(2, lambda: order.append("third"))
    while scheduler.next_time() is not None:
        scheduler.step()
    assert order == ["first", "second", "third"]
    assert scheduler.time == 2


def test_a_dead_process_does_nothing_more() -> None:
    scheduler = Scheduler()
    process = Process("worker")
    done: list[str] = []

    def work() -> None:
        try:
            scheduler.sleep(10)
            done.append("woke up")
        except Crash:
            done.append("unwound")
            raise

    scheduler.spawn(process, "task", work)
    scheduler.after(5, lambda: scheduler.kill(process))
    scheduler.after(6, lambda: scheduler.spawn(process, "late", lambda: done.append("late")) and None)
    while scheduler.next_time() is not None:
        scheduler.step()
    assert done == ["unwound"]


def test_a_lock_goes_from_one_task_to_the_next_in_virtual_time() -> None:
    scheduler = Scheduler()
    lock = Lock(scheduler)
    held: list[tuple[str, float]] = []

    def work(name: str) -> None:
        lock.acquire()
        held.append((name, scheduler.time))
        scheduler.sleep(3)
        lock.release()

    for number, name in enumerate("abc"):
        scheduler.spawn(Process(name), name, lambda name=name: work(name), delay=number)
    while scheduler.next_time() is not None:
        scheduler.step()
    assert held == [("a", 0), ("b", 3), ("c", 6)]


def test_a_parked_task_is_woken_once() -> None:
    scheduler = Scheduler()
    times: list[float] = []

    def work() -> None:
        for _ in range(2):
            scheduler.park()
            times.append(scheduler.time)

    task = scheduler.spawn(Process("worker"), "task", work)
    for moment in (1, 1, 5):
        scheduler.after(moment, lambda: scheduler.wake(task))
    while scheduler.next_time() is not None:
        scheduler.step()
    assert times == [1, 5]


def test_customers_who_write_at_once_are_answered_together(monkeypatch: pytest.MonkeyPatch) -> None:
    crowds = []
    real = ConversationShell.work_together

    def counted(self: Any, several: Any) -> Any:
        crowds.append(len(several))
        return real(self, several)

    monkeypatch.setattr(ConversationShell, "work_together", counted)
    assert Simulation(2, CUSTOMERS, kinds=["bell.gathered"]).run().violations == []
    assert len(crowds) >= 3
