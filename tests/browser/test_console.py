"""The owner's console in a real browser, on a phone and on a desk."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from db.models import Customer, Order, Shop
from tests.browser.conftest import DESK_SCREEN, PHONE_SCREEN, Console, barriers, fits_the_screen, window
from tests.factories import Seed
from tests.integration.admin.conftest import PASSWORD

pytestmark = pytest.mark.browser

PAGES = (
    "/admin/",
    "/admin/orders",
    "/admin/orders/board",
    "/admin/customers",
    "/admin/more",
    "/admin/reports",
    "/admin/reports?by=product",
    "/admin/reports?by=method",
    "/admin/reports/reconciliation",
    "/admin/shops",
    "/admin/shops/new",
    "/admin/shops/main",
    "/admin/shops/main/settings",
    "/admin/shops/main/connection",
    "/admin/shops/main/owner",
    "/admin/orders/{ref}",
    "/admin/orders/{ref}/dispatch",
    "/admin/orders/{ref}/cancel",
    "/admin/orders/{ref}/refund",
    "/admin/needs/unmatched/{money}/assign",
    "/admin/needs/unmatched/{money}/refunded",
    "/admin/needs/message/{message}/dismiss",
    "/admin/needs/payment/{payment}/paid",
    "/admin/catalogue",
    "/admin/catalogue/new",
    "/admin/catalogue/1",
    "/admin/catalogue/4",
    "/admin/catalogue/4/variants/new",
    "/admin/categories",
    "/admin/categories/1",
    "/admin/promotions",
    "/admin/promotions/1",
    "/admin/delivery",
    "/admin/delivery/1",
    "/admin/hours",
    "/admin/texts",
    "/admin/files",
)
FINGER = 44


def ref_of(console: Console, status: str) -> str:
    with console.database.reading() as session:
        ref = session.scalars(
            select(Order.ref).where(Order.status == status).order_by(Order.id.desc())
        ).first()
    assert ref is not None
    return ref


@pytest.fixture(scope="module")
def places(console: Console) -> dict[str, str]:
    """What the addresses of pages name; some trouble of its own, since other tests settle what there is."""
    with console.database.writing() as session:
        seed = Seed(session, datetime.now(UTC), seed=11)
        order = session.scalars(select(Order).where(Order.status == "preparing")).first()
        unpaid = session.scalars(select(Order).where(Order.status == "pending_payment")).first()
        assert order is not None
        assert unpaid is not None
        shop = session.get_one(Shop, order.shop_id)
        return {
            "ref": order.ref,
            "money": str(seed.money(shop, transaction_ref="SKJLOOK", amount=unpaid.total).id),
            "message": str(seed.message(order, "Hello", status="dead", kind="news", error="131026").id),
            "payment": str(seed.payment(unpaid, status="unknown", key="pay:look").id),
        }


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_and_puts_up_no_barrier(owner: Page, places: dict[str, str], path: str) -> None:
    owner.goto(path.format(**places))
    assert fits_the_screen(owner)
    assert barriers(owner) == []
    owner.emulate_media(color_scheme="dark")
    assert barriers(owner) == []


@pytest.mark.parametrize("path", PAGES)
def test_everything_to_touch_is_large_enough_for_a_finger(
    browser: Browser, console: Console, places: dict[str, str], path: str
) -> None:
    with window(browser, console, PHONE_SCREEN, has_touch=True) as page:
        page.goto(path.format(**places))
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


def test_an_order_is_found_and_sent_on_its_way_with_a_rider(owner: Page, console: Console) -> None:
    ref = ref_of(console, "preparing")
    owner.goto("/admin/orders")
    owner.get_by_role("searchbox").fill(ref[4:])
    owner.get_by_role("button", name="Find").click()
    owner.get_by_role("link", name=ref).click()
    owner.get_by_role("link", name="Send on its way").click()
    expect(owner.get_by_role("main")).to_contain_text("The customer is told once")
    owner.get_by_label("Rider's name").fill("Otieno")
    owner.get_by_label("Rider's phone").fill("0722 000 111")
    owner.get_by_role("button", name="Send on its way").click()
    expect(owner.get_by_role("status").first).to_contain_text("The order is on its way")
    expect(owner.get_by_role("main")).to_contain_text("+254722000111")
    owner.get_by_label("Only the shop's people read this").fill("Gate is at the back")
    owner.get_by_role("button", name="Keep the note").click()
    expect(owner.get_by_role("main")).to_contain_text("Gate is at the back")


def test_charts_are_drawn_and_are_tables_too(owner: Page) -> None:
    owner.goto("/admin/?days=30")
    expect(owner.locator("figure.chart canvas")).to_have_count(2)
    owner.get_by_text("As a table").first.click()
    expect(owner.get_by_role("table").filter(has_text="Takings").first).to_be_visible()
    owner.get_by_role("link", name="90 days").click()
    expect(owner.get_by_role("heading", name="The last 90 days")).to_be_visible()


def test_what_needs_the_owner_is_settled_without_any_script(browser: Browser, console: Console) -> None:
    with window(browser, console, PHONE_SCREEN, java_script_enabled=False) as page:
        page.goto("/admin/")
        item = page.get_by_role("listitem").filter(has_text="SKJ4X2ABCD")
        item.get_by_role("link", name="Paid back").click()
        page.get_by_label("Reference of your transfer").fill("SKJBACK1")
        page.get_by_label("Why").fill("Nobody's order")
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Paid back").click()
        expect(page.get_by_role("status").first).to_contain_text("booked as sent back")
        expect(page.get_by_role("main")).not_to_contain_text("SKJ4X2ABCD")


def test_part_of_an_order_is_refunded_and_paid_back_by_hand(owner: Page, console: Console) -> None:
    ref = ref_of(console, "delivered")
    owner.goto(f"/admin/orders/{ref}")
    owner.get_by_role("link", name="Refund").click()
    owner.get_by_label("Amount in KES").fill("100")
    owner.get_by_label("Why").fill("One jar was broken")
    owner.get_by_label("Your password").fill(PASSWORD)
    owner.get_by_role("button", name="Refund").dblclick()
    expect(owner.get_by_role("main")).to_contain_text("Waits to be paid back")
    assert owner.get_by_text("Waits to be paid back").count() == 1
    owner.get_by_role("link", name="Paid back by hand").click()
    assert barriers(owner) == []
    owner.get_by_label("Reference of your transfer").fill(f"SKJHAND{owner.viewport_size['width']}")
    owner.get_by_label("Your password").fill(PASSWORD)
    owner.get_by_role("button", name="Paid back by hand").click()
    expect(owner.get_by_role("status").first).to_contain_text("booked as paid back")
    expect(owner.get_by_role("heading", level=1)).to_have_text(ref)
    expect(owner.get_by_role("main")).to_contain_text("Partly refunded")


def test_unmatched_money_is_assigned_to_the_order_it_was_meant_for(owner: Page, console: Console) -> None:
    with console.database.writing() as session:
        seed = Seed(session, datetime.now(UTC), seed=owner.viewport_size["width"])
        shop = session.scalars(select(Shop)).first()
        assert shop is not None
        order = seed.order(shop, session.scalars(select(Customer)).first(), goods=((0, 7),))
        ref, said = order.ref, f"SKJSTRAY{owner.viewport_size['width']}"
        seed.money(shop, transaction_ref=said, amount=order.total, reason="unknown_order")
    owner.goto("/admin/")
    item = owner.get_by_role("listitem").filter(has_text=said)
    item.get_by_role("link", name="Assign to an order").click()
    owner.get_by_label(ref).check()
    owner.get_by_role("button", name="Go on").click()
    expect(owner.get_by_role("main")).to_contain_text("which is then paid")
    assert barriers(owner) == []
    owner.get_by_role("button", name="Yes: assign to an order").click()
    expect(owner.get_by_role("status").first).to_contain_text("The money pays the order")
    owner.goto(f"/admin/orders/{ref}")
    expect(owner.get_by_role("main")).to_contain_text("Receipt")


def test_a_new_order_appears_by_itself(owner: Page, console: Console) -> None:
    owner.clock.install()
    owner.goto("/admin/")
    with console.database.writing() as session:
        order = session.scalars(select(Order).order_by(Order.id.desc()).limit(1)).one()
        name = "Newcomer" if order.customer_name != "Newcomer" else "Newcomer too"
        order.customer_name = name
    owner.clock.run_for(11_000)
    expect(owner.locator("#live")).to_contain_text(name)


def test_nothing_moves_while_the_page_loads(browser: Browser, console: Console) -> None:
    for screen in (PHONE_SCREEN, DESK_SCREEN):
        with window(browser, console, screen) as page:
            page.add_init_script(
                "window.moved = 0; new PerformanceObserver(l => { for (const e of l.getEntries())"
                " window.moved += e.value }).observe({type: 'layout-shift', buffered: true});"
            )
            page.goto("/admin/", wait_until="networkidle")
            assert page.evaluate("window.moved") < 0.01
