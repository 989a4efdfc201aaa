"""One number that writes without end is told so once, and nobody else notices."""

from __future__ import annotations

import pytest

from bot.flood import Patience, notice
from db.models import OutboxMessage
from tests.conftest import NOW
from tests.hostile.conftest import Villain
from tests.shop import WA_ID

OTHER = "254700000001"


@pytest.mark.parametrize(
    ("messages", "unsent", "lost"),
    [(0, 0, False), (1, 0, False), (30, 60, False), (31, 0, True), (1, 61, True), (0, 61, False)],
)
def test_patience_ends_with_too_much_unread_or_unsent(messages: int, unsent: int, lost: bool) -> None:
    assert Patience(30, 60).lost(messages, unsent) is lost


@pytest.mark.parametrize("language", ["en", "sw", "xx"])
def test_one_notice_per_quarter_of_an_hour_in_the_customers_language(language: str) -> None:
    assert notice(7, language, NOW).key == notice(7, language, NOW.replace(minute=14)).key
    assert notice(7, language, NOW).key != notice(7, language, NOW.replace(minute=15)).key
    assert notice(7, language, NOW).key != notice(8, language, NOW).key


def test_a_hundred_messages_at_once_get_one_notice_and_are_closed(villain: Villain) -> None:
    for number in range(100):
        villain.writes(f"message {number}")
    villain.worker.work()
    (said,) = villain.rows(OutboxMessage)
    assert "more than I can read" in said.message["body"]
    assert {(event.status, event.error) for event in villain.events()} == {("ignored", "flood")}


def test_the_others_are_answered_as_ever(villain: Villain) -> None:
    for number in range(100):
        villain.writes(f"message {number}")
        if number % 50 == 0:
            villain.writes("Hi", sender=OTHER, name="Brian")
    villain.worker.work()
    others = [event for event in villain.events() if event.customer_key == OTHER]
    assert {event.status for event in others} == {"done"}
    assert any("Brian" in str(row.message) for row in villain.rows(OutboxMessage))


def test_after_the_flood_the_same_customer_is_heard_again(villain: Villain) -> None:
    villain.says("2 coffee")
    for number in range(100):
        villain.writes(f"message {number}")
    villain.worker.work()
    (said,) = villain.says("cart")
    assert "Premium Coffee Beans" in said


def test_a_steady_stream_is_cut_off_once_nothing_can_be_sent_any_more(villain: Villain) -> None:
    for _ in range(200):
        villain.says("menu")
    # 61 answers wait for the sender, then one notice and silence.
    assert villain.count(OutboxMessage) == 62
    assert {event.status for event in villain.events()} == {"done", "ignored"}


def test_a_card_number_in_a_flood_is_not_kept_either(villain: Villain) -> None:
    for number in range(50):
        villain.writes(f"{number} 4111 1111 1111 1111")
    villain.worker.work()
    assert not any(b"4111 1111" in event.raw for event in villain.events())


def test_news_of_a_payment_are_told_in_the_middle_of_a_flood(villain: Villain) -> None:
    villain.says("2 coffee")
    villain.says("123 Main St, Nairobi")
    villain.says("mpesa")
    before = villain.count(OutboxMessage)
    for number in range(60):
        villain.writes(f"message {number}", sender=WA_ID)
    payment_id = villain.worker.bell.rung[-1][1]
    villain.worker.tasks["start_payment"](payment_id)
    villain.worker.work()
    said = [row.message["body"] for row in villain.rows(OutboxMessage)[before:]]
    assert sum("more than I can read" in words for words in said) == 1
