"""`flask reconcile` and `flask settle`, as somebody at a terminal meets them."""

import json

from db.models import MoneyEvent, ReconciliationRun
from tests.guarantees.world import World, ghala, world

__all__ = ["ghala", "world"]


def run(shop: World, *words: str):
    return shop.web.test_cli_runner().invoke(args=list(words))


def test_a_shop_in_order_ends_with_0(world: World) -> None:
    world.prompted()
    world.pays()
    world.work()
    answer = run(world, "reconcile")
    assert answer.exit_code == 0, answer.output
    assert "KES 3,000" in answer.output
    assert answer.output.splitlines()[-1] == "Everything adds up; nothing waits for a person."


def test_money_whose_news_was_lost_is_booked_and_said(world: World) -> None:
    world.prompted()
    world.ghala.pays()
    answer = run(world, "reconcile", "--no-ask")
    assert (answer.exit_code, world.money()) == (0, [])
    answer = run(world, "reconcile")
    assert answer.exit_code == 0, answer.output
    assert "FOUND BY ASKING (1)" in answer.output
    assert world.money() == [("payment", 300_000)]
    assert world.count(ReconciliationRun, ReconciliationRun.status == "done") == 2


def test_what_waits_for_a_person_ends_with_1_until_it_is_settled(world: World) -> None:
    world.prompted()
    world.pays(amount=1)
    world.work()
    answer = run(world, "reconcile", "--json")
    assert answer.exit_code == 1
    (finding,) = json.loads(answer.output.splitlines()[-1])["findings"]
    assert (finding["kind"], finding["amountMinor"]) == ("money_without_order", 100)
    assert run(world, "settle", finding["settle"]).exit_code == 2, "not without a reason"
    assert run(world, "settle", finding["settle"], "--because", "sent back").exit_code == 0
    again = run(world, "settle", finding["settle"], "--because", "sent back")
    assert (again.exit_code, world.count(MoneyEvent)) == (1, 1)
    assert "nothing open" in again.output
    assert run(world, "reconcile").exit_code == 0


def test_money_is_sent_back_or_looked_at_first_from_the_terminal(world: World) -> None:
    world.prompted()
    world.pays(amount=1)
    world.work()
    what = ("settle", "M1", "--because", "not ours", "--as", "refunded:SKJBACK1")
    said = run(world, *what, "--dry-run")
    assert (said.exit_code, world.money()) == (0, [("unmatched", 100)]), said.output
    assert "KES 1 counts as sent back under SKJBACK1" in said.output
    assert run(world, *what).exit_code == 0
    assert world.money() == [("unmatched", 100), ("refund", 100)]
    refused = run(world, "settle", "M1", "--because", "x", "--as", "sold")
    assert (refused.exit_code, "cannot be settled as sold" in refused.output) == (1, True)


def test_a_shop_that_is_not_there_is_a_sentence(world: World) -> None:
    for words in (("reconcile",), ("settle", "M1", "--because", "x")):
        answer = run(world, *words, "--shop", "nobody")
        assert (answer.exit_code, "There is no such shop." in answer.output) == (1, True)
    assert run(world, "reconcile", "--days", "0").exit_code == 2
