"""The road between Ghala and the shop is rough, and processes die: everybody pays once and gets one receipt."""

from __future__ import annotations

import signal

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
    seen = phone.seen
    phone.says("help").sees("what you can write")
    assert phone.seen == seen + 1, phone.chat()


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


def test_an_answer_lost_after_the_effect_makes_no_second_prompt(stack: Stack, phone: Phone) -> None:
    ref = phone.orders()
    stack.fault("order", "timeout_after", value=11)
    phone.says("mpesa").sees("Check your phone")
    phone.gets_prompt()
    phone.sees("don't pay again")
    phone.answers_prompt()
    phone.says("resend")
    phone.until(lambda shown: any("RECEIPT ·" in m["text"] for m in shown["messages"]), "receipt")
    assert [order["payment_status"] for order in stack.orders_at_ghala(phone.number)] == ["success"]
    assert len(phone.receipts()) == 1
    assert stack.admin(f"/api/orders/{ref}").json()["data"]["status"] == "paid"


def test_a_message_whose_answer_was_lost_is_shown_once(stack: Stack, phone: Phone) -> None:
    stack.fault("send", "timeout_after", value=11)
    phone.says("Hi").sees("Hello Amina")
    phone.says("help").sees("what you can write")
    assert len(phone.from_shop()) == 2


def test_a_worker_killed_in_the_middle_of_a_purchase_loses_nothing(stack: Stack, phone: Phone) -> None:
    ref = phone.orders()
    phone.says("mpesa").sees("Check your phone")
    phone.gets_prompt()
    stack.processes["worker"].stop(signal.SIGKILL)
    phone.answers_prompt()
    phone.says("help")
    stack.start_worker().wait_for("worker_started")
    phone.until(lambda shown: any("RECEIPT ·" in m["text"] for m in shown["messages"]), "receipt")
    assert len(phone.receipts()) == 1
    assert ref in phone.receipts()[0]
    assert sum("what you can write" in m["text"] for m in phone.from_shop()) <= 1


def test_web_and_worker_end_cleanly_when_asked(stack: Stack, phone: Phone) -> None:
    phone.says("Hi").sees("Hello Amina")
    assert stack.processes["worker"].stop() == 0
    assert stack.processes["web"].stop() == 0
    stack.start_web().wait_for("Listening at")
    stack.start_worker().wait_for("worker_started")
    phone.says("products").sees("What would you like?")
