"""Products that are waited for, and the uses of promotions, are found by index."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WAITED = "waited_at IS NOT NULL"
USED = "status = 'used'"


def upgrade() -> None:
    op.drop_index("ix_products_waited", table_name="products")
    live("ix_products_waited", "products", ["waited_at"], WAITED)
    op.drop_index("ix_promotion_uses_customer", table_name="promotion_uses")
    op.create_index("ix_promotion_uses_customer", "promotion_uses", ["customer_id", "promotion_id"])
    op.create_index("ix_promotion_uses_promotion", "promotion_uses", ["promotion_id"])


def live(name: str, table: str, columns: list[str], where: str) -> None:
    clause = sa.text(where)
    op.create_index(name, table, columns, postgresql_where=clause, sqlite_where=clause)


def downgrade() -> None:
    op.drop_index("ix_promotion_uses_promotion", table_name="promotion_uses")
    op.drop_index("ix_promotion_uses_customer", table_name="promotion_uses")
    live("ix_promotion_uses_customer", "promotion_uses", ["promotion_id", "customer_id"], USED)
    op.drop_index("ix_products_waited", table_name="products")
    live("ix_products_waited", "products", ["id"], WAITED)
