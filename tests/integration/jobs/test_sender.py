"""What was promised is sent: once, in order, and not for ever when it is hopeless."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy.exc
from sqlalchemy import select, update

from db import clock, outbox
from db.models import Conversation, Customer, OutboxMessage, Shop
from db.redis_link import RedisLink
from errors import GatewayUnavailable, OutcomeUnknown
from ghala.client import Answer
from ghala.dialects import V1
from ghala.dialects.base import Request
from ghala.messages import ListMessage, Row, Section, dump
from jobs.pacing import PERSON_BURST, Pacing
from jobs.sender import CLOSED_WINDOW_WAIT, MOST_ATTEMPTS, UNAUTHORISED_WAIT, Sender
from tests.integration.jobs.conftest import TEMPLATE, Ghala, Post, body_of, refusal

HOUR = 3600.0


def test_a_customers_messages_go_one_after_the_other(post: Post) -> None:
    amina = post.customer()
    post.promise(amina, "one", "two", "three")
    assert [post.step(), post.step(), post.step(), post.step()] == [["one"], ["two"], ["three"], []]
    assert [row.status for row in post.rows()] == ["sent"] * 3


def test_every_customers_first_message_goes_at_once(post: Post) -> None:
    people = [post.customer() for _ in range(5)]
    for person in people:
        post.promise(person, f"one {person}", f"two {person}")
    assert sorted(post.step()) == [f"one {person}" for person in people]


def test_a_message_goes_out_with_its_stored_key_and_its_id_is_kept(post: Post) -> None:
    (row_id,) = post.promise(post.customer(), "one")
    key = post.row(row_id).key
    post.steps()
    (request,) = post.ghala.requests
    assert (request.method, request.path) == ("POST", "/whatsapp/messages")
    assert request.headers["Idempotency-Key"] == key
    row = post.row(row_id)
    assert (row.provider_id, row.status, row.delivery, row.sent_at) == ("wamid.1", "sent", "sent", post.now())


def test_one_promise_per_unique_key(post: Post) -> None:
    amina = post.customer()
    receipt = outbox.Promise("out:a", {"type": "text", "body": "r"}, unique_key="receipt:ORD-1")
    again = outbox.Promise("out:b", {"type": "text", "body": "r"}, unique_key="receipt:ORD-1")
    with post.database.writing() as session:
        assert len(outbox.promise(session, 1, amina, [receipt])) == 1
        assert outbox.promise(session, 1, amina, [again]) == []


def test_a_message_not_taken_goes_again_with_the_same_key_ever_later(post: Post, now) -> None:
    (row_id,) = post.promise(post.customer(), "one")
    post.ghala.answers = [refusal(503)] * 4
    for longest in (1.0, 2.0, 4.0, 8.0):
        post.step()
        post.write_back()
        assert longest / 2 <= post.waits(row_id) <= longest
        assert post.step() == []
        now.advance(longest)
    assert post.step() == ["one"]
    post.write_back()
    assert len(set(post.ghala.keys())) == 1
    assert (post.row(row_id).status, post.row(row_id).attempts) == ("sent", 5)


def test_the_time_ghala_asks_for_is_given(post: Post) -> None:
    (row_id,) = post.promise(post.customer(), "one")
    post.ghala.answers = [Answer(429, {"retry-after": "30"}, b"")]
    post.step()
    post.write_back()
    assert 30 <= post.waits(row_id) <= 31


@pytest.mark.parametrize("lost", [OutcomeUnknown("no answer"), GatewayUnavailable("not reached")])
def test_a_lost_answer_is_asked_for_again_with_the_same_key(post: Post, now, lost) -> None:
    post.promise(post.customer(), "one")
    post.ghala.answers = [lost, Answer(200, {}, b"<html>")]
    for _ in range(3):
        post.step()
        post.write_back()
        now.advance(60)
    assert post.ghala.bodies() == ["one"] * 3
    assert len(set(post.ghala.keys())) == 1
    assert [row.status for row in post.rows()] == ["sent"]


def test_a_message_waiting_for_its_next_try_holds_back_those_behind_it(post: Post, now) -> None:
    post.promise(post.customer(), "one", "two")
    post.promise(post.customer(), "other")
    post.ghala.answers = [refusal(500)]
    assert post.step() == ["one", "other"]
    assert post.steps() == []
    now.advance(1)
    assert post.steps() == ["one", "two"]


def test_a_refused_key_pauses_everything_and_uses_up_no_attempt(post: Post, now) -> None:
    (row_id,) = post.promise(post.customer(), "one")
    for _ in range(MOST_ATTEMPTS + 3):
        post.ghala.answers = [refusal(401)]
        assert post.step() == ["one"]
        post.write_back()
        assert post.waits(row_id) == UNAUTHORISED_WAIT
        now.advance(UNAUTHORISED_WAIT)
    assert (post.row(row_id).status, post.row(row_id).attempts) == ("waiting", 0)
    assert post.steps() == ["one"]


def test_a_final_refusal_is_dead_and_the_next_message_goes(post: Post) -> None:
    first, second = post.promise(post.customer(), "one", "two")
    post.ghala.answers = [refusal(400, 131049)]
    assert post.steps() == ["one", "two"]
    assert [post.row(first).status, post.row(second).status] == ["dead", "sent"]
    assert "131049" in post.row(first).error


def test_a_reply_is_given_up_after_many_tries_but_a_receipt_never(post: Post, now) -> None:
    (reply,) = post.promise(post.customer(), "reply")
    (receipt,) = post.promise(post.customer(), "receipt", kind="receipt")
    for _ in range(MOST_ATTEMPTS + 2):
        post.promise(post.customer(), "another's, which gets through")
        post.ghala.answers = [refusal(500), refusal(500)]
        post.step()
        post.write_back()
        now.advance(HOUR)
    assert post.row(reply).status == "dead"
    assert (post.row(receipt).status, post.row(receipt).attempts) == ("waiting", MOST_ATTEMPTS + 2)


def test_while_nothing_gets_through_no_reply_is_given_up(post: Post, now) -> None:
    (reply,) = post.promise(post.customer(), "reply")
    for _ in range(3 * MOST_ATTEMPTS):
        post.ghala.answers = [refusal(500)]
        post.step()
        post.write_back()
        now.advance(600)
    assert post.row(reply).status == "waiting"
    assert post.row(reply).attempts < MOST_ATTEMPTS
    now.advance(600)
    assert post.step() == ["reply"]


def test_what_can_not_be_read_from_the_outbox_does_not_hold_the_rest_back(post: Post) -> None:
    first, second = post.promise(post.customer(), "one", "two")
    with post.database.writing() as session:
        session.execute(
            update(OutboxMessage).where(OutboxMessage.id == first).values(message={"type": "carrier pigeon"})
        )
    assert post.step() == []
    assert post.steps() == ["two"]
    assert [post.row(first).status, post.row(second).status] == ["dead", "sent"]


def test_outside_the_window_a_message_waits_for_the_customer(post: Post, now) -> None:
    amina = post.customer(wrote=False)
    (row_id,) = post.promise(amina, "one")
    assert post.steps() == []
    post.write_back()
    assert (post.waits(row_id), post.row(row_id).attempts) == (CLOSED_WINDOW_WAIT, 0)
    with post.database.writing() as session:
        session.execute(update(Conversation).values(inbound_at=clock()))
        outbox.wake(session, [amina])
    assert post.steps() == ["one"]


def test_what_waits_for_the_customer_holds_nothing_else_back(post: Post, now) -> None:
    amina = post.customer(wrote=False)
    post.promise(amina, "one")
    post.steps()
    post.write_back()
    post.promise(amina, "receipt", kind="receipt", fallback=TEMPLATE)
    assert post.step() == []
    assert post.steps() == ["template order_receipt"]
    post.promise(amina, "two")
    assert post.steps() == []
    post.write_back()
    with post.database.writing() as session:
        session.execute(update(Conversation).values(inbound_at=clock()))
        outbox.wake(session, [amina])
    assert [post.step(), post.step()] == [["one"], ["two"]]


def test_what_waited_for_the_customer_too_long_is_given_up(post: Post, now) -> None:
    (row_id,) = post.promise(post.customer(wrote=False), "one")
    post.steps()
    post.write_back()
    now.advance(outbox.LONGEST_WAIT)
    post.steps()
    post.write_back()
    assert (post.row(row_id).status, post.ghala.requests) == ("dead", [])


def test_a_window_closed_earlier_than_we_think_is_waited_for(post: Post, now) -> None:
    (row_id,) = post.promise(post.customer(), "one")
    post.ghala.answers = [refusal(400, 131047)]
    assert post.steps() == ["one"]
    assert (post.row(row_id).status, post.waits(row_id)) == ("waiting", CLOSED_WINDOW_WAIT)


def test_what_cannot_be_carried_goes_once_as_plain_text(post: Post) -> None:
    (row_id,) = post.promise(post.customer(), "one")
    listing = ListMessage("Choose", "View", (Section((Row("a", "Coffee"), Row("b", "Honey"))),))
    with post.database.writing() as session:
        session.get_one(OutboxMessage, row_id).message = dump(listing)
    post.ghala.answers = [refusal(400, 131051), refusal(400, 131051)]
    post.step()
    assert post.steps() == ["Choose\n\n1. Coffee\n2. Honey"]
    assert len(set(post.ghala.keys())) == 2
    assert post.row(row_id).status == "dead"


def test_a_key_that_stands_for_other_words_is_replaced_once(post: Post) -> None:
    first, second = (post.promise(post.customer(), words)[0] for words in ("one", "two"))
    reused = Answer(422, {}, b'{"code":"idempotency_key_reused"}')
    post.ghala.answers = [reused, reused, reused]
    assert post.steps() == ["one", "two", "one", "two"]
    assert sorted(post.row(row_id).status for row_id in (first, second)) == ["dead", "sent"]
    assert len(set(post.ghala.keys())) == 4


def test_writing_to_somebody_too_often_waits_ever_longer_and_holds_nobody_else_back(post: Post, now) -> None:
    (row_id,) = post.promise(post.customer(), "one")
    for shortest in (4.0, 16.0, 64.0, 256.0):
        post.ghala.answers = [refusal(400, 131056)]
        post.step()
        post.write_back()
        assert shortest <= post.waits(row_id) <= shortest + 1
        post.promise(post.customer(), "another's")
        assert post.steps() == ["another's"]
        now.advance(shortest + 1)
    assert post.steps() == ["one"]


def test_a_send_still_under_way_at_ghala_is_asked_for_again_with_its_key(post: Post, now) -> None:
    post.promise(post.customer(), "one")
    post.ghala.answers = [Answer(409, {}, b'{"code":"idempotency_in_progress"}')]
    post.step()
    post.write_back()
    now.advance(1)
    assert post.steps() == ["one"]
    assert len(set(post.ghala.keys())) == 1


@pytest.mark.parametrize("code", ["131042", "131048", "131031", "plan_feature_locked"])
def test_what_only_the_owner_can_settle_silences_the_shop_and_costs_no_message(
    post: Post, now, code: str
) -> None:
    (row_id,) = post.promise(post.customer(), "one")
    post.ghala.answers = [Answer(402, {}, f'{{"code": "{code}"}}'.encode())]
    post.step()
    post.write_back()
    with post.database.reading() as session:
        assert session.get_one(Shop, 1).silenced_because == code
    post.promise(post.customer(), "another's")
    assert post.steps() == []
    now.advance(UNAUTHORISED_WAIT)
    assert sorted(post.steps()) == ["another's", "one"]
    assert post.row(row_id).attempts == 1


def test_a_plan_without_templates_holds_back_nothing_else(post: Post, caplog) -> None:
    post.promise(post.customer(wrote=False), "receipt", kind="receipt", fallback=TEMPLATE)
    post.step()
    post.ghala.answers = [Answer(402, {}, b'{"code": "plan_feature_locked"}')]
    post.step()
    post.promise(post.customer(), "another's")
    assert post.steps() == ["another's"]
    assert "receipt_dead" in [record.message for record in caplog.records]


def test_somebody_whatsapp_cannot_reach_is_left_alone(post: Post, now) -> None:
    amina = post.customer()
    now.advance(1)
    post.promise(amina, "one", "two")
    post.ghala.answers = [refusal(400, 131026)]
    assert post.steps() == ["one"]
    post.write_back()
    assert [row.status for row in post.rows()] == ["dead", "dead"]


def test_outside_the_window_a_message_goes_as_its_template(post: Post, now) -> None:
    amina = post.customer()
    now.advance(25 * HOUR)
    post.promise(amina, "receipt", kind="receipt", fallback=TEMPLATE)
    assert post.step() == [], "first it is written down that the template goes"
    assert post.steps() == ["template order_receipt"]
    assert [row.status for row in post.rows()] == ["sent"]


def test_a_template_never_goes_under_the_key_of_the_message_it_replaces(post: Post, now) -> None:
    amina = post.customer()
    now.advance(24 * HOUR - 1)
    post.promise(amina, "receipt", kind="receipt", fallback=TEMPLATE)
    post.ghala.answers = [OutcomeUnknown("no answer")]
    assert post.step() == ["receipt"]
    post.write_back()
    now.advance(60)
    assert post.step() == []
    assert post.step() == ["template order_receipt"]
    first, second = post.ghala.keys()
    assert first != second


def test_a_window_that_ghala_says_is_closed_brings_the_template_once(post: Post, now) -> None:
    (row_id,) = post.promise(post.customer(), "receipt", kind="receipt", fallback=TEMPLATE)
    post.ghala.answers = [refusal(400, 131047)]
    assert post.steps() == ["receipt", "template order_receipt"]
    assert post.row(row_id).status == "sent"
    first, second = post.ghala.keys()
    assert first != second


def test_a_template_refused_too_is_given_up(post: Post) -> None:
    (row_id,) = post.promise(post.customer(), "receipt", kind="receipt", fallback=TEMPLATE)
    post.ghala.answers = [refusal(400, 131047), refusal(400, 131047)]
    assert post.steps() == ["receipt", "template order_receipt"]
    assert post.row(row_id).status == "dead"


def test_two_senders_never_claim_the_same_message(post: Post) -> None:
    for _ in range(40):
        post.promise(post.customer(), "one", "two")
    together = threading.Barrier(2)

    def claim(_: int) -> list[int]:
        mine: list[int] = []
        together.wait(10)
        while True:
            with post.database.writing() as session:
                claimed = outbox.claim_heads(session, 7)
            if not claimed:
                return mine
            mine += [message.id for message in claimed]

    with ThreadPoolExecutor(2) as senders:
        first, second = senders.map(claim, range(2))
    assert len(first + second) == len(set(first + second)) == 40
    with post.database.reading() as session:
        owners = session.execute(
            select(OutboxMessage.customer_id).where(OutboxMessage.id.in_(first + second))
        )
        assert len({row.customer_id for row in owners}) == 40


def test_a_dead_senders_message_is_free_after_its_lease_and_its_late_word_counts_nothing(
    post: Post, now
) -> None:
    (row_id,) = post.promise(post.customer(), "one")
    with post.database.writing() as session:
        (lost,) = outbox.claim_heads(session, 10)
    now.advance(outbox.SEND_LEASE - 1)
    with post.database.writing() as session:
        assert outbox.claim_heads(session, 10) == []
    now.advance(1)
    with post.database.writing() as session:
        (held,) = outbox.claim_heads(session, 10)
        assert (held.id, held.key) == (lost.id, lost.key)
        outbox.record_outcomes(session, [outbox.Outcome(lost.id, lost.fence, "dead", error="late")])
    assert post.row(row_id).status == "waiting"
    with post.database.writing() as session:
        outbox.record_outcomes(session, [outbox.Outcome(held.id, held.fence, "sent", provider_id="w")])
        outbox.record_outcomes(session, [outbox.Outcome(lost.id, lost.fence, "dead", error="later")])
    assert (post.row(row_id).status, post.row(row_id).provider_id) == ("sent", "w")


def test_outcomes_are_kept_while_the_database_is_away(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    (row_id,) = post.promise(post.customer(), "one")
    post.step()

    def away(*_: object) -> None:
        raise sqlalchemy.exc.OperationalError("", {}, Exception("away"))

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "record_outcomes", away)
        patched.setattr(threading.Event, "wait", lambda *_: True)
        post.write_back()
    assert post.row(row_id).status == "waiting"
    post.write_back()
    assert post.row(row_id).status == "sent"


def test_a_message_that_must_be_paced_waits_without_losing_an_attempt(database, now, redis_url: str) -> None:
    post = Post(database, now, Pacing(RedisLink(redis_url), 0, 3600))
    amina = post.customer()
    row_ids = post.promise(amina, *(f"{number}" for number in range(PERSON_BURST + 1)))
    assert len(post.steps(PERSON_BURST + 5)) == PERSON_BURST
    post.write_back()
    last = post.row(row_ids[-1])
    assert (last.status, last.attempts) == ("waiting", 0)
    assert post.waits(row_ids[-1]) > 3000


def test_two_senders_keep_one_pace_together(database, now, redis_url: str) -> None:
    first = Post(database, now, Pacing(RedisLink(redis_url), 0, 3600))
    second = Sender(
        database, lambda: first.ghala, V1(), Pacing(RedisLink(redis_url), 0, 3600), random.Random(2)
    )
    first.promise(first.customer(), *(f"{number}" for number in range(PERSON_BURST + 5)))
    senders = itertools.cycle((first.sender, second))
    for sender in itertools.islice(senders, PERSON_BURST + 5):
        first.sender = sender
        first.step()
    assert len(first.ghala.requests) == PERSON_BURST


class SlowForOne(Ghala):
    """Leaves one customer's messages hanging until everybody else's have gone."""

    def __init__(self, slow: str, others: int) -> None:
        super().__init__()
        self.slow = slow
        self.others = others
        self.in_flight: set[str] = set()
        self.done = threading.Event()
        self.freed = asyncio.Event()
        self.sent: list[tuple[str, str]] = []

    async def call(self, request: Request) -> Answer:
        assert request.json is not None
        to = str(request.json["to"])
        assert to not in self.in_flight, "two messages to one customer at once"
        self.in_flight.add(to)
        if to == self.slow and not self.freed.is_set():
            await self.freed.wait()
        else:
            await asyncio.sleep(0)
        self.in_flight.remove(to)
        self.sent.append((to, body_of(request)))
        if sum(who != self.slow for who, _ in self.sent) == self.others:
            self.freed.set()
        if len(self.sent) == self.others + 2:
            self.done.set()
        self.requests.append(request)
        return self.taken()


def test_one_slow_customer_holds_nobody_else_back(post: Post) -> None:
    people = [post.customer() for _ in range(6)]
    for person in people:
        post.promise(person, "one", "two")
    with post.database.reading() as session:
        slow = session.scalars(select(Customer.identity).where(Customer.id == people[0])).one()
    ghala = post.ghala = SlowForOne(slow, 10)
    post.sender.start()
    assert ghala.done.wait(20)
    post.sender.stop(20)
    assert [row.status for row in post.rows()] == ["sent"] * 12
    assert ghala.closed
    for person in {to for to, _ in ghala.sent}:
        assert [words for to, words in ghala.sent if to == person] == ["one", "two"]
    assert [to for to, _ in ghala.sent[-2:]] == [slow, slow]


def test_a_sender_that_stops_finishes_what_is_in_flight(post: Post) -> None:
    post.promise(post.customer(), "one")
    begun, go = threading.Event(), threading.Event()

    class Hanging(Ghala):
        async def call(self, request: Request) -> Answer:
            begun.set()
            await asyncio.get_running_loop().run_in_executor(None, go.wait, 20)
            return await super().call(request)

    idle, exchange = threading.Event(), post.sender.exchange

    def watched(*what: Any) -> Any:
        claimed, kept = exchange(*what)
        if begun.is_set() and not claimed:
            idle.set()
        return claimed, kept

    post.sender.exchange = watched  # type: ignore[method-assign]
    post.ghala = Hanging()
    post.sender.start()
    assert begun.wait(20)
    assert idle.wait(20), "a round that began before the end may still claim"
    post.sender.finish()
    post.promise(post.customer(), "after the end")
    go.set()
    post.sender.stop(20)
    assert [row.status for row in post.rows()] == ["sent", "waiting"]
