"""Shops other than the first have credentials of their own, sealed."""

import sqlalchemy as sa
from alembic import op

from db.types import Json, Key, UtcTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shop_credentials",
        sa.Column("shop_id", Key, autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("hints", Json, nullable=False),
        sa.Column("set_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_shop_credentials_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_shop_credentials")),
    )


def downgrade() -> None:
    op.drop_table("shop_credentials")
