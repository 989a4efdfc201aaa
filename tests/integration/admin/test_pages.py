"""What the owner sees and does."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from admin.headers import POLICY
from db.models import AuditEntry, InboxEvent, Order
from tests.factories import Seed, a_busy_shop
from tests.integration.admin.conftest import basic, open_room

SAME_SITE = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}


@pytest.fixture
def seed(database, now, shop):
    """A shop with one paid order of one customer."""

    def write(act):
        with database.writing() as session:
            seed = Seed(session, now(), seed=3)
            return act(seed)

    return write


def paid_order(seed, shop, **changes):
    def act(seed):
        customer = seed.customer(shop, name="Amina Wanjiru", phone="+254722000111")
        return seed.order(shop, customer, status="paid", **changes).ref

    return seed(act)


def token_of(room, ref) -> str:
    page = room.get(f"/admin/orders/{ref}").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def move(room, ref, status="preparing", *, token=None, headers=SAME_SITE):
    form = {"status": status} | ({} if token is None else {"csrf_token": token})
    return room.post(f"/admin/orders/{ref}/move", data=form, headers=headers)


def test_today_shows_what_needs_the_owner_then_figures_then_orders(database, now) -> None:
    with database.writing() as session:
        a_busy_shop(session, now())
    page = open_room(database, now).get("/admin/").text
    assert "Duka la Amani" in page
    assert re.search(r'id="takings"><span class="amount"><small>KES</small> 47,100<', page)
    assert re.search(r'id="orders_placed">26<', page)
    assert page.index("Needs you") < page.index("Takings") < page.index("Recent orders")
    assert "Wrong amount" in page
    assert len(page) < 40_000


def test_times_are_the_shops_own(room, seed, shop, now) -> None:
    paid_order(seed, shop)
    assert ">12:07</time>" in room.get("/admin/").text  # 09:07 UTC in Nairobi


def test_phones_are_masked_but_on_the_order_itself(room, seed, shop) -> None:
    ref = paid_order(seed, shop)
    for path in ("/admin/", "/admin/live", "/admin/orders", "/admin/customers"):
        page = room.get(path).text
        assert "07••• •••111" in page.replace("07••• •••111", "07••• •••111")
        assert "722000111" not in page
        assert "0722" not in page
    assert "+254722000111" in room.get(f"/admin/orders/{ref}").text


def test_an_empty_shop_says_so_kindly(room) -> None:
    page = room.get("/admin/").text
    assert "No orders yet" in page
    assert "Needs you" not in page


def test_the_page_refreshes_itself_by_fragment(room, seed, shop) -> None:
    page = room.get("/admin/").text
    assert 'hx-get="/admin/live" hx-trigger="every 10s" hx-swap="innerMorph"' in page
    paid_order(seed, shop)
    fragment = room.get("/admin/live").text
    assert "<html" not in fragment
    assert "Amina Wanjiru" in fragment


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "{{7*7}}{% raw %}",
    "' OR 1=1 --",
    "\u202egnp.exe\u2066",
    "a" + "\u0301" * 5000,
    "W" * 3000,
    "line\nbreak\ttab",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_text(room, seed, shop, name) -> None:
    def act(seed):
        customer = seed.customer(shop, name=name)
        order = seed.order(shop, customer, status="paid", customer_name=name, discount_label=name)
        order.delivery = {"kind": "address", "text": name, "landmark": name}
        seed.money(shop, transaction_ref=name, amount=None, amount_text=name, reason=name)
        seed.message(order, name[:1000])
        seed.payment(order, transaction_ref=name)
        return order.ref

    ref = seed(act)
    for path in ("/admin/", "/admin/orders", "/admin/customers", f"/admin/orders/{ref}"):
        answer = room.get(path)
        assert answer.status_code == 200
        assert not re.search(r'<(img|svg(?! class="icon" )|script>)', answer.text)
        assert "49{" not in answer.text
        assert "\u202e" not in answer.text
        assert "\u0301" * 4 not in answer.text
        assert len(answer.text) < 30_000


@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/orders", "/api/admin/stats", "/admin/nowhere", "/readyz"]
)
def test_every_answer_carries_the_safety_headers(room, path) -> None:
    headers = room.get(path).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in headers


def test_production_insists_on_tls(database, now, shop) -> None:
    room = open_room(database, now, env="production")
    assert "max-age=31536000" in room.get("/admin/").headers["Strict-Transport-Security"]


def test_nothing_is_inline(room, seed, shop) -> None:
    ref = paid_order(seed, shop)
    for path in ("/admin/", "/admin/orders", "/admin/customers", f"/admin/orders/{ref}", "/admin/nowhere"):
        page = room.get(path).text
        assert "<style" not in page
        assert not re.search(r'\s(style|on[a-z]+)="', page)
        assert not re.search(r"<script(?![^>]*src=)", page)
        assert not re.search(r'(src|href)="https?://(?!www\.google\.com/maps)', page)


def test_the_first_view_weighs_less_than_100_kilobytes(database, now) -> None:
    with database.writing() as session:
        a_busy_shop(session, now())
    room = open_room(database, now)
    page = room.get("/admin/").text
    assets = set(re.findall(r'(?:src|href)="(/admin/static/[^"#]+)', page))
    assert len(assets) >= 5
    assert len(assets) == len({address.partition("?")[0] for address in assets})
    total = len(page.encode())
    for address in assets:
        answer = room.client.get(address, headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        total += len(answer.data)
        answer.close()
    assert total < 100_000


@pytest.mark.parametrize(
    "path",
    [
        "/admin/orders/ORD-NOSUCH",
        "/admin/orders/%00",
        "/admin/x",
        "/admin/../etc/passwd",
        "/admin/static/../auth.py",
    ],
)
def test_what_is_not_there_gets_a_friendly_page(room, path) -> None:
    answer = room.get(path)
    assert answer.status_code == 404
    assert "Nothing here" in answer.text


def test_lists_go_on_by_cursor_without_losing_or_repeating_any(room, seed, shop, now) -> None:
    def act(seed):
        for number in range(60):
            customer = seed.customer(shop, seen_at=now() - timedelta(minutes=number // 3))
            seed.order(shop, customer)

    seed(act)
    for path, pattern in (
        ("/admin/orders", r'id="order-([^"]+)"'),
        ("/admin/customers", r'id="customer-(\d+)"'),
    ):
        seen: list[str] = []
        address: str | None = path
        while address:
            page = room.get(address).text
            seen += re.findall(pattern, page)
            following = re.search(r'rel="next" href="([^"]+)"', page)
            address = following[1] if following else None
        assert len(seen) == len(set(seen)) == 60


CURSORS = [
    "x",
    "'; DROP TABLE orders; --",
    "MTIz.",
    "LTE",
    "OTk5OTk5OTk5OTk5OTk5OTk5OTk",
    "\u0661",
    "A" * 500,
    "MS4x",
    "%00",
]


@pytest.mark.parametrize("cursor", CURSORS)
def test_a_cursor_that_is_not_ours_is_refused(room, cursor) -> None:
    assert (
        room.client.get("/admin/orders", query_string={"after": cursor}, headers=basic()).status_code == 400
    )
    answer = room.client.get("/api/orders", query_string={"after": cursor}, headers=basic())
    assert answer.status_code == 400
    assert answer.json["code"] == "invalid_cursor"


def test_one_order_shows_everything_about_it(database, now) -> None:
    with database.writing() as session:
        a_busy_shop(session, now())
        ref = session.scalars(
            select(Order.ref).where(Order.status == "preparing").order_by(Order.id.desc())
        ).first()
    page = open_room(database, now).get(f"/admin/orders/{ref}").text
    for expected in (
        "Premium Coffee Beans 1kg",
        "https://www.google.com/maps/search/?api=1&amp;query=-1.292100%2C36.785600",
        "Blue gate, ask for Amina",
        "Wrong PIN",
        "SKJ4X2A",
        "Payment successful!",
        'aria-label="Read"',
        'aria-label="Delivered"',
        "Send on its way",
    ):
        assert expected in page
    assert "Start preparing" not in page


def test_the_owner_moves_an_order_and_its_customer_is_told_once(room, seed, shop, database) -> None:
    ref = paid_order(seed, shop)
    token = token_of(room, ref)
    for _ in range(2):
        answer = move(room, ref, token=token)
        assert (answer.status_code, answer.location) == (303, f"/admin/orders/{ref}")
    with database.reading() as session:
        assert session.scalars(select(Order.status)).one() == "preparing"
        (event,) = session.scalars(select(InboxEvent)).all()
        (entry,) = session.scalars(select(AuditEntry)).all()
    assert event.external_id == f"OrderMoved:{ref}:preparing"
    assert (entry.actor, entry.before, entry.after) == ("admin", {"status": "paid"}, {"status": "preparing"})
    assert room.bell.rung == [("internal", event.id)]
    page = room.get(f"/admin/orders/{ref}").text
    assert page.count("Preparing") == 2  # the badge and the timeline


FORGED = [
    ("no token", None, SAME_SITE),
    ("wrong token", "1.abc", SAME_SITE),
    ("token without seal", "9999999999.", SAME_SITE),
    ("other site", "good", {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}),
    ("sibling site", "good", {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"}),
    ("other origin", "good", {"Origin": "http://evil.example"}),
    ("null origin", "good", {"Origin": "null"}),
    ("broken origin", "good", {"Origin": "http://[::1"}),
    ("silent", "good", {}),
]


@pytest.mark.parametrize(("why", "token", "headers"), FORGED)
def test_a_forged_form_changes_nothing(room, seed, shop, database, why, token, headers) -> None:
    ref = paid_order(seed, shop)
    real = token_of(room, ref) if token == "good" else token
    assert move(room, ref, token=real, headers=headers).status_code == 403
    with database.reading() as session:
        assert session.scalars(select(Order.status)).one() == "paid"
        assert session.scalars(select(InboxEvent)).all() == []
    assert room.bell.rung == []


def test_an_old_page_cannot_move_an_order(room, seed, shop, now) -> None:
    ref = paid_order(seed, shop)
    token = token_of(room, ref)
    now.advance(12 * 3600 + 61)
    assert move(room, ref, token=token).status_code == 403


def test_nothing_changes_by_get(room, seed, shop, database) -> None:
    ref = paid_order(seed, shop)
    answer = room.get(f"/admin/orders/{ref}/move?status=preparing")
    assert answer.status_code == 405
    with database.reading() as session:
        assert session.scalars(select(Order.status)).one() == "paid"


@pytest.mark.parametrize(
    ("start", "target", "status"),
    [
        ("paid", "delivered", 303),
        ("delivered", "preparing", 409),
        ("expired", "preparing", 409),
        ("pending_payment", "delivered", 409),
        ("paid", "cancelled", 400),
        ("paid", "refunded", 400),
        ("paid", "", 400),
    ],
)
def test_an_order_moves_only_where_it_may(room, seed, shop, start, target, status) -> None:
    def act(seed):
        customer = seed.customer(shop)
        return seed.order(shop, customer, status=start).ref, seed.order(shop, customer, status="paid").ref

    ref, helper = seed(act)
    assert move(room, ref, target, token=token_of(room, helper)).status_code == status


def test_moving_an_order_that_is_not_there_is_a_404(room, seed, shop) -> None:
    token = token_of(room, paid_order(seed, shop))
    assert move(room, "ORD-NOSUCH", token=token).status_code == 404


def test_a_large_form_is_refused(room) -> None:
    answer = room.post("/admin/orders/ORD-X/move", data={"status": "x" * 9000}, headers=SAME_SITE)
    assert answer.status_code == 413
