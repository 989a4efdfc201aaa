"""Shops can be paused, chores remember when they ran, and a customer's events are found by index."""

import sqlalchemy as sa
from alembic import op

from db.types import Json, Key, UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pauses",
        sa.Column("shop_id", Key, autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("keys_honoured", sa.Boolean(), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.CheckConstraint("reason IN ('restored', 'by_hand')", name=op.f("ck_pauses_reason")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_pauses_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_pauses")),
    )
    op.create_table(
        "chores",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("begun_at", UtcTime(), nullable=False),
        sa.Column("progress", Json(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_chores")),
    )
    op.create_index(
        "ix_inbox_history",
        "inbox_events",
        ["customer_key", "id"],
        unique=False,
        postgresql_where=sa.text("customer_key IS NOT NULL"),
        sqlite_where=sa.text("customer_key IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_inbox_history", table_name="inbox_events")
    op.drop_table("chores")
    op.drop_table("pauses")
