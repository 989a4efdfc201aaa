"""Reconciliation: its runs, and indexes that find a period's orders, payments and money."""

import sqlalchemy as sa
from alembic import op

from db.types import Json, Key, UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UNCLEAR = "status IN ('unknown', 'needs_review')"


def live(name: str, table: str, columns: list[str], where: str) -> None:
    clause = sa.text(where)
    op.create_index(name, table, columns, postgresql_where=clause, sqlite_where=clause)


def upgrade() -> None:
    op.create_table(
        "reconciliation_runs",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("for_a_person", sa.Integer(), nullable=False),
        sa.Column("report", Json(), nullable=True),
        sa.Column("queued_at", UtcTime(), nullable=False),
        sa.Column("next_at", UtcTime(), nullable=False),
        sa.Column("done_at", UtcTime(), nullable=True),
        sa.CheckConstraint("status IN ('waiting', 'done')", name=op.f("ck_reconciliation_runs_status")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_reconciliation_runs_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_runs")),
        sa.UniqueConstraint("shop_id", "day", name=op.f("uq_reconciliation_runs_shop_id_day")),
    )
    op.create_index("ix_reconciliation_newest", "reconciliation_runs", ["shop_id", "id"])
    live("ix_reconciliation_due", "reconciliation_runs", ["next_at"], "status = 'waiting'")
    live("ix_orders_paid", "orders", ["shop_id", "paid_at"], "paid_at IS NOT NULL")
    op.create_index("ix_payments_created", "payments", ["shop_id", "created_at"])
    live("ix_payments_unclear", "payments", ["shop_id", "updated_at"], UNCLEAR)
    op.create_index("ix_money_events_created", "money_events", ["shop_id", "created_at"])
    live("ix_inbox_dead", "inbox_events", ["shop_id", "id"], "status = 'dead'")


def downgrade() -> None:
    op.drop_index("ix_inbox_dead", "inbox_events")
    op.drop_index("ix_money_events_created", "money_events")
    op.drop_index("ix_payments_unclear", "payments")
    op.drop_index("ix_payments_created", "payments")
    op.drop_index("ix_orders_paid", "orders")
    op.drop_table("reconciliation_runs")
