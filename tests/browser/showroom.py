"""The console over a shop with a past, for the pictures in the documentation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from db import Database
from db.models import Base, Conversation, Customer, Order
from tests.e2e.stack import ADMIN
from tests.factories import Seed, a_busy_shop
from tests.integration.admin.conftest import open_room


@contextmanager
def showroom(folder: Path) -> Iterator[tuple[str, str]]:
    """Its address, and the reference of an order that is being prepared."""
    database = Database(f"sqlite:///{folder}/busy.db")
    Base.metadata.create_all(database.engine)
    with database.writing() as session:
        ref = busy(session)
    room = open_room(database, lambda: datetime.now(UTC), admin_username=ADMIN[0], admin_password=ADMIN[1])
    server = make_server("127.0.0.1", 0, room.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", ref
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        database.close()


def busy(session: Session) -> str:
    """Write the shop's past; the reference of an order that is being prepared."""
    now = datetime.now(UTC)
    shop = a_busy_shop(session, now)
    seed = Seed(session, now, seed=11)
    orders = session.scalars(select(Order).where(Order.shop_id == shop.id).order_by(Order.id.desc())).all()
    for order in orders:
        if order.paid_at is not None:
            seed.message(order, f"RECEIPT · {order.ref}", kind="receipt", unique_key=f"receipt:{order.ref}")
    unpaid = [order for order in orders if order.status == "pending_payment"]
    seed.money(shop, transaction_ref="SKJ7P1QQZX", amount=unpaid[1].total, reason="unknown_order")
    seed.payment(unpaid[1], status="unknown", key="pay:unclear")
    for customer in session.scalars(select(Customer).limit(5)):
        seed.said(customer, "Is the honey from Baringo?", at=now)
    waiting = session.scalars(select(Conversation).limit(1)).one()
    waiting.wants_person_since = now
    return next(order.ref for order in orders if order.status == "preparing")
