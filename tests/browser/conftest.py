"""A running shop and a real browser; where there is no Chromium these tests say so and are left out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from db import Database
from db.models import Base
from tests.browser.chromium import MISSING, OPTIONS, chromium
from tests.browser.offers import an_offer
from tests.e2e.stack import ADMIN, Stack
from tests.factories import a_busy_inbox
from tests.integration.admin.conftest import PASSWORD, open_room

PHONE_SCREEN = {"width": 390, "height": 844}
DESK_SCREEN = {"width": 1440, "height": 900}
AXE = (Path(__file__).parent / "vendor" / "axe-4.14.1.min.js").read_text()


# Not for the whole session: while Playwright runs, no other test could start an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory, valkey_server: str) -> Iterator[Stack]:
    folder: Path = tmp_path_factory.mktemp("browser")
    stack = Stack(folder, f"sqlite:///{folder / 'duka.db'}", f"{valkey_server}/3")
    try:
        yield stack.open()
    finally:
        stack.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on a phone's screen, of somebody who knows the owner's password; it must not complain."""
    context = browser.new_context(
        viewport=PHONE_SCREEN,
        http_credentials={"username": ADMIN[0], "password": ADMIN[1]},
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@dataclass
class Console:
    """The owner's console over a busy shop, in this process; ``database`` may be looked into."""

    url: str
    database: Database


@pytest.fixture(scope="module")
def console(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('console') / 'duka.db'}")
    Base.metadata.create_all(database.engine)
    with database.writing() as session:
        an_offer(session, a_busy_inbox(session, datetime.now(UTC)))
    room = open_room(database, lambda: datetime.now(UTC), media_dir=tmp_path_factory.mktemp("media"))
    server = make_server("127.0.0.1", 0, room.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Console(f"http://127.0.0.1:{server.server_port}", database)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        database.close()


@pytest.fixture(params=["phone", "desk"])
def owner(request: pytest.FixtureRequest, browser: Browser, console: Console) -> Iterator[Page]:
    """The owner's browser on each screen in turn; the pages must not complain."""
    with window(browser, console, PHONE_SCREEN if request.param == "phone" else DESK_SCREEN) as page:
        yield page


@contextmanager
def window(
    browser: Browser, console: Console, screen: dict[str, int], *, refused: int = 0, **wishes: Any
) -> Iterator[Page]:
    """A window of the owner's, whose addresses begin at the console's; ``refused`` is the status of forms sent back."""
    context = browser.new_context(
        viewport=screen,
        base_url=console.url,
        reduced_motion="reduce",
        http_credentials={"username": "admin", "password": PASSWORD},
        **wishes,
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert [said for said in complaints if not refused or f"a status of {refused}" not in said] == []


def barriers(page: Page) -> list[str]:
    """What axe calls serious or critical on the page as it is."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)")
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def fits_the_screen(page: Page) -> bool:
    """Nothing makes the page scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
