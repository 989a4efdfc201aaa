"""Somebody buys: real processes, real HTTP, real signatures, from "Hi" to the receipt."""

# ruff: noqa: RUF001 - the shop writes a multiplication sign
from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.e2e.stack import Phone, Stack, ref_in

pytestmark = pytest.mark.e2e

RECEIPT = """🎉 Payment successful!
━━━━━━━━━━━━━━━━━━━━
RECEIPT · Duka Demo Shop
━━━━━━━━━━━━━━━━━━━━
Order: {ref}
2 × Premium Coffee Beans 1kg   KES 3,000
Delivery   KES 0
Total paid   KES 3,000
Paid by: M-Pesa {transaction}
{date}
Deliver to: 123 Main St, Nairobi
━━━━━━━━━━━━━━━━━━━━
Thank you! 🙏 We'll write when it is on its way."""


def test_a_first_purchase_takes_at_most_eight_messages_and_ends_with_the_receipt(phone: Phone) -> None:
    phone.says("Hi").sees("Hello Amina", "Welcome to Duka Demo Shop", "How can I help you today?")
    phone.taps("View Products").sees("What would you like?")
    phone.taps("Premium Coffee").sees("Premium Coffee Beans 1kg", "KES 1,500", "How many?")
    phone.taps("2").sees("2 × Premium Coffee Beans 1kg", "KES 3,000", "Where shall we deliver?")
    summary = phone.says("123 Main St, Nairobi").sees("Order ORD-", "Total KES 3,000", "123 Main St")
    phone.taps("M-Pesa").sees("Check your phone", "KES 3,000")
    paid = phone.answers_prompt("pay")
    receipt = phone.sees("RECEIPT ·")

    assert (paid["amount"], paid["currency"]) == (3000, "KES")
    assert paid["customer"]["phone"] == phone.number
    date = re.search(r"^\d\d? \w{3} \d{4}, \d\d:\d\d$", receipt, re.MULTILINE)
    assert date, receipt
    expected = RECEIPT.format(ref=ref_in(summary), transaction=paid["transaction_reference"], date=date[0])
    assert _spaced(receipt) == _spaced(expected)
    assert len(phone.from_shop()) <= 8


def _spaced(text: str) -> str:
    """The text with any run of spaces as one: how columns are aligned is looked at elsewhere."""
    return re.sub(r"[ \u00a0\u2007\u202f]+", " ", text)


def test_a_repeated_order_reaches_payment_in_two_taps(phone: Phone) -> None:
    phone.orders()
    phone.says("mpesa").sees("Check your phone")
    phone.answers_prompt()
    phone.sees("RECEIPT ·")

    phone.says("Hi").sees("Hello Amina")
    phone.taps("Order again").sees("Order ORD-", "2 × Premium Coffee Beans 1kg", "Total KES 3,000")
    phone.taps("M-Pesa").sees("Check your phone")
    phone.answers_prompt()
    phone.sees("RECEIPT ·")
    assert len({ref_in(receipt) for receipt in phone.receipts()}) == 2


def test_several_products_make_one_order(phone: Phone) -> None:
    phone.says("2 coffee").sees("Where shall we deliver?")
    phone.taps("Add more").sees("What would you like?")
    phone.taps("Organic Honey").sees("Organic Honey 500g", "KES 800")
    phone.taps("1").sees("KES 3,800")
    phone.says("Kilimani, Yaya Centre").sees("Premium Coffee", "Organic Honey", "Total KES 3,800")
    phone.taps("M-Pesa").sees("Check your phone")
    paid = phone.answers_prompt()
    phone.sees("RECEIPT ·", "2 × Premium Coffee Beans 1kg", "1 × Organic Honey 500g", "KES 3,800")
    assert paid["amount"] == 3800


def test_another_number_can_be_charged(phone: Phone, new_phone: Callable[[], Phone]) -> None:
    payer = new_phone()
    phone.orders()
    phone.says(f"mpesa 0{payer.number[3:]}").sees("Check your phone")
    payer.answers_prompt()
    phone.sees("RECEIPT ·")
    assert payer.from_shop() == []


def test_a_card_is_charged_on_the_page_behind_the_link(stack: Stack, phone: Phone) -> None:
    phone.orders()
    phone.taps("Card")
    (order,) = _until_asked(phone, stack)
    phone.sees("KES 3,000", order["payment_url"])
    answer = stack.http.post(order["payment_url"], data={"card": "pay"}, timeout=10)
    assert answer.ok
    phone.sees("RECEIPT ·", "Paid by: Card")


def _until_asked(phone: Phone, stack: Stack) -> list[dict[str, object]]:
    """What Ghala was asked for, once the link has arrived."""
    phone.until(lambda shown: "/pay/" in shown["messages"][-1]["text"], "link to pay")
    return stack.orders_at_ghala(phone.number)


def test_after_a_wrong_pin_trying_again_pays(stack: Stack, phone: Phone) -> None:
    ref = phone.orders()
    phone.taps("M-Pesa").sees("Check your phone")
    phone.answers_prompt("wrong_pin")
    phone.sees("PIN was wrong", "nothing was charged", ref)
    phone.taps("Try again").sees("Check your phone")
    phone.answers_prompt("pay")
    phone.sees("RECEIPT ·", ref)
    assert [order["payment_status"] for order in stack.orders_at_ghala(phone.number)] == ["failed", "success"]


def test_an_unpaid_order_can_be_cancelled(stack: Stack, phone: Phone) -> None:
    ref = phone.orders()
    phone.says("cancel").sees(ref, "cancelled")
    assert stack.orders_at_ghala(phone.number) == []
    assert stack.admin(f"/api/orders/{ref}").json()["data"]["status"] == "cancelled"


def test_the_owner_sees_the_sale(stack: Stack, phone: Phone) -> None:
    before = stack.admin("/api/admin/stats").json()["data"]
    ref = phone.orders()
    phone.says("mpesa").sees("Check your phone")
    phone.answers_prompt()
    phone.sees("RECEIPT ·")
    after = stack.admin("/api/admin/stats").json()["data"]
    assert after["totalOrders"] == before["totalOrders"] + 1
    assert after["completedOrders"] == before["completedOrders"] + 1
    assert after["totalRevenue"] == before["totalRevenue"] + 3000
    assert after["totalCustomers"] == before["totalCustomers"] + 1
    recent = stack.admin("/api/admin/orders/recent").json()["data"]
    assert ref in str(recent)


def test_an_order_made_by_the_api_reaches_the_phone_and_can_be_paid_there(stack: Stack, phone: Phone) -> None:
    phone.says("Hi").sees("Hello")
    products = {
        "phoneNumber": f"+{phone.number}",
        "productId": 1,
        "quantity": 1,
        "deliveryAddress": "Westlands",
    }
    made = stack.admin("/api/orders", products | {"customerName": "Amina"})
    assert made.status_code == 201, made.text
    ref = made.json()["data"]["id"]
    phone.sees("KES 1,500", str(ref))
    phone.taps("M-Pesa").sees("Check your phone")
    phone.answers_prompt()
    phone.sees("RECEIPT ·", str(ref), "Deliver to: Westlands")
