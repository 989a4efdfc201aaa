"""A shop with customers whose data can be kept, forgotten and brought back."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from sqlalchemy import func, select

from db import Database, outbox
from db.models import Base, Customer, MoneyEvent, Order, OutboxMessage, Product
from ghala.client import Answer
from ghala.dialects import message_dialect
from ghala.dialects.base import Request
from jobs.pacing import Pacing
from jobs.sender import Sender
from tests.integration.bot.conftest import Chat, chat

__all__ = ["chat"]

DAY = 24 * 3600.0


class Post:
    """A Ghala that takes every message and remembers it."""

    def __init__(self) -> None:
        self.taken: list[Request] = []

    async def call(self, request: Request) -> Answer:
        self.taken.append(request)
        return Answer(
            200, {}, b'{"success":true,"message":"Sent","data":{"messageId":"wamid.out%d"}}' % len(self.taken)
        )

    async def close(self) -> None:
        pass


class Shop(Chat):
    """A whole shop, stepped by hand: conversations, payments, and a sender with its post."""

    def __init__(self, database: Database, now: Any, redis_url: str) -> None:
        super().__init__(database, now, redis_url)
        self.post = Post()

    @property
    def sender(self) -> Sender:
        pacing = Pacing(self.worker.link, 0, 0)
        return Sender(self.database, lambda: self.post, message_dialect("v1", ""), pacing, random.Random(1))

    def send(self) -> int:
        """Send all that may go; how much that was."""
        before = len(self.post.taken)
        sender = self.sender
        claimed, _ = sender.exchange([], 100)
        while claimed:
            outcomes = [asyncio.run(sender.send(self.post, message)) for message in claimed]
            claimed, _ = sender.exchange(outcomes, 100)
        return len(self.post.taken) - before

    def buys(self, what: str = "2 coffee") -> str:
        """Order something and ask to pay by M-Pesa; the order's reference."""
        ref = self.orders(what)
        self.says("1")
        return ref

    def pays(self) -> None:
        """The payment that was asked for succeeds, and the receipt is promised."""
        self.worker.advance(self.worker.take_money())


@pytest.fixture
def shop(database: Database, now: Any, redis_url: str) -> Shop:
    return Shop(database, now, redis_url)


def broken_promises(database: Database) -> list[str]:
    """What is wrong with the books: money, stock, receipts."""
    found = []
    with database.reading() as session:
        booked = session.scalar(
            select(func.coalesce(func.sum(MoneyEvent.amount), 0)).where(MoneyEvent.kind == "payment")
        )
        paid = session.scalar(
            select(func.coalesce(func.sum(Order.total), 0)).where(Order.payment_status == "paid")
        )
        spent = session.scalar(select(func.coalesce(func.sum(Customer.spent), 0)))
        if not booked == paid == spent:
            found.append(f"booked {booked}, orders paid {paid}, customers spent {spent}")
        for product in session.scalars(select(Product).where(Product.available.is_not(None))):
            pieces = (product.available or 0) + product.reserved + product.sold
            if pieces != STOCK:
                found.append(f"{product.sku} has {pieces} pieces")
        for ref in session.scalars(select(Order.ref).where(Order.payment_status == "paid")):
            receipts = session.scalar(
                select(func.count()).where(OutboxMessage.unique_key == f"receipt:{ref}")
            )
            if receipts != 1:
                found.append(f"{ref} has {receipts} receipts")
    return found


STOCK = 5


def everything(database: Database) -> str:
    """All that stands in the tables, as one text to search in."""
    with database.reading() as session:
        rows = [row for table in Base.metadata.sorted_tables for row in session.execute(select(table)).all()]
    return "\n".join(str(tuple(row)) for row in rows)


def promise(database: Database, customer_id: int, body: str, number: int) -> int:
    with database.writing() as session:
        (made,) = outbox.promise(
            session, 1, customer_id, [outbox.Promise(f"out:{number}", {"type": "text", "body": body})]
        )
        return made
