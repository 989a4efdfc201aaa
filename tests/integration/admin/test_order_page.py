"""What the shop does with one order: on its way with a rider, cancelled, paid in cash, noted, printed."""

import re

import pytest
from sqlalchemy import select

from admin.papers import printable
from db.models import AuditEntry, InboxEvent, MoneyEvent, Order, OrderNote, Refund
from tests.factories import Seed
from tests.integration.admin.conftest import PASSWORD
from tests.integration.admin.test_frame import SAME_SITE, send, token_of


@pytest.fixture
def placed(database, now, shop):
    """Makes an order of a status; gives its reference."""

    def make(status="paid", **changes):
        with database.writing() as session:
            seed = Seed(session, now(), seed=3)
            order = seed.order(shop, seed.customer(shop, name="Amina Wanjiru"), status=status, **changes)
            return order.ref

    return make


def events_of(database, name):
    with database.reading() as session:
        return [
            event for event in session.scalars(select(InboxEvent)) if event.external_id.startswith(f"{name}:")
        ]


def test_an_order_goes_on_its_way_with_a_rider_and_the_customer_hears_once(room, placed, database) -> None:
    ref = placed("preparing")
    page = room.get(f"/admin/orders/{ref}/dispatch").text
    assert "The customer is told once" in page
    for _ in range(2):
        answer = send(room, f"/admin/orders/{ref}/dispatch", rider_name="Otieno", rider_phone="0722 000 111")
        assert answer.status_code == 303
    with database.reading() as session:
        order = session.scalars(select(Order)).one()
        (entry,) = session.scalars(select(AuditEntry)).all()
    assert (order.status, order.rider_name, order.rider_phone) == ("dispatched", "Otieno", "+254722000111")
    assert (entry.before, entry.after) == (
        {"status": "preparing"},
        {"status": "dispatched", "rider": "Otieno"},
    )
    assert len(events_of(database, "OrderMoved")) == 1
    page = room.get(f"/admin/orders/{ref}").text
    assert "Otieno" in page
    assert "On its way by admin" in page


def test_a_riders_phone_that_is_none_is_refused_and_what_was_written_stays(room, placed, database) -> None:
    ref = placed("preparing")
    answer = send(room, f"/admin/orders/{ref}/dispatch", rider_name="Otieno", rider_phone="12")
    assert answer.status_code == 400
    assert 'value="Otieno"' in answer.text
    assert events_of(database, "OrderMoved") == []


def test_cancelling_says_first_what_will_happen_to_the_money(room, placed, database) -> None:
    ref = placed("pending_payment")
    assert "due back" not in room.get(f"/admin/orders/{ref}/cancel").text
    for _ in range(2):
        assert send(room, f"/admin/orders/{ref}/cancel").status_code == 303
    with database.reading() as session:
        assert session.scalars(select(Order.status)).one() == "cancelled"
        assert [entry.after for entry in session.scalars(select(AuditEntry))] == [{"status": "cancelled"}]
    assert len(events_of(database, "OrderMoved")) == 1


def test_a_paid_order_that_is_cancelled_owes_its_money(room, placed, database) -> None:
    ref = placed("paid")
    assert "due back" in room.get(f"/admin/orders/{ref}/cancel").text
    with database.writing() as session:
        order = session.scalars(select(Order)).one()
        shop_id, order_id, total = order.shop_id, order.id, order.total
        seed = Seed(session, order.placed_at, seed=8)
        payment = seed.payment(order, transaction_ref="SKJ1")
        seed.add(
            MoneyEvent(
                shop_id=shop_id, kind="payment", gateway="ghala", transaction_ref="SKJ1", order_id=order_id,
                payment_id=payment.id, amount=total, currency="KES", created_at=order.placed_at,
            )
        )  # fmt: skip
    send(room, f"/admin/orders/{ref}/cancel")
    with database.reading() as session:
        refund = session.scalars(select(Refund)).one()
    assert (refund.amount, refund.status) == (total, "requested")
    assert f'id="refund-{refund.id}"' in room.get("/admin/").text


def test_an_order_on_its_way_cannot_be_cancelled(room, placed) -> None:
    assert send(room, f"/admin/orders/{placed('dispatched')}/cancel").status_code == 409


def test_cash_is_recorded_once_and_the_order_is_paid(room, placed, database) -> None:
    ref = placed("pending_payment")
    assert "KES 3,000 in cash" in room.get(f"/admin/orders/{ref}/cash").text
    for _ in range(2):
        assert send(room, f"/admin/orders/{ref}/cash").status_code == 303
    with database.reading() as session:
        order = session.scalars(select(Order)).one()
        booked = session.scalars(select(MoneyEvent)).all()
    assert (order.status, order.payment_status) == ("paid", "paid")
    assert [(event.kind, event.amount) for event in booked] == [("payment", order.total)]
    assert len(events_of(database, "PaymentSucceeded")) == 1


def test_no_cash_is_recorded_for_an_order_that_is_paid(room, placed, database) -> None:
    assert send(room, f"/admin/orders/{placed('paid')}/cash").status_code == 303
    assert "Nothing was recorded" in room.get("/admin/orders").text
    with database.reading() as session:
        assert session.scalars(select(MoneyEvent)).all() == []


def test_a_note_is_kept_for_the_shops_people(room, placed, database) -> None:
    ref = placed()
    send(room, f"/admin/orders/{ref}/note", note="Call before <b>you</b> go")
    send(room, f"/admin/orders/{ref}/note", note="  ")
    with database.reading() as session:
        assert [note.author for note in session.scalars(select(OrderNote))] == ["admin"]
        (entry,) = session.scalars(select(AuditEntry)).all()
    assert entry.after == {"characters": 25}
    assert "Call before &lt;b&gt;you&lt;/b&gt; go" in room.get(f"/admin/orders/{ref}").text


@pytest.mark.parametrize(
    "name", ["Amina", "Łukasz Ñandú", "Юрий", "李小龙", "😀😀", "\u202eabc", "x" * 500, "نور", ""]
)
@pytest.mark.parametrize("paper", ["slip", "receipt"])
def test_papers_are_printed_whatever_somebody_is_called(room, placed, name, paper) -> None:
    ref = placed(
        "paid", customer_name=name, delivery={"kind": "address", "text": f"{name} St", "landmark": name}
    )
    answer = room.get(f"/admin/orders/{ref}/{paper}.pdf")
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    assert answer.data.startswith(b"%PDF-")
    assert f'filename="{ref}-{paper}.pdf"' in answer.headers["Content-Disposition"]


def test_what_the_font_cannot_print_is_left_out() -> None:
    assert printable("Amina 🎉 Łukasz 李") == "Amina Łukasz"


def test_an_unpaid_order_has_no_receipt(room, placed) -> None:
    assert room.get(f"/admin/orders/{placed('pending_payment')}/receipt.pdf").status_code == 409
    assert room.get("/admin/orders/ORD-NOSUCH/slip.pdf").status_code == 404


@pytest.mark.parametrize("path", ["move", "dispatch", "cancel", "cash", "note"])
def test_nothing_is_done_to_an_order_that_is_not_there(room, path) -> None:
    answer = send(room, f"/admin/orders/ORD-NOSUCH/{path}", status="paid", note="x")
    assert answer.status_code in {400, 404}


def test_a_message_is_shown_without_the_marks_of_whatsapp(room, placed, database) -> None:
    ref = placed()
    with database.writing() as session:
        order = session.scalars(select(Order)).one()
        Seed(session, order.placed_at, seed=8).message(order, "*Total:* KES 3,000, _thank you_ for 2*3")
    page = room.get(f"/admin/orders/{ref}").text
    assert "Total: KES 3,000, thank you for 2*3" in page


@pytest.fixture
def sold(database, now, shop):
    """An order that was paid with KES 3,000; its reference."""
    with database.writing() as session:
        seed = Seed(session, now(), seed=3)
        order = seed.order(shop, seed.customer(shop, name="Amina Wanjiru"), status="paid")
        seed.booked(order, seed.payment(order, transaction_ref="SKJ1"))
        return order.ref


def form_of(room, path, **said):
    page = room.get(path).text
    key = re.search(r'name="action_key" value="([^"]+)"', page)[1]
    return {"action_key": key, "amount": "3,000", "reason": "Broken", "password": PASSWORD} | said


def test_a_refund_by_hand_waits_until_its_reference_is_written_down(room, sold, database) -> None:
    path = f"/admin/orders/{sold}/refund"
    page = room.get(path).text
    assert "send the money yourself" in page
    assert 'value="3,000"' in page
    assert send(room, path, **form_of(room, path, amount="KES 1,000")).status_code == 303
    page = room.get(f"/admin/orders/{sold}").text
    assert "KES 1,000 wait to be paid back by hand" in page
    assert "Waits to be paid back" in page
    paid = re.search(r'href="(/admin/needs/refund/\d+/paid\?back=[^"]+)"', page)[1]
    done = send(
        room, paid.split("?")[0], reference="SKJBACK", password=PASSWORD, back=f"/admin/orders/{sold}"
    )
    assert (done.status_code, done.location) == (303, f"/admin/orders/{sold}")
    page = room.get(f"/admin/orders/{sold}").text
    assert "Paid back by hand" in page
    assert "SKJBACK" in page
    assert "Partly refunded" in page
    assert len(events_of(database, "RefundSent")) == 1


def test_the_rest_goes_back_in_full_with_its_reference(room, sold, database) -> None:
    path = f"/admin/orders/{sold}/refund"
    send(room, path, **form_of(room, path, amount="1000", reference="SKJ7"))
    assert 'value="2,000"' in room.get(path).text
    send(room, path, **form_of(room, path, amount="2,000", reference="SKJ8"))
    assert "/refund" not in room.get(f"/admin/orders/{sold}").text
    assert room.get(path).status_code == 303
    with database.reading() as session:
        assert session.scalars(select(Order.payment_status)).one() == "refunded"
        entries = session.scalars(
            select(AuditEntry.after).where(AuditEntry.action == "refund_requested")
        ).all()
    assert [(entry["amount"], entry["reason"]) for entry in entries] == [
        (100_000, "Broken"),
        (200_000, "Broken"),
    ]


@pytest.mark.parametrize(
    "said",
    [{"amount": amount} for amount in ("", "0", "-5", "3001", "12.34", "1e3", "many", "٣", "9" * 40)]
    + [{"reason": " "}, {"password": ""}, {"password": "wrong"}],
)
def test_a_refund_that_cannot_be_is_refused_in_words_and_what_was_written_stays(
    room, sold, database, said
) -> None:
    path = f"/admin/orders/{sold}/refund"
    answer = send(room, path, **form_of(room, path, reference="SKJ9", **said))
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert 'value="SKJ9"' in answer.text
    assert PASSWORD not in answer.text
    with database.reading() as session:
        assert session.scalars(select(Refund)).all() == []


def test_passwords_cannot_be_tried_out_on_a_refund(room, sold, database) -> None:
    path = f"/admin/orders/{sold}/refund"
    form = form_of(room, path, password="wrong") | {"csrf_token": token_of(room)}
    tries = [room.post(path, data=form, headers=SAME_SITE).status_code for _ in range(10)]
    assert tries == [400] * 10
    assert room.post(path, data=form | {"password": PASSWORD}, headers=SAME_SITE).status_code == 429
    with database.reading() as session:
        assert session.scalars(select(AuditEntry.action)).all() == ["login_locked"]


def test_nothing_is_refunded_where_nothing_was_paid(room, placed) -> None:
    ref = placed("pending_payment")
    assert "/refund" not in room.get(f"/admin/orders/{ref}").text
    assert room.get(f"/admin/orders/{ref}/refund").status_code == 303
