"""Conversations are listed by who wrote last, with what was read of them; customers are found by words."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from db.types import Bytewise, Key, UtcTime
from db.words import words_of_customer

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BATCH = 500
HEARD = "inbound_at IS NOT NULL"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("read_at", UtcTime(), nullable=True))
    op.create_index(
        "ix_conversations_heard",
        "conversations",
        ["shop_id", "inbound_at", "customer_id"],
        postgresql_where=sa.text(HEARD),
        sqlite_where=sa.text(HEARD),
    )
    op.create_table(
        "customer_words",
        sa.Column("shop_id", Key, autoincrement=False, nullable=False),
        sa.Column("word", Bytewise, nullable=False),
        sa.Column("customer_id", Key, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_customer_words_customer_id")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_customer_words_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "word", "customer_id", name=op.f("pk_customer_words")),
    )
    fill()
    op.create_index("ix_customer_words_customer", "customer_words", ["customer_id", "word"])


def fill() -> None:
    """Make the customers that are there findable."""
    here = op.get_bind()
    columns: dict[str, Any] = {"id": Key, "shop_id": Key, "name": sa.Text(), "phone": sa.Text()}
    customers = sa.table("customers", *(sa.column(name, kind) for name, kind in columns.items()))
    words = sa.table("customer_words", *(sa.column(name) for name in ("shop_id", "word", "customer_id")))
    after = 0
    while found := here.execute(
        sa.select(customers).where(customers.c.id > after).order_by(customers.c.id).limit(BATCH)
    ).all():
        rows = [
            {"shop_id": customer.shop_id, "word": word, "customer_id": customer.id}
            for customer in found
            for word in words_of_customer(customer.name, customer.phone or "")
        ]
        if rows:
            here.execute(words.insert(), rows)
        after = found[-1].id


def downgrade() -> None:
    op.drop_table("customer_words")
    op.drop_index("ix_conversations_heard", table_name="conversations")
    op.drop_column("conversations", "read_at")
