"""What every page of the console is given: the chosen shop, the frame around it, and how a change is made.

A page is one module in ``admin/pages`` (its ``PAGE`` and its ``routes``), its template, and one line in
``admin/pages/__init__.py``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Response, g, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response as BaseResponse

from admin import flashes
from admin.csrf import Forms
from admin.flashes import Flash
from admin.house import AdminHouse
from admin.wording import Wording, plain
from catalog import shops
from db.models import AuditEntry, Shop
from db.types import clock
from errors import RuleBroken
from payments import phone as phones

STATIC: Final = Path(__file__).parent / "static"
LARGEST_FORM: Final = 8 * 1024
SHOP_COOKIE: Final = "duka_shop"
THEME_COOKIE: Final = "duka_theme"
THEMES: Final = ("light", "dark")
MOST_SHOPS: Final = 50
YEAR: Final = 365 * 24 * 3600
_ACTION_KEY: Final = re.compile(r"console:[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """A page as the frame knows it.

    Attributes:
        name: the endpoint of its first view; further views are called ``<name>_<what>``.
        label: what navigation calls it; empty for a page that is reached from another.
        icon: the id of a symbol in ``static/icons.svg``.
        bar: whether it is one of the few in the bar of a phone; the others are behind "More".
        under: the page that stays marked while this one is shown, when it has no label.
    """

    name: str
    label: str = ""
    icon: str = ""
    bar: bool = False
    under: str = ""

    def holds(self, view: str) -> bool:
        """Whether a view, such as ``orders_board``, belongs to this page."""
        return view == self.name or view.startswith(f"{self.name}_")


@dataclass(frozen=True, slots=True)
class Input:
    """Something a person has to say before an action is done; a ``number`` lies from ``least`` to ``most``.

    ``choices`` are values with words to pick from instead of writing; with ``needed`` off, none may be picked.
    """

    name: str
    label: str
    kind: str = "text"
    longest: int = 200
    least: int = 1
    most: int = 999
    needed: bool = True
    value: str = ""
    hint: str = ""
    choices: Sequence[tuple[str, str]] = ()


class InvalidInput(RuleBroken):
    """What was entered cannot be used; its words are for the person who entered it."""

    code = "invalid_input"


def read_inputs(inputs: Sequence[Input], form: Mapping[str, str]) -> dict[str, str]:
    """What was entered, cleaned.

    Raises:
        InvalidInput: something is missing or out of range.
    """
    said = {}
    for wanted in inputs:
        text = plain(form.get(wanted.name, ""), wanted.longest)
        if not text and wanted.needed:
            raise InvalidInput(f"{wanted.label}: please fill this in.")
        if wanted.kind == "number" and text:
            whole = text.isascii() and text.isdigit() and len(text) <= len(str(wanted.most))
            if not whole or not wanted.least <= int(text) <= wanted.most:
                raise InvalidInput(f"{wanted.label}: a whole number from {wanted.least} to {wanted.most}.")
        said[wanted.name] = text
    return said


@dataclass(frozen=True, slots=True)
class Question:
    """What a person confirms before it is done; see :meth:`Console.ask`.

    Attributes:
        title: what is about to happen, as a short imperative.
        says: what will follow from it, one sentence each.
        button: the words on the button that does it.
        back: the address of the page it was asked from.
        inputs: what the person has to enter with the answer.
        problem: what was wrong with what they entered.
        danger: whether it cannot be taken back.
        kept: what the form carries along unseen.
        password: whether it is done only with the password once more.
    """

    title: str
    says: Sequence[str]
    button: str
    back: str
    inputs: Sequence[Input] = ()
    problem: str = ""
    danger: bool = False
    kept: Mapping[str, str] = field(default_factory=dict)
    password: bool = False


class Console:
    """Shared by all pages; holds nothing that changes but the limits that pages ask for at the start."""

    def __init__(self, house: AdminHouse, pages: Sequence[Page]) -> None:
        self.house = house
        self.forms = Forms(house.config, house.now)
        self.pages = tuple(pages)
        self._largest: dict[str, int] = {}
        self._versions = _versions()

    def shop(self, session: Session) -> Shop:
        """The shop that was chosen at the top, else ``main``.

        Raises:
            ServiceUnavailable: nothing was seeded yet.
        """
        known = session.scalars(select(Shop).order_by(Shop.id).limit(MOST_SHOPS)).all()
        g.shops = [(shop.slug, shop.name) for shop in known]
        wanted = request.cookies.get(SHOP_COOKIE, shops.MAIN)
        by_slug = {shop.slug: shop for shop in known}
        shop = by_slug.get(wanted) or by_slug.get(shops.MAIN)
        if shop is None:
            raise ServiceUnavailable
        return shop

    def today(self, shop: Shop) -> date:
        """The day in the shop's zone."""
        return self.house.now().astimezone(ZoneInfo(shop.timezone)).date()

    def show(self, template: str, shop: Shop, **values: Any) -> str:
        """A page or a part of one, with what all templates use: ``say``, ``mask``, ``token``, ``frame``."""
        return render_template(
            f"admin/{template}",
            shop=shop,
            say=Wording(self.house.now(), ZoneInfo(shop.timezone)),
            mask=mask,
            token=self.forms.token(),
            frame=self,
            **values,
        )

    def ask(self, shop: Shop, question: Question) -> str:
        """The page that says what will happen; its button sends its form to the same address."""
        return self.show("confirm.html", shop, question=question, action_key=self.action_key())

    def action_key(self) -> str:
        """What makes one click one action: the key its form brought along, else a new one."""
        brought = request.form.get("action_key", "")
        return brought if _ACTION_KEY.fullmatch(brought) else self.house.refs.key("console")

    def confirm_password(self) -> None:
        """Let go on who wrote the password into the form once more.

        Raises:
            WrongPassword: it is not the owner's.
            TooManyRequests: there were too many wrong ones.
        """
        self.house.guard.confirm(request, request.form.get("password", ""))

    def live(self, text: str) -> Response:
        """A part that refreshes itself: 304 and no body, when the browser has it already."""
        response = Response(text)
        response.set_etag(hashlib.sha256(text.encode()).hexdigest()[:20], weak=True)
        return response.make_conditional(request)  # type: ignore[return-value]

    def done(self, address: str, text: str, tone: str = "good") -> BaseResponse:
        """After a change: back to a page, which says this once."""
        response = redirect(address, 303)
        flashes.put(response, self.forms, Flash(text, tone), secure=self.house.config.production)
        return response

    def note(
        self,
        session: Session,
        shop: Shop,
        action: str,
        subject: str,
        *,
        before: Any = None,
        after: Any = None,
    ) -> None:
        """Write a change into the audit log, in the transaction that makes it."""
        session.add(
            AuditEntry(
                shop_id=shop.id,
                actor=self.house.config.admin_username,
                action=action,
                subject=subject,
                before=before,
                after=after,
                created_at=clock(),
            )
        )

    def allow_larger(self, view: str, most: int) -> None:
        """Let forms for one view have up to ``most`` bytes."""
        self._largest[f"admin.{view}"] = most

    def largest(self, endpoint: str | None) -> int:
        """How many bytes a form for this endpoint may have."""
        return self._largest.get(endpoint or "", LARGEST_FORM)

    # What the templates of the frame ask for.

    def asset(self, name: str) -> str:
        """The address of a file in ``static``; it changes with the file, so that browsers may keep it for ever."""
        return url_for("admin.static", filename=name, v=self._versions.get(name, "0"))

    def flash(self) -> Flash | None:
        """What the last change left to say; said once."""
        cookie = request.cookies.get(flashes.COOKIE, "")
        if not cookie:
            return None
        g.flash_said = True
        return flashes.read(cookie, self.forms)

    @property
    def theme(self) -> str:
        """``light``, ``dark``, or empty for what the device wishes."""
        return theme()

    @property
    def shops(self) -> list[tuple[str, str]]:
        """Slug and name of every shop, when there is one to choose."""
        known: list[tuple[str, str]] = g.get("shops", [])
        return known if len(known) > 1 else []

    @property
    def places(self) -> list[Page]:
        """The pages that navigation names."""
        return [page for page in self.pages if page.label]

    @property
    def behind_more(self) -> bool:
        """Whether the page that is shown has no place of its own in the bar of a phone."""
        return any(not page.bar and self.current(page) for page in self.places)

    def current(self, page: Page) -> str:
        """What ``aria-current`` says of a page in the navigation, if anything."""
        view = (request.endpoint or "").removeprefix("admin.")
        if view == page.name:
            return "page"
        shown = next((known for known in self.pages if known.holds(view)), None)
        return "true" if shown is not None and page.name in {shown.name, shown.under} else ""


def theme() -> str:
    """``light`` or ``dark`` as the owner chose, else empty."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def mask(phone: str | None) -> str:
    """A phone number as lists show it."""
    return phones.mask(phone) if phone else "no phone"


def back(fallback: str) -> str:
    """Where the owner came from, if that is a page of ours."""
    wanted = request.form.get("back", "") or request.args.get("back", "")
    ours = wanted.startswith("/admin/") and "\\" not in wanted and wanted.isprintable() and wanted.isascii()
    return wanted if ours else fallback


def _versions() -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:10]
        for file in STATIC.iterdir()
        if file.is_file()
    }
