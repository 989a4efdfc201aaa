"""Signed but stale webhooks: answered or verified, never acted upon unseen (over 300 s, under seven days)."""

from __future__ import annotations

import pytest

from db.models import InboxEvent, Order, Payment
from tests.guarantees.world import DAY, World

LATE = 301.0


def test_a_late_message_is_answered_and_never_buys(world: World) -> None:
    world.says("hi")
    world.hears(world.button("product:3"))
    world.work()
    world.says("1")
    before = len(world.seen())
    said = world.says("123 Main St, Nairobi", age=LATE)
    assert len(world.seen()) > before
    assert said
    assert world.count(Order) == 0
    world.says("123 Main St, Nairobi")
    assert world.count(Order) == 1, "said again now, it does"


def test_a_late_tap_neither_pays_nor_cancels(world: World) -> None:
    world.orders()
    for option in ("pay:mpesa", "pay:card"):
        assert world.taps(option, age=LATE)
    assert world.says("cancel", age=LATE)
    assert (world.count(Payment), world.order().status) == (0, "pending_payment")


def test_a_late_success_pays_only_when_ghala_says_so_itself(world: World) -> None:
    world.prompted()
    world.pays(age=LATE)
    world.work()
    assert world.money() == []
    assert world.count(InboxEvent, InboxEvent.lane == "late", InboxEvent.status == "waiting") == 1
    world.ghala.pays()
    world.passes(10)
    assert world.money() == [("payment", 300_000)]
    world.assert_sound()


def test_a_late_success_that_ghala_contradicts_ends_with_the_owner(world: World) -> None:
    world.prompted()
    world.ghala.orders["gh_1"]["payment_status"] = "failed"
    world.pays(age=LATE)
    world.work()
    for _ in range(10):
        world.passes(300)
    assert world.money() == [("unmatched", 300_000)]
    assert world.receipts() == []


def test_a_late_failure_is_verified_too(world: World) -> None:
    world.prompted()
    world.pays("payment.failed", age=LATE, failure_reason="1032")
    world.work()
    assert world.payment().status == "pending"
    world.ghala.orders["gh_1"]["payment_status"] = "failed"
    world.passes(10)
    assert world.payment().status == "failed"


@pytest.mark.parametrize(
    ("age", "status"),
    [(-310, 401), (-290, 200), (0, 200), (290, 200), (310, 200), (7 * DAY - 60, 200), (7 * DAY + 60, 401)],
)
def test_how_old_a_webhook_may_be(world: World, age, status) -> None:
    for answer in (
        world.post(
            "/api/messages/incoming", world.message({"type": "text", "text": {"body": "hi"}}), age=age
        ),
        world.pays(age=age),
    ):
        assert answer.status_code == status
    lanes = {row.lane for row in world.rows(InboxEvent)}
    assert lanes == (set() if status == 401 else {"late" if age > 300 else "normal"})
