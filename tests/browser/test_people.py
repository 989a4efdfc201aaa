"""The inbox and the customers in a real browser, on a phone and on a desk."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from db.models import Conversation, Customer, OutboxMessage, Shop
from tests.browser.conftest import PHONE_SCREEN, Console, barriers, fits_the_screen, window
from tests.factories import Seed

pytestmark = pytest.mark.browser

PAGES = (
    "/admin/inbox",
    "/admin/inbox/{waiting}",
    "/admin/inbox/{late}",
    "/admin/customers?q=a",
    "/admin/customers/{waiting}",
    "/admin/customers/{waiting}/erase",
    "/admin/customers/{waiting}/block",
)
FINGER = 44


def people(console: Console) -> dict[str, int]:
    """Who waits for a person, and who last wrote two days ago."""
    with console.database.reading() as session:
        waiting = session.scalars(
            select(Conversation.customer_id).order_by(Conversation.inbound_at.desc()).limit(1)
        ).one()
        late = session.scalars(
            select(Conversation.customer_id).order_by(Conversation.inbound_at).limit(1)
        ).one()
    return {"waiting": waiting, "late": late}


def hears(console: Console, customer_id: int, body: str) -> None:
    with console.database.writing() as session:
        now = datetime.now(UTC)
        seed = Seed(session, now, seed=int(now.timestamp() * 1000))
        seed.said(session.get_one(Customer, customer_id), body, at=now)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_and_puts_up_no_barrier(owner: Page, console: Console, path: str) -> None:
    owner.goto(path.format(**people(console)))
    assert fits_the_screen(owner)
    assert barriers(owner) == []
    owner.emulate_media(color_scheme="dark")
    assert barriers(owner) == []


@pytest.mark.parametrize("path", PAGES)
def test_everything_to_touch_is_large_enough_for_a_finger(
    browser: Browser, console: Console, path: str
) -> None:
    with window(browser, console, PHONE_SCREEN, has_touch=True) as page:
        page.goto(path.format(**people(console)))
        for control in page.locator("button:visible, a.button:visible, textarea:visible, .talks a").all():
            box = control.bounding_box()
            assert box is not None
            assert box["height"] >= FINGER, control.inner_text()


def test_the_newest_message_and_the_answer_box_are_in_sight(owner: Page, console: Console) -> None:
    owner.goto(f"/admin/inbox/{people(console)['waiting']}")
    expect(owner.locator("#roll li").last).to_be_in_viewport()
    expect(owner.get_by_role("button", name="Send")).to_be_in_viewport()


def test_a_customer_is_answered_from_the_keyboard(owner: Page, console: Console) -> None:
    owner.goto("/admin/inbox")
    owner.locator(".talks a").first.click()
    answer = f"Yes, we grind it. {owner.url[-2:]} {datetime.now(UTC).timestamp()}"
    owner.get_by_role("textbox").fill(answer)
    owner.get_by_role("textbox").press("Control+Enter")
    expect(owner.get_by_role("log")).to_contain_text(answer)
    expect(owner.get_by_role("textbox")).to_have_value("")
    expect(owner.get_by_role("textbox")).to_be_focused()
    expect(owner.get_by_role("main")).to_contain_text("With you")
    with console.database.reading() as session:
        said = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id.desc()).limit(1)).one()
    assert said.message["body"] == answer


def test_a_new_message_appears_by_itself_and_what_is_being_written_stays(
    owner: Page, console: Console
) -> None:
    who = people(console)["waiting"]
    owner.clock.install()
    owner.goto(f"/admin/inbox/{who}")
    owner.get_by_role("textbox").fill("I am still writ")
    question = f"Are you there at {datetime.now(UTC).timestamp()}?"
    hears(console, who, question)
    owner.clock.run_for(4_500)
    expect(owner.get_by_role("log")).to_contain_text(question)
    expect(owner.locator("#roll li").last).to_be_in_viewport()
    expect(owner.get_by_role("textbox")).to_have_value("I am still writ")
    expect(owner.get_by_role("textbox")).to_be_focused()


def test_a_conversation_is_taken_answered_and_given_back_without_any_script(
    browser: Browser, console: Console
) -> None:
    who = people(console)["late"]
    with window(browser, console, PHONE_SCREEN, java_script_enabled=False) as page:
        page.goto(f"/admin/inbox/{who}")
        page.get_by_role("button", name="Take over").click()
        expect(page.get_by_role("status").first).to_contain_text("This conversation is yours")
        expect(page.get_by_role("main")).to_contain_text("takes only a template")
        page.get_by_role("textbox").fill("Your coffee is back")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("log")).to_contain_text("Your coffee is back")
        page.get_by_role("button", name="Give back to the bot").click()
        expect(page.get_by_role("main")).to_contain_text("With the bot")


def test_a_customer_is_found_blocked_and_unblocked(owner: Page) -> None:
    owner.goto("/admin/customers")
    owner.get_by_role("searchbox").fill("zawadi")
    owner.get_by_role("button", name="Find").click()
    owner.get_by_role("link", name="Zawadi Mutua").click()
    owner.get_by_role("link", name="Block").click()
    expect(owner.get_by_role("main")).to_contain_text("kept, and not answered")
    owner.get_by_role("button", name="Block").click()
    expect(owner.get_by_role("main")).to_contain_text("Blocked")
    owner.get_by_role("button", name="Unblock").click()
    expect(owner.get_by_role("status").first).to_contain_text("answers them again")


def test_a_customers_data_is_downloaded(owner: Page, console: Console) -> None:
    who = people(console)["waiting"]
    owner.goto(f"/admin/customers/{who}")
    with owner.expect_download() as download:
        owner.get_by_role("button", name="Download everything").click()
    assert download.value.suggested_filename == f"customer-{who}.json"
    assert json.loads(Path(download.value.path()).read_bytes())["customer"]["id"] == who


def test_a_customer_is_forgotten_after_what_goes_and_stays_was_said(owner: Page, console: Console) -> None:
    with console.database.writing() as session:
        person = Customer(
            shop_id=session.scalars(select(Shop.id)).one(),
            identity=f"2547{datetime.now(UTC).timestamp():.0f}",
            name="Passing By",
            created_at=datetime.now(UTC),
            seen_at=datetime.now(UTC),
        )
        session.add(person)
        session.flush()
        who = person.id
    owner.goto(f"/admin/customers/{who}")
    owner.get_by_role("link", name="Forget this customer").click()
    expect(owner.get_by_role("heading", name="What stays")).to_be_visible()
    owner.get_by_role("button", name="Forget for good").click()
    expect(owner.get_by_role("main")).to_contain_text("Forgotten")
    expect(owner.get_by_role("main")).not_to_contain_text("Passing By")
