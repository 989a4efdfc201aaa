"""Somebody buys by tapping on the phone in the browser, and the owner sees it."""

# ruff: noqa: RUF001 - the shop writes a multiplication sign
from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import fits_the_screen
from tests.e2e.stack import Stack, ref_in

pytestmark = pytest.mark.browser

ADDRESS = "123 Main St, Nairobi"


def test_a_person_buys_with_a_few_taps_and_the_owner_sees_the_order(stack: Stack, page: Page) -> None:
    page.goto(stack.sandbox_url)
    phone = page.get_by_role("region", name="Phone of Amina")
    chat = phone.get_by_role("log", name="Chat")
    phone.get_by_role("button", name="Hi", exact=False).first.click()
    chat.get_by_role("button", name="View Products").click()
    chat.get_by_role("button", name="See products").click()
    shelf = phone.get_by_role("dialog", name="See products")
    shelf.get_by_role("radio", name=re.compile("Premium Coffee")).check()
    shelf.get_by_role("button", name="Send").click()
    chat.get_by_role("button", name="2", exact=True).click()
    expect(chat).to_contain_text("Where shall we deliver?")
    phone.get_by_role("textbox", name="Message").fill(ADDRESS)
    phone.get_by_role("textbox", name="Message").press("Enter")
    chat.get_by_role("button", name="M-Pesa").click()
    prompt = phone.get_by_role("alertdialog", name="M-PESA payment request")
    expect(prompt).to_contain_text("KES 3,000")
    prompt.get_by_role("button", name="Pay", exact=True).click()
    expect(chat).to_contain_text("RECEIPT ·")
    expect(chat).to_contain_text("2 × Premium Coffee Beans 1kg")
    ref = ref_in(chat.inner_text().partition("RECEIPT ·")[2])
    assert fits_the_screen(page)

    page.goto(f"{stack.web_url}/admin")
    expect(page.get_by_role("main")).to_contain_text("KES 3,000")
    page.get_by_role("link", name=ref).first.click()
    expect(page.get_by_role("main")).to_contain_text(ref)
    expect(page.get_by_role("main")).to_contain_text("Premium Coffee Beans 1kg")
    assert fits_the_screen(page)
