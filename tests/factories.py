"""Makes shops, customers, orders and what belongs to them, straight into the tables."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any, TypeVar

import orjson
from sqlalchemy.orm import Session

from db.models import (
    Conversation,
    Customer,
    InboxEvent,
    MoneyEvent,
    Order,
    OrderLine,
    OrderNote,
    OrderWord,
    OutboxMessage,
    Payment,
    Product,
    Rating,
    Refund,
    Shop,
    WorkerHeartbeat,
)
from db.refs import Refs
from db.words import words_of_order
from ghala.messages import Button, Buttons, Message, Text, dump
from orders import customers, totals

GOODS = (
    ("COFFEE-1KG", "Premium Coffee Beans 1kg", 150_000),
    ("HONEY-500", "Organic Honey 500g", 80_000),
    ("SOAP-SET", "Handmade Soap Set", 60_000),
    ("KIKOI", "Kikoi Beach Towel", 120_000),
    ("TEA-250", "Kericho Gold Tea 250g", 45_000),
)
PEOPLE = (
    "Amina Wanjiru",
    "Brian Otieno",
    "Grace Njeri",
    "Hassan Ali",
    "Joyce Achieng'",
    "Kevin Mwangi",
    "Lucy Chebet",
    "Peter Kamau",
    "Zawadi Mutua",
    "Samuel Kiprono",
    "Faith Nyambura",
    "Omar Sharif Abdulrahman wa Mombasa",
)
PLACES = ("Kilimani, Yaya Centre", "123 Main St, Nairobi", "South B, Plainsview Estate gate C", "Westlands")


Row = TypeVar("Row")


class Seed:
    """Makes rows in one session; every name it invents is the same in every run."""

    def __init__(self, session: Session, now: datetime, seed: int = 7) -> None:
        self.session = session
        self.now = now
        self.random = random.Random(seed)
        self.refs = Refs(self.random.randrange)
        self.people = 0

    def add(self, row: Row) -> Row:
        self.session.add(row)
        self.session.flush()
        return row

    def shop(self, **changes: Any) -> Shop:
        values: dict[str, Any] = {
            "slug": "main",
            "name": "Duka la Amani",
            "currency": "KES",
            "country": "KE",
            "timezone": "Africa/Nairobi",
            "language": "en",
            "settings": {},
            "created_at": self.now,
        }
        shop: Shop = self.add(Shop(**(values | changes)))
        for position, (sku, name, price) in enumerate(GOODS):
            self.product(shop, sku=sku, names={"en": name}, price=price, position=position)
        return shop

    def product(self, shop: Shop, **changes: Any) -> Product:
        values: dict[str, Any] = {
            "sku": "THING",
            "names": {"en": "Thing"},
            "descriptions": {},
            "synonyms": [],
            "price": 10_000,
        }
        return self.add(Product(shop_id=shop.id, **(values | changes)))

    def customer(self, shop: Shop, **changes: Any) -> Customer:
        self.people += 1
        number = f"2547{10_000_000 + self.people * 137_911 % 89_999_999:08d}"
        values: dict[str, Any] = {
            "identity": number,
            "phone": f"+{number}",
            "name": PEOPLE[self.people % len(PEOPLE)],
            "created_at": self.now,
            "seen_at": self.now,
        }
        customer: Customer = self.add(Customer(shop_id=shop.id, **(values | changes)))
        self.add(Conversation(customer_id=customer.id, shop_id=shop.id, data={}, updated_at=self.now))
        told = {
            "messages_in": 6,
            "messages_out": 8,
            "greeted": 1,
            "browsed": 1,
            "carted": int(self.people % 4 > 0),
        }
        totals.add(self.session, shop.id, customer.id, customers=1, **told)
        customers.make_findable(self.session, customer.id)
        return customer

    def order(
        self,
        shop: Shop,
        customer: Customer,
        *,
        status: str = "pending_payment",
        goods: tuple[tuple[int, int], ...] = ((0, 2),),
        **changes: Any,
    ) -> Order:
        """An order of ``goods``, pairs of position in ``GOODS`` and quantity."""
        lines = [(GOODS[which], quantity) for which, quantity in goods]
        subtotal = sum(price * quantity for (_, _, price), quantity in lines)
        paid = status in {"paid", "preparing", "dispatched", "delivered"}
        closed = status in {"cancelled", "expired"}
        placed_at = changes.get("placed_at", self.now)
        values: dict[str, Any] = {
            "ref": self.refs.order(),
            "status": status,
            "payment_status": "paid" if paid else "unpaid",
            "currency": shop.currency,
            "subtotal": subtotal,
            "total": subtotal,
            "delivery": {"kind": "address", "text": PLACES[customer.id % len(PLACES)], "landmark": ""},
            "customer_name": customer.name,
            "hold_until": placed_at + timedelta(minutes=30),
            "placed_at": placed_at,
            "paid_at": placed_at + timedelta(minutes=2) if paid else None,
            "closed_at": placed_at + timedelta(minutes=30) if closed else None,
        }
        order: Order = self.add(Order(shop_id=shop.id, customer_id=customer.id, **(values | changes)))
        products = {product.sku: product.id for product in self.session.query(Product)}
        for position, ((sku, name, price), quantity) in enumerate(lines):
            self.add(
                OrderLine(
                    shop_id=shop.id,
                    order_id=order.id,
                    position=position,
                    product_id=products[sku],
                    sku=sku,
                    name=name,
                    quantity=quantity,
                    unit_price=price,
                    total=price * quantity,
                )
            )
        names = [name for (_, name, _), _ in lines]
        for found_by in words_of_order(order.ref, order.customer_name, customer.phone or "", names):
            self.add(OrderWord(shop_id=shop.id, word=found_by, order_id=order.id))
        customer.orders_placed = (customer.orders_placed or 0) + 1
        if paid:
            customer.orders_paid = (customer.orders_paid or 0) + 1
            customer.spent = (customer.spent or 0) + order.total
        self.session.flush()
        counts = {"orders_placed": 1, "orders_paid": int(paid), "orders_closed": int(closed)}
        if paid:
            totals.add_sold(self.session, shop.id, order.id, totals.local_now(self.session, shop.id).date())
        totals.add(self.session, shop.id, customer.id, revenue=order.total if paid else 0, **counts)
        if paid:
            taken = {"payments": 1, "revenue": order.total}
            totals.add_taken(self.session, shop.id, customer.id, "mpesa", **taken)
        return order

    def payment(self, order: Order, **changes: Any) -> Payment:
        customer = self.session.get_one(Customer, order.customer_id)
        values: dict[str, Any] = {
            "ref": self.refs.payment(),
            "key": self.refs.key("pay"),
            "gateway": "ghala",
            "method": "mpesa",
            "phone": customer.phone,
            "amount": order.total,
            "currency": order.currency,
            "status": "succeeded",
            "created_at": order.placed_at + timedelta(minutes=1),
            "updated_at": order.placed_at + timedelta(minutes=2),
        }
        return self.add(Payment(shop_id=order.shop_id, order_id=order.id, **(values | changes)))

    def money(self, shop: Shop, **changes: Any) -> MoneyEvent:
        values: dict[str, Any] = {
            "kind": "unmatched",
            "gateway": "ghala",
            "transaction_ref": "SKJ4X2ABCD",
            "amount": 140_000,
            "amount_text": "1400",
            "currency": "KES",
            "reason": "wrong_amount",
            "created_at": self.now,
        }
        return self.add(MoneyEvent(shop_id=shop.id, **(values | changes)))

    def refund(self, order: Order, payment: Payment, **changes: Any) -> Refund:
        values: dict[str, Any] = {
            "key": self.refs.key("refund"),
            "amount": payment.amount,
            "currency": payment.currency,
            "status": "requested",
            "reason": "The jar was broken",
            "actor": "admin",
            "created_at": self.now,
            "updated_at": self.now,
        }
        made = values | changes
        payment.refunded = (payment.refunded or 0) + made["amount"]
        return self.add(Refund(shop_id=order.shop_id, order_id=order.id, payment_id=payment.id, **made))

    def booked(self, order: Order, payment: Payment) -> MoneyEvent:
        """The money of a payment that pays its order."""
        return self.add(
            MoneyEvent(
                shop_id=order.shop_id,
                kind="payment",
                gateway=payment.gateway,
                transaction_ref=payment.transaction_ref,
                order_id=order.id,
                payment_id=payment.id,
                amount=payment.amount,
                currency=payment.currency,
                created_at=payment.updated_at,
            )
        )

    def message(self, order: Order, body: str, **changes: Any) -> OutboxMessage:
        values: dict[str, Any] = {
            "key": self.refs.key("out"),
            "message": {"type": "text", "body": body, "preview_url": False},
            "status": "sent",
            "delivery": "read",
            "created_at": order.placed_at,
            "next_at": order.placed_at,
            "sent_at": order.placed_at,
        }
        return self.add(
            OutboxMessage(shop_id=order.shop_id, customer_id=order.customer_id, **(values | changes))
        )

    def said(
        self, customer: Customer, body: str = "", *, at: datetime | None = None, **message: Any
    ) -> InboxEvent:
        """Something the customer wrote; ``message`` is what Meta says of it, when it is no text."""
        at = at or self.now
        wire = message or {"type": "text", "text": {"body": body}}
        name = self.refs.key("wamid")
        self.session.get_one(Conversation, customer.id).inbound_at = at
        return self.add(
            InboxEvent(
                shop_id=customer.shop_id,
                source="messages:main",
                external_id=name,
                own_id=name,
                kind="message",
                customer_key=customer.identity,
                raw=orjson.dumps(
                    {
                        "kind": "message",
                        "message": {"id": name, "from": customer.identity, **wire},
                        "contact": {"profile": {"name": customer.name}, "wa_id": customer.identity},
                    }
                ),
                status="done",
                received_at=at,
                next_at=at,
                done_at=at,
            )
        )

    def told(self, customer: Customer, message: Message | str, **changes: Any) -> OutboxMessage:
        """Something the customer was sent."""
        at = changes.get("created_at", self.now)
        values: dict[str, Any] = {
            "key": self.refs.key("out"),
            "message": dump(Text(message) if isinstance(message, str) else message),
            "status": "sent",
            "delivery": "read",
            "created_at": at,
            "next_at": at,
            "sent_at": at,
        }
        return self.add(
            OutboxMessage(shop_id=customer.shop_id, customer_id=customer.id, **(values | changes))
        )

    def heartbeat(self, **changes: Any) -> WorkerHeartbeat:
        return self.add(
            WorkerHeartbeat(**({"worker": "one", "started_at": self.now, "seen_at": self.now} | changes))
        )


def placed(order: Order, minutes: float) -> datetime:
    return order.placed_at + timedelta(minutes=minutes)


def a_busy_shop(session: Session, now: datetime) -> Shop:
    """A believable morning: a dozen people, two dozen orders in every status, and money that fits nothing."""
    seed = Seed(session, now)
    shop = seed.shop()
    people = [
        seed.customer(shop, seen_at=now - timedelta(minutes=11 * number * number)) for number in range(12)
    ]
    statuses = (
        "pending_payment",
        "paid",
        "preparing",
        "paid",
        "dispatched",
        "delivered",
        "expired",
        "cancelled",
    )
    orders = []
    for number in range(26):
        age = timedelta(minutes=7 + (25 - number) * (25 - number) * 4)
        status = statuses[(25 - number) % len(statuses)]
        goods = (((0, 2),), ((1, 1), (2, 3)), ((3, 1),), ((0, 1), (1, 2), (4, 4)))[number % 4]
        order = seed.order(
            shop, people[number * 5 % len(people)], status=status, goods=goods, placed_at=now - age
        )
        orders.append(order)
        if order.status == "preparing":
            seed.payment(
                order,
                status="failed",
                reason="wrong_pin",
                created_at=placed(order, 1),
                closed_at=placed(order, 1),
            )
        if order.paid_at is not None:
            payment = seed.payment(
                order,
                transaction_ref=f"SKJ4X2A{number:03d}",
                gateway_ref=f"gh-{number}",
                closed_at=order.paid_at,
            )
            seed.booked(order, payment)
    orders[-1].payment_status = "pending"
    paid = next(order for order in reversed(orders) if order.status == "preparing")
    paid.delivery = {
        "kind": "location",
        "text": "Yaya Centre",
        "landmark": "Blue gate, ask for Amina",
        "latitude": -1.2921,
        "longitude": 36.7856,
    }
    for minute, (body, delivery) in enumerate(
        (
            ("🛒 Premium Coffee Beans 1kg — KES 3,000. Where shall we deliver?", "read"),
            (f"Order {paid.ref}\nTotal KES 3,000. How would you like to pay?", "read"),
            ("🎉 Payment successful! RECEIPT · Duka la Amani", "delivered"),
            ("Your order is being prepared.", "sent"),
        )
    ):
        at = paid.placed_at + timedelta(minutes=minute)
        seed.message(paid, body, delivery=delivery, created_at=at, sent_at=at)
    seed.money(shop, created_at=now - timedelta(minutes=42))
    late = next(order for order in orders if order.status == "expired")
    seed.money(
        shop,
        kind="refund_due",
        order_id=late.id,
        amount=late.total,
        transaction_ref="SKJ9Q2LATE",
        reason="order_closed",
        created_at=now - timedelta(hours=3),
    )
    seed.heartbeat()
    session.flush()
    return shop


def a_busy_inbox(session: Session, now: datetime) -> Shop:
    """A busy shop whose customers write: two wait for a person, one is with a person, the others with the bot."""
    shop = a_busy_shop(session, now)
    seed = Seed(session, now, seed=11)
    people = list(session.query(Customer).order_by(Customer.seen_at.desc()))
    menu = Buttons(
        "👋 *Karibu!* How can I help you today?",
        (Button("products", "View Products"), Button("offers", "Promotions"), Button("human", "Talk to us")),
        footer="Duka la Amani",
    )
    for number, person in enumerate(people):
        at = now - timedelta(minutes=6 + 9 * number * number)
        seed.said(
            person, "Habari, mko wazi leo?" if number % 2 else "Hi", at=at - timedelta(days=1, minutes=5)
        )
        seed.told(person, menu, created_at=at - timedelta(days=1, minutes=4))
        seed.said(
            person,
            at=at - timedelta(minutes=3),
            type="interactive",
            interactive={
                "type": "button_reply",
                "button_reply": {"id": "products", "title": "View Products"},
            },
        )
        seed.told(
            person,
            "🛒 *Premium Coffee Beans 1kg*\nKES 1,500 · in stock",
            created_at=at - timedelta(minutes=2),
        )
        seed.said(person, "Do you have it ground for a moka pot? I can also take _medium_.", at=at)
    asking, asking_too, answered, late, blocked = people[:5]
    for person, since in ((asking, 6), (asking_too, 15)):
        talk = session.get_one(Conversation, person.id)
        talk.wants_person_since = now - timedelta(minutes=since)
        talk.handed_off_until = now + timedelta(hours=12)
    pin = {"latitude": -1.2921, "longitude": 36.7856, "name": "Yaya Centre", "address": "Argwings Kodhek Rd"}
    seed.said(asking, at=now - timedelta(minutes=5), type="location", location=pin)
    seed.said(
        asking,
        at=now - timedelta(minutes=4),
        type="image",
        image={"id": "9", "caption": "This gate, the *blue* one"},
    )
    seed.told(
        asking,
        "One moment, I will ask the roaster.",
        kind="person",
        delivery="delivered",
        created_at=now - timedelta(minutes=3),
    )
    seed.said(asking, "Asante! Is https://duka.example/moka the right grind?", at=now - timedelta(minutes=2))
    session.get_one(Conversation, answered.id).handed_off_until = now + timedelta(hours=11)
    session.get_one(Conversation, answered.id).read_at = now
    session.get_one(Conversation, late.id).inbound_at = now - timedelta(days=2)
    blocked.blocked_at = now - timedelta(days=1)
    asking.language = "sw"
    order = session.query(Order).filter_by(customer_id=asking.id).order_by(Order.id.desc()).first()
    if order is not None:
        session.add(
            Rating(
                shop_id=shop.id,
                order_id=order.id,
                customer_id=asking.id,
                stars=4,
                comment="Quick and kind",
                created_at=now,
            )
        )
        session.add(
            OrderNote(
                shop_id=shop.id, order_id=order.id, author="admin", body="Gate is at the back", created_at=now
            )
        )
    session.flush()
    return shop
