"""Delivery statuses: noted on their message, never backwards, whatever order they come in."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import update

from bot.statuses import MOST_REPEATS, SILENCE, TRIES, StatusDesk
from db import Database, clock, inbox, outbox
from db.models import Conversation, InboxEvent, OutboxMessage, Shop
from ghala import strict_json
from ghala.inbound import read_messages
from tests.integration.jobs.conftest import TEMPLATE, Post

ORDER = ("sent", "failed", "delivered", "read")
"""From the weakest news to the strongest: what was read was not lost, whoever says so."""
WAYS = [way for count in range(1, 5) for way in itertools.permutations(ORDER, count)]


def test_statuses_never_go_backwards_in_whatever_order_they_come(post: Post) -> None:
    rows = post.promise(post.customer(), *("one" for _ in WAYS))
    with post.database.writing() as session:
        for row_id, way in zip(rows, WAYS, strict=True):
            session.get_one(outbox.OutboxMessage, row_id).provider_id = f"wamid.{row_id}"
            session.flush()
            best = -1
            for status in way:
                assert outbox.record_delivery(session, 1, f"wamid.{row_id}", status)
                session.expire_all()
                best = max(best, ORDER.index(status))
                assert session.get_one(outbox.OutboxMessage, row_id).delivery == ORDER[best], way


def hear(database: Database, status: str, provider_id: str, code: int | None = None) -> int:
    """Record a status as the webhook does."""
    news = {"id": provider_id, "status": status, "timestamp": "1795200000", "recipient_id": "254711000001"}
    if code is not None:
        news |= {"errors": [{"code": code, "title": "no"}]}
    (item,) = read_messages({"statuses": [news]}).items
    event = inbox.NewEvent("status", f"{status}:{provider_id}:{code}", strict_json.dumps(item.raw))
    with database.writing() as session:
        ((event_id, _),) = inbox.record(session, 1, "messages:main", [event])
    return event_id


def event(database: Database, event_id: int) -> InboxEvent:
    with database.reading() as session:
        return session.get_one(InboxEvent, event_id)


def test_a_status_is_noted_on_the_message_it_is_about(post: Post) -> None:
    first, second = post.promise(post.customer(), "one", "two")
    post.steps()
    done = hear(post.database, "read", "wamid.1")
    StatusDesk(post.database).process(done)
    assert (post.row(first).delivery, post.row(second).delivery) == ("read", "sent")
    assert event(post.database, done).status == "done"


def test_a_status_that_overtakes_our_own_note_is_tried_again(post: Post, now) -> None:
    desk = StatusDesk(post.database)
    early = hear(post.database, "delivered", "wamid.1")
    desk.process(early)
    assert event(post.database, early).status == "waiting"
    (row_id,) = post.promise(post.customer(), "one")
    post.steps()
    desk.process(early)
    assert post.row(row_id).delivery == "sent"
    now.advance(2)
    desk.process(early)
    assert post.row(row_id).delivery == "delivered"
    assert event(post.database, early).status == "done"


def test_a_status_about_nothing_of_ours_is_let_go(post: Post, now) -> None:
    desk = StatusDesk(post.database)
    strange = hear(post.database, "read", "wamid.of-somebody-else")
    for _ in range(TRIES):
        desk.process(strange)
        now.advance(2.0**TRIES)
    assert event(post.database, strange).status == "ignored"


def test_a_message_that_failed_outside_the_window_goes_once_as_its_template(post: Post) -> None:
    (row_id,) = post.promise(post.customer(), "receipt", kind="receipt", fallback=TEMPLATE)
    post.steps()
    StatusDesk(post.database).process(hear(post.database, "failed", "wamid.1", 131047))
    assert post.steps() == ["template order_receipt"]
    assert (post.row(row_id).provider_id, post.row(row_id).delivery) == ("wamid.2", "sent")
    StatusDesk(post.database).process(hear(post.database, "failed", "wamid.2", 131047))
    assert post.steps() == []
    assert (post.row(row_id).status, post.row(row_id).delivery) == ("sent", "failed")
    assert len(set(post.ghala.keys())) == 2


@pytest.mark.parametrize("code", [131026, 131049, 131050, 130472, 132015, 100, 999999])
def test_a_failure_of_another_kind_is_noted_and_not_repeated(post: Post, code: int) -> None:
    (row_id,) = post.promise(post.customer(), "receipt", kind="receipt", fallback=TEMPLATE)
    post.steps()
    StatusDesk(post.database).process(hear(post.database, "failed", "wamid.1", code))
    assert post.steps() == []
    assert (post.row(row_id).delivery, post.row(row_id).error) == ("failed", str(code))


def test_a_receipt_that_did_not_arrive_pages_the_owner_and_is_listed(post: Post, caplog) -> None:
    (row_id,) = post.promise(post.customer(), "receipt", kind="receipt")
    post.promise(post.customer(), "an answer")
    post.steps()
    for provider_id in ("wamid.1", "wamid.2"):
        StatusDesk(post.database).process(hear(post.database, "failed", provider_id, 131026))
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["receipt_dead"]
    with post.database.reading() as session:
        assert [row.id for row in outbox.undelivered(session, 1)] == [row_id]


@pytest.mark.parametrize(("code", "wait"), [(131000, 2.0), (130429, 2.0), (131056, 4.0), (131042, SILENCE)])
def test_a_failure_that_may_pass_is_tried_again_later_under_a_new_key(
    post: Post, now, code: int, wait: float
) -> None:
    (row_id,) = post.promise(post.customer(), "receipt", kind="receipt")
    post.steps()
    StatusDesk(post.database).process(hear(post.database, "failed", "wamid.1", code))
    assert post.waits(row_id) == wait
    assert post.steps() == []
    now.advance(wait)
    assert post.steps() == ["receipt"]
    assert len(set(post.ghala.keys())) == 2
    assert (post.row(row_id).provider_id, post.row(row_id).delivery) == ("wamid.2", "sent")


def test_what_keeps_failing_is_given_up(post: Post, now) -> None:
    (row_id,) = post.promise(post.customer(), "receipt", kind="receipt")
    for attempt in range(1, MOST_REPEATS + 1):
        post.steps()
        StatusDesk(post.database).process(hear(post.database, "failed", f"wamid.{attempt}", 131000))
        now.advance(600)
    assert post.steps() == []
    assert post.row(row_id).delivery == "failed"
    assert len(set(post.ghala.keys())) == MOST_REPEATS


def test_an_answer_that_others_have_followed_is_not_said_again(post: Post, now) -> None:
    amina = post.customer()
    post.promise(amina, "old", "new")
    post.steps()
    for provider_id in ("wamid.1", "wamid.2"):
        StatusDesk(post.database).process(hear(post.database, "failed", provider_id, 131000))
    now.advance(600)
    assert post.steps() == ["new"]


def test_a_picture_that_could_not_be_fetched_leaves_the_words(post: Post) -> None:
    (row_id,) = post.promise(post.customer(), "one")
    picture = {"type": "image", "link": "https://shop.example/a.jpg", "caption": "Coffee"}
    with post.database.writing() as session:
        session.get_one(OutboxMessage, row_id).message = picture
    post.steps()
    StatusDesk(post.database).process(hear(post.database, "failed", "wamid.1", 131053))
    assert post.steps() == ["Coffee\n\nhttps://shop.example/a.jpg"]
    StatusDesk(post.database).process(hear(post.database, "failed", "wamid.2", 131053))
    assert post.steps() == []
    assert post.row(row_id).delivery == "failed"


def test_an_account_that_whatsapp_blocks_later_sends_nothing_for_a_while(post: Post, now) -> None:
    post.promise(post.customer(), "one")
    post.steps()
    StatusDesk(post.database).process(hear(post.database, "failed", "wamid.1", 131031))
    post.promise(post.customer(), "another's")
    assert post.steps() == []
    with post.database.reading() as session:
        shop = session.get_one(Shop, 1)
        assert shop.silenced_because == "131031"
    now.advance(SILENCE)
    assert sorted(post.steps()) == ["another's", "one"]


def test_somebody_out_of_reach_is_troubled_no_more_until_they_write(post: Post, now) -> None:
    amina = post.customer()
    now.advance(1)
    post.promise(amina, "news", kind="news")
    post.steps()
    now.advance(60)
    StatusDesk(post.database).process(hear(post.database, "failed", "wamid.1", 131026))
    news, receipt = (post.promise(amina, kind, kind=kind)[0] for kind in ("news", "receipt"))
    post.promise(post.customer(), "somebody else's")
    assert sorted(post.steps()) == ["receipt", "somebody else's"]
    assert (post.row(news).status, post.row(receipt).status) == ("dead", "sent")
    with post.database.writing() as session:
        session.execute(update(Conversation).values(inbound_at=clock()))
    post.promise(amina, "welcome back")
    assert post.steps() == ["welcome back"]


def test_a_failure_told_late_counts_nothing_against_who_wrote_since(post: Post, now) -> None:
    amina = post.customer()
    now.advance(1)
    post.promise(amina, "one")
    post.steps()
    now.advance(60)
    with post.database.writing() as session:
        session.execute(update(Conversation).values(inbound_at=clock()))
    StatusDesk(post.database).process(hear(post.database, "failed", "wamid.1", 131026))
    post.promise(amina, "two")
    assert post.steps() == ["two"]
