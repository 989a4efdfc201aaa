"""Conversations: those that want a person first; one of them read, answered, taken over and given back."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response as BaseResponse

from admin import conversations
from admin.chat_text import formatted
from admin.console import Console, Page
from admin.conversations import Bubble, Talk
from admin.cursors import InvalidCursor
from admin.wording import plain, say_day
from bot import staff, templates
from db.audit import KeyReused
from db.models import Shop
from ghala.messages import LIMITS, InvalidMessage

PAGE: Final = Page("inbox", "Inbox", icon="inbox", bar=True)
LONGEST_KEY: Final = 80
LONGEST_ANSWER: Final = LIMITS.text
LONGEST_LATE_ANSWER: Final = 900
"""What fits into the template together with its own words."""
PLACE_OF_WORDS: Final = "…"


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/inbox`` and ``/admin/inbox/<customer>``."""
    house = console.house
    actor = house.config.admin_username
    console.allow_larger("inbox_answer", 40 * 1024)

    def lists(session: Session, shop: Shop, after: str | None, template: str) -> str:
        try:
            page = conversations.others(session, shop.id, after)
        except InvalidCursor as wrong:
            raise BadRequest from wrong
        waiting = () if after else conversations.waiting(session, shop.id)
        return console.show(template, shop, waiting=waiting, page=page, after=after)

    @pages.get("/inbox")
    def inbox() -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            return lists(session, shop, request.args.get("after") or None, "inbox.html")

    @pages.get("/inbox/live")
    def inbox_live() -> Response:
        with house.database.reading() as session:
            shop = console.shop(session)
            return console.live(lists(session, shop, None, "_inbox.html"))

    def talk_of(session: Session, customer_id: int) -> tuple[Shop, Talk]:
        shop = console.shop(session)
        talk = conversations.talk(session, shop.id, customer_id)
        if talk is None:
            raise NotFound
        return shop, talk

    def shown(
        customer_id: int,
        template: str,
        before: str | None,
        since: str | None,
        words: str = "",
        problem: str = "",
    ) -> str:
        with house.database.reading() as session:
            shop, talk = talk_of(session, customer_id)
            try:
                thread = conversations.thread(session, talk.customer, before=before, since=since)
            except InvalidCursor as wrong:
                raise BadRequest from wrong
        if talk.unread and not before:
            with house.database.writing() as session:
                staff.look_at(session, customer_id)
        return console.show(
            template,
            shop,
            talk=talk,
            customer=talk.customer,
            thread=thread,
            before=before,
            days=list(_days(thread.bubbles, console, shop)),
            most=LONGEST_ANSWER if talk.window_open else LONGEST_LATE_ANSWER,
            late=None if talk.window_open else _late(talk.customer.language),
            words=words,
            problem=problem,
            answer_key=secrets.token_urlsafe(16),
            answered="answered" in request.args,
        )

    @pages.get("/inbox/<int:customer_id>")
    def inbox_talk(customer_id: int) -> str:
        return shown(customer_id, "talk.html", request.args.get("before") or None, None)

    @pages.get("/inbox/<int:customer_id>/live")
    def inbox_talk_live(customer_id: int) -> Response:
        since = request.args.get("since") or None
        return console.live(shown(customer_id, "_talk.html", None, since))

    @pages.post("/inbox/<int:customer_id>")
    def inbox_answer(customer_id: int) -> BaseResponse | tuple[str, int]:
        words = request.form.get("words", "").replace("\r\n", "\n")
        key = request.form.get("key", "")[:LONGEST_KEY]
        try:
            with house.database.writing() as session:
                shop, talk = talk_of(session, customer_id)
                _check_late(talk, words)
                staff.answer(
                    session,
                    shop.id,
                    customer_id,
                    words,
                    actor=actor,
                    refs=house.refs,
                    key=f"console:answer:{key}" if key.isprintable() and key else "",
                )
        except (staff.NothingToSay, InvalidMessage):
            most = LONGEST_ANSWER if talk.window_open else LONGEST_LATE_ANSWER
            problem = f"Nothing was sent: write 1 to {most:,} characters."
            return shown(customer_id, "talk.html", None, None, words[:LONGEST_ANSWER], problem), 400
        except KeyReused:
            problem = "Nothing was sent: this page is too old. Please send it again."
            return shown(customer_id, "talk.html", None, None, words[:LONGEST_ANSWER], problem), 409
        house.bell.outbox()
        return redirect(url_for("admin.inbox_talk", customer_id=customer_id, answered=1), 303)

    @pages.post("/inbox/<int:customer_id>/take")
    def inbox_take(customer_id: int) -> BaseResponse:
        with house.database.writing() as session:
            shop, _ = talk_of(session, customer_id)
            staff.take_over(session, shop.id, customer_id, actor=actor)
        return console.done(
            url_for("admin.inbox_talk", customer_id=customer_id),
            "This conversation is yours. The bot is silent until you give it back.",
        )

    @pages.post("/inbox/<int:customer_id>/release")
    def inbox_release(customer_id: int) -> BaseResponse:
        with house.database.writing() as session:
            shop, _ = talk_of(session, customer_id)
            staff.release(session, shop.id, customer_id, actor=actor)
        return console.done(
            url_for("admin.inbox_talk", customer_id=customer_id),
            "The bot answers again, from their next message on.",
        )


def _check_late(talk: Talk, words: str) -> None:
    """The template cuts what is too long for it; better to say so before."""
    if not talk.window_open and len(words.strip()) > LONGEST_LATE_ANSWER:
        raise staff.NothingToSay(f"the template holds {LONGEST_LATE_ANSWER} characters")


def _late(language: str) -> object:
    """What the template makes of an answer, with a sign where the words go."""
    words = templates.words(staff.as_template(language, PLACE_OF_WORDS)) or PLACE_OF_WORDS
    return formatted(words.replace("\n\n", "\n"))


def _days(bubbles: Sequence[Bubble], console: Console, shop: Shop) -> Iterator[tuple[str, Bubble]]:
    """Each message with the day's name where a day begins."""
    zone = ZoneInfo(shop.timezone)
    today = console.today(shop)
    last = None
    for bubble in bubbles:
        day = bubble.at.astimezone(zone).date()
        label = ""
        if day != last:
            near = {today: "Today", today - timedelta(days=1): "Yesterday"}
            label = near.get(day) or plain(
                say_day(bubble.at, zone) + (f" {day.year}" if day.year != today.year else "")
            )
        last = day
        yield label, bubble
