"""Refunds: what they need to be done once, what of a payment they hold, and actions that happen once."""

import sqlalchemy as sa
from alembic import op

from db.types import Key, UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATUSES = "status IN ('requested', 'pending', 'succeeded', 'failed', 'manual')"


def live(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    clause = sa.text(where)
    op.create_index(name, table, columns, unique=unique, postgresql_where=clause, sqlite_where=clause)


def common() -> list[sa.schema.SchemaItem]:
    """What the table had from the beginning, besides its columns."""
    return [
        sa.CheckConstraint(STATUSES, name=op.f("ck_refunds_status")),
        sa.CheckConstraint("amount >= 1", name=op.f("ck_refunds_amount_least")),
        sa.CheckConstraint(
            "typeof(amount) IN ('integer', 'null')", name=op.f("ck_refunds_amount_integer")
        ).ddl_if(dialect="sqlite"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_refunds_order_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_refunds_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("key", name=op.f("uq_refunds_key")),
    ]


def upgrade() -> None:
    # Nothing has written refunds before this revision: the table is empty and may be made anew.
    op.drop_table("refunds")
    op.create_table(
        "refunds",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("order_id", Key, nullable=False),
        sa.Column("payment_id", Key, nullable=False),
        sa.Column("money_event_id", Key, nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("gateway_ref", sa.Text(), nullable=True),
        sa.Column("transaction_ref", sa.Text(), nullable=True),
        sa.Column("asks", sa.Integer(), nullable=False),
        sa.Column("next_at", UtcTime(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.Column("closed_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["money_event_id"], ["money_events.id"], name=op.f("fk_refunds_money_event_id")
        ),
        *common(),
    )
    op.create_index(op.f("ix_refunds_order_id"), "refunds", ["order_id"], unique=False)
    live(
        "uq_refunds_money",
        "refunds",
        ["money_event_id"],
        "money_event_id IS NOT NULL AND (closed_at IS NULL OR status <> 'failed')",
        unique=True,
    )
    live("ix_refunds_open", "refunds", ["shop_id", "id"], "closed_at IS NULL")
    live("ix_refunds_due", "refunds", ["next_at"], "next_at IS NOT NULL")
    op.create_index("ix_refunds_created", "refunds", ["shop_id", "created_at"])
    op.add_column(
        "payments",
        sa.Column(
            "refunded",
            sa.BigInteger(),
            sa.CheckConstraint("refunded BETWEEN 0 AND amount", name=op.f("ck_payments_refunded_most")),
            nullable=False,
            server_default=sa.text("0"),
        ),
    )
    op.add_column("audit_entries", sa.Column("action_key", sa.Text(), nullable=True))
    live(
        "uq_audit_action",
        "audit_entries",
        ["shop_id", "action_key"],
        "action_key IS NOT NULL",
        unique=True,
    )


def downgrade() -> None:
    op.drop_index("uq_audit_action", "audit_entries")
    op.drop_column("audit_entries", "action_key")
    op.drop_column("payments", "refunded")
    op.drop_table("refunds")
    op.create_table(
        "refunds",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("order_id", Key, nullable=False),
        sa.Column("payment_id", Key, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        *common(),
    )
    op.create_index(op.f("ix_refunds_order_id"), "refunds", ["order_id"], unique=False)
