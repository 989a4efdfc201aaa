"""The road between Ghala and the shop is rough, and processes die: everybody pays once and gets one receipt."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.e2e.stack import Phone, Stack

pytestmark = pytest.mark.e2e


def test_a_payment_webhook_delivered_three_times_makes_one_receipt(stack: Stack, phone: Phone) -> None:
    ref = phone.orders()
    phone.says("mpesa").sees("Check your phone")
    before = stack.admin("/api/admin/stats").json()["data"]["totalRevenue"]
    stack.fault("payments", "duplicate", value=3)
    phone.answers_prompt()
    phone.sees("RECEIPT ·", ref)
    settled(stack, phone)
    assert len(phone.receipts()) == 1
    assert stack.admin("/api/admin/stats").json()["data"]["totalRevenue"] == before + 3000


def settled(stack: Stack, phone: Phone) -> None:
    """Whatever was on its way before has been worked on: the shop answers what is asked now."""
    phone.seen = len(phone.from_shop())
    phone.says("help").sees("what you can write")


def test_the_messages_of_a_customer_delivered_twice_are_answered_once(stack: Stack, phone: Phone) -> None:
    stack.fault("messages", "duplicate", times=2, value=3)
    phone.says("Hi").sees("Hello Amina")
    phone.says("products").sees("What would you like?")
    settled(stack, phone)
    assert len(phone.from_shop()) == 3


def test_a_lost_webhook_is_made_good_by_asking(stack: Stack, phone: Phone) -> None:
    ref = phone.orders()
    phone.says("mpesa").sees("Check your phone")
    stack.fault("payments", "drop")
    phone.answers_prompt()
    phone.says("resend").sees("check payments")
    phone.sees("RECEIPT ·", ref)
    assert len(stack.orders_at_ghala(phone.number)) == 1


def test_money_that_was_announced_wrong_pays_nothing(stack: Stack, phone: Phone) -> None:
    ref = phone.orders()
    phone.says("mpesa").sees("Check your phone")
    phone.answers_prompt(amount=1)
    phone.says("order").sees(ref, "KES 3,000")
    assert phone.receipts() == []
    assert stack.admin(f"/api/orders/{ref}").json()["data"]["status"] == "pending_payment"


def test_a_forged_webhook_pays_nothing(stack: Stack, phone: Phone) -> None:
    phone.orders()
    phone.says("mpesa").sees("Check your phone")
    order = phone.gets_prompt()
    body = {"event": "payment.success", "data": {"order_id": order["id"], "amount": 3000, "currency": "KES"}}
    answer = stack.http.post(
        f"{stack.web_url}/api/webhooks/ghala", json=body, headers={"x-ghala-signature": "0" * 64}, timeout=10
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    phone.says("order").sees("KES 3,000")
    assert phone.receipts() == []


def has_receipt(shown: dict[str, Any]) -> bool:
    return any("RECEIPT ·" in message["text"] for message in shown["messages"])


def pay_with_a_lost_answer(stack: Stack, phone: Phone) -> None:
    """The gateway did what was asked, and we did not hear it say so."""
    ref = phone.orders()
    phone.says("mpesa").sees("Check your phone")
    phone.gets_prompt()
    phone.sees("don't pay again")
    phone.answers_prompt()
    phone.sees("RECEIPT ·", ref)
    assert [order["payment_status"] for order in stack.orders_at_ghala(phone.number)] == ["success"]
    assert stack.admin(f"/api/orders/{ref}").json()["data"]["status"] == "paid"


def test_an_answer_that_cannot_be_read_makes_no_second_prompt(stack: Stack, phone: Phone) -> None:
    stack.fault("order", "garbage")
    pay_with_a_lost_answer(stack, phone)


@pytest.mark.parametrize("stack", ["sqlite"], indirect=True)  # waiting for ten seconds once is enough
def test_an_answer_that_never_comes_makes_no_second_prompt(stack: Stack, phone: Phone) -> None:
    stack.fault("order", "timeout_after", value=11)
    pay_with_a_lost_answer(stack, phone)


def test_a_message_whose_answer_was_lost_is_shown_once(stack: Stack, phone: Phone) -> None:
    stack.fault("send", "garbage")
    phone.says("Hi").sees("Hello Amina")
    phone.says("help").sees("what you can write")
    assert len(phone.from_shop()) == 2


# The sender may have died with a message in its hands, which is then free after its lease of thirty seconds.
@pytest.mark.parametrize("stack", ["postgres"], indirect=True)
def test_a_worker_killed_in_the_middle_of_a_purchase_loses_nothing(stack: Stack, phone: Phone) -> None:
    ref = phone.orders()
    phone.says("mpesa").sees("Check your phone")
    phone.gets_prompt()
    stack.processes["worker"].stop(signal.SIGKILL)
    phone.answers_prompt()
    stack.start_worker().wait_for("worker_started")
    phone.until(has_receipt, "receipt")
    settled(stack, phone)
    assert len(phone.receipts()) == 1
    assert ref in phone.receipts()[0]
    assert [order["payment_status"] for order in stack.orders_at_ghala(phone.number)] == ["success"]
    assert sum("Check your phone" in message["text"] for message in phone.from_shop()) == 1


def test_web_and_worker_end_cleanly_when_asked(stack: Stack, phone: Phone) -> None:
    phone.says("Hi").sees("Hello Amina")
    assert stack.processes["worker"].stop() == 0
    assert stack.processes["web"].stop() == 0
    stack.start_web().wait_for("Listening at")
    stack.start_worker().wait_for("worker_started")
    phone.says("products").sees("What would you like?")
