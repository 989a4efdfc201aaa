"""Puts a shop's past and its unpaid orders straight into the tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import insert, select, update

from catalog import shops
from db import Database, clock
from db.models import Conversation, Customer, MoneyEvent, Order, OrderLine, Payment, Product, Shop
from db.refs import Refs
from orders import placing
from orders.order import Delivery
from payments import service

AT_ONCE: Final = 1_000
PRICE: Final = 150_000


def past(database: Database, orders: int, before: int) -> None:
    """Bring the shop from ``before`` to ``orders`` orders that were paid and delivered, each of its own customer."""
    for first in range(before, orders, AT_ONCE):
        _delivered(database, first, min(AT_ONCE, orders - first))


def _delivered(database: Database, first: int, many: int) -> None:
    refs = Refs()
    with database.writing() as session:
        now = session.execute(select(clock())).scalar_one() - timedelta(days=2)
        product = session.execute(select(Product.id, Product.sku).order_by(Product.id)).first()
        shop = session.execute(select(Shop.id)).scalar_one()
        assert product is not None
        numbers = [str(255_000_000_000 + first + one) for one in range(many)]
        people = session.scalars(
            insert(Customer).returning(Customer.id),
            [
                {
                    "shop_id": shop,
                    "identity": number,
                    "phone": f"+{number}",
                    "created_at": now,
                    "seen_at": now,
                }
                for number in numbers
            ],
        ).all()
        session.execute(
            insert(Conversation),
            [{"customer_id": one, "shop_id": shop, "data": {}, "updated_at": now} for one in people],
        )
        placed = session.scalars(
            insert(Order).returning(Order.id),
            [_order(first + one, shop, customer, now) for one, customer in enumerate(people)],
        ).all()
        line = {
            "shop_id": shop,
            "position": 1,
            "product_id": product.id,
            "sku": product.sku,
            "name": "Coffee",
        }
        line |= {"quantity": 1, "unit_price": PRICE, "total": PRICE}
        session.execute(insert(OrderLine), [{**line, "order_id": order} for order in placed])
        paid = {"shop_id": shop, "gateway": "ghala", "currency": "KES", "amount": PRICE, "created_at": now}
        payments = session.scalars(
            insert(Payment).returning(Payment.id),
            [
                {
                    **paid,
                    "order_id": order, "ref": refs.payment(), "key": refs.key("att"), "method": "mpesa",
                    "status": "succeeded", "gateway_ref": f"past_{order}", "transaction_ref": f"PAST{order}",
                    "updated_at": now, "closed_at": now,
                }
                for order in placed
            ],
        ).all()  # fmt: skip
        session.execute(
            insert(MoneyEvent),
            [
                {
                    **paid,
                    "kind": "payment",
                    "order_id": order,
                    "payment_id": payment,
                    "transaction_ref": f"PAST{order}",
                }
                for order, payment in zip(placed, payments, strict=True)
            ],
        )


def _order(number: int, shop: int, customer: int, now: Any) -> dict[str, Any]:
    # By chance, as the shop names them, two of twenty thousand might have one name.
    return {
        "shop_id": shop, "customer_id": customer, "ref": f"PAST-{number}", "status": "delivered",
        "payment_status": "paid", "currency": "KES", "subtotal": PRICE, "total": PRICE,
        "delivery": {"kind": "skipped"}, "hold_until": now, "placed_at": now, "paid_at": now,
    }  # fmt: skip


def prompted(database: Database, many: int, first: int) -> list[list[Any]]:
    """Orders whose customers have the prompt on their phones: Ghala's id, amount in shillings and our reference."""
    refs = Refs()
    found: list[list[Any]] = []
    for start in range(first, first + many, 100):
        with database.writing() as session:
            now = session.execute(select(clock())).scalar_one()
            shop = shops.snapshot(session, session.execute(select(Shop.id)).scalar_one(), now)
            for one in range(start, min(start + 100, first + many)):
                number = str(256_000_000_000 + one)
                customer = Customer(
                    shop_id=shop.id, identity=number, phone=f"+{number}", name="", created_at=now, seen_at=now
                )
                session.add(customer)
                session.flush()
                session.add(
                    Conversation(
                        customer_id=customer.id, shop_id=shop.id, data={}, inbound_at=now, updated_at=now
                    )
                )
                wanted = [placing.Wanted(shop.products[0].id, 1)]
                order = placing.place(session, shop, customer.id, wanted, Delivery("skipped"), refs=refs)
                payment = service.request(session, shop.id, order.ref, "mpesa", f"+{number}", refs=refs)
                session.flush()
                session.execute(
                    update(Payment)
                    .where(Payment.id == payment.id)
                    .values(
                        status="pending",
                        gateway_ref=f"gh_{payment.ref}",
                        next_ask_at=now + timedelta(hours=1),
                    )
                )
                found.append([f"gh_{payment.ref}", payment.amount // 100, payment.ref])
    return found
