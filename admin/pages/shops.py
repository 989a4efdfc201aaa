"""Shops: which there are, making one, its settings, and what connects it to Ghala."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flask import Blueprint, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from admin import connecting, shops_input
from admin.console import Console, Page, Question, mask
from bot import owner
from catalog import credentials
from catalog import shops as shops_known
from catalog.credentials import Hint, NoKey, Seals, Unfit
from catalog.shops import HOLD_MINUTES
from config import CURRENCIES, DIALECTS, SIGNATURE_SCHEMES
from db.models import Shop, ShopCredentials
from db.types import clock
from keeping.waiting import FEW
from languages import LANGUAGES

PAGE: Final = Page("shops", "Shops", icon="shops")
Answer = str | Response | tuple[str, int]


@dataclass(frozen=True, slots=True)
class Connection:
    """What the page may show of how a shop is connected.

    ``state`` is ``own``, ``environment``, ``none`` or ``unreadable``.
    """

    state: str
    hints: Mapping[str, Hint] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """In the owner's words."""
        return WORDS[self.state][0]

    @property
    def tone(self) -> str:
        """The status whose colour fits."""
        return WORDS[self.state][1]


WORDS: Final = {
    "own": ("Own connection", "succeeded"),
    "environment": ("Server's settings", "succeeded"),
    "none": ("Not connected", "unpaid"),
    "unreadable": ("Cannot be read", "failed"),
}


NEWS: Final = (
    ("paid", "Every paid order", "With 1 as the answer that confirms it."),
    ("needs", "What needs a person", "New money without an order, customers waiting, goods running out."),
    ("summary", "The day in one message", "Orders, takings, M-Pesa, difference to the books."),
)


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/shops`` and below."""
    house = console.house
    seals = Seals(house.config.credentials_keys)

    def connection(session: Session, shop: Shop) -> Connection:
        row = session.get(ShopCredentials, shop.id)
        if row is None:
            return Connection("environment" if shop.slug == shops_known.MAIN else "none")
        hints = credentials.hints(row)
        try:
            values = seals.open(shop.id, row.sealed)
        except credentials.Unreadable:
            return Connection("unreadable", hints)
        return Connection("own", hints, {name: values[name] for name in credentials.OPEN})

    def one(session: Session, slug: str) -> Shop:
        found = None if "\x00" in slug else shops_known.find(session, slug)
        if found is None:
            raise NotFound
        return found

    def form(shop: Shop, values: Mapping[str, Any], about: Shop | None, problems: Mapping[str, str]) -> str:
        return console.show(
            "shop_settings.html",
            shop,
            about=about,
            values=values,
            problems=problems,
            currencies_named=[(code, code) for code in CURRENCIES],
            languages_named=[(code, language.name) for code, language in LANGUAGES.items()],
            zones=shops_input.time_zones(),
        )

    def connect_form(
        shop: Shop, about: Shop, told: Connection, values: Mapping[str, str], problems: Mapping[str, str]
    ) -> str:
        return console.show(
            "shop_connect.html",
            shop,
            about=about,
            told=told,
            values=values,
            problems=problems,
            dialects_named=[(name, name) for name in DIALECTS],
            schemes_named=[("", "As the dialect has it"), *((name, name) for name in SIGNATURE_SCHEMES)],
            sealed=bool(seals),
            addresses=addresses(about.slug),
        )

    def addresses(slug: str) -> list[tuple[str, str]]:
        below = house.config.public_url or f"http://127.0.0.1:{house.config.port}"
        return [
            ("Messages", below + connecting.messages_path(slug)),
            ("Payments", f"{below}{credentials.webhook_path(slug)}/ghala"),
        ]

    @pages.get("/shops")
    def shops() -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            known = session.scalars(select(Shop).order_by(Shop.id)).all()
            rows = [(each, connection(session, each)) for each in known]
        return console.show("shops.html", shop, rows=rows)

    @pages.get("/shops/new")
    def shops_new() -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
        values = {
            "currency": shop.currency,
            "country": shop.country,
            "timezone": shop.timezone,
            "language": shop.language,
            "languages": tuple(LANGUAGES),
            "hold_minutes": str(HOLD_MINUTES),
            "low_stock": str(FEW),
        }
        return form(shop, values, None, {})

    @pages.post("/shops/new")
    def shops_make() -> Answer:
        entered = shops_input.read(request.form, request.form.getlist("languages"))
        problems = dict(entered.problems)
        with house.database.writing() as session:
            shop = console.shop(session)
            if not problems:
                made = Shop(
                    slug=entered.slug,
                    name=entered.name,
                    currency=entered.currency,
                    country=entered.country,
                    timezone=entered.timezone,
                    language=entered.language,
                    settings=entered.settings({}),
                    created_at=clock(),
                )
                try:
                    with session.begin_nested():
                        session.add(made)
                        session.flush()
                except IntegrityError:
                    problems["slug"] = "There is a shop of this name already."
                else:
                    console.note(session, made, "shop_made", made.slug, after=described(made))
        if problems:
            return form(shop, request.form.to_dict() | {"languages": entered.languages}, None, problems), 400
        house.connections.look_again()
        return console.done(
            url_for("admin.shops_one", slug=entered.slug),
            f"{entered.name} is there. Connect it to Ghala next.",
        )

    @pages.get("/shops/<slug>")
    def shops_one(slug: str) -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            about = one(session, slug)
            told = connection(session, about)
            owners = [mask(each.phone) for each in owner.of_shop(session, about.id)]
        return console.show(
            "shop.html", shop, owners=owners,
            wishes=owner.wishes(about),
            news=NEWS,
            about=about, told=told, languages=LANGUAGES, addresses=addresses(slug), few=FEW,
            hold=HOLD_MINUTES,
        )  # fmt: skip

    @pages.get("/shops/<slug>/settings")
    def shops_settings(slug: str) -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            about = one(session, slug)
        kept = about.settings or {}
        values = {
            "slug": about.slug,
            "name": about.name,
            "currency": about.currency,
            "country": about.country,
            "timezone": about.timezone,
            "language": about.language,
            "languages": tuple(kept.get("languages", LANGUAGES)),
            "hold_minutes": str(kept.get("hold_minutes", HOLD_MINUTES)),
            "low_stock": str(kept.get("low_stock", FEW)),
        }
        return form(shop, values, about, {})

    @pages.post("/shops/<slug>/settings")
    def shops_change(slug: str) -> Answer:
        with house.database.writing() as session:
            shop = console.shop(session)
            about = one(session, slug)
            session.refresh(about, with_for_update=True)
            entered = shops_input.read(request.form, request.form.getlist("languages"), about)
            if not entered.problems:
                before = described(about)
                about.name, about.country, about.timezone = entered.name, entered.country, entered.timezone
                about.language, about.settings = entered.language, entered.settings(about.settings or {})
                about.catalog_version = about.catalog_version + 1  # workers look anew
                after = described(about)
                if after != before:
                    console.note(session, about, "shop_changed", slug, before=before, after=after)
        if entered.problems:
            values = request.form.to_dict() | {
                "languages": entered.languages, "slug": slug, "currency": about.currency,
            }  # fmt: skip
            return form(shop, values, about, entered.problems), 400
        return console.done(url_for("admin.shops_one", slug=slug), "The settings are saved.")

    def owner_form(
        shop: Shop, about: Shop, written: str, wishes: Mapping[str, Any], problems: Mapping[str, str]
    ) -> str:
        return console.show(
            "shop_owner.html", shop, about=about, written=written, wishes=wishes, problems=problems, news=NEWS
        )

    @pages.get("/shops/<slug>/owner")
    def shops_owner(slug: str) -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            about = one(session, slug)
            numbers = [each.phone or each.identity for each in owner.of_shop(session, about.id)]
        return owner_form(shop, about, "\n".join(numbers), owner.wishes(about), {})

    @pages.post("/shops/<slug>/owner")
    def shops_own(slug: str) -> Answer:
        with house.database.writing() as session:
            shop = console.shop(session)
            about = one(session, slug)
            session.refresh(about, with_for_update=True)
            entered = shops_input.read_owner(request.form, about.country)
            if not entered.problems:
                before = {"numbers": len(owner.of_shop(session, about.id))} | owner.wishes(about)
                owner.appoint(session, about.id, entered.phones)
                about.settings = dict(about.settings or {}) | {owner.SETTING: entered.wishes}
                after = {"numbers": len(entered.phones)} | entered.wishes
                console.note(session, about, "shop_owner_set", slug, before=before, after=after)
        if entered.problems:
            return owner_form(shop, about, entered.written, entered.wishes, entered.problems), 400
        return console.done(
            url_for("admin.shops_one", slug=slug), "Saved. News go to these numbers from now on."
        )

    @pages.get("/shops/<slug>/connection")
    def shops_connect(slug: str) -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            about = one(session, slug)
            told = connection(session, about)
        return connect_form(shop, about, told, told.known or {"dialect": "v1"}, {})

    @pages.post("/shops/<slug>/connection")
    def shops_connected(slug: str) -> Answer:
        entered = {
            name: request.form.get(name, "").strip() for name in (*credentials.OPEN, *credentials.SECRETS)
        }
        if not entered["signature_scheme"]:
            entered["signature_scheme"] = DIALECTS.get(entered["dialect"], "")
        problems: dict[str, str] = {}
        with house.database.writing() as session:
            shop = console.shop(session)
            about = one(session, slug)
            told = connection(session, about)
            try:
                before, after = credentials.save(
                    session, seals, about.id, entered, production=house.config.production
                )
            except Unfit as wrong:
                problems = wrong.problems
            except NoKey:
                problems = {"": "The server has no CREDENTIALS_KEY, so nothing can be kept."}
            else:
                console.note(session, about, "shop_connected", slug, before=before, after=after)
        if problems:
            shown = {name: entered[name] for name in credentials.OPEN}
            return connect_form(shop, about, told, shown, problems), 400
        house.connections.look_again()
        return console.done(
            url_for("admin.shops_one", slug=slug), "The connection is kept. Test it before customers come."
        )

    @pages.get("/shops/<slug>/disconnect")
    def shops_disconnect_ask(slug: str) -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            about = one(session, slug)
        follows = (
            "The shop speaks by the server's settings again."
            if slug == shops_known.MAIN
            else "The shop receives nothing and charges nobody; what it has to say waits."
        )
        return console.ask(
            shop,
            Question(
                "Throw the credentials away",
                (
                    f"The credentials of {about.name} are deleted and cannot be shown or brought back.",
                    follows,
                ),
                "Throw away",
                url_for("admin.shops_one", slug=slug),
                danger=True,
            ),
        )

    @pages.post("/shops/<slug>/disconnect")
    def shops_disconnect(slug: str) -> Response:
        with house.database.writing() as session:
            about = one(session, slug)
            if credentials.forget(session, about.id):
                console.note(session, about, "shop_disconnected", slug)
        house.connections.look_again()
        return console.done(url_for("admin.shops_one", slug=slug), "The credentials are gone.")

    @pages.post("/shops/<slug>/test/<what>")
    def shops_test(slug: str, what: str) -> Response:
        test = connecting.TESTS.get(what)
        if test is None:
            raise NotFound
        with house.database.reading() as session:
            about = one(session, slug)
        # Between transactions: the other side may be slow.
        house.connections.look_again()
        good, said = test(house.connections.of(about.id), slug, house.now)
        return console.done(url_for("admin.shops_one", slug=slug), said, "good" if good else "bad")

    @pages.get("/shops/<slug>/")
    def shops_slashed(slug: str) -> Response:
        return redirect(url_for("admin.shops_one", slug=slug), 303)


def described(shop: Shop) -> dict[str, Any]:
    """A shop for the audit log."""
    return {
        "name": shop.name,
        "currency": shop.currency,
        "country": shop.country,
        "timezone": shop.timezone,
        "language": shop.language,
        "settings": shop.settings,
    }
