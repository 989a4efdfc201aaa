"""Doing what needs a person: first what will happen is said, then it is done."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from admin import needs
from admin.console import Console, InvalidInput, Page, Question, read_inputs
from admin.needs import Action, Doing, Item, Kind, Rings
from db.models import Shop
from errors import RuleBroken

PAGE: Final = Page("needs", under="today")
GONE: Final = "This was dealt with already."


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/needs/<kind>/<id>/<action>``."""
    house = console.house

    def look(
        session: Session, shop: Shop, kind: str, item: int, action: str
    ) -> tuple[Kind, Item | None, Action]:
        known = needs.kind_of(kind)
        able = known.action(action) if known else None
        if known is None or able is None:
            raise NotFound
        return known, needs.item_of(session, shop, known, item), able

    def question(shop: Shop, kind: Kind, item: Item, action: Action, problem: str = "") -> str:
        says = (
            f"{kind.title}: {item.title}{f' · {item.order_ref}' if item.order_ref else ''}.",
            *action.says,
        )
        return console.ask(
            shop,
            Question(
                action.label,
                says,
                action.label,
                url_for("admin.today"),
                inputs=action.inputs,
                problem=problem,
                danger=action.danger,
            ),
        )

    @pages.get("/needs/<kind>/<int:item>/<action>")
    def needs_ask(kind: str, item: int, action: str) -> str | Response:
        with house.database.reading() as session:
            shop = console.shop(session)
            known, found, able = look(session, shop, kind, item, action)
        if found is None:
            return console.done(url_for("admin.today"), GONE)
        return question(shop, known, found, able)

    @pages.post("/needs/<kind>/<int:item>/<action>")
    def needs_do(kind: str, item: int, action: str) -> str | Response | tuple[str, int]:
        rings = Rings()
        with house.database.writing() as session:
            shop = console.shop(session)
            known, found, able = look(session, shop, kind, item, action)
            if found is None:
                return console.done(url_for("admin.today"), GONE)
            try:
                said = read_inputs(able.inputs, request.form)
            except InvalidInput as wrong:
                return question(shop, known, found, able, str(wrong)), 400
            try:
                rings = able.do(Doing(session, shop, found, house.config.admin_username, said))
            except RuleBroken:
                session.rollback()
                return console.done(url_for("admin.today"), GONE)
            console.note(
                session,
                shop,
                f"{known.name}_{able.name}",
                found.order_ref or f"{known.name} {found.id}",
                before=needs.describe(found),
                after=said,
            )
        _ring(rings)
        return console.done(url_for("admin.today"), able.done)

    def _ring(rings: Rings) -> None:
        for event_id in rings.inbox:
            house.bell.inbox("internal", event_id)
        for payment_id in rings.ask:
            house.bell.ask(payment_id)
        if rings.outbox:
            house.bell.outbox()
