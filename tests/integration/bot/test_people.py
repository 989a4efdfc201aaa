"""A person of the shop answers: the columns the console lists by, and who is silent until when."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from bot import staff
from db import Database, clock
from db.models import AuditEntry, Conversation, Customer, InboxEvent, Order, OutboxMessage, Rating
from keeping import privacy
from orders import service as orders
from tests.integration.bot.conftest import Chat
from tests.shop import refs


def row(chat: Chat) -> Conversation:
    return chat.conversation()


def say(chat: Chat, *texts: str) -> str:
    """Write, have it answered, and what was said last."""
    for text in texts:
        chat.worker.advance(chat.hears(text))
    said = chat.promised()
    return str(said[-1].message["body"]) if said else ""


def as_staff(chat: Chat, work: Any, *arguments: Any, **more: Any) -> Any:
    with chat.worker.database.writing() as session:
        return work(session, 1, chat.customer().id, *arguments, actor="Grace", **more)


def test_who_wants_a_person_is_listed_with_since_when(chat: Chat) -> None:
    say(chat, "Hi", "human")
    assert row(chat).wants_person_since is not None
    assert row(chat).handed_off_until is not None
    since = row(chat).wants_person_since
    say(chat, "are you there?")
    assert row(chat).wants_person_since == since


def test_menu_gives_the_conversation_back(chat: Chat) -> None:
    assert "How can I help" in say(chat, "human", "menu")
    assert (row(chat).wants_person_since, row(chat).handed_off_until) == (None, None)


def test_what_staff_answer_goes_out_with_a_template_behind_it_and_nobody_waits_any_more(chat: Chat) -> None:
    say(chat, "Hi", "human")
    as_staff(chat, staff.answer, "We have it in blue.\nShall I keep one?", refs=refs(7))
    said = chat.promised()[-1]
    assert said.message["body"] == "We have it in blue.\nShall I keep one?"
    assert said.fallback["name"] == "person_answer"
    assert row(chat).wants_person_since is None
    before = len(chat.promised())
    say(chat, "yes please")
    assert len(chat.promised()) == before
    with chat.worker.database.reading() as session:
        assert session.scalars(select(AuditEntry.action)).all() == ["conversation_answered"]


def test_an_answer_silences_the_bot_for_a_customer_who_had_not_asked(chat: Chat) -> None:
    say(chat, "Hi")
    as_staff(chat, staff.answer, "Hello, this is Grace.", refs=refs(7))
    before = len(chat.promised())
    say(chat, "2 coffee")
    assert len(chat.promised()) == before
    assert row(chat).wants_person_since is not None


@pytest.mark.parametrize("words", ["", "  \n ", "x" * 5000])
def test_an_answer_has_words(chat: Chat, words: str) -> None:
    say(chat, "Hi")
    with pytest.raises(staff.NothingToSay):
        as_staff(chat, staff.answer, words, refs=refs(7))


def test_nobody_answers_a_customer_of_another_shop(chat: Chat) -> None:
    say(chat, "Hi")
    with pytest.raises(staff.UnknownConversation), chat.worker.database.writing() as session:
        staff.take_over(session, 2, chat.customer().id, actor="Grace")


def test_a_conversation_given_back_is_answered_by_the_bot(chat: Chat) -> None:
    say(chat, "Hi", "human")
    as_staff(chat, staff.release)
    assert "What would you like" in say(chat, "products")


def test_a_conversation_taken_over_is_not_answered_by_the_bot(chat: Chat) -> None:
    say(chat, "Hi")
    before = len(chat.promised())
    as_staff(chat, staff.take_over)
    say(chat, "products")
    assert len(chat.promised()) == before
    assert chat.rows(InboxEvent)[-1].status == "done"


def test_after_twelve_hours_of_silence_the_bot_answers_again(chat: Chat, now: Any) -> None:
    say(chat, "Hi", "human")
    now.advance(11 * 3600)
    before = len(chat.promised())
    say(chat, "hello?")
    assert len(chat.promised()) == before
    now.advance(12 * 3600 + 1)
    assert "What would you like" in say(chat, "products")
    assert row(chat).handed_off_until is None


def test_a_sweep_ends_the_silence_where_nobody_writes(chat: Chat, now: Any) -> None:
    say(chat, "Hi", "human")
    with chat.worker.database.reading() as session:
        assert not staff.is_anyone_silent(session)
    now.advance(12 * 3600 + 1)
    with chat.worker.database.reading() as session:
        assert staff.is_anyone_silent(session)
    chat.worker.tasks.end_handoffs(0)
    assert (row(chat).handed_off_until, row(chat).wants_person_since) == (None, None)


def test_what_a_blocked_customer_writes_is_kept_and_not_answered(chat: Chat) -> None:
    say(chat, "Hi")
    as_staff(chat, staff.block)
    before = len(chat.promised())
    say(chat, "2 coffee")
    assert len(chat.promised()) == before
    assert chat.rows(InboxEvent)[-1].status == "done"
    as_staff(chat, staff.unblock)
    assert "Where shall we deliver" in say(chat, "2 coffee")


def test_stop_and_start_are_remembered_with_the_customer(chat: Chat) -> None:
    say(chat, "Hi", "stop")
    assert chat.customer().stopped_at is not None
    say(chat, "start")
    assert chat.customer().stopped_at is None


def test_forgetting_waits_for_the_last_words_and_then_the_customer_is_a_stranger(
    chat: Chat, now: Any
) -> None:
    say(chat, "Hi", "delete my data", "yes")
    first = chat.customer().id
    now.advance(1)
    assert leaving(chat.worker.database) == []
    with chat.worker.database.writing() as session:
        session.execute(update(OutboxMessage).values(status="sent"))
    assert leaving(chat.worker.database) == [first]
    chat.worker.shell.forget(first)
    assert leaving(chat.worker.database) == []
    assert "Hello" in say(chat, "Hi")
    erased, stranger = chat.rows(Customer)
    assert (erased.id, erased.name, erased.phone) == (first, "", None)
    assert stranger.id != first


def leaving(database: Database) -> list[int]:

    with database.reading() as session:
        return privacy.due_to_erase(session)


def test_nobody_with_an_open_order_is_forgotten(chat: Chat) -> None:
    assert "Pay or cancel it first" in say(chat, "2 coffee", "123 Main St, Nairobi", "delete my data")
    assert chat.customer().erase_at is None


def pay(chat: Chat) -> Order:
    say(chat, "2 coffee", "123 Main St, Nairobi", "mpesa")
    chat.worker.advance(chat.worker.take_money())
    return chat.order()


def test_a_paid_order_is_tracked_copied_and_cancelled(chat: Chat) -> None:
    order = pay(chat)
    assert f"Order {order.ref} is paid" in say(chat, "where is my order")
    assert say(chat, "receipt").startswith("🧾 Copy of your receipt")
    assert [m.unique_key for m in chat.promised() if m.kind == "receipt"] == [f"receipt:{order.ref}"]
    assert "has been told and will send your" in say(chat, "cancel", "yes")
    assert chat.order().status == "cancelled"


def test_a_delivered_order_is_rated_in_the_chat(chat: Chat) -> None:
    order = pay(chat)
    with chat.worker.database.writing() as session:
        moved = orders.move(session, 1, order.ref, "delivered", actor="Grace")
        told = orders.tell_moved(session, moved)
    assert told is not None
    chat.worker.advance(told)
    say(chat, "1", "Very quick")
    with chat.worker.database.reading() as session:
        assert tuple(session.execute(select(Rating.stars, Rating.comment)).one()) == (5, "Very quick")


def test_the_reminder_of_an_unpaid_order_goes_out_once(chat: Chat, now: Any) -> None:
    say(chat, "2 coffee", "123 Main St, Nairobi")
    now.advance(1210)
    for _ in range(2):
        with chat.worker.database.reading() as session:
            due = orders.due_to_remind(session)
        for order_id in due:
            chat.worker.tasks.remind_order(order_id)
            chat.worker.advance(chat.worker.bell.last("internal"))
    reminders = [m for m in chat.promised() if (m.unique_key or "").startswith("reminder:")]
    assert len(reminders) == 1


def test_the_advert_that_brought_the_customer_stays_with_the_order(chat: Chat) -> None:
    say(chat, "Hi")
    with chat.worker.database.writing() as session:
        data = session.scalars(select(Conversation.data)).one()
        advert = {"source_id": "ad-1", "headline": "Coffee"}
        session.execute(update(Conversation).values(data=data | {"referral": advert}, version=99))
        session.execute(update(Customer).values(seen_at=clock()))
    say(chat, "2 coffee", "123 Main St, Nairobi")
    assert chat.order().referral == {"source_id": "ad-1", "headline": "Coffee"}
    assert row(chat).data["referral"] is None
