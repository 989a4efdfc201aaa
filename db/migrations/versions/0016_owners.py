"""Owners of a shop are told of it on WhatsApp: their rows among the customers are marked."""

import sqlalchemy as sa
from alembic import op

from db.types import UtcTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OWNERS = sa.text("owner_since IS NOT NULL")


def upgrade() -> None:
    op.add_column("customers", sa.Column("owner_since", UtcTime(), nullable=True))
    op.create_index(
        "ix_customers_owners", "customers", ["shop_id"], postgresql_where=OWNERS, sqlite_where=OWNERS
    )


def downgrade() -> None:
    op.drop_index("ix_customers_owners", table_name="customers")
    op.drop_column("customers", "owner_since")
