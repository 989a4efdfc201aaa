"""Refunds are found by the money and the payment they give back."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_refunds_money", "refunds", ["money_event_id"])
    op.create_index("ix_refunds_payment", "refunds", ["payment_id"])


def downgrade() -> None:
    op.drop_index("ix_refunds_payment", table_name="refunds")
    op.drop_index("ix_refunds_money", table_name="refunds")
