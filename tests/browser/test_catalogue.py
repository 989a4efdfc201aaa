"""The catalogue in a real browser: made, pictured, moved and previewed, with and without scripts."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from db.models import Product
from tests.browser.conftest import DESK_SCREEN, PHONE_SCREEN, Console, barriers, window

pytestmark = pytest.mark.browser


def product_of(console: Console, sku: str) -> Product:
    with console.database.reading() as session:
        return session.scalars(select(Product).where(Product.sku == sku)).one()


def test_what_is_typed_is_seen_at_once_as_customers_will_see_it(owner: Page, console: Console) -> None:
    owner.goto(f"/admin/catalogue/{product_of(console, 'COFFEE-1KG').id}")
    shown = owner.locator("#shown")
    expect(shown.locator(".counters").first).to_contain_text("26")
    owner.get_by_label("Name in English").fill("Coffee *1kg*")
    expect(shown.locator(".mock strong").first).to_contain_text("Coffee")
    expect(shown).not_to_contain_text("Premium Coffee")
    owner.get_by_label("Price in KES").fill("1,750")
    expect(shown).to_contain_text("KES\u00a01,750")
    expect(owner.get_by_label("Name in English")).to_have_value("Coffee *1kg*")


def test_a_product_is_made_with_a_picture_without_any_script(browser: Browser, console: Console) -> None:
    photo = BytesIO()
    Image.new("RGB", (640, 480), "teal").save(photo, "PNG")
    with window(browser, console, PHONE_SCREEN, refused=400, java_script_enabled=False) as page:
        page.goto("/admin/catalogue")
        page.get_by_role("link", name="New product").click()
        page.get_by_label("Name in English").fill("Sisal Basket")
        page.get_by_label("Price in KES").fill("1200.50")
        page.get_by_label("Picture").set_input_files(
            {"name": "photo.png", "mimeType": "image/png", "buffer": photo.getvalue()}
        )
        page.get_by_role("button", name="Make the product").click()
        expect(page.get_by_role("main")).to_contain_text("whole shillings: write 1200 or 1201")
        expect(page.get_by_role("main")).to_contain_text("Your new picture is kept")
        page.get_by_label("Price in KES").fill("1200")
        page.get_by_role("button", name="Make the product").click()
        expect(page.get_by_role("status").first).to_contain_text("in the catalogue")
        assert page.locator(".mock img").first.evaluate("image => image.naturalWidth") == 640
        page.get_by_role("link", name="Add a variant").click()
        page.get_by_label("What makes it different in English").fill("Large")
        page.get_by_label("How many there are").fill("4")
        page.get_by_role("button", name="Save").click()
        page.get_by_label("Pieces of Large").fill("3")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("There are 7 to sell now")


def test_products_are_moved_with_the_keyboard(owner: Page, console: Console) -> None:
    owner.goto("/admin/catalogue")
    first = owner.locator(".goods .name").first.inner_text()
    down = owner.get_by_role("button", name=f"Move {first} down")
    down.focus()
    owner.keyboard.press("Enter")
    expect(owner.get_by_role("status").first).to_contain_text("was moved")
    expect(owner.locator(".goods .name").nth(1)).to_have_text(first)


def test_of_two_windows_the_second_is_told_and_keeps_its_words(browser: Browser, console: Console) -> None:
    tea = product_of(console, "TEA-250").id
    with window(browser, console, DESK_SCREEN, refused=409) as owner:
        owner.goto(f"/admin/catalogue/{tea}")
        other = owner.context.new_page()
        other.goto(f"/admin/catalogue/{tea}")
        other.get_by_label("Price in KES").fill("460")
        other.get_by_role("button", name="Save").click()
        expect(other.get_by_role("status").first).to_contain_text("saved")
        owner.get_by_label("Description in English").fill("Mine")
        owner.get_by_role("button", name="Save").click()
        expect(owner.get_by_role("alert").first).to_contain_text("Somebody else changed this")
        expect(owner.get_by_role("alert").first).to_contain_text("460")
        expect(owner.get_by_label("Description in English")).to_have_value("Mine")
        assert barriers(owner) == []


def test_a_greeting_is_worded_and_seen_before_it_is_saved(owner: Page) -> None:
    owner.goto("/admin/texts")
    owner.locator("#in-greeting_en").fill("Karibu {hello} to *{shop}*")
    shown = owner.locator("#shown-greeting")
    expect(shown).to_contain_text("Karibu Hello Amina!")
    expect(shown.locator("strong").first).to_have_text("Duka la Amani")
    owner.get_by_role("button", name="Save the texts").click()
    expect(owner.get_by_role("status").first).to_contain_text("Customers read them from now on")
