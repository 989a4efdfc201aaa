"""Opening hours: by weekday, twice a day if need be, and the days on which the shop is closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from admin import catalogue, changing
from admin.changing import Refused
from admin.console import Console, Page
from catalog import editing
from catalog.entries import BadEntry
from catalog.hours import WEEKDAYS, BadHours
from db.models import Shop

PAGE: Final = Page("hours", under="catalogue")
NAMES: Final = dict(
    zip(
        WEEKDAYS,
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        strict=True,
    )
)
SPANS: Final = 2
"""Openings of one day that are shown: before and after a break."""
MOST_SPANS: Final = 6
MOST_DAYS: Final = 100
Answer = str | Response | tuple[str, int]


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/hours``."""
    house = console.house

    def form(shop: Shop, values: Mapping[str, str], refused: Refused | None = None) -> Answer:
        settings = shop.settings or {}
        state = {name: settings.get(name) for name in ("hours", "closed_days")}
        now = None if refused is None or refused.clash is None else hours_values(refused.clash)
        page = console.show(
            "hours.html",
            shop,
            values=values,
            problems={} if refused is None else refused.problems,
            seen=changing.mark(state),
            clash=None if now is None else changing.differences(now, values),
            weekdays=NAMES,
            spans=range(
                max(
                    [
                        SPANS,
                        *(n + 1 for n in range(MOST_SPANS) for d in WEEKDAYS if values.get(f"{d}_from_{n}")),
                    ]
                )
            ),
        )
        return page if refused is None else (page, refused.status)

    @pages.get("/hours")
    def hours() -> Answer:
        with house.database.reading() as session:
            shop = console.shop(session)
        return form(shop, hours_values(shop.settings or {}))

    @pages.post("/hours")
    def hours_save() -> Answer:
        values = request.form.to_dict()

        def save() -> None:
            week, closed = read(values)
            with house.database.writing() as session:
                shop = console.shop(session)
                try:
                    changing.change(
                        console, session, shop, "hours_changed", shop.slug, values.get("seen", ""),
                        lambda: catalogue.settings_state(session, shop, "hours", "closed_days"),
                        lambda: editing.set_hours(session, shop, week, closed),
                    )  # fmt: skip
                except BadHours as wrong:
                    name, _, why = str(wrong).partition(": ")
                    raise BadEntry((name if name in NAMES else "closed_days", why or name)) from wrong

        refused = changing.attempt(save)
        if refused is None:
            return console.done(url_for("admin.hours"), "The opening hours are saved.")
        with house.database.reading() as session:
            return form(console.shop(session), values, refused)


def read(values: Mapping[str, str]) -> tuple[dict[str, list[list[str]]], list[str]]:
    """The week and the closed days of the form; no week at all when the shop is always open.

    Raises:
        BadEntry: half an opening, or no opening in the whole week.
    """
    week: dict[str, list[list[str]]] = {}
    if values.get("kept") == "yes":
        problems = []
        for day in WEEKDAYS:
            spans = []
            for number in range(MOST_SPANS):
                pair = [values.get(f"{day}_{end}_{number}", "").strip() for end in ("from", "until")]
                if all(pair):
                    spans.append(pair)
                elif any(pair):
                    problems.append((day, "say from when and until when"))
            if spans:
                week[day] = spans
        if problems:
            raise BadEntry(*problems)
        if not week:
            raise BadEntry(("kept", "there is no day on which the shop is open"))
    days = values.get("closed_days", "").replace(",", " ").split()
    if len(days) > MOST_DAYS:
        raise BadEntry(("closed_days", f"at most {MOST_DAYS} days"))
    return week, sorted(set(days))


def hours_values(settings: Mapping[str, Any]) -> dict[str, str]:
    """The fields of the form."""
    week = settings.get("hours") or {}
    values = {"kept": "yes" if week else "no", "closed_days": "\n".join(settings.get("closed_days") or [])}
    for day in WEEKDAYS:
        written = week.get(day) or []
        spans = [written] if written and isinstance(written[0], str) else written
        for number in range(MOST_SPANS):
            pair = spans[number] if number < len(spans) else ("", "")
            values |= {f"{day}_from_{number}": str(pair[0]), f"{day}_until_{number}": _end(str(pair[1]))}
    return values


def _end(written: str) -> str:
    """Midnight as browsers write it."""
    return "00:00" if written == "24:00" else written
