"""Customers: found by name and number, one looked at, exported, blocked and forgotten."""

import pytest
from sqlalchemy import select

from db.models import AuditEntry, Customer, CustomerWord
from tests.factories import Seed
from tests.integration.admin.conftest import basic
from tests.integration.admin.test_frame import send


@pytest.fixture
def people(database, now, shop):
    """Amina, who has a delivered order, and Brian, whose order is not paid."""
    with database.writing() as session:
        seed = Seed(session, now(), seed=3)
        amina = seed.customer(shop, name="Amina Wanjiru", phone="+254722000111", identity="254722000111")
        brian = seed.customer(shop, name="Brian Otieno", phone="+254733000222", identity="254733000222")
        seed.order(shop, amina, status="delivered")
        seed.order(shop, brian)
        seed.said(amina, "My gate is blue")
        return amina.id, brian.id


@pytest.mark.parametrize(
    ("asked", "found"),
    [("ami", {"Amina"}), ("wanj", {"Amina"}), ("otieno brian", {"Brian"}), ("0722", {"Amina"}),
     ("+254 733 000 222", {"Brian"}), ("amina otieno", set()), ("xyz", set()), ("", {"Amina", "Brian"})],
)  # fmt: skip
def test_customers_are_found_by_the_beginnings_of_name_and_number(room, people, asked, found) -> None:
    page = room.client.get("/admin/customers", query_string={"q": asked}, headers=basic()).text
    assert {name for name in ("Amina", "Brian") if f"{name} " in page.partition("<table")[2]} == found


def test_one_customer_shows_number_orders_and_what_they_spent(room, people) -> None:
    page = room.get(f"/admin/customers/{people[0]}").text
    assert "+254722000111" in page
    assert "3,000" in page
    assert "ORD-" in page
    assert f"/admin/inbox/{people[0]}" in page


def test_the_numbers_of_customers_are_masked_in_the_list(room, people) -> None:
    assert "722000111" not in room.get("/admin/customers").text


def test_a_customers_data_is_downloaded_and_that_is_noted(room, people, database) -> None:
    answer = send(room, f"/admin/customers/{people[0]}/export")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="customer-{people[0]}.json"'
    assert answer.json["customer"]["name"] == "Amina Wanjiru"
    assert "My gate is blue" in answer.text
    with database.reading() as session:
        assert session.scalars(select(AuditEntry.action)).all() == ["customer_exported"]


def test_forgetting_says_first_what_goes_and_what_stays_and_then_does_it(database, now, people, room) -> None:
    dropped = []
    object.__setattr__(room.house, "drop_copy", dropped.append)
    page = room.get(f"/admin/customers/{people[0]}/erase").text
    assert page.index("What goes") < page.index("What stays")
    assert send(room, f"/admin/customers/{people[0]}/erase").status_code == 303
    assert dropped == [people[0]]
    with database.reading() as session:
        assert session.get_one(Customer, people[0]).phone is None
        assert session.scalars(select(CustomerWord).where(CustomerWord.customer_id == people[0])).all() == []
        assert session.scalars(select(AuditEntry)).one().actor == "admin"
    page = room.get(f"/admin/customers/{people[0]}").text
    assert "Forgotten" in page
    assert "Amina" not in page
    assert room.get(f"/admin/inbox/{people[0]}").status_code == 404
    assert send(room, f"/admin/customers/{people[0]}/erase").status_code == 409
    assert send(room, f"/admin/customers/{people[0]}/export").status_code == 409


def test_nobody_is_forgotten_while_something_is_under_way_and_the_page_says_what(
    room, people, database
) -> None:
    page = room.get(f"/admin/customers/{people[1]}/erase").text
    assert "is open and unpaid" in page
    assert "Forget for good" not in page
    refused = send(room, f"/admin/customers/{people[1]}/erase")
    assert refused.status_code == 409
    assert "is open and unpaid" in refused.text
    with database.reading() as session:
        assert session.get_one(Customer, people[1]).name == "Brian Otieno"


def test_a_customer_is_blocked_after_asking_and_unblocked_again(room, people, database) -> None:
    assert "kept, and not answered" in room.get(f"/admin/customers/{people[0]}/block").text
    for _ in range(2):
        send(room, f"/admin/customers/{people[0]}/block")
    assert "Blocked" in room.get(f"/admin/customers/{people[0]}").text
    send(room, f"/admin/customers/{people[0]}/unblock")
    with database.reading() as session:
        assert session.get_one(Customer, people[0]).blocked_at is None
        assert session.scalars(select(AuditEntry.action)).all() == ["customer_blocked", "customer_unblocked"]


@pytest.mark.parametrize(
    "path", ["/admin/customers/99", "/admin/customers/99/erase", "/admin/customers/1?after=!"]
)
def test_a_customer_that_is_none_is_not_there(room, people, path) -> None:
    assert room.get(path).status_code in {400, 404}
