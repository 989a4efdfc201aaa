"""Customers who write at the same time are answered in one transaction, and none of them notices the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

import bot.claims
import bot.shell
from bot.events import MessageReceived
from bot.flow import decide
from db import inbox
from db.models import (
    Conversation,
    ConversationTurn,
    Customer,
    DailyTotal,
    Order,
    OutboxMessage,
    Payment,
    Product,
)
from ghala.inbound import TextContent
from tests.integration.bot.conftest import Chat

PEOPLE = ("254733444501", "254733444502", "254733444503", "254733444504")


def say(chat: Chat, *words: str) -> list[int]:
    """Each of the people writes something."""
    return [chat.hears(line, sender=sender) for sender, line in zip(PEOPLE, words, strict=False)]


def advance(chat: Chat, events: list[int]) -> list[int]:
    """One thread of a worker takes all of it at once and does everybody's share; events to go on with."""
    tasks = chat.worker.tasks
    return [further for share in tasks._advance_all(events) for further in tasks._do_share(share)]


def answer(chat: Chat, *words: str) -> dict[str, list[str]]:
    """The same, and what each is answered when a worker takes all of it at once."""
    events = say(chat, *words)
    advance(chat, events)
    return answers(chat)


def answers(chat: Chat) -> dict[str, list[str]]:
    """What each was told since it was last looked at."""
    new = chat.promised()[chat._heard :]
    chat._heard += len(new)
    names = {row.id: row.identity for row in chat.rows(Customer)}
    told: dict[str, list[str]] = {}
    for row in new:
        told.setdefault(names[row.customer_id], []).append(row.message["body"])
    return told


@contextmanager
def transactions(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[None]]:
    """Counts writing transactions."""
    begun: list[None] = []
    real = chat.database.writing

    @contextmanager
    def counted() -> Iterator[Any]:
        begun.append(None)
        with real() as session:
            yield session

    with monkeypatch.context() as patch:
        patch.setattr(chat.database, "writing", counted)
        yield begun


def waiting(chat: Chat) -> int:
    return sum(row.status == "waiting" for row in chat.rows(inbox.InboxEvent))


def test_all_of_them_are_answered_in_one_transaction(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(chat, "Hi", "Hi", "Hi", "Hi")
    events = say(chat, "products", "2 coffee", "1 honey", "Hi")
    with transactions(chat, monkeypatch) as begun:
        advance(chat, events)
    told = answers(chat)
    assert [len(told[sender]) for sender in PEOPLE] == [1, 1, 1, 1]
    assert "What would you like?" in told[PEOPLE[0]][0]
    assert "2 ×" in told[PEOPLE[1]][0]  # noqa: RUF001 - the shop writes a multiplication sign
    assert "Honey" in told[PEOPLE[2]][0]
    assert "Hello" in told[PEOPLE[3]][0]
    assert len(begun) == 2, "one claims, one answers"
    assert waiting(chat) == 0


def test_strangers_are_made_known_together_and_counted(chat: Chat) -> None:
    told = answer(chat, "Hi", "Hi", "Hi")
    assert set(told) == set(PEOPLE[:3])
    assert sum(row.customers for row in chat.rows(DailyTotal)) == 3
    assert [row.version for row in chat.rows(Conversation)] == [1, 1, 1]


def test_what_came_and_went_is_counted_and_recorded_as_if_each_were_alone(chat: Chat) -> None:
    answer(chat, "Hi", "Hi", "products")
    answer(chat, "2 coffee", "products", "1 honey")
    sums = {
        name: sum(getattr(row, name) for row in chat.rows(DailyTotal))
        for name in ("greeted", "browsed", "carted", "messages_in", "messages_out")
    }
    assert sums == {"greeted": 3, "browsed": 3, "carted": 2, "messages_in": 6, "messages_out": 6}
    turns = [(row.customer_id, row.version) for row in chat.rows(ConversationTurn)]
    assert sorted(turns) == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]


def test_several_events_of_one_customer_are_one_claim(chat: Chat) -> None:
    first, second = chat.hears("Hi", sender=PEOPLE[0]), chat.hears("products", sender=PEOPLE[0])
    other = chat.hears("Hi", sender=PEOPLE[1])
    advance(chat, [first, second, other])
    told = answers(chat)
    assert [len(told[sender]) for sender in PEOPLE[:2]] == [1, 1]
    assert "What would you like?" in told[PEOPLE[0]][0]


def test_who_orders_among_others_orders_once(chat: Chat) -> None:
    answer(chat, "2 coffee", "1 honey", "Hi")
    told = answer(chat, "123 Main St, Nairobi", "45 Kimathi St, Nairobi", "products")
    assert len(chat.rows(Order)) == 2
    assert [len(told[sender]) for sender in PEOPLE[:3]] == [1, 1, 1]
    assert {row.ref in told[PEOPLE[number]][0] for number, row in enumerate(chat.rows(Order))} == {True}
    answer(chat, "mpesa", "mpesa", "Hi")
    assert len({row.order_id for row in chat.rows(Payment)}) == 2
    assert len([name for name, _ in chat.worker.bell.rung if name == "start"]) == 2


def test_who_pays_and_cancels_in_one_breath_among_others_pays_nothing_twice(chat: Chat) -> None:
    answer(chat, "2 coffee", "Hi", "Hi")
    answer(chat, "123 Main St, Nairobi", "products", "products")
    events = [chat.hears("mpesa", sender=PEOPLE[0]), chat.hears("cancel", sender=PEOPLE[0])]
    advance(chat, [*events, *(chat.hears("1 honey", sender=sender) for sender in PEOPLE[1:3])])
    told = answers(chat)
    assert waiting(chat) == 0
    assert set(told) == set(PEOPLE[:3])
    (order,) = chat.rows(Order)
    assert order.status == "cancelled"
    assert [row for name, row in chat.worker.bell.rung if name == "start"] == [chat.payment().id]
    chat.worker.desk.start(chat.payment().id)
    assert chat.payment().status == "failed", "nobody is asked to pay for it"


def test_the_last_piece_is_sold_to_one_of_two_who_order_it_at_once(chat: Chat) -> None:
    chat.change("BASKET", available=1)
    answer(chat, "1 basket", "1 basket")
    told = answer(chat, "123 Main St, Nairobi", "45 Kimathi St, Nairobi")
    assert len(chat.rows(Order)) == 1
    assert sum("sold out" in lines[0] for lines in told.values()) == 1
    (basket,) = [row for row in chat.rows(Product) if row.sku == "BASKET"]
    assert (basket.available, basket.reserved) == (0, 1)


def test_one_whom_somebody_else_took_meanwhile_is_left_to_them(chat: Chat) -> None:
    events = say(chat, "Hi", "Hi", "Hi")
    claims = chat.worker.shell.claim(events)
    lost = claims[1].customer_id
    chat.write(
        lambda session: session.execute(
            update(Conversation).where(Conversation.customer_id == lost).values(fence=Conversation.fence + 1)
        )
    )
    worked = chat.worker.shell.work_together(claims)
    assert worked.apart == ()
    assert {row.customer_id for row in chat.promised()} == {claim.customer_id for claim in claims} - {lost}
    assert chat.event(claims[1].events[0].id).status == "waiting"


def test_one_that_breaks_us_is_tried_again_and_the_others_are_answered(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(conversation: Any, event: Any, shop: Any) -> Any:
        content = event.message.content if isinstance(event, MessageReceived) else None
        if isinstance(content, TextContent) and content.body == "poison":
            raise ValueError("poisoned")
        return decide(conversation, event, shop)

    monkeypatch.setattr(bot.shell, "decide", broken)
    told = answer(chat, "Hi", "poison", "products")
    assert set(told) == {PEOPLE[0], PEOPLE[2]}
    (left,) = [row for row in chat.rows(inbox.InboxEvent) if row.status == "waiting"]
    assert (left.customer_key, left.attempts) == (PEOPLE[1], 1)


def test_one_that_was_tried_before_is_worked_on_by_itself(chat: Chat) -> None:
    events = say(chat, "Hi", "Hi")
    with chat.database.writing() as session:
        inbox.count_attempt(session, events[:1])
    assert [claim.alone for claim in chat.worker.shell.claim(events)] == [True, False]


def test_when_the_database_goes_away_nobody_waits_for_the_lease(
    chat: Chat, now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> None:
        raise OperationalError("COMMIT", {}, Exception("the server closed the connection"))

    events = say(chat, "Hi", "Hi", "Hi")
    with monkeypatch.context() as patch:
        patch.setattr(inbox, "finish", gone)
        advance(chat, events)
    assert chat.promised() == []
    with chat.database.reading() as session:
        assert set(session.scalars(select(Conversation.lease_until))) == {None}
    now.advance(0.5)
    advance(chat, events)
    assert set(answers(chat)) == set(PEOPLE[:3])


def test_a_message_that_came_while_others_were_answered_is_gone_on_with(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    later: list[int] = []
    real = bot.shell.Committer.write

    def write(self: Any, session: Any, given: Any) -> Any:
        if not later:
            event = inbox.NewEvent("message", "d-later", b"{}", customer_key=PEOPLE[1])
            later.extend(row for row, _ in inbox.record(session, 1, "messages:main", [event]))
        return real(self, session, given)

    monkeypatch.setattr(bot.shell.Committer, "write", write)
    assert advance(chat, say(chat, "Hi", "Hi")) == later


def test_two_workers_who_take_the_same_people_answer_each_once(chat: Chat) -> None:
    events = say(chat, "Hi", "Hi", "Hi", "Hi")
    other = chat.another_worker()
    mine = chat.worker.shell.claim(events[:3])
    theirs = other.shell.claim(events[1:])
    assert [len(mine), len(theirs)] == [3, 1]
    chat.worker.shell.work_together(mine)
    other.shell.work_together(theirs)
    assert len(chat.rows(OutboxMessage)) == 4
    assert waiting(chat) == 0


def test_a_secret_among_what_others_wrote_is_kept_nowhere(chat: Chat) -> None:
    answer(chat, "Hi", "my card is 4111 1111 1111 1111", "products")
    assert waiting(chat) == 0
    assert not any(b"4111" in bytes(row.raw) for row in chat.rows(inbox.InboxEvent))
