"""A running shop and a real browser; where there is no Chromium these tests say so and are left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import MISSING, OPTIONS, chromium
from tests.e2e.stack import ADMIN, Stack

PHONE_SCREEN = {"width": 390, "height": 844}


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
