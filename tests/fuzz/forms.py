"""The console's pages and forms under fire, as a browser of somebody who knows the password would send them.

Every address and every form comes from the app itself: addresses from its map, forms from the pages it shows. What is
filled in is partly what the form held and partly hostile; a page may say what was wrong, but never with a 5xx, and
never with anything raw in it.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from random import Random
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from flask import Flask
from sqlalchemy import select
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from admin.headers import POLICY
from db import Database
from db.models import Category, Customer, DeliveryZone, Order, Product, Promotion, Shop
from tests.fuzz.spoil import WORDS
from tests.integration.admin.conftest import PASSWORD, basic

CONSOLE: Final = "admin."
OURS: Final = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
BREAKOUTS: Final = (
    '"><script>alert(1)</script>',
    "<img src=x onerror=alert(1)>",
    "' onfocus='alert(1)",
    '" onfocus="alert(1)',
    "</textarea><svg onload=alert(1)>",
    "javascript:alert(1)",
)
RAW: Final = (
    "<script>alert(1)",
    "<img src=x onerror",
    '" onfocus="alert(1)',
    "' onfocus='alert(1)",
    "<svg onload",
    'href="javascript:',
    "Traceback (most recent",
    "sqlalchemy",
)
"""What no page may hold: what was sent as it was sent, or the app's inner life."""
FORMULAS: Final = ("=HYPERLINK(1)", "@SUM(1)", "+1+cmd|x", "-2+3+cmd", "\t=1", "\r=1")
MOMENTS: Final = (
    "2026-02-30",
    "9999-12-31",
    "0000-00-00",
    "10000-01-01",
    "2026-11-21",
    "24:00",
    "99:99",
    "23:59",
    "2026-11-21T25:00",
    "2026-11-21T08:00",
    "0001-01-01",
)
NUMBERS: Final = (
    "-1",
    "0",
    "1",
    "1.005",
    "1,50",
    "1e400",
    "1e9",
    "0x10",
    "1_000",
    "NaN",
    "-0",
    "Infinity",
    "9" * 30,
    "9223372036854775807",
    "9223372036854775808",
    "\u0663",
    "\u00bd",
    " 7 ",
)
HOSTILE: Final = (
    *WORDS,
    *BREAKOUTS,
    *BREAKOUTS,
    *FORMULAS,
    *MOMENTS,
    *NUMBERS,
    "\u202e",
    "\x1b[31m",
    "a" * 70_000,
)
REFS: Final = ("ORD-7K3M9Q", "..%2f..", "%00", "%ff", "<b>", "x" * 3000, "main", "'")
IDS: Final = (0, 1, 999_999, 2**31, 2**63 - 1, 2**63, 10**39)
FILES: Final = (
    ("catalogue.yaml", b"products: [{sku: A, name: {en: A}, price: 1}]"),
    ("catalogue.yaml", b"a: &a [*a, *a]"),
    ("catalogue.yaml", b"!!python/object/apply:os.system ['true']"),
    ("products.csv", b"sku,name_en,price\nA,=HYPERLINK(1),10\n"),
    ("products.csv", b'sku,name_en\n"' + b"x" * 5000),
    ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(200)),
    ("picture.svg", b"<svg onload='alert(1)'/>"),
    ("../../etc/passwd", b"\xff\xfe\x00"),
    ("", b""),
)


@dataclass(frozen=True, slots=True)
class Field:
    """One control: its name, what it holds, and what else it offers."""

    name: str
    value: str = ""
    offered: tuple[str, ...] = ()
    file: bool = False


@dataclass(slots=True)
class Form:
    """A form as a page shows it."""

    action: str
    post: bool
    fields: list[Field] = field(default_factory=list)


class Page(HTMLParser):
    """The forms and links of a page."""

    def __init__(self, address: str, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._address = address
        self._form: Form | None = None
        self._choice: tuple[str, list[str]] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        name = found.get("name", "")
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "form":
            self._form = Form(
                found.get("action") or self._address, found.get("method", "get").lower() == "post"
            )
            self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag == "select":
            self._choice = (name, [])
        elif tag == "option" and self._choice is not None:
            self._choice[1].append(found.get("value", ""))
        elif name and tag in {"input", "textarea", "button"}:
            self._form.fields.append(Field(name, found.get("value", ""), file=found.get("type") == "file"))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self._choice is not None and self._form is not None:
            name, offered = self._choice
            self._form.fields.append(Field(name, (offered or [""])[0], tuple(offered)))
            self._choice = None
        elif tag == "form":
            self._form = None


def inspect(address: str, answer: Any) -> None:
    """Nothing raw leaves in a page, and no formula in a table.

    Raises:
        AssertionError: something does.
    """
    if answer.mimetype == "text/html":
        text = answer.text
        for raw in RAW:
            assert raw not in text, (address, raw, text[max(0, text.find(raw) - 200) :][:400])
        assert answer.headers.get("Content-Security-Policy") == POLICY, address
    elif answer.mimetype == "text/csv":
        for row in csv.reader(answer.text.splitlines()):
            for cell in row:
                assert not cell.startswith(FORMULAS), (address, cell)


class Console:
    """A browser in the hands of a villain.

    Args:
        app: whose pages they are.
        database: where things that exist have their numbers.
        random: decides everything.
        watching: around each request, remembers what the app did not handle.
        note: told each answer's status and what was asked.
    """

    def __init__(
        self,
        app: Flask,
        database: Database,
        random: Random,
        watching: Callable[[], AbstractContextManager[None]],
        note: Callable[[int, str], None],
    ) -> None:
        self._app = app
        self._database = database
        self._random = random
        self._watching = watching
        self._note = note
        self._client = app.test_client()
        self._map = app.url_map.bind("localhost")
        self._rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith(CONSOLE)]
        self._forms: dict[str, list[Form]] = defaultdict(list)
        self._addresses: dict[str, list[str]] = defaultdict(list)
        self._words: set[str] = {"csrf_token", "q", "page", "shop"}
        self._token = ""
        self.posted: set[str] = set()
        """Which views have had a form sent to them."""

    @property
    def views_with_forms(self) -> set[str]:
        """Every view of the console that takes a form."""
        return {rule.endpoint for rule in self._rules if "POST" in (rule.methods or ())}

    def fire(self, requests: int) -> None:
        """Look at every page once, then everything bad at every view in turn."""
        left = requests
        for kind in self._turns():
            if left <= 0:
                return
            kind()
            left -= 1

    def _turns(self) -> Iterator[Callable[[], None]]:
        asked = [rule for rule in self._rules if "GET" in (rule.methods or ())]
        sent = [rule for rule in self._rules if "POST" in (rule.methods or ())]
        for rule in asked:
            yield lambda rule=rule: self._look(self._address(rule))  # type: ignore[misc]
        while True:
            self._random.shuffle(sent)
            for rule in sent:
                yield lambda rule=rule: self._send(rule)  # type: ignore[misc]
                if self._random.random() < 0.5:
                    other = self._random.choice(asked)
                    yield lambda other=other: self._ask(other)  # type: ignore[misc]
            self._client = self._app.test_client()

    # --- asking ---------------------------------------------------------------------------------------

    def _look(self, address: str) -> None:
        """A page as it is meant; what it shows is remembered."""
        self._read(address, self._request("GET", address))

    def _ask(self, rule: Rule) -> None:
        """A page with a hostile query, sometimes at a hostile address."""
        address = self._address(rule, hostile=self._random.random() < 0.2)
        names = self._random.sample(sorted(self._words), min(3, len(self._words)))
        query = (
            urlencode([(name, self._hostile()) for name in names], errors="surrogatepass")
            if self._random.random() < 0.9
            else self._random.choice(("%", "%ff=%ff", "&&==", "a[]=1", "%00"))
        )
        self._read(address, self._request("GET", f"{address.partition('?')[0]}?{query[:3000]}"))

    def _read(self, address: str, answer: Any) -> None:
        if answer.mimetype != "text/html" or answer.status_code != 200:
            return
        page = Page(address, answer.text)
        for link in page.links:
            self._remember(link)
        for form in page.forms:
            self._words |= {one.name for one in form.fields}
            self._token = next((one.value for one in form.fields if one.name == "csrf_token"), self._token)
            view = self._view(form.action, "POST" if form.post else "GET")
            if view is not None and form.post:
                self._forms[view] = [*self._forms[view][-8:], form]
        self._client_cookies()

    def _client_cookies(self) -> None:
        """Only the shop that has something in it is worth a look."""
        if self._random.random() < 0.3:
            self._client = self._app.test_client()

    def _remember(self, link: str) -> None:
        parts = urlsplit(link)
        self._words |= set(parse_qs(parts.query))
        view = self._view(link, "GET")
        if view is not None and len(self._addresses[view]) < 20:
            self._addresses[view].append(link)

    def _view(self, address: str, method: str) -> str | None:
        try:
            endpoint, _ = self._map.match(urlsplit(address).path, method)
        except HTTPException:
            return None
        return endpoint if isinstance(endpoint, str) and endpoint.startswith(CONSOLE) else None

    # --- sending --------------------------------------------------------------------------------------

    def _send(self, rule: Rule) -> None:
        """A form of this view, spoilt."""
        known = self._forms[rule.endpoint]
        if known and self._random.random() < 0.9:
            form = self._random.choice(known)
        else:
            names = self._random.sample(sorted(self._words), min(6, len(self._words)))
            form = Form(self._address(rule), post=True, fields=[Field(name) for name in names])
        share = self._random.choice((0.0, 0.1, 0.3, 1.0))
        values: list[tuple[str, Any]] = []
        for one in form.fields:
            if one.name == "csrf_token" or (self._random.random() < share / 8):
                continue
            values.append((one.name, self._value(one, share)))
            if self._random.random() < share / 8:
                values.append((one.name, self._hostile()))
        address = form.action
        if self._random.random() < 0.1:
            address = self._address(rule, hostile=True)
        if self._random.random() < 0.97:
            values.append(("csrf_token", self._token))
        self.posted.add(rule.endpoint)
        answer = self._request("POST", address, **self._body(values))
        if answer.status_code in {302, 303} and self._random.random() < 0.5:
            self._look_after(answer.location)
        else:
            self._read(address, answer)

    def _look_after(self, location: str) -> None:
        if self._view(location, "GET") is not None:
            self._look(location)

    def _value(self, one: Field, share: float) -> Any:
        if one.file:
            name, content = self._random.choice(FILES)
            return (BytesIO(content), name)
        if one.name == "password" and self._random.random() < 0.9:
            return PASSWORD
        if self._random.random() < share:
            return self._hostile()
        return self._random.choice(one.offered) if one.offered else one.value

    def _body(self, values: list[tuple[str, Any]]) -> dict[str, Any]:
        files = any(isinstance(value, tuple) for _, value in values)
        if files or self._random.random() < 0.1:
            data: dict[str, list[Any]] = defaultdict(list)
            for name, value in values:
                data[name].append(
                    value if isinstance(value, tuple) else value.encode("utf-8", "replace").decode()
                )
            return {"data": data, "content_type": "multipart/form-data"}
        raw = urlencode(values, errors="surrogatepass").encode()
        if self._random.random() < 0.05:
            at = self._random.randrange(len(raw) + 1)
            raw = raw[:at] + self._random.choice((b"%ff%fe", b"\xff", b"&" * 2000, b"%", b"\x00")) + raw[at:]
        kind = "application/x-www-form-urlencoded"
        if self._random.random() < 0.03:
            kind = self._random.choice(
                ("text/plain", "application/json", "multipart/form-data; boundary=x", "")
            )
        return {"data": raw, "content_type": kind}

    # --- both -----------------------------------------------------------------------------------------

    def _hostile(self) -> str:
        return str(self._random.choice(HOSTILE))

    def _address(self, rule: Rule, *, hostile: bool = False) -> str:
        """An address of a view: one that a page links to, or one with numbers that exist or never will."""
        known = self._addresses[rule.endpoint]
        if known and not hostile and self._random.random() < 0.7:
            return self._random.choice(known)
        address = rule.rule
        for name in rule.arguments:
            value = self._random.choice(IDS) if hostile else self._existing(name)
            if isinstance(value, int) and f"<int:{name}>" not in address:
                value = self._random.choice(REFS)
            start = address.rfind("<", 0, address.index(f"{name}>"))
            end = address.index(">", start) + 1
            address = address[:start] + quote(str(value), safe="%.") + address[end:]
        return address

    def _existing(self, name: str) -> Any:
        columns: dict[str, Any] = {
            "product_id": Product.id,
            "variant_id": Product.id,
            "category_id": Category.id,
            "customer_id": Customer.id,
            "zone_id": DeliveryZone.id,
            "promotion_id": Promotion.id,
            "ref": Order.ref,
            "slug": Shop.slug,
        }
        fixed = {"paper": ("slip", "receipt"), "what": ("messages", "payments", "x"), "kind": ("refund", "x")}
        if name in columns:
            with self._database.reading() as session:
                found = session.scalars(select(columns[name]).limit(30)).all()
            return self._random.choice(found) if found else 1
        return self._random.choice(fixed.get(name, (1, "x", "done")))

    def _request(self, method: str, address: str, **more: Any) -> Any:
        # An address of its own, so that wrong passwords do not lock the owner out.
        environ = {"REMOTE_ADDR": f"198.51.100.{self._random.randrange(1, 255)}"}
        headers = basic() | (OURS if method == "POST" else {})
        with self._watching():
            answer = self._client.open(
                address, method=method, headers=headers, environ_overrides=environ, **more
            )
        self._note(answer.status_code, f"{method} {address[:300]} {str(more)[:600]}")
        inspect(address, answer)
        return answer
