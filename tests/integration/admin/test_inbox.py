"""Conversations: who wants a person comes first, one is read and answered, and the bot is silent meanwhile."""

import re
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import select, update

from db.models import AuditEntry, Conversation, Customer, OutboxMessage
from ghala.messages import Button, Buttons, LinkButton, Template
from keeping.retention import EMPTY, NO_MESSAGE
from tests.factories import Seed
from tests.integration.admin.test_frame import send


@pytest.fixture
def seed(database, now, shop):
    """Writes into the shop; gives what the writing gives."""
    numbers = count(3)

    def write(act):
        with database.writing() as session:
            return act(Seed(session, now(), seed=next(numbers)))

    return write


@pytest.fixture
def amina(seed, shop, now):
    """A customer who wrote five minutes ago."""

    def act(seed):
        person = seed.customer(shop, name="Amina Wanjiru", phone="+254722000111", identity="254722000111")
        seed.said(person, "Is the coffee *fresh*?", at=now() - timedelta(minutes=5))
        return person.id

    return seed(act)


def stand(database, customer_id, **values):
    with database.writing() as session:
        session.execute(update(Conversation).where(Conversation.customer_id == customer_id).values(**values))


def conversation(database, customer_id):
    with database.reading() as session:
        return session.get_one(Conversation, customer_id)


def audit(database):
    with database.reading() as session:
        return list(session.scalars(select(AuditEntry.action)))


def key_of(page) -> str:
    return re.search(r'name="key" value="([^"]+)"', page)[1]


def test_who_waits_longest_for_a_person_comes_first_then_who_wrote_last(
    room, seed, shop, database, now
) -> None:
    def act(seed):
        for number, name in enumerate(("One", "Two", "Three", "Four")):
            seed.said(seed.customer(shop, name=name), f"from {name}", at=now() - timedelta(minutes=number))

    seed(act)
    stand(database, 4, wants_person_since=now() - timedelta(minutes=9))
    stand(database, 3, wants_person_since=now() - timedelta(minutes=1))
    page = room.get("/admin/inbox").text
    assert re.findall(r'id="talk-(\d)"', page) == ["4", "3", "1", "2"]
    assert "from Two" in page
    assert page.index("Waiting for you") < page.index("Everybody else")


def test_further_conversations_are_on_further_pages_each_once(room, seed, shop, now) -> None:
    def act(seed):
        for number in range(30):
            seed.said(seed.customer(shop), "Hi", at=now() - timedelta(minutes=number // 3))

    seed(act)
    seen, path = [], "/admin/inbox"
    while path:
        page = room.get(path).text
        seen += re.findall(r'id="talk-(\d+)"', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following and following[1]
    assert len(seen) == len(set(seen)) == 30


def test_what_a_person_has_not_read_is_marked_until_somebody_looks(room, amina, database, now) -> None:
    assert 'aria-label="Unread"' not in room.get("/admin/inbox").text  # the bot answers it
    stand(database, amina, wants_person_since=now())
    assert 'aria-label="Unread"' in room.get("/admin/inbox").text
    room.get(f"/admin/inbox/{amina}")
    assert 'aria-label="Unread"' not in room.get("/admin/inbox").text


def test_a_thread_shows_both_sides_in_the_order_of_time_and_nothing_raw(
    room, amina, seed, database, now
) -> None:
    def act(seed):
        person = seed.session.get_one(Customer, amina)
        at = now() - timedelta(minutes=4)
        buttons = Buttons("*Karibu*", (Button("a", "View Products"),))
        seed.told(person, buttons, created_at=at, delivery="delivered")
        seed.said(person, "<script>alert(1)</script>", at=at + timedelta(minutes=1))
        seed.told(
            person,
            LinkButton("Pay here", "Pay", "https://pay.example/1"),
            created_at=at + timedelta(minutes=2),
        )
        seed.said(
            person,
            type="location",
            location={"latitude": -1.29, "longitude": 36.78},
            at=at + timedelta(minutes=3),
        )

    seed(act)
    page = room.get(f"/admin/inbox/{amina}").text
    assert [
        page.index(part)
        for part in ("<strong>fresh</strong>", "View Products", "&lt;script&gt;", "pay.example", "-1.290000")
    ] == sorted(
        page.index(part)
        for part in ("<strong>fresh</strong>", "View Products", "&lt;script&gt;", "pay.example", "-1.290000")
    )
    assert "<script>alert" not in page
    assert "<strong>Karibu</strong>" in page
    assert 'aria-label="Delivered"' in page
    assert "+254722000111" in page


def test_older_messages_are_a_page_away_and_none_is_shown_twice(room, amina, seed, now) -> None:
    def act(seed):
        person = seed.session.get_one(Customer, amina)
        for number in range(60):
            at = now() - timedelta(hours=10) + timedelta(minutes=number)
            seed.said(person, f"in {number}.", at=at)
            seed.told(person, f"out {number}.", created_at=at + timedelta(seconds=1))

    seed(act)
    seen, path = [], f"/admin/inbox/{amina}"
    while path:
        page = room.get(path).text
        seen = re.findall(r">((?:in|out) \d+\.)<", page) + seen
        older = re.search(r'href="(/admin/inbox/\d+\?before=[^"]+)"', page)
        path = older and older[1]
    assert seen == [f"{side} {number}." for number in range(60) for side in ("in", "out")]


def test_a_thread_refreshes_only_when_something_is_new(room, amina, seed) -> None:
    page = room.get(f"/admin/inbox/{amina}").text
    live = re.search(r'hx-get="([^"]+)"', page)[1].replace("&amp;", "&")
    first = room.get(live)
    assert room.get(live, **{"If-None-Match": first.headers["ETag"]}).status_code == 304
    seed(lambda seed: seed.said(seed.session.get_one(Customer, amina), "Hello?"))
    news = room.get(live, **{"If-None-Match": first.headers["ETag"]})
    assert news.status_code == 200
    assert "fresh" in news.text
    assert "Hello?" in news.text
    assert "csrf_token" not in news.text


def test_an_answer_goes_out_once_and_silences_the_bot(room, amina, database) -> None:
    key = key_of(room.get(f"/admin/inbox/{amina}").text)
    for _ in range(2):
        answer = send(room, f"/admin/inbox/{amina}", words="Yes, roasted\r\ntoday!", key=key)
        assert answer.status_code == 303
    with database.reading() as session:
        (message,) = session.scalars(select(OutboxMessage)).all()
    assert (message.kind, message.message["body"]) == ("person", "Yes, roasted\ntoday!")
    assert ("outbox", 0) in room.bell.rung
    assert conversation(database, amina).handed_off_until is not None
    assert audit(database) == ["conversation_answered"]
    page = room.get(answer.location).text
    assert "Yes, roasted\ntoday!" in page
    assert "The bot is silent" in page


def test_outside_the_24_hours_the_page_says_what_the_template_makes_of_it(room, amina, database, now) -> None:
    assert "takes only a template" not in room.get(f"/admin/inbox/{amina}").text
    stand(database, amina, inbound_at=now() - timedelta(days=2))
    page = room.get(f"/admin/inbox/{amina}").text
    assert "takes only a template" in page
    assert "The shop answers you: …" in page
    refused = send(room, f"/admin/inbox/{amina}", words="x" * 901, key="k")
    assert refused.status_code == 400
    assert "1 to 900 characters" in refused.text
    assert "x" * 901 in refused.text
    assert send(room, f"/admin/inbox/{amina}", words="Still want it?", key="k").status_code == 303
    with database.reading() as session:
        assert session.scalars(select(OutboxMessage)).one().fallback["name"] == "person_answer"


@pytest.mark.parametrize("words", ["", " \n ", "x" * 4097])
def test_an_answer_without_words_or_too_long_is_refused_and_kept_in_the_box(
    room, amina, database, words
) -> None:
    answer = send(room, f"/admin/inbox/{amina}", words=words, key="k")
    assert answer.status_code == 400
    assert "Nothing was sent" in answer.text
    assert audit(database) == []


def test_a_conversation_is_taken_over_and_given_back(room, amina, database) -> None:
    send(room, f"/admin/inbox/{amina}/take")
    assert conversation(database, amina).handed_off_until is not None
    assert "Give back to the bot" in room.get(f"/admin/inbox/{amina}").text
    send(room, f"/admin/inbox/{amina}/release")
    assert conversation(database, amina).handed_off_until is None
    assert audit(database) == ["conversation_taken", "conversation_released"]


def test_what_is_no_longer_kept_says_so_and_breaks_nothing(room, amina, seed, database) -> None:
    def act(seed):
        person = seed.session.get_one(Customer, amina)
        seed.said(person, "x").raw = EMPTY
        seed.said(person, "x").raw = b"\xff"
        seed.said(person, type="interactive", interactive="?")
        seed.told(person, "x").message = NO_MESSAGE
        seed.told(person, Template("unknown_one", "en", ("KES 5",)))

    seed(act)
    page = room.get(f"/admin/inbox/{amina}").text
    assert page.count("Not kept any longer") == 2
    assert "cannot be read" in page
    assert "KES 5" in page
    assert room.get("/admin/inbox").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/admin/inbox?after=x", "/admin/inbox/1?before=x", "/admin/inbox/1/live?since=..", "/admin/inbox/99"],
)
def test_an_address_that_is_none_is_refused_plainly(room, amina, path) -> None:
    assert room.get(path).status_code in {400, 404}


def test_the_customers_of_another_shop_are_not_there(room, seed, amina, now) -> None:
    def act(seed):
        other = seed.shop(slug="other", name="Other")
        person = seed.customer(other, name="Zuri", identity="254722000111")
        seed.said(person, "Hi from elsewhere", at=now())
        return person.id

    stranger = seed(act)
    page = room.get("/admin/inbox").text
    assert "elsewhere" not in page
    assert room.get(f"/admin/inbox/{stranger}").status_code == 404
    assert send(room, f"/admin/inbox/{stranger}", words="Hi", key="k").status_code == 404
    assert "elsewhere" not in room.get(f"/admin/inbox/{amina}").text
