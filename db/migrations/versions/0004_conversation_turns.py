"""Each turn of a conversation is kept with what it was decided from."""

import sqlalchemy as sa
from alembic import op

from db.types import Json, Key, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shop_pictures",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("data", Json(), nullable=False),
        sa.Column("used_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_shop_pictures_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_pictures")),
        sa.UniqueConstraint("shop_id", "digest", name=op.f("uq_shop_pictures_shop_id_digest")),
    )
    op.create_index("ix_shop_pictures_used", "shop_pictures", ["used_at"], unique=False)
    op.create_table(
        "conversation_turns",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("customer_id", Key, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("before", Json(), nullable=False),
        sa.Column("steps", Json(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_conversation_turns_customer_id")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_conversation_turns_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_turns")),
    )
    op.create_index(
        "ix_conversation_turns_customer", "conversation_turns", ["customer_id", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("conversation_turns")
    op.drop_table("shop_pictures")
