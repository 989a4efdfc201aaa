"""What the shop says in its own words: the greeting and a few more texts, each with its message as customers see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import bubbles, catalogue, changing
from admin.changing import Refused
from admin.chat_text import formatted
from admin.console import Console, Page
from bot import texts as own
from catalog import editing, shops
from catalog.entries import BadEntry
from db.models import Shop
from languages import LANGUAGES

PAGE: Final = Page("texts", under="catalogue")
LARGEST: Final = 32 * 1024
TITLES: Final = {
    "greeting": ("Greeting", "What somebody reads who writes for the first time, or “menu”."),
    "promotions-title": ("Above the promotions", "The line before what is on offer."),
    "closed-until": ("While the shop is closed", "Below the greeting and orders, outside the opening hours."),
    "receipt-thanks": ("Thanks on the receipt", "The last line of every receipt."),
}
PLACES: Final = {
    "hello": "the greeting with the customer's name",
    "shop": "the name of the shop",
    "when": "when it opens",
}
Answer = str | Response | tuple[str, int]


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/texts``."""
    house = console.house
    console.allow_larger("texts_save", LARGEST)
    console.allow_larger("texts_preview", LARGEST)

    def shown(session: Session, shop: Shop, values: Mapping[str, str]) -> dict[str, list[Any]]:
        """By text: each language with its field, its bubble and how much of its room is used."""
        snapshot = shops.snapshot(session, shop.id, house.now())
        found: dict[str, list[Any]] = {}
        for key in own.OWN:
            for code in catalogue.languages(shop):
                written = cleaned(values, key, code)
                bubble = bubbles.text(snapshot, key, code, written[: own.OWN[key].longest])
                found.setdefault(key, []).append((code, bubble, bubbles.counted(key, written)))
        return found

    def form(
        session: Session, shop: Shop, values: Mapping[str, str], refused: Refused | None = None
    ) -> Answer:
        now = None if refused is None or refused.clash is None else text_values(refused.clash)
        page = console.show(
            "texts.html",
            shop,
            values=values,
            problems={} if refused is None else refused.problems,
            seen=changing.mark({"texts": (shop.settings or {}).get("texts")}),
            clash=None if now is None else changing.differences(now, values),
            own=own.OWN,
            source=own.source,
            titles=TITLES,
            places=PLACES,
            languages=LANGUAGES,
            shown=shown(session, shop, values),
            formatted=formatted,
        )
        return page if refused is None else (page, refused.status)

    @pages.get("/texts")
    def texts() -> Answer:
        with house.database.reading() as session:
            shop = console.shop(session)
            return form(session, shop, text_values({"texts": (shop.settings or {}).get("texts")}))

    @pages.post("/texts/preview")
    def texts_preview() -> str:
        key = request.args.get("text", "")
        with house.database.reading() as session:
            shop = console.shop(session)
            parts = shown(session, shop, request.form).get(key, [])
        return console.show("_text_shown.html", shop, parts=parts, formatted=formatted)

    @pages.post("/texts")
    def texts_save() -> Answer:
        values = request.form.to_dict()

        def save() -> None:
            with house.database.writing() as session:
                shop = console.shop(session)
                kept: dict[str, dict[str, str]] = (shop.settings or {}).get("texts") or {}
                said, problems = {}, []
                for key in own.OWN:
                    spoken = {
                        c: t for c, t in kept.get(key, {}).items() if c not in catalogue.languages(shop)
                    }
                    for code in catalogue.languages(shop):
                        written = cleaned(values, key, code)
                        why = own.own_problem(key, written)
                        if why:
                            problems.append((f"{key}_{code}", why))
                        if written and written != own.source(code, key):
                            spoken[code] = written
                    said[key] = spoken
                if problems:
                    raise BadEntry(*problems)
                changing.change(
                    console, session, shop, "texts_changed", shop.slug, values.get("seen", ""),
                    lambda: catalogue.settings_state(session, shop, "texts"),
                    lambda: editing.set_texts(session, shop, said),
                )  # fmt: skip

        refused = changing.attempt(save)
        if refused is None:
            return console.done(
                url_for("admin.texts"), "The texts are saved. Customers read them from now on."
            )
        with house.database.reading() as session:
            return form(session, console.shop(session), values, refused)


def cleaned(values: Mapping[str, str], key: str, language: str) -> str:
    """One text of the form, without what nobody sees."""
    written = values.get(f"{key}_{language}", "").replace("\r\n", "\n").strip()
    return "".join(
        letter for letter in written if letter == "\n" or letter.isprintable() or letter == "\u200d"
    )


def text_values(state: Mapping[str, Any]) -> dict[str, str]:
    """The fields of the form."""
    written: dict[str, dict[str, str]] = state.get("texts") or {}
    return {f"{key}_{code}": written.get(key, {}).get(code, "") for key in own.OWN for code in LANGUAGES}
