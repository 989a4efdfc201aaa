"""The owner's console in a real browser, on a phone and on a desk."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from db.models import Order
from tests.browser.conftest import DESK_SCREEN, PHONE_SCREEN, Console, barriers, fits_the_screen, window

pytestmark = pytest.mark.browser

PAGES = ("/admin/", "/admin/orders", "/admin/customers", "/admin/more", "/admin/orders/{ref}")
FINGER = 44


def ref_of(console: Console, status: str) -> str:
    with console.database.reading() as session:
        ref = session.scalars(
            select(Order.ref).where(Order.status == status).order_by(Order.id.desc())
        ).first()
    assert ref is not None
    return ref


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_and_puts_up_no_barrier(owner: Page, console: Console, path: str) -> None:
    owner.goto(path.format(ref=ref_of(console, "preparing")))
    assert fits_the_screen(owner)
    assert barriers(owner) == []
    owner.emulate_media(color_scheme="dark")
    assert barriers(owner) == []


@pytest.mark.parametrize("path", PAGES)
def test_everything_to_touch_is_large_enough_for_a_finger(
    browser: Browser, console: Console, path: str
) -> None:
    with window(browser, console, PHONE_SCREEN, has_touch=True) as page:
        page.goto(path.format(ref=ref_of(console, "preparing")))
        for control in page.locator(
            "button:visible, .places a:visible, a.button:visible, select:visible"
        ).all():
            box = control.bounding_box()
            assert box is not None
            assert box["height"] >= FINGER, control.inner_text()


def test_the_keyboard_skips_to_the_content_first(owner: Page) -> None:
    owner.goto("/admin/")
    owner.keyboard.press("Tab")
    expect(owner.get_by_role("link", name="Skip to the content")).to_be_focused()
    owner.keyboard.press("Enter")
    expect(owner.get_by_role("main")).to_be_focused()


def test_the_owner_switches_to_dark_and_it_stays_without_any_script(
    browser: Browser, console: Console
) -> None:
    with window(browser, console, DESK_SCREEN, java_script_enabled=False) as page:
        page.goto("/admin/orders")
        page.get_by_role("button", name="Dark").click()
        page.get_by_role("link", name="Today").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
