"""Variants of products, promotions with limits, zones by distance, and who waits for goods."""

import sqlalchemy as sa
from alembic import op

from db.types import Json, Key, UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def live(name: str, table: str, columns: list[str], where: str) -> None:
    clause = sa.text(where)
    op.create_index(name, table, columns, postgresql_where=clause, sqlite_where=clause)


def upgrade() -> None:
    op.add_column("products", sa.Column("parent_id", Key, nullable=True))
    op.add_column("products", sa.Column("labels", Json(), nullable=True))
    op.add_column("products", sa.Column("waited_at", UtcTime(), nullable=True))
    live("ix_products_waited", "products", ["id"], "waited_at IS NOT NULL")
    op.add_column("promotions", sa.Column("max_uses", sa.BigInteger(), nullable=True))
    op.add_column("promotions", sa.Column("max_per_customer", sa.BigInteger(), nullable=True))
    op.add_column(
        "promotions", sa.Column("uses", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("delivery_zones", sa.Column("within_m", sa.BigInteger(), nullable=True))
    op.add_column("orders", sa.Column("promotion_id", Key, nullable=True))
    op.add_column("orders", sa.Column("promotion_code", sa.Text(), nullable=True))
    op.create_table(
        "promotion_uses",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("promotion_id", Key, nullable=False),
        sa.Column("customer_id", Key, nullable=False),
        sa.Column("order_id", Key, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("used_at", UtcTime(), nullable=False),
        sa.CheckConstraint("status IN ('used', 'returned')", name=op.f("ck_promotion_uses_status")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_promotion_uses_shop_id")),
        sa.ForeignKeyConstraint(
            ["promotion_id"], ["promotions.id"], name=op.f("fk_promotion_uses_promotion_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_promotion_uses_customer_id")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_promotion_uses_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotion_uses")),
        sa.UniqueConstraint("order_id", name=op.f("uq_promotion_uses_order_id")),
    )
    live("ix_promotion_uses_customer", "promotion_uses", ["promotion_id", "customer_id"], "status = 'used'")
    op.create_table(
        "stock_waits",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("product_id", Key, nullable=False),
        sa.Column("customer_id", Key, nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_stock_waits_shop_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_stock_waits_product_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_stock_waits_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_waits")),
        sa.UniqueConstraint("product_id", "customer_id", name=op.f("uq_stock_waits_product_id_customer_id")),
    )
    op.create_index(op.f("ix_stock_waits_customer_id"), "stock_waits", ["customer_id"])


def downgrade() -> None:
    op.drop_table("stock_waits")
    op.drop_table("promotion_uses")
    op.drop_column("orders", "promotion_code")
    op.drop_column("orders", "promotion_id")
    op.drop_column("delivery_zones", "within_m")
    op.drop_column("promotions", "uses")
    op.drop_column("promotions", "max_per_customer")
    op.drop_column("promotions", "max_uses")
    op.drop_index("ix_products_waited", table_name="products")
    op.drop_column("products", "waited_at")
    op.drop_column("products", "labels")
    op.drop_column("products", "parent_id")
