"""Money is counted by its way to pay, per day of the shop."""

from collections import Counter
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

from db.types import Key, UtcTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BATCH = 1000


def checks(column: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.CheckConstraint(f"{column} >= 0", name=op.f(f"ck_method_totals_{column}_least")),
        sa.CheckConstraint(
            f"typeof({column}) IN ('integer', 'null')", name=op.f(f"ck_method_totals_{column}_integer")
        ).ddl_if(dialect="sqlite"),
    ]


def upgrade() -> None:
    op.create_table(
        "method_totals",
        sa.Column("shop_id", Key, autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("payments", sa.BigInteger(), nullable=False),
        sa.Column("revenue", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        *checks("revenue"),
        *checks("refunded"),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_method_totals_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "day", "method", "shard", name=op.f("pk_method_totals")),
    )
    fill()


def fill() -> None:
    """Count what was booked and paid back before it was counted."""
    here = op.get_bind()
    shops = sa.table("shops", sa.column("id"), sa.column("timezone"))
    money = sa.table(
        "money_events",
        *(sa.column(name) for name in ("id", "kind", "amount", "payment_id", "order_id", "shop_id")),
        sa.column("created_at", UtcTime()),
    )
    payments = sa.table("payments", sa.column("id"), sa.column("method"))
    refunds = sa.table(
        "refunds",
        *(sa.column(name) for name in ("amount", "payment_id", "status", "money_event_id", "shop_id", "id")),
        sa.column("closed_at", UtcTime()),
    )
    zones = {row.id: ZoneInfo(row.timezone) for row in here.execute(sa.select(shops))}
    counts: Counter[tuple[int, date, str, str]] = Counter()

    def count(statement: Any, column: Any, at: str, kinds: tuple[str, ...]) -> None:
        after = 0
        while found := here.execute(statement.where(column > after).order_by(column).limit(BATCH)).all():
            for row in found:
                moment = getattr(row, at)
                day = moment.astimezone(zones[row.shop_id]).date()
                for kind in kinds:
                    counts[row.shop_id, day, row.method, kind] += 1 if kind == "payments" else row.amount
            after = found[-1].id

    booked = sa.select(money, payments.c.method).join_from(
        money, payments, payments.c.id == money.c.payment_id
    )
    count(booked.where(money.c.kind == "payment"), money.c.id, "created_at", ("payments", "revenue"))
    back = sa.select(refunds, payments.c.method).join_from(
        refunds, payments, payments.c.id == refunds.c.payment_id
    )
    done = back.where(
        refunds.c.status.in_(["succeeded", "manual"]),
        refunds.c.money_event_id.is_(None),
        refunds.c.closed_at.is_not(None),
    )
    count(done, refunds.c.id, "closed_at", ("refunded",))
    rows = [
        {
            "shop_id": shop, "day": day, "method": method, "shard": 0,
            **{kind: counts[shop, day, method, kind] for kind in ("payments", "revenue", "refunded")},
        }
        for shop, day, method in sorted({place[:3] for place in counts})
    ]  # fmt: skip
    if rows:
        columns = ("shop_id", "method", "shard", "payments", "revenue", "refunded")
        table = sa.table("method_totals", *(sa.column(name) for name in columns), sa.column("day", sa.Date()))
        here.execute(table.insert(), rows)


def downgrade() -> None:
    op.drop_table("method_totals")
