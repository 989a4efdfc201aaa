"""What needs a person is shown, asked about before it is done, and done once."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from admin import needs
from db.models import (
    AuditEntry,
    Conversation,
    InboxEvent,
    MoneyEvent,
    Order,
    OutboxMessage,
    Payment,
    Product,
)
from tests.factories import Seed
from tests.integration.admin.conftest import PASSWORD
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
        late = seed.order(shop, customer, status="expired", placed_at=old)
        came_late = seed.payment(late, transaction_ref="SKJ2")
        due = seed.money(
            shop,
            kind="refund_due",
            transaction_ref="SKJ2",
            order_id=late.id,
            payment_id=came_late.id,
            amount=late.total,
            reason="order_closed",
        )
        refund = seed.refund(paid, seed.payment(paid, transaction_ref="SKJ3"))
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
            "person": customer.id, "unmatched": unmatched.id, "refund_due": due.id, "refund": refund.id,
            "payment": payment.id, "receipt": paid.id, "message": dead.id, "template": template.id, "stock": product.id,
        }  # fmt: skip


DOING = [
    ("person", "answered", {}),
    ("unmatched", "keep", {"because": "A gift"}),
    ("unmatched", "refunded", {"reference": "SKJBACK", "because": "Not ours"}),
    ("refund_due", "keep", {"because": "They said so"}),
    ("refund_due", "refunded", {"reference": "SKJBACK", "because": "Too late"}),
    ("refund_due", "honour", {"because": "They still want it"}),
    ("refund", "paid", {"reference": "SKJBACK"}),
    ("refund", "drop", {"because": "They keep it"}),
    ("payment", "ask", {}),
    ("payment", "not-paid", {"because": "Not on the statement"}),
    ("receipt", "send", {}),
    ("message", "resend", {}),
    ("message", "dismiss", {}),
    ("template", "dismiss", {}),
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
    assert send(room, path, **form, password=PASSWORD).status_code == 303
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
    if (kind, action) not in {("payment", "ask"), ("receipt", "send")}:  # these wait for news
        assert f'id="{kind}-{trouble[kind]}"' not in page
        again = send(room, path, **form, password=PASSWORD)
        assert again.status_code == 303
        assert "dealt with already" in room.get("/admin/").text


def test_actions_do_what_they_say(room, trouble, database) -> None:
    done = {
        "person": "answered",
        "unmatched": "keep",
        "refund_due": "keep",
        "payment": "ask",
        "receipt": "send",
        "message": "resend",
        "template": "resend",
        "stock": "restock",
    }
    for kind, action, form in DOING:
        if done.get(kind) == action:
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
    send(room, f"/admin/needs/unmatched/{money_id}/keep", because="x")
    with database.reading() as session:
        assert session.get_one(MoneyEvent, money_id).settled_at is None


@pytest.mark.parametrize(
    "path", ["/admin/needs/x/1/y", "/admin/needs/stock/1/sell", "/admin/needs/stock/x/restock"]
)
def test_what_cannot_be_done_is_not_there(room, path) -> None:
    assert room.get(path).status_code == 404


def test_a_number_beyond_every_row_is_nothing(room) -> None:
    assert room.get(f"/admin/needs/stock/{2**63 - 1}/restock").status_code == 303
    assert room.get(f"/admin/needs/stock/{2**63}/restock").status_code == 404
    assert room.get(f"/admin/needs/stock/{10**30}/restock").status_code == 404


@pytest.fixture
def stray(database, now, shop):
    """KES 3,000 that fit nothing, and four orders: unpaid, expired, paid, and one that costs something else."""
    with database.writing() as session:
        seed = Seed(session, now(), seed=3)
        customer = seed.customer(shop, name="Amina Wanjiru")
        refs = {
            status: seed.order(shop, customer, status=status).ref
            for status in ("pending_payment", "expired", "paid")
        }
        refs["other"] = seed.order(shop, customer, goods=((1, 1),)).ref
        money = seed.money(shop, amount=300_000, reason="unknown_order")
        return money.id, refs


def test_money_is_assigned_to_an_order_that_costs_just_this_after_being_asked_twice(
    room, stray, database
) -> None:
    money_id, refs = stray
    path = f"/admin/needs/unmatched/{money_id}/assign"
    page = room.get(path).text
    assert [ref for ref in refs.values() if f'value="{ref}"' in page] == [
        refs["pending_payment"],
        refs["expired"],
    ]
    asked = send(room, path, pick=refs["pending_payment"])
    assert (asked.status_code, "is then paid" in asked.text) == (200, True)
    with database.reading() as session:
        assert session.get_one(MoneyEvent, money_id).kind == "unmatched"
    assert send(room, path, pick=refs["pending_payment"], sure="yes").status_code == 303
    with database.reading() as session:
        order = session.scalars(select(Order).where(Order.ref == refs["pending_payment"])).one()
        assert (order.status, session.get_one(MoneyEvent, money_id).kind) == ("paid", "payment")
        (event,) = session.scalars(select(InboxEvent)).all()
    assert ("internal", event.id) in room.bell.rung


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "Choose an order"),
        ({"order": "ORD-NONE22"}, "no order with this reference"),
        ({"order": "other"}, "costs KES 800"),
        ({"order": "paid"}, "paid already"),
        ({"order": "\x00'; DROP TABLE orders"}, "no order with this reference"),
    ],
)
@pytest.mark.parametrize("sure", ["", "yes"])
def test_money_is_not_assigned_to_what_it_does_not_fit(room, stray, database, said, words, sure) -> None:
    money_id, refs = stray
    said = {name: refs.get(value, value) for name, value in said.items()}
    answer = send(room, f"/admin/needs/unmatched/{money_id}/assign", **said, sure=sure)
    assert answer.status_code == 400
    if not sure:
        assert words in answer.text
    with database.reading() as session:
        assert session.get_one(MoneyEvent, money_id).kind == "unmatched"


def test_a_payment_is_booked_on_the_owners_word_with_a_reference_and_the_password(
    room, trouble, database
) -> None:
    path = f"/admin/needs/payment/{trouble['payment']}/paid"
    said = {"reference": "skj4new", "because": "Seen on the statement"}
    assert "as transaction SKJ4NEW" in send(room, path, **said).text
    wrong = send(room, path, **said, sure="yes", password="not it")
    assert (wrong.status_code, "not the password" in wrong.text) == (400, True)
    with database.reading() as session:
        assert session.get_one(Payment, trouble["payment"]).status == "unknown"
    assert send(room, path, **said, sure="yes", password=PASSWORD).status_code == 303
    with database.reading() as session:
        payment = session.get_one(Payment, trouble["payment"])
        assert (payment.status, payment.transaction_ref) == ("succeeded", "SKJ4NEW")
        assert session.get_one(Order, payment.order_id).status == "paid"


def test_one_click_that_arrives_ten_times_settles_once(room, trouble, database) -> None:
    path = f"/admin/needs/refund_due/{trouble['refund_due']}/refunded"
    form = {"reference": "SKJBACK", "because": "Too late", "password": PASSWORD}
    key = re.search(r'name="action_key" value="([^"]+)"', room.get(path).text)[1]
    for _ in range(10):
        assert send(room, path, **form, action_key=key).status_code == 303
    assert "it was done once" in room.get("/admin/").text
    with database.reading() as session:
        refunds = session.scalars(select(MoneyEvent).where(MoneyEvent.kind == "refund")).all()
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "refund_due_refunded")).all()
    assert (len(refunds), len(entries)) == (1, 1)


def test_an_item_that_is_not_among_those_shown_can_be_dealt_with_too(room, database, now, shop) -> None:
    with database.writing() as session:
        seed = Seed(session, now(), seed=3)
        first, *_ = [seed.money(shop, transaction_ref=f"SKJ{number}") for number in range(needs.MOST + 1)]
        first_id = first.id
    assert f'id="unmatched-{first_id}"' not in room.get("/admin/").text
    assert send(room, f"/admin/needs/unmatched/{first_id}/keep", because="A gift").status_code == 303
    with database.reading() as session:
        assert session.get_one(MoneyEvent, first_id).settled_at is not None


def test_money_that_goes_back_asks_for_the_password(room, trouble, database) -> None:
    for kind, action in (("unmatched", "refunded"), ("refund_due", "refunded"), ("refund", "paid")):
        path = f"/admin/needs/{kind}/{trouble[kind]}/{action}"
        assert 'type="password"' in room.get(path).text
        for password in ({}, {"password": "x"}, {"password": "\x00é" * 300}):
            assert send(room, path, reference="R", because="b", **password).status_code == 400
    with database.reading() as session:
        assert session.scalars(select(MoneyEvent).where(MoneyEvent.kind == "refund")).all() == []
