"""What the fuzzing of the console's forms has found: each is answered with a page that says what is wrong, or with 404."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.hostile.conftest import Villain

OURS = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
TOO_LARGE = 2**63


def send(villain: Villain, path: str, **values: str) -> Any:
    """A form of the console's own."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', villain.get("/admin/more").text)
    assert found
    return villain.post(path, data={"csrf_token": found[1], **values}, headers=OURS)


@pytest.mark.parametrize("page", ["catalogue", "customers", "categories", "promotions", "delivery", "inbox"])
def test_a_number_that_no_row_can_have_leads_nowhere(villain: Villain, page: str) -> None:
    assert villain.get(f"/admin/{page}/{TOO_LARGE}").status_code == 404
    assert villain.get(f"/admin/{page}/{TOO_LARGE - 1}").status_code == 404
    assert send(villain, f"/admin/{page}/{TOO_LARGE}").status_code in {404, 405}


@pytest.mark.parametrize("degrees", ["1e400", "Infinity", "NaN", "9" * 40])
def test_a_place_that_is_nowhere_on_earth_is_refused(villain: Villain, degrees: str) -> None:
    assert send(villain, "/admin/delivery/place", latitude="-1.29", longitude=degrees).status_code == 400


def test_a_text_that_is_far_too_long_is_refused_and_shown(villain: Villain) -> None:
    answer = send(villain, "/admin/texts", **{"receipt-thanks_en": "Asante " * 1_000})
    assert answer.status_code == 400
    assert "characters fit" in answer.text


def test_invisible_characters_in_a_product_are_refused_and_not_shown(villain: Villain) -> None:
    answer = send(villain, "/admin/catalogue/1", name_en="Coffee", description_en="a\x00\u202eb", price="1")
    assert answer.status_code == 400
    assert "invisible characters" in answer.text
