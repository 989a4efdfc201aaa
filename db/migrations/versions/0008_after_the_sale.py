"""After the sale: moves and notes of orders, riders, ratings, reminders; people who answer, stop or are blocked."""

import sqlalchemy as sa
from alembic import op

from db.types import Json, Key, UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATUSES = "'pending_payment', 'paid', 'preparing', 'dispatched', 'delivered', 'cancelled', 'expired'"


def upgrade() -> None:
    for name in ("stopped_at", "blocked_at", "erase_at"):
        op.add_column("customers", sa.Column(name, UtcTime(), nullable=True))
    _live("ix_customers_erase", "customers", ["erase_at"], "erase_at IS NOT NULL")
    for name in ("wants_person_since", "handed_off_until"):
        op.add_column("conversations", sa.Column(name, UtcTime(), nullable=True))
    _live(
        "ix_conversations_wanting",
        "conversations",
        ["shop_id", "wants_person_since"],
        "wants_person_since IS NOT NULL",
    )
    _live(
        "ix_conversations_handed_off", "conversations", ["handed_off_until"], "handed_off_until IS NOT NULL"
    )
    for name in ("rider_name", "rider_phone"):
        op.add_column("orders", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("orders", sa.Column("referral", Json(), nullable=True))
    op.add_column("orders", sa.Column("reminded_at", UtcTime(), nullable=True))
    op.create_table(
        "order_moves",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("order_id", Key, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.CheckConstraint(f"status IN ({STATUSES})", name=op.f("ck_order_moves_status")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_moves_order_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_order_moves_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_moves")),
    )
    op.create_index("ix_order_moves_order", "order_moves", ["order_id", "id"], unique=False)
    op.create_table(
        "order_notes",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("order_id", Key, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_notes_order_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_order_notes_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_notes")),
    )
    op.create_index("ix_order_notes_order", "order_notes", ["order_id", "id"], unique=False)
    op.create_table(
        "ratings",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("order_id", Key, nullable=False),
        sa.Column("customer_id", Key, nullable=False),
        sa.Column("stars", sa.SmallInteger(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_ratings_stars")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_ratings_customer_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_ratings_order_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_ratings_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ratings")),
        sa.UniqueConstraint("order_id", name=op.f("uq_ratings_order_id")),
    )
    op.create_index("ix_ratings_newest", "ratings", ["shop_id", "id"], unique=False)
    op.create_index("ix_ratings_customer", "ratings", ["customer_id"], unique=False)


def _live(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(
        name,
        table,
        columns,
        unique=False,
        postgresql_where=sa.text(where),
        sqlite_where=sa.text(where),
    )


def downgrade() -> None:
    for table in ("ratings", "order_notes", "order_moves"):
        op.drop_table(table)
    for name in ("reminded_at", "referral", "rider_phone", "rider_name"):
        op.drop_column("orders", name)
    op.drop_index("ix_conversations_handed_off", table_name="conversations")
    op.drop_index("ix_conversations_wanting", table_name="conversations")
    for name in ("handed_off_until", "wants_person_since"):
        op.drop_column("conversations", name)
    op.drop_index("ix_customers_erase", table_name="customers")
    for name in ("erase_at", "blocked_at", "stopped_at"):
        op.drop_column("customers", name)
