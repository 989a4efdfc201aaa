"""Finding orders: by beginnings of words, by phone, by status; page after page without losing any."""

import re

import pytest

from admin import finding
from tests.factories import Seed
from tests.shop import place


@pytest.fixture
def many(database, now, shop):
    """Forty orders of coffee or honey by Amina or Brian, every second one paid."""
    with database.writing() as session:
        seed = Seed(session, now(), seed=3)
        amina = seed.customer(shop, name="Amina Wanjiru", phone="+254722000111")
        brian = seed.customer(shop, name="Brian Otieno", phone="+254733000222")
        return [
            seed.order(
                shop,
                amina if number % 4 == 0 else brian,
                status="paid" if number % 2 else "pending_payment",
                goods=((number % 2, 1),),
            ).ref
            for number in range(40)
        ]


def refs_of(room, **asked):
    answer = room.client.get("/admin/orders", query_string=asked, headers=room_headers())
    assert answer.status_code == 200
    return re.findall(r'id="order-([^"]+)"', answer.text)


def room_headers():
    from tests.integration.admin.conftest import basic

    return basic()


@pytest.mark.parametrize(
    ("text", "how_many"),
    [
        ("amina", 10),
        ("AMI", 10),
        ("wanj ami", 10),
        ("amina honey", 0),
        ("brian honey", 20),
        ("coff", 20),
        ("0722 000 111", 10),
        ("+254 722 000 111", 10),
        ("254722", 10),
        ("nobody", 0),
        ("café", 0),
        ("x' OR 1=1 --", 0),
        ("%", 25),
        ("\u0130\u0130", 0),
    ],
)
def test_the_beginnings_of_words_and_numbers_find_orders(room, many, text, how_many) -> None:
    assert len(refs_of(room, q=text)) == min(how_many, 25)


def test_a_reference_finds_its_order_whole_or_in_part(room, many) -> None:
    assert refs_of(room, q=many[7]) == [many[7]]
    assert many[7] in refs_of(room, q=many[7][4:8].lower())
    assert many[7] in refs_of(room, q=many[7][:8])


def test_a_status_filters_a_list_and_a_search(room, many) -> None:
    assert set(refs_of(room, status="paid")) == set(many[1::2])
    assert refs_of(room, q="amina", status="paid") == []
    assert len(refs_of(room, q="coff", status="pending_payment")) == 20
    assert len(refs_of(room, status="nonsense")) == 25


@pytest.mark.parametrize("looked_at", [7, 1000])
def test_a_search_goes_on_by_cursor_without_losing_or_repeating_any(
    room, many, monkeypatch, looked_at
) -> None:
    monkeypatch.setattr(finding, "LOOKED_AT", looked_at)
    seen: list[str] = []
    address: str | None = "/admin/orders?q=otieno+premium+coff"
    for _ in range(20):
        page = room.get(address).text
        seen += re.findall(r'id="order-([^"]+)"', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        if following is None:
            break
        address = following[1].replace("&amp;", "&")
        assert "q=otieno" in address
    assert sorted(seen) == sorted(ref for number, ref in enumerate(many) if number % 2 == 0 and number % 4)


def test_an_order_just_placed_is_found(database, now) -> None:
    order = place(database, now(), [("HONEY", 1)])
    with database.reading() as session:
        for text in (order.ref, "amin hon", "0711222333"):
            assert [row.ref for row in finding.orders(session, 1, text).rows] == [order.ref], text
        assert finding.orders(session, 2, "amina").rows == ()


def test_the_board_shows_the_statuses_that_work_is_done_in(room, many) -> None:
    page = room.get("/admin/orders/board").text
    assert page.count('class="sheet ticket"') == 2 * finding.COLUMN
    assert "/admin/orders?status=paid" in page
