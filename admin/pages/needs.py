"""Doing what needs a person: first what will happen is said, then it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flask import Blueprint, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from admin import needs
from admin.auth import WrongPassword
from admin.console import Console, Input, Page, Question, back, read_inputs
from admin.needs import Action, Doing, Item, Kind, NotThere, Rings
from admin.wording import say_money
from db import audit
from db.models import Shop
from errors import RuleBroken
from payments.settling import NothingToSettle
from records import replace

PAGE: Final = Page("needs", under="today")
GONE: Final = "This was dealt with already."
ONCE: Final = "That was done already; it was done once."
SURE: Final = "yes"


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/needs/<kind>/<id>/<action>``."""
    house = console.house
    actor = house.config.admin_username

    def known_of(kind: str, action: str) -> tuple[Kind, Action]:
        known = needs.kind_of(kind)
        able = known.action(action) if known else None
        if known is None or able is None:
            raise NotFound
        return known, able

    def found_of(session: Session, shop: Shop, kind: Kind, item: int, action: Action) -> Item | None:
        found = needs.item_of(session, shop, kind, item)
        return None if found is None or action.name in found.without else found

    def inputs_of(session: Session, shop: Shop, item: Item, action: Action) -> Sequence[Input]:
        """What the owner has to say, with what they said already."""
        return [
            replace(known, value=request.form.get(known.name, known.value))
            for known in (*action.inputs, *action.offer(session, shop, item))
        ]

    def question(
        shop: Shop, kind: Kind, item: Item, action: Action, inputs: Sequence[Input], problem: str = ""
    ) -> str:
        about = [kind.title, item.title]
        if item.order_ref:
            about.append(item.order_ref)
        if item.amount is not None:
            about.append(say_money(item.amount, item.currency))
        return console.ask(
            shop,
            Question(
                action.label,
                (f"{' · '.join(about)}.", *action.says),
                "Go on" if action.sure else action.label,
                home(),
                inputs=inputs,
                problem=problem,
                danger=action.danger,
                kept={"back": home()},
                password=action.password and action.sure is None,
            ),
        )

    def second_question(shop: Shop, action: Action, doing: Doing, problem: str = "") -> str:
        """Once more, now that what will happen is known.

        Raises:
            InvalidInput: it cannot happen.
        """
        says = action.sure(doing) if action.sure else ()
        return console.ask(
            shop,
            Question(
                f"{action.label}?",
                says,
                f"Yes: {action.label[:1].lower()}{action.label[1:]}",
                home(),
                problem=problem,
                kept=doing.said | {"back": home(), "sure": SURE},
                password=action.password,
            ),
        )

    @pages.get("/needs/<kind>/<int:item>/<action>")
    def needs_ask(kind: str, item: int, action: str) -> str | Response:
        known, able = known_of(kind, action)
        with house.database.reading() as session:
            shop = console.shop(session)
            found = found_of(session, shop, known, item, able)
            if found is None:
                return console.done(home(), GONE)
            return question(shop, known, found, able, inputs_of(session, shop, found, able))

    @pages.post("/needs/<kind>/<int:item>/<action>")
    def needs_do(kind: str, item: int, action: str) -> str | Response | tuple[str, int]:
        known, able = known_of(kind, action)
        sure = able.sure is None or request.form.get("sure") == SURE
        problem = ""
        if sure and able.password:
            try:
                console.confirm_password()
            except WrongPassword as wrong:
                problem = str(wrong)
        key = console.action_key()
        rings = Rings()
        with house.database.writing() as session:
            shop = console.shop(session)
            if audit.was_done(session, shop.id, key):
                return console.done(home(), ONCE)
            found = found_of(session, shop, known, item, able)
            if found is None:
                return console.done(home(), GONE)
            inputs = inputs_of(session, shop, found, able)
            try:
                said = read_inputs(inputs, request.form)
                doing = Doing(session, shop, found, actor, said, house.refs)
                if problem and not able.sure:
                    return question(shop, known, found, able, inputs, problem), 400
                if problem or not sure:
                    return second_question(shop, able, doing, problem), 400 if problem else 200
                subject = found.order_ref or f"{known.name} {found.id}"
                act = audit.begin(session, shop.id, actor, f"{known.name}_{able.name}", subject, key)
                if not act.repeated:
                    rings = able.do(doing)
                    audit.finish(session, act, before=needs.describe(found), after=said)
            except (NotThere, NothingToSettle):
                session.rollback()
                return console.done(home(), GONE)
            except RuleBroken as refusal:
                session.rollback()
                problem = _words(refusal)
        if problem:
            return asked_again(known, item, able, problem)
        _ring(rings)
        return console.done(home(), able.done)

    def asked_again(known: Kind, item: int, able: Action, problem: str) -> Response | tuple[str, int]:
        with house.database.reading() as session:
            shop = console.shop(session)
            found = found_of(session, shop, known, item, able)
            if found is None:
                return console.done(home(), GONE)
            return question(shop, known, found, able, inputs_of(session, shop, found, able), problem), 400

    def home() -> str:
        return back(url_for("admin.today"))

    def _ring(rings: Rings) -> None:
        for event_id in rings.inbox:
            house.bell.inbox("internal", event_id)
        for payment_id in rings.ask:
            house.bell.ask(payment_id)
        if rings.outbox:
            house.bell.outbox()


def _words(refusal: RuleBroken) -> str:
    text = str(refusal)
    return text if text.endswith(".") else f"{text[:1].upper()}{text[1:]}."
