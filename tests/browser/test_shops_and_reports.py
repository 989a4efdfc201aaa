"""The owner makes and connects a shop, chooses between shops, and takes reports home, on a phone and on a desk."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete, select

from db.models import Customer, ReconciliationRun, Shop
from tests.browser.conftest import DESK_SCREEN, PHONE_SCREEN, Console, barriers, fits_the_screen, window

pytestmark = pytest.mark.browser


@pytest.fixture(params=["phone", "desk", "no script"])
def owner(request: pytest.FixtureRequest, browser: Browser, console: Console) -> Iterator[Page]:
    """The owner's browser on each screen, and where no script runs."""
    screen = DESK_SCREEN if request.param == "desk" else PHONE_SCREEN
    with window(browser, console, screen, java_script_enabled=request.param != "no script") as page:
        page.scripted = request.param != "no script"  # type: ignore[attr-defined]
        yield page


@pytest.fixture(autouse=True)
def one_shop(console: Console) -> Iterator[None]:
    yield
    with console.database.writing() as session:
        session.execute(delete(ReconciliationRun))
        for shop in session.scalars(select(Shop).where(Shop.slug != "main")):
            shop.slug, shop.name = f"gone-{shop.id}", f"Gone {shop.id}"


def calm(page: Page) -> None:
    """Nothing scrolls sideways and nothing is in anybody's way."""
    if page.scripted:  # type: ignore[attr-defined]
        assert fits_the_screen(page)
        assert barriers(page) == []


def test_a_shop_is_made_and_then_shown(owner: Page) -> None:
    owner.goto("/admin/shops")
    owner.get_by_role("link", name="New shop").click()
    owner.get_by_label("Name", exact=True).fill("Duka la Pwani")
    owner.get_by_label("Short name").fill("coast")
    owner.get_by_label("Country").fill("TZ")
    owner.get_by_role("button", name="Make the shop").click()
    expect(owner.get_by_role("heading", level=1)).to_have_text("Duka la Pwani")
    expect(owner.get_by_role("status")).to_contain_text("Connect it to Ghala next")
    expect(owner.get_by_text("/api/shops/coast/messages/incoming")).to_be_visible()
    calm(owner)
    owner.get_by_role("button", name="Show this shop").click()
    expect(owner.get_by_role("link", name="Duka la Pwani").first).to_be_visible()


def test_the_owners_numbers_are_kept(owner: Page, console: Console) -> None:
    owner.goto("/admin/shops/main/owner")
    owner.get_by_label("Your numbers on WhatsApp").fill("0733 000 111")
    owner.get_by_label("What needs a person").uncheck()
    owner.get_by_role("button", name="Save").click()
    expect(owner.get_by_role("status")).to_contain_text("Saved")
    expect(owner.get_by_text("Off")).to_be_visible()
    with console.database.reading() as session:
        owners = session.scalars(select(Customer.identity).where(Customer.owner_since.is_not(None)))
        assert owners.all() == ["254733000111"]


def test_a_report_is_shown_by_another_measure_and_taken_home(owner: Page, tmp_path: Path) -> None:
    owner.goto("/admin/reports")
    owner.get_by_role("link", name="Products").click()
    owner.get_by_role("link", name="This year").click()
    expect(owner.get_by_role("rowheader", name="Premium Coffee Beans 1kg")).to_be_visible()
    calm(owner)
    with owner.expect_download() as taken:
        owner.get_by_role("link", name="Download as CSV").click()
    file = tmp_path / "report.csv"
    taken.value.save_as(file)
    rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    assert rows[0] == ["Product", "SKU", "Pieces", "Sold for (KES)"]
    assert rows[1][0] == "Premium Coffee Beans 1kg"


def test_the_books_are_compared_on_request(owner: Page) -> None:
    owner.goto("/admin/reports/reconciliation")
    owner.get_by_role("button", name="Compare now").click()
    expect(owner.get_by_role("status")).to_contain_text("being compared")
    expect(owner.get_by_role("button", name="Compare now")).to_be_disabled()
    calm(owner)
