"""The first tables."""

import sqlalchemy as sa
from alembic import op

from db.types import Json, Key, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shops",
        sa.Column("id", Key, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("settings", Json(), nullable=False),
        sa.Column("catalog_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shops")),
        sa.UniqueConstraint("slug", name=op.f("uq_shops_slug")),
    )
    op.create_table(
        "worker_heartbeats",
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_worker_heartbeats")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", Json(), nullable=True),
        sa.Column("after", Json(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_audit_entries_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_newest", "audit_entries", ["shop_id", "id"], unique=False)
    op.create_table(
        "categories",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("names", Json(), nullable=False),
        sa.Column("emoji", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_categories_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_categories")),
        sa.UniqueConstraint("shop_id", "code", name=op.f("uq_categories_shop_id_code")),
    )
    op.create_table(
        "customers",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("orders_placed", sa.BigInteger(), nullable=False),
        sa.Column("orders_paid", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.CheckConstraint(
            "typeof(spent) IN ('integer', 'null')", name=op.f("ck_customers_spent_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("spent >= 0", name=op.f("ck_customers_spent_least")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_customers_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("shop_id", "identity", name=op.f("uq_customers_shop_id_identity")),
    )
    op.create_index("ix_customers_seen", "customers", ["shop_id", "seen_at", "id"], unique=False)
    op.create_table(
        "daily_totals",
        sa.Column("shop_id", Key, autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("customers", sa.BigInteger(), nullable=False),
        sa.Column("orders_placed", sa.BigInteger(), nullable=False),
        sa.Column("orders_paid", sa.BigInteger(), nullable=False),
        sa.Column("orders_closed", sa.BigInteger(), nullable=False),
        sa.Column("revenue", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "typeof(refunded) IN ('integer', 'null')", name=op.f("ck_daily_totals_refunded_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "typeof(revenue) IN ('integer', 'null')", name=op.f("ck_daily_totals_revenue_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("refunded >= 0", name=op.f("ck_daily_totals_refunded_least")),
        sa.CheckConstraint("revenue >= 0", name=op.f("ck_daily_totals_revenue_least")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_daily_totals_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "day", "shard", name=op.f("pk_daily_totals")),
    )
    op.create_table(
        "delivery_zones",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("names", Json(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "typeof(fee) IN ('integer', 'null')", name=op.f("ck_delivery_zones_fee_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("fee >= 0", name=op.f("ck_delivery_zones_fee_least")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_delivery_zones_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_zones")),
    )
    op.create_index(op.f("ix_delivery_zones_shop_id"), "delivery_zones", ["shop_id"], unique=False)
    op.create_table(
        "inbox_events",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("own_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("customer_key", sa.Text(), nullable=True),
        sa.Column("match_key", sa.Text(), nullable=True),
        sa.Column("hint", sa.Text(), nullable=True),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("next_at", UtcTime(), nullable=False),
        sa.Column("done_at", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('message', 'status', 'payment', 'internal')", name=op.f("ck_inbox_events_kind")
        ),
        sa.CheckConstraint("lane IN ('normal', 'late')", name=op.f("ck_inbox_events_lane")),
        sa.CheckConstraint(
            "status IN ('waiting', 'done', 'ignored', 'dead')", name=op.f("ck_inbox_events_status")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_inbox_events_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_events")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_inbox_events_source_external_id")),
        sa.UniqueConstraint("source", "own_id", name=op.f("uq_inbox_events_source_own_id")),
    )
    op.create_index(
        "ix_inbox_customer",
        "inbox_events",
        ["shop_id", "customer_key", "priority", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
        sqlite_where=sa.text("status = 'waiting'"),
    )
    op.create_index(
        "ix_inbox_due",
        "inbox_events",
        ["next_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
        sqlite_where=sa.text("status = 'waiting'"),
    )
    op.create_index(
        "ix_inbox_match",
        "inbox_events",
        ["match_key"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting' AND match_key IS NOT NULL"),
        sqlite_where=sa.text("status = 'waiting' AND match_key IS NOT NULL"),
    )
    op.create_table(
        "promotions",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("titles", Json(), nullable=False),
        sa.Column("terms", Json(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("buy", sa.Integer(), nullable=False),
        sa.Column("free", sa.Integer(), nullable=False),
        sa.Column("skus", Json(), nullable=False),
        sa.Column("min_subtotal", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", UtcTime(), nullable=True),
        sa.Column("ends_at", UtcTime(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('percent', 'fixed', 'free_delivery', 'buy_x_get_y')", name=op.f("ck_promotions_kind")
        ),
        sa.CheckConstraint(
            "typeof(min_subtotal) IN ('integer', 'null')", name=op.f("ck_promotions_min_subtotal_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "typeof(value) IN ('integer', 'null')", name=op.f("ck_promotions_value_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("min_subtotal >= 0", name=op.f("ck_promotions_min_subtotal_least")),
        sa.CheckConstraint("value >= 0", name=op.f("ck_promotions_value_least")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_promotions_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotions")),
    )
    op.create_index(op.f("ix_promotions_shop_id"), "promotions", ["shop_id"], unique=False)
    op.create_table(
        "conversations",
        sa.Column("customer_id", Key, autoincrement=False, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", UtcTime(), nullable=True),
        sa.Column("data", Json(), nullable=False),
        sa.Column("inbound_at", UtcTime(), nullable=True),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_conversations_customer_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_conversations_shop_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_conversations")),
    )
    op.create_table(
        "orders",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("customer_id", Key, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("payment_status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("subtotal", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("discount_label", sa.Text(), nullable=False),
        sa.Column("delivery_fee", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("delivery", Json(), nullable=False),
        sa.Column("customer_name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("cart_version", sa.BigInteger(), nullable=True),
        sa.Column("hold_until", UtcTime(), nullable=False),
        sa.Column("placed_at", UtcTime(), nullable=False),
        sa.Column("paid_at", UtcTime(), nullable=True),
        sa.Column("closed_at", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "payment_status IN ('unpaid', 'pending', 'paid', 'failed', 'part_refunded', 'refunded')",
            name=op.f("ck_orders_payment_status"),
        ),
        sa.CheckConstraint(
            "status IN ('pending_payment', 'paid', 'preparing', 'dispatched', 'delivered', 'cancelled', 'expired')",
            name=op.f("ck_orders_status"),
        ),
        sa.CheckConstraint(
            "typeof(delivery_fee) IN ('integer', 'null')", name=op.f("ck_orders_delivery_fee_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "typeof(discount) IN ('integer', 'null')", name=op.f("ck_orders_discount_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "typeof(subtotal) IN ('integer', 'null')", name=op.f("ck_orders_subtotal_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "typeof(total) IN ('integer', 'null')", name=op.f("ck_orders_total_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("delivery_fee >= 0", name=op.f("ck_orders_delivery_fee_least")),
        sa.CheckConstraint("discount >= 0", name=op.f("ck_orders_discount_least")),
        sa.CheckConstraint("subtotal >= 1", name=op.f("ck_orders_subtotal_least")),
        sa.CheckConstraint("total >= 1", name=op.f("ck_orders_total_least")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_orders_customer_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_orders_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("customer_id", "cart_version", name=op.f("uq_orders_customer_id_cart_version")),
        sa.UniqueConstraint("ref", name=op.f("uq_orders_ref")),
    )
    op.create_index("ix_orders_customer", "orders", ["customer_id", "id"], unique=False)
    op.create_index(
        "ix_orders_holding",
        "orders",
        ["hold_until"],
        unique=False,
        postgresql_where=sa.text("status = 'pending_payment'"),
        sqlite_where=sa.text("status = 'pending_payment'"),
    )
    op.create_index("ix_orders_newest", "orders", ["shop_id", "id"], unique=False)
    op.create_table(
        "outbox_messages",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("customer_id", Key, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("unique_key", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message", Json(), nullable=False),
        sa.Column("fallback", Json(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("next_at", UtcTime(), nullable=False),
        sa.Column("sent_at", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "delivery IN ('none', 'sent', 'delivered', 'read', 'failed')",
            name=op.f("ck_outbox_messages_delivery"),
        ),
        sa.CheckConstraint("status IN ('waiting', 'sent', 'dead')", name=op.f("ck_outbox_messages_status")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_outbox_messages_customer_id")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_outbox_messages_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_messages")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_messages_key")),
        sa.UniqueConstraint("unique_key", name=op.f("uq_outbox_messages_unique_key")),
    )
    op.create_index(
        "ix_outbox_customer",
        "outbox_messages",
        ["customer_id", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
        sqlite_where=sa.text("status = 'waiting'"),
    )
    op.create_index(
        "ix_outbox_dead",
        "outbox_messages",
        ["shop_id", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'dead'"),
        sqlite_where=sa.text("status = 'dead'"),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox_messages",
        ["next_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
        sqlite_where=sa.text("status = 'waiting'"),
    )
    op.create_index("ix_outbox_history", "outbox_messages", ["customer_id", "id"], unique=False)
    op.create_index(
        "ix_outbox_provider",
        "outbox_messages",
        ["provider_id"],
        unique=False,
        postgresql_where=sa.text("provider_id IS NOT NULL"),
        sqlite_where=sa.text("provider_id IS NOT NULL"),
    )
    op.create_table(
        "products",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("category_id", Key, nullable=True),
        sa.Column("names", Json(), nullable=False),
        sa.Column("descriptions", Json(), nullable=False),
        sa.Column("synonyms", Json(), nullable=False),
        sa.Column("emoji", sa.Text(), nullable=False),
        sa.Column("picture", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=True),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("sold", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "typeof(available) IN ('integer', 'null')", name=op.f("ck_products_available_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "typeof(price) IN ('integer', 'null')", name=op.f("ck_products_price_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "typeof(reserved) IN ('integer', 'null')", name=op.f("ck_products_reserved_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "typeof(sold) IN ('integer', 'null')", name=op.f("ck_products_sold_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("available >= 0", name=op.f("ck_products_available_least")),
        sa.CheckConstraint("price >= 1", name=op.f("ck_products_price_least")),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_products_reserved_least")),
        sa.CheckConstraint("sold >= 0", name=op.f("ck_products_sold_least")),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name=op.f("fk_products_category_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_products_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("shop_id", "sku", name=op.f("uq_products_shop_id_sku")),
    )
    op.create_table(
        "order_lines",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("order_id", Key, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", Key, nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "typeof(quantity) IN ('integer', 'null')", name=op.f("ck_order_lines_quantity_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "typeof(total) IN ('integer', 'null')", name=op.f("ck_order_lines_total_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "typeof(unit_price) IN ('integer', 'null')", name=op.f("ck_order_lines_unit_price_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("quantity >= 1", name=op.f("ck_order_lines_quantity_least")),
        sa.CheckConstraint("total >= 1", name=op.f("ck_order_lines_total_least")),
        sa.CheckConstraint("unit_price >= 1", name=op.f("ck_order_lines_unit_price_least")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_order_lines_product_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_order_lines_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_lines")),
        sa.UniqueConstraint("order_id", "position", name=op.f("uq_order_lines_order_id_position")),
    )
    op.create_table(
        "payments",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("order_id", Key, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("gateway_ref", sa.Text(), nullable=True),
        sa.Column("transaction_ref", sa.Text(), nullable=True),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("tell", sa.Boolean(), nullable=False),
        sa.Column("asks", sa.Integer(), nullable=False),
        sa.Column("next_ask_at", UtcTime(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.Column("closed_at", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "status IN ('created', 'pending', 'succeeded', 'failed', 'expired', 'unknown', 'needs_review')",
            name=op.f("ck_payments_status"),
        ),
        sa.CheckConstraint(
            "typeof(amount) IN ('integer', 'null')", name=op.f("ck_payments_amount_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("amount >= 1", name=op.f("ck_payments_amount_least")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_payments_order_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_payments_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("key", name=op.f("uq_payments_key")),
        sa.UniqueConstraint("ref", name=op.f("uq_payments_ref")),
    )
    op.create_index(
        "ix_payments_due",
        "payments",
        ["next_ask_at"],
        unique=False,
        postgresql_where=sa.text("next_ask_at IS NOT NULL"),
        sqlite_where=sa.text("next_ask_at IS NOT NULL"),
    )
    op.create_index("ix_payments_order", "payments", ["order_id", "id"], unique=False)
    op.create_index(
        "ix_payments_recent_phone",
        "payments",
        ["phone", "created_at"],
        unique=False,
        postgresql_where=sa.text("phone IS NOT NULL"),
        sqlite_where=sa.text("phone IS NOT NULL"),
    )
    op.create_index(
        "uq_payments_gateway_ref",
        "payments",
        ["gateway", "gateway_ref"],
        unique=True,
        postgresql_where=sa.text("gateway_ref IS NOT NULL"),
        sqlite_where=sa.text("gateway_ref IS NOT NULL"),
    )
    op.create_index(
        "uq_payments_open",
        "payments",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('created', 'pending', 'unknown', 'needs_review')"),
        sqlite_where=sa.text("status IN ('created', 'pending', 'unknown', 'needs_review')"),
    )
    op.create_table(
        "stock_reservations",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("order_id", Key, nullable=False),
        sa.Column("product_id", Key, nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "status IN ('held', 'sold', 'released')", name=op.f("ck_stock_reservations_status")
        ),
        sa.CheckConstraint(
            "typeof(quantity) IN ('integer', 'null')", name=op.f("ck_stock_reservations_quantity_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("quantity >= 1", name=op.f("ck_stock_reservations_quantity_least")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_stock_reservations_order_id")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_stock_reservations_product_id")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_stock_reservations_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_reservations")),
        sa.UniqueConstraint("order_id", "product_id", name=op.f("uq_stock_reservations_order_id_product_id")),
    )
    op.create_table(
        "money_events",
        sa.Column("id", Key, nullable=False),
        sa.Column("shop_id", Key, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("transaction_ref", sa.Text(), nullable=True),
        sa.Column("order_id", Key, nullable=True),
        sa.Column("payment_id", Key, nullable=True),
        sa.Column("inbox_event_id", Key, nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("amount_text", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("settled_at", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('payment', 'refund', 'unmatched', 'refund_due')", name=op.f("ck_money_events_kind")
        ),
        sa.CheckConstraint(
            "typeof(amount) IN ('integer', 'null')", name=op.f("ck_money_events_amount_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_money_events_amount_least")),
        sa.ForeignKeyConstraint(
            ["inbox_event_id"], ["inbox_events.id"], name=op.f("fk_money_events_inbox_event_id")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_money_events_order_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_money_events_payment_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_money_events_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_money_events")),
        sa.UniqueConstraint("inbox_event_id", "kind", name=op.f("uq_money_events_inbox_event_id_kind")),
    )
    op.create_index(
        "ix_money_events_open",
        "money_events",
        ["shop_id", "id"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL AND kind IN ('unmatched', 'refund_due')"),
        sqlite_where=sa.text("settled_at IS NULL AND kind IN ('unmatched', 'refund_due')"),
    )
    op.create_index("ix_money_events_order", "money_events", ["order_id"], unique=False)
    op.create_index(
        "uq_money_events_booked",
        "money_events",
        ["gateway", "transaction_ref"],
        unique=True,
        postgresql_where=sa.text("kind IN ('payment', 'refund_due')"),
        sqlite_where=sa.text("kind IN ('payment', 'refund_due')"),
    )
    op.create_index(
        "uq_money_events_unmatched",
        "money_events",
        ["gateway", "transaction_ref"],
        unique=True,
        postgresql_where=sa.text("kind = 'unmatched'"),
        sqlite_where=sa.text("kind = 'unmatched'"),
    )
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
        sa.CheckConstraint(
            "status IN ('requested', 'pending', 'succeeded', 'failed', 'manual')",
            name=op.f("ck_refunds_status"),
        ),
        sa.CheckConstraint(
            "typeof(amount) IN ('integer', 'null')", name=op.f("ck_refunds_amount_integer")
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("amount >= 1", name=op.f("ck_refunds_amount_least")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_refunds_order_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_refunds_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("key", name=op.f("uq_refunds_key")),
    )
    op.create_index(op.f("ix_refunds_order_id"), "refunds", ["order_id"], unique=False)


def downgrade() -> None:
    op.drop_table("refunds")
    op.drop_table("money_events")
    op.drop_table("stock_reservations")
    op.drop_table("payments")
    op.drop_table("order_lines")
    op.drop_table("products")
    op.drop_table("outbox_messages")
    op.drop_table("orders")
    op.drop_table("conversations")
    op.drop_table("promotions")
    op.drop_table("inbox_events")
    op.drop_table("delivery_zones")
    op.drop_table("daily_totals")
    op.drop_table("customers")
    op.drop_table("categories")
    op.drop_table("audit_entries")
    op.drop_table("worker_heartbeats")
    op.drop_table("shops")
