"""What needs a person is shown, asked about before it is done, and done once."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from admin import needs
from db.models import AuditEntry, Conversation, InboxEvent, MoneyEvent, OutboxMessage, Product
from tests.factories import Seed
from tests.integration.admin.test_frame import send


@pytest.fixture
def trouble(database, now, shop):
    """One item of every kind that factories can make; ids by kind."""
    with database.writing() as session:
        seed = Seed(session, now(), seed=3)
        customer = seed.customer(shop, name="Amina Wanjiru")
        old = now() - timedelta(minutes=30)
        paid = seed.order(shop, customer, status="paid", placed_at=old)
        unclear = seed.order(shop, customer, placed_at=old)
        payment = seed.payment(unclear, status="unknown")
        unmatched = seed.money(shop)
        due = seed.money(
            shop, kind="refund_due", transaction_ref="SKJ2", order_id=paid.id, reason="order_closed"
        )
        dead = seed.message(paid, "Hello", status="dead", kind="receipt", error="131026")
        template = seed.message(
            paid,
            "",
            status="dead",
            kind="news",
            error="132001",
            message={"type": "template", "name": "moved"},
        )
        product = seed.product(shop, sku="FEW", names={"en": "Nearly gone"}, available=2)
        talk = session.get_one(Conversation, customer.id)
        talk.wants_person_since = now()
        return {
            "person": customer.id, "unmatched": unmatched.id, "refund_due": due.id, "payment": payment.id,
            "receipt": paid.id, "message": dead.id, "template": template.id, "stock": product.id,
        }  # fmt: skip


DOING = [
    ("person", "answered", {}),
    ("unmatched", "settle", {"because": "Sent back by hand"}),
    ("refund_due", "settle", {"because": "Sent back by hand"}),
    ("payment", "ask", {}),
    ("receipt", "send", {}),
    ("message", "resend", {}),
    ("template", "resend", {}),
    ("stock", "restock", {"pieces": "20"}),
]


def test_everything_that_needs_a_person_is_on_the_page(room, trouble) -> None:
    page = room.get("/admin/").text
    for kind, item in trouble.items():
        assert f'id="{kind}-{item}"' in page, kind


@pytest.mark.parametrize(("kind", "action", "form"), DOING)
def test_what_will_happen_is_said_then_done_and_noted(room, trouble, database, kind, action, form) -> None:
    path = f"/admin/needs/{kind}/{trouble[kind]}/{action}"
    asked = room.get(path)
    assert "What will happen" in asked.text
    with database.reading() as session:
        assert session.scalars(select(AuditEntry)).all() == []
    assert send(room, path, **form).status_code == 303
    with database.reading() as session:
        entries = [
            entry for entry in session.scalars(select(AuditEntry)) if entry.action == f"{kind}_{action}"
        ]
    (entry,) = entries
    assert (entry.actor, entry.before["kind"], entry.after) == ("admin", kind, form)
    known = next(one.action(action) for one in needs.KINDS if one.name == kind)
    assert known is not None
    page = room.get("/admin/").text
    assert known.done in page
    if kind not in {"payment", "receipt"}:  # these wait for news
        assert f'id="{kind}-{trouble[kind]}"' not in page
        again = send(room, path, **form)
        assert again.status_code == 303
        assert "dealt with already" in room.get("/admin/").text


def test_actions_do_what_they_say(room, trouble, database) -> None:
    for kind, action, form in DOING:
        send(room, f"/admin/needs/{kind}/{trouble[kind]}/{action}", **form)
    with database.reading() as session:
        assert session.get_one(Product, trouble["stock"]).available == 22
        assert session.get_one(Conversation, trouble["person"]).wants_person_since is None
        assert all(event.settled_at for event in session.scalars(select(MoneyEvent)))
        for kind in ("message", "template"):
            message = session.get_one(OutboxMessage, trouble[kind])
            assert (message.status, message.attempts) == ("waiting", 0)
            assert message.key.endswith(":again")
        (event,) = session.scalars(select(InboxEvent)).all()
        assert event.external_id.startswith("PaymentSucceeded:")
    assert ("outbox", 0) in room.bell.rung
    assert ("ask", trouble["payment"]) in room.bell.rung
    assert ("internal", event.id) in room.bell.rung


@pytest.mark.parametrize("pieces", ["", "0", "-1", "many", "1000000000000", "1.5"])
def test_nonsense_is_refused_in_words_and_changes_nothing(room, trouble, database, pieces) -> None:
    answer = send(room, f"/admin/needs/stock/{trouble['stock']}/restock", pieces=pieces)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    with database.reading() as session:
        assert session.get_one(Product, trouble["stock"]).available == 2


def test_another_shops_trouble_is_not_shown_and_cannot_be_touched(room, trouble, database, now) -> None:
    with database.writing() as session:
        seed = Seed(session, now(), seed=9)
        other = seed.shop(slug="coast", name="Duka la Pwani")
        money = seed.money(other, transaction_ref="OTHER")
        money_id = money.id
    assert "OTHER" not in room.get("/admin/").text
    send(room, f"/admin/needs/unmatched/{money_id}/settle", because="x")
    with database.reading() as session:
        assert session.get_one(MoneyEvent, money_id).settled_at is None


@pytest.mark.parametrize(
    "path", ["/admin/needs/x/1/y", "/admin/needs/stock/1/sell", "/admin/needs/stock/x/restock"]
)
def test_what_cannot_be_done_is_not_there(room, path) -> None:
    assert room.get(path).status_code == 404


def test_a_number_beyond_every_row_is_nothing(room) -> None:
    assert room.get(f"/admin/needs/stock/{10**30}/restock").status_code == 303
