"""The tables. Money is ``BIGINT`` minor units beside a currency; time is UTC; enumerations are
text with a CHECK; every business table carries ``shop_id``.

Indexes over live rows are partial: inbox and outbox keep their history, and only what still
waits is ever searched.
"""  # noqa: D205

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.schema import SchemaItem

from db.types import Bytewise, Json, Key, UtcTime

ORDER_STATUSES = ("pending_payment", "paid", "preparing", "dispatched", "delivered", "cancelled", "expired")
ORDER_PAYMENT_STATUSES = ("unpaid", "pending", "paid", "failed", "part_refunded", "refunded")
PAYMENT_STATUSES = ("created", "pending", "succeeded", "failed", "expired", "unknown", "needs_review")
OPEN_PAYMENT_STATUSES = ("created", "pending", "unknown", "needs_review")
REFUND_STATUSES = ("requested", "pending", "succeeded", "failed", "manual")
RESERVATION_STATUSES = ("held", "sold", "released")
MONEY_KINDS = ("payment", "refund", "unmatched", "refund_due")
INBOX_KINDS = ("message", "status", "payment", "internal")
INBOX_STATUSES = ("waiting", "done", "ignored", "dead")
INBOX_LANES = ("normal", "late")
OUTBOX_STATUSES = ("waiting", "sent", "dead")
DELIVERY_STATUSES = ("none", "sent", "delivered", "read", "failed")
RECONCILIATION_STATUSES = ("waiting", "done")
PAUSE_REASONS = ("restored", "by_hand")
PROMOTION_KINDS = ("percent", "fixed", "free_delivery", "buy_x_get_y")
PROMOTION_USE_STATUSES = ("used", "returned")
ERASED = "erased:"
"""How the identity of a customer begins who asked to be forgotten; the rest is chance."""


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {int: Key, str: Text(), datetime: UtcTime(), bool: Boolean(), bytes: LargeBinary()}  # noqa: RUF012


def listed(column: str, values: tuple[str, ...]) -> str:
    """SQL saying that the column holds one of these words."""
    words = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({words})"


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """An enumeration: the column holds one of these words."""
    return CheckConstraint(listed(column, values), name=column)


def money(*columns: str, least: int = 0) -> list[SchemaItem]:
    """CHECKs for amounts: at least ``least``, and on SQLite, which would store text, an integer."""
    checks: list[SchemaItem] = []
    for column in columns:
        checks.append(CheckConstraint(f"{column} >= {least}", name=f"{column}_least"))
        checks.append(
            CheckConstraint(f"typeof({column}) IN ('integer', 'null')", name=f"{column}_integer").ddl_if(
                dialect="sqlite"
            )
        )
    return checks


def live(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the rows that still matter only."""
    return Index(name, *columns, unique=unique, postgresql_where=text(where), sqlite_where=text(where))


class Shop(Base):
    """A tenant. ``catalog_version`` grows with every catalogue change, so snapshots know they are old.

    Until ``silenced_until`` nothing is sent: Ghala or WhatsApp refuses the whole shop, with ``silenced_because``.
    """

    __tablename__ = "shops"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    currency: Mapped[str]
    country: Mapped[str]
    timezone: Mapped[str]
    language: Mapped[str]
    settings: Mapped[Any] = mapped_column(Json, nullable=False, default=dict)
    catalog_version: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime]
    silenced_until: Mapped[datetime | None]
    silenced_because: Mapped[str | None]


class ShopCredentials(Base):
    """What connects a shop to Ghala, sealed as one (``catalog.credentials``).

    ``hints`` says of each secret when it was set and how it ends.
    """

    __tablename__ = "shop_credentials"
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"), primary_key=True, autoincrement=False)
    sealed: Mapped[bytes]
    hints: Mapped[Any] = mapped_column(Json, nullable=False, default=dict)
    set_at: Mapped[datetime]


class Category(Base):
    """A group of products; ``names`` by language."""

    __tablename__ = "categories"
    __table_args__ = (UniqueConstraint("shop_id", "code"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    code: Mapped[str]
    names: Mapped[Any] = mapped_column(Json, nullable=False)
    emoji: Mapped[str] = mapped_column(default="")
    position: Mapped[int] = mapped_column(Integer, default=0)


class Product(Base):
    """Something on offer. ``available`` NULL means its stock is not counted.

    ``available + reserved + sold`` changes only when the owner counts or restocks.

    A product with a ``parent_id`` is one variant of that product ("Large · Red"): it is what is sold, counted and
    reserved, and ``labels`` names it by language; the parent is only shown. ``waited_at`` is set while
    customers wait to hear that it is there again (``stock_waits``).
    """

    __tablename__ = "products"
    __table_args__ = (
        UniqueConstraint("shop_id", "sku"),
        live("ix_products_waited", "waited_at", where="waited_at IS NOT NULL"),
        *money("price", least=1),
        *money("available", "reserved", "sold"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    sku: Mapped[str]
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    names: Mapped[Any] = mapped_column(Json, nullable=False)
    descriptions: Mapped[Any] = mapped_column(Json, nullable=False, default=dict)
    synonyms: Mapped[Any] = mapped_column(Json, nullable=False, default=list)
    emoji: Mapped[str] = mapped_column(default="")
    picture: Mapped[str] = mapped_column(default="")
    price: Mapped[int] = mapped_column(BigInteger)
    available: Mapped[int | None] = mapped_column(BigInteger)
    reserved: Mapped[int] = mapped_column(BigInteger, default=0)
    sold: Mapped[int] = mapped_column(BigInteger, default=0)
    active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(Integer, default=0)
    parent_id: Mapped[int | None]
    labels: Mapped[Any] = mapped_column(Json, nullable=True)
    waited_at: Mapped[datetime | None]


class Promotion(Base):
    """A discount with terms; see ``catalog.snapshot.PromotionView`` for what the kinds mean.

    ``uses`` counts the orders it was used for that are not closed unpaid; ``max_uses`` and ``max_per_customer``
    NULL mean without limit.
    """

    __tablename__ = "promotions"
    __table_args__ = (one_of("kind", PROMOTION_KINDS), *money("value", "min_subtotal"))
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"), index=True)
    code: Mapped[str] = mapped_column(default="")
    titles: Mapped[Any] = mapped_column(Json, nullable=False)
    terms: Mapped[Any] = mapped_column(Json, nullable=False)
    kind: Mapped[str]
    value: Mapped[int] = mapped_column(BigInteger, default=0)
    buy: Mapped[int] = mapped_column(Integer, default=0)
    free: Mapped[int] = mapped_column(Integer, default=0)
    skus: Mapped[Any] = mapped_column(Json, nullable=False, default=list)
    min_subtotal: Mapped[int] = mapped_column(BigInteger, default=0)
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(Integer, default=0)
    max_uses: Mapped[int | None] = mapped_column(BigInteger)
    max_per_customer: Mapped[int | None] = mapped_column(BigInteger)
    uses: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))


class PromotionUse(Base):
    """A promotion used for an order; ``returned`` when the order was closed."""

    __tablename__ = "promotion_uses"
    __table_args__ = (
        Index("ix_promotion_uses_customer", "customer_id", "promotion_id"),
        Index("ix_promotion_uses_promotion", "promotion_id"),
        one_of("status", PROMOTION_USE_STATUSES),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    promotion_id: Mapped[int] = mapped_column(ForeignKey("promotions.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), unique=True)
    status: Mapped[str]
    used_at: Mapped[datetime]


class DeliveryZone(Base):
    """Where the shop delivers and for how much; ``within_m`` metres around the shop, or chosen from a list."""

    __tablename__ = "delivery_zones"
    __table_args__ = (*money("fee"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"), index=True)
    names: Mapped[Any] = mapped_column(Json, nullable=False)
    fee: Mapped[int] = mapped_column(BigInteger)
    active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(Integer, default=0)
    within_m: Mapped[int | None] = mapped_column(BigInteger)


class Customer(Base):
    """A person: a chat ``identity`` (wa_id or business-scoped id) and, separately, an optional phone.

    ``stopped_at`` is since when they want no reminders, offers or questions; ``blocked_at`` since when the bot does
    not answer them; ``erase_at`` when they asked to be forgotten; ``owner_since`` since when the shop's news go to them.
    """

    __tablename__ = "customers"
    __table_args__ = (
        UniqueConstraint("shop_id", "identity"),
        Index("ix_customers_seen", "shop_id", "seen_at", "id"),
        live("ix_customers_owners", "shop_id", where="owner_since IS NOT NULL"),
        live("ix_customers_erase", "erase_at", where="erase_at IS NOT NULL"),
        *money("spent"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    identity: Mapped[str]
    phone: Mapped[str | None]
    name: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    orders_placed: Mapped[int] = mapped_column(BigInteger, default=0)
    orders_paid: Mapped[int] = mapped_column(BigInteger, default=0)
    spent: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]
    blocked_at: Mapped[datetime | None]
    erase_at: Mapped[datetime | None]
    owner_since: Mapped[datetime | None]


class CustomerWord(Base):
    """A word by which a customer is found: of their name or phone; see ``db.words``."""

    __tablename__ = "customer_words"
    __table_args__ = (Index("ix_customer_words_customer", "customer_id", "word"),)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"), primary_key=True, autoincrement=False)
    word: Mapped[str] = mapped_column(Bytewise, primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id"), primary_key=True, autoincrement=False
    )


class Conversation(Base):
    """One customer's state. The lease is the lock; ``version`` and ``fence`` are the correctness.

    ``handed_off_until`` is when the bot speaks again by itself; NULL while it speaks. ``wants_person_since`` is
    since when the customer waits for a person's word.
    ``inbound_at`` is when they last wrote, ``read_at`` when a person of the shop last looked at what they wrote,
    ``unreachable_at`` when WhatsApp last could not reach them.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        live(
            "ix_conversations_wanting",
            "shop_id",
            "wants_person_since",
            where="wants_person_since IS NOT NULL",
        ),
        live("ix_conversations_handed_off", "handed_off_until", where="handed_off_until IS NOT NULL"),
        live(
            "ix_conversations_heard", "shop_id", "inbound_at", "customer_id", where="inbound_at IS NOT NULL"
        ),
    )
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id"), primary_key=True, autoincrement=False
    )
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    version: Mapped[int] = mapped_column(BigInteger, default=0)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    lease_until: Mapped[datetime | None]
    data: Mapped[Any] = mapped_column(Json, nullable=False, default=dict)
    inbound_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    funnel_day: Mapped[date | None] = mapped_column(Date)
    funnel_stage: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    wants_person_since: Mapped[datetime | None]
    handed_off_until: Mapped[datetime | None]
    unreachable_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]


class ShopPicture(Base):
    """The shop as conversations saw it, stored once for all turns decided from it; ``used_at`` is when last."""

    __tablename__ = "shop_pictures"
    __table_args__ = (UniqueConstraint("shop_id", "digest"), Index("ix_shop_pictures_used", "used_at"))
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    digest: Mapped[str]
    data: Mapped[Any] = mapped_column(Json, nullable=False)
    used_at: Mapped[datetime]


class ConversationTurn(Base):
    """What one claim decided, and from what: see ``bot.recording``."""

    __tablename__ = "conversation_turns"
    __table_args__ = (Index("ix_conversation_turns_customer", "customer_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    version: Mapped[int] = mapped_column(BigInteger)
    before: Mapped[Any] = mapped_column(Json, nullable=False)
    steps: Mapped[Any] = mapped_column(Json, nullable=False)
    created_at: Mapped[datetime]


class Order(Base):
    """After the cart: names, prices and total copied. One cart becomes one order."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("customer_id", "cart_version"),
        Index("ix_orders_newest", "shop_id", "id"),
        Index("ix_orders_status", "shop_id", "status", "id"),
        Index("ix_orders_customer", "customer_id", "id"),
        live("ix_orders_holding", "hold_until", where="status = 'pending_payment'"),
        live("ix_orders_paid", "shop_id", "paid_at", where="paid_at IS NOT NULL"),
        one_of("status", ORDER_STATUSES),
        one_of("payment_status", ORDER_PAYMENT_STATUSES),
        *money("subtotal", "total", least=1),
        *money("discount", "delivery_fee"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    ref: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str]
    payment_status: Mapped[str]
    currency: Mapped[str]
    subtotal: Mapped[int] = mapped_column(BigInteger)
    discount: Mapped[int] = mapped_column(BigInteger, default=0)
    discount_label: Mapped[str] = mapped_column(default="")
    delivery_fee: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger)
    delivery: Mapped[Any] = mapped_column(Json, nullable=False)
    customer_name: Mapped[str] = mapped_column(default="")
    source: Mapped[str] = mapped_column(default="chat")
    cart_version: Mapped[int | None] = mapped_column(BigInteger)
    hold_until: Mapped[datetime]
    placed_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    rider_name: Mapped[str] = mapped_column(default="", server_default="")
    rider_phone: Mapped[str] = mapped_column(default="", server_default="")
    referral: Mapped[Any] = mapped_column(Json, nullable=True)
    reminded_at: Mapped[datetime | None]
    promotion_id: Mapped[int | None]
    promotion_code: Mapped[str | None]


class OrderMove(Base):
    """One change of an order's status and who made it: ``customer``, ``money``, ``time`` or a person of the shop."""

    __tablename__ = "order_moves"
    __table_args__ = (Index("ix_order_moves_order", "order_id", "id"), one_of("status", ORDER_STATUSES))
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    status: Mapped[str]
    actor: Mapped[str]
    at: Mapped[datetime]


class OrderNote(Base):
    """What the shop's people write to each other about an order; no customer sees it."""

    __tablename__ = "order_notes"
    __table_args__ = (Index("ix_order_notes_order", "order_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    author: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime]


class Rating(Base):
    """What a customer thought of a delivered order: 1 to 5, and perhaps a line about it."""

    __tablename__ = "ratings"
    __table_args__ = (
        Index("ix_ratings_newest", "shop_id", "id"),
        Index("ix_ratings_customer", "customer_id"),
        CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    stars: Mapped[int] = mapped_column(SmallInteger)
    comment: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]


class OrderLine(Base):
    """One product of an order, as it was offered at that moment."""

    __tablename__ = "order_lines"
    __table_args__ = (
        UniqueConstraint("order_id", "position"),
        *money("quantity", "unit_price", "total", least=1),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    position: Mapped[int] = mapped_column(Integer)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    sku: Mapped[str]
    name: Mapped[str]
    quantity: Mapped[int] = mapped_column(BigInteger)
    unit_price: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[int] = mapped_column(BigInteger)


class OrderWord(Base):
    """A word by which an order is found: of its reference, customer, phone or products; see ``db.words``."""

    __tablename__ = "order_words"
    __table_args__ = (Index("ix_order_words_order", "order_id", "word"),)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"), primary_key=True, autoincrement=False)
    # Beginnings of words are ranges only where words are sorted by their bytes.
    word: Mapped[str] = mapped_column(Bytewise, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True, autoincrement=False)


class StockReservation(Base):
    """Counted stock set aside for an order: held, then sold or released."""

    __tablename__ = "stock_reservations"
    __table_args__ = (
        UniqueConstraint("order_id", "product_id"),
        one_of("status", RESERVATION_STATUSES),
        *money("quantity", least=1),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    quantity: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str]


class StockWait(Base):
    """A customer who asked to hear when a product is there again; gone once told."""

    __tablename__ = "stock_waits"
    __table_args__ = (UniqueConstraint("product_id", "customer_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    created_at: Mapped[datetime]


class Payment(Base):
    """One attempt with one gateway. ``key`` is stored before the call and never made anew.

    ``next_ask_at`` is when to take it to the gateway or to ask about it; ``tell`` says that the
    customer waits for the answer. ``refunded`` is what refunds hold of its booked money, done or not.
    """

    __tablename__ = "payments"
    __table_args__ = (
        live("uq_payments_open", "order_id", where=listed("status", OPEN_PAYMENT_STATUSES), unique=True),
        Index("ix_payments_order", "order_id", "id"),
        Index("ix_payments_created", "shop_id", "created_at"),
        live(
            "ix_payments_unclear",
            "shop_id",
            "updated_at",
            where=listed("status", ("unknown", "needs_review")),
        ),
        Index(
            "uq_payments_gateway_ref",
            "gateway",
            "gateway_ref",
            unique=True,
            postgresql_where=text("gateway_ref IS NOT NULL"),
            sqlite_where=text("gateway_ref IS NOT NULL"),
        ),
        live("ix_payments_due", "next_ask_at", where="next_ask_at IS NOT NULL"),
        live("ix_payments_recent_phone", "phone", "created_at", where="phone IS NOT NULL"),
        one_of("status", PAYMENT_STATUSES),
        *money("amount", least=1),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    ref: Mapped[str] = mapped_column(unique=True)
    key: Mapped[str] = mapped_column(unique=True)
    gateway: Mapped[str]
    method: Mapped[str]
    phone: Mapped[str | None]
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    gateway_ref: Mapped[str | None]
    transaction_ref: Mapped[str | None]
    refunded: Mapped[int] = mapped_column(
        BigInteger,
        # At the column, and text is above every number on SQLite: it refuses both too much and no amount at all.
        CheckConstraint("refunded BETWEEN 0 AND amount", name="refunded_most"),
        default=0,
        server_default=text("0"),
    )
    link: Mapped[str] = mapped_column(default="")
    tell: Mapped[bool] = mapped_column(default=False)
    asks: Mapped[int] = mapped_column(Integer, default=0)
    next_ask_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Refund(Base):
    """Money back to a customer: owed (``requested``), at the gateway (``pending``), returned or failed.

    It gives back booked money of ``payment_id``, or with ``money_event_id`` exactly that ``refund_due``.
    ``key`` goes to the gateway as idempotency key. ``next_at`` is when to take it there or to ask about
    it, NULL while it is for a person; ``closed_at`` is set when nobody need do anything any more.
    ``error`` is what the gateway said, ``transaction_ref`` what names the money going back.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        live(
            "uq_refunds_money",
            "money_event_id",
            where="money_event_id IS NOT NULL AND (closed_at IS NULL OR status <> 'failed')",
            unique=True,
        ),
        live("ix_refunds_open", "shop_id", "id", where="closed_at IS NULL"),
        live("ix_refunds_due", "next_at", where="next_at IS NOT NULL"),
        Index("ix_refunds_created", "shop_id", "created_at"),
        Index("ix_refunds_money", "money_event_id"),
        Index("ix_refunds_payment", "payment_id"),
        one_of("status", REFUND_STATUSES),
        *money("amount", least=1),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"))
    money_event_id: Mapped[int | None] = mapped_column(ForeignKey("money_events.id"))
    key: Mapped[str] = mapped_column(unique=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    error: Mapped[str] = mapped_column(default="")
    actor: Mapped[str] = mapped_column(default="")
    gateway_ref: Mapped[str | None]
    transaction_ref: Mapped[str | None]
    asks: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class MoneyEvent(Base):
    """Append-only: every shilling that came, went or needs a person.

    ``payment`` is booked money; ``refund_due`` was paid for an order that no longer wants it: both
    are unique by their transaction reference. ``unmatched`` fits no payment of ours. ``settled_at`` is set when
    the owner has dealt with the latter two. ``amount`` is NULL when what was claimed is no amount;
    ``amount_text`` keeps it as written.
    """

    __tablename__ = "money_events"
    __table_args__ = (
        live(
            "uq_money_events_booked",
            "gateway",
            "transaction_ref",
            where="kind IN ('payment', 'refund_due')",
            unique=True,
        ),
        live(
            "uq_money_events_unmatched", "gateway", "transaction_ref", where="kind = 'unmatched'", unique=True
        ),
        UniqueConstraint("inbox_event_id", "kind"),
        live(
            "ix_money_events_open",
            "shop_id",
            "id",
            where="settled_at IS NULL AND kind IN ('unmatched', 'refund_due')",
        ),
        Index("ix_money_events_order", "order_id"),
        Index("ix_money_events_created", "shop_id", "created_at"),
        one_of("kind", MONEY_KINDS),
        *money("amount"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    kind: Mapped[str]
    gateway: Mapped[str]
    transaction_ref: Mapped[str | None]
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payments.id"))
    inbox_event_id: Mapped[int | None] = mapped_column(ForeignKey("inbox_events.id"))
    amount: Mapped[int | None] = mapped_column(BigInteger)
    amount_text: Mapped[str] = mapped_column(default="")
    currency: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class InboxEvent(Base):
    """Received once, from outside or from ourselves.

    ``external_id`` is the delivery's id, ``own_id`` the event's own: either makes it a repeat.
    ``next_at`` is when it may be worked on (again). ``match_key`` is the gateway's order id of a
    payment event, ``hint`` what the unsigned part of its address said.
    """

    __tablename__ = "inbox_events"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        UniqueConstraint("source", "own_id"),
        live("ix_inbox_customer", "shop_id", "customer_key", "priority", "id", where="status = 'waiting'"),
        live("ix_inbox_due", "next_at", "id", where="status = 'waiting'"),
        live("ix_inbox_match", "match_key", where="status = 'waiting' AND match_key IS NOT NULL"),
        live("ix_inbox_dead", "shop_id", "id", where="status = 'dead'"),
        live("ix_inbox_reused", "received_at", where="error = 'id_reused'"),
        live("ix_inbox_history", "customer_key", "id", where="customer_key IS NOT NULL"),
        one_of("kind", INBOX_KINDS),
        one_of("status", INBOX_STATUSES),
        one_of("lane", INBOX_LANES),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    source: Mapped[str]
    external_id: Mapped[str]
    own_id: Mapped[str | None]
    kind: Mapped[str]
    customer_key: Mapped[str | None]
    match_key: Mapped[str | None]
    hint: Mapped[str | None]
    lane: Mapped[str] = mapped_column(default="normal")
    priority: Mapped[int] = mapped_column(SmallInteger, default=1)
    raw: Mapped[bytes]
    status: Mapped[str] = mapped_column(default="waiting")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str] = mapped_column(default="")
    received_at: Mapped[datetime]
    next_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class OutboxMessage(Base):
    """Promised once. ``key`` goes out as ``Idempotency-Key``; ``unique_key`` makes e.g. a receipt the only one.

    A customer's rows leave strictly in order of ``id``; a row that is leased or waits for its next
    attempt holds back those behind it, a dead one does not. ``dismissed_at`` is when a person let a dead one be.
    """

    __tablename__ = "outbox_messages"
    __table_args__ = (
        live("ix_outbox_customer", "customer_id", "id", where="status = 'waiting'"),
        live("ix_outbox_due", "next_at", "id", where="status = 'waiting'"),
        live("ix_outbox_provider", "provider_id", where="provider_id IS NOT NULL"),
        live("ix_outbox_dead", "shop_id", "id", where="status = 'dead'"),
        live("ix_outbox_failed", "shop_id", "id", where="delivery = 'failed'"),
        Index("ix_outbox_history", "customer_id", "id"),
        one_of("status", OUTBOX_STATUSES),
        one_of("delivery", DELIVERY_STATUSES),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    key: Mapped[str] = mapped_column(unique=True)
    unique_key: Mapped[str | None] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(default="reply")
    message: Mapped[Any] = mapped_column(Json, nullable=False)
    fallback: Mapped[Any] = mapped_column(Json, nullable=True)
    status: Mapped[str] = mapped_column(default="waiting")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    error: Mapped[str] = mapped_column(default="")
    provider_id: Mapped[str | None]
    delivery: Mapped[str] = mapped_column(default="none")
    created_at: Mapped[datetime]
    next_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    dismissed_at: Mapped[datetime | None]


class AuditEntry(Base):
    """Who changed what, with before and after; ``action_key`` makes one click one action, however often it arrives."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_newest", "shop_id", "id"),
        live("uq_audit_action", "shop_id", "action_key", where="action_key IS NOT NULL", unique=True),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")
    before: Mapped[Any] = mapped_column(Json, nullable=True)
    after: Mapped[Any] = mapped_column(Json, nullable=True)
    created_at: Mapped[datetime]
    action_key: Mapped[str | None]


class DailyTotal(Base):
    """Counts that pages need, kept as things happen; ``shard`` spreads the writers of one day.

    ``greeted``, ``browsed`` and ``carted`` count customers who got that far on the day, each once.
    """

    __tablename__ = "daily_totals"
    __table_args__ = (*money("revenue", "refunded"),)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"), primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    customers: Mapped[int] = mapped_column(BigInteger, default=0)
    orders_placed: Mapped[int] = mapped_column(BigInteger, default=0)
    orders_paid: Mapped[int] = mapped_column(BigInteger, default=0)
    orders_closed: Mapped[int] = mapped_column(BigInteger, default=0)
    revenue: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded: Mapped[int] = mapped_column(BigInteger, default=0)
    greeted: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    browsed: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    carted: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    messages_in: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    messages_out: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))


class HourlyTotal(Base):
    """What was paid in one hour of the shop's clock, which begins at ``hour``; ``shard`` as in ``daily_totals``."""

    __tablename__ = "hourly_totals"
    __table_args__ = (*money("revenue"),)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"), primary_key=True, autoincrement=False)
    hour: Mapped[datetime] = mapped_column(UtcTime, primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    orders_paid: Mapped[int] = mapped_column(BigInteger, default=0)
    revenue: Mapped[int] = mapped_column(BigInteger, default=0)


class ProductTotal(Base):
    """How many pieces of a product were paid on a day of the shop, and for how much, before discounts of the order."""

    __tablename__ = "product_totals"
    __table_args__ = (*money("revenue"),)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"), primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True, autoincrement=False)
    pieces: Mapped[int] = mapped_column(BigInteger, default=0)
    revenue: Mapped[int] = mapped_column(BigInteger, default=0)


class MethodTotal(Base):
    """What came in and went back by one way to pay on a day of the shop; ``shard`` as in ``daily_totals``."""

    __tablename__ = "method_totals"
    __table_args__ = (*money("revenue", "refunded"),)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"), primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    method: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    payments: Mapped[int] = mapped_column(BigInteger, default=0)
    revenue: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded: Mapped[int] = mapped_column(BigInteger, default=0)


class ReconciliationRun(Base):
    """One comparison of orders, payments and money; ``day`` is the shop's, NULL when somebody asked for it.

    ``report`` is what ``payments.reconciliation.Report`` says of itself; ``next_at`` is when a worker may
    take (or, if the one before died, retake) a run that waits.
    """

    __tablename__ = "reconciliation_runs"
    __table_args__ = (
        UniqueConstraint("shop_id", "day"),
        Index("ix_reconciliation_newest", "shop_id", "id"),
        live("ix_reconciliation_due", "next_at", where="status = 'waiting'"),
        one_of("status", RECONCILIATION_STATUSES),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"))
    day: Mapped[date | None] = mapped_column(Date)
    status: Mapped[str] = mapped_column(default="waiting")
    findings: Mapped[int] = mapped_column(Integer, default=0)
    for_a_person: Mapped[int] = mapped_column(Integer, default=0)
    report: Mapped[Any] = mapped_column(Json, nullable=True)
    queued_at: Mapped[datetime]
    next_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class WorkerHeartbeat(Base):
    """When each worker process last said it was alive."""

    __tablename__ = "worker_heartbeats"
    worker: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class Pause(Base):
    """A shop that may receive but neither sends nor starts payments; no row, no pause.

    ``reason`` is ``restored`` or ``by_hand``. ``keys_honoured`` says whether Ghala is known to do nothing
    twice for the same ``Idempotency-Key``: without that, what may have been sent is never sent again by itself.
    """

    __tablename__ = "pauses"
    __table_args__ = (one_of("reason", PAUSE_REASONS),)
    shop_id: Mapped[int] = mapped_column(ForeignKey("shops.id"), primary_key=True, autoincrement=False)
    reason: Mapped[str]
    keys_honoured: Mapped[bool] = mapped_column(default=False)
    since: Mapped[datetime]


class Chore(Base):
    """When something that is done now and then was last begun, and how far it got."""

    __tablename__ = "chores"
    name: Mapped[str] = mapped_column(primary_key=True)
    begun_at: Mapped[datetime]
    progress: Mapped[Any] = mapped_column(Json, nullable=False, default=dict)
