"""Delivery statuses: noted on their message, never backwards, whatever order they come in."""

from __future__ import annotations

import itertools

from bot.statuses import TRIES, StatusDesk
from db import Database, inbox, outbox
from db.models import InboxEvent
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


def test_a_failure_of_another_kind_is_noted_and_not_repeated(post: Post) -> None:
    (row_id,) = post.promise(post.customer(), "receipt", kind="receipt", fallback=TEMPLATE)
    post.steps()
    StatusDesk(post.database).process(hear(post.database, "failed", "wamid.1", 131026))
    assert post.steps() == []
    assert (post.row(row_id).delivery, post.row(row_id).error) == ("failed", "131026")
