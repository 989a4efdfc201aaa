"""What the console shows is counted as it happens, and orders are found by words and by status."""

from collections import Counter
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

from db.types import Bytewise, Key, UtcTime
from db.words import words_of_order

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

DAILY = ("greeted", "browsed", "carted", "messages_in", "messages_out")
BATCH = 500
TABLES: dict[str, dict[str, Any]] = {
    "shops": {"id": Key, "timezone": sa.Text()},
    "orders": {
        "id": Key, "shop_id": Key, "customer_id": Key, "ref": sa.Text(), "customer_name": sa.Text(),
        "total": sa.BigInteger(), "paid_at": UtcTime(),
    },
    "customers": {"id": Key, "name": sa.Text(), "phone": sa.Text()},
    "order_lines": {
        "order_id": Key, "product_id": Key, "name": sa.Text(), "quantity": sa.BigInteger(), "total": sa.BigInteger(),
    },
}  # fmt: skip


def revenue_checks(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.CheckConstraint("revenue >= 0", name=op.f(f"ck_{table}_revenue_least")),
        sa.CheckConstraint(
            "typeof(revenue) IN ('integer', 'null')", name=op.f(f"ck_{table}_revenue_integer")
        ).ddl_if(dialect="sqlite"),
    ]


def upgrade() -> None:
    for name in DAILY:
        op.add_column(
            "daily_totals", sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        )
    op.add_column("conversations", sa.Column("funnel_day", sa.Date(), nullable=True))
    op.add_column(
        "conversations",
        sa.Column("funnel_stage", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.create_table(
        "hourly_totals",
        sa.Column("shop_id", Key, autoincrement=False, nullable=False),
        sa.Column("hour", UtcTime(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("orders_paid", sa.BigInteger(), nullable=False),
        sa.Column("revenue", sa.BigInteger(), nullable=False),
        *revenue_checks("hourly_totals"),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_hourly_totals_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "hour", "shard", name=op.f("pk_hourly_totals")),
    )
    op.create_table(
        "product_totals",
        sa.Column("shop_id", Key, autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("product_id", Key, autoincrement=False, nullable=False),
        sa.Column("pieces", sa.BigInteger(), nullable=False),
        sa.Column("revenue", sa.BigInteger(), nullable=False),
        *revenue_checks("product_totals"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_totals_product_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_product_totals_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "day", "product_id", name=op.f("pk_product_totals")),
    )
    op.create_table(
        "order_words",
        sa.Column("shop_id", Key, autoincrement=False, nullable=False),
        sa.Column("word", Bytewise, nullable=False),
        sa.Column("order_id", Key, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_words_order_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_order_words_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "word", "order_id", name=op.f("pk_order_words")),
    )
    op.create_index("ix_orders_status", "orders", ["shop_id", "status", "id"])
    fill()
    op.create_index("ix_order_words_order", "order_words", ["order_id", "word"])


def fill() -> None:
    """Make the orders that are there findable, and count what was paid before hours and products were counted."""
    here = op.get_bind()
    shops, orders, customers, lines = (
        sa.table(name, *(sa.column(column, kind) for column, kind in columns.items()))
        for name, columns in TABLES.items()
    )
    zones = {row.id: ZoneInfo(row.timezone) for row in here.execute(sa.select(shops))}
    words = sa.table("order_words", *(sa.column(name) for name in ("shop_id", "word", "order_id")))
    hours: Counter[tuple[int, datetime]] = Counter()
    paid: Counter[tuple[int, datetime]] = Counter()
    pieces: Counter[tuple[int, date, int]] = Counter()
    takings: Counter[tuple[int, date, int]] = Counter()
    after = 0
    while found := here.execute(
        sa.select(orders, customers.c.name, customers.c.phone)
        .join_from(orders, customers, customers.c.id == orders.c.customer_id)
        .where(orders.c.id > after)
        .order_by(orders.c.id)
        .limit(BATCH)
    ).all():
        of = {order.id: order for order in found}
        named: dict[int, list[str]] = {}
        for line in here.execute(sa.select(lines).where(lines.c.order_id.in_(list(of)))):
            named.setdefault(line.order_id, []).append(line.name)
            order = of[line.order_id]
            if order.paid_at is not None:
                day = order.paid_at.astimezone(zones[order.shop_id]).date()
                pieces[order.shop_id, day, line.product_id] += line.quantity
                takings[order.shop_id, day, line.product_id] += line.total
        rows = []
        for order in found:
            name = order.customer_name or order.name
            rows += [
                {"shop_id": order.shop_id, "word": word, "order_id": order.id}
                for word in words_of_order(order.ref, name, order.phone or "", named.get(order.id, []))
            ]
            if order.paid_at is not None:
                local = order.paid_at.astimezone(zones[order.shop_id])
                hour = local.replace(minute=0, second=0, microsecond=0)
                hours[order.shop_id, hour] += order.total
                paid[order.shop_id, hour] += 1
        here.execute(words.insert(), rows)
        after = found[-1].id
    if hours:
        table = sa.table("hourly_totals", *(sa.column(c) for c in ("shop_id", "shard", "orders_paid", "revenue")), sa.column("hour", UtcTime()))  # fmt: skip
        here.execute(
            table.insert(),
            [
                {"shop_id": shop, "hour": hour, "shard": 0, "orders_paid": paid[shop, hour], "revenue": money}
                for (shop, hour), money in hours.items()
            ],
        )
    if takings:
        table = sa.table("product_totals", *(sa.column(c) for c in ("shop_id", "product_id", "pieces", "revenue")), sa.column("day", sa.Date()))  # fmt: skip
        here.execute(
            table.insert(),
            [
                {"shop_id": shop, "day": day, "product_id": product, "pieces": pieces[shop, day, product], "revenue": money}
                for (shop, day, product), money in takings.items()
            ],
        )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_orders_status", table_name="orders")
    op.drop_table("order_words")
    op.drop_table("product_totals")
    op.drop_table("hourly_totals")
    op.drop_column("conversations", "funnel_stage")
    op.drop_column("conversations", "funnel_day")
    for name in reversed(DAILY):
        op.drop_column("daily_totals", name)
