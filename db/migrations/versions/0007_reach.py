"""A shop that may not send, a person who cannot be reached, and the messages that did not arrive."""

import sqlalchemy as sa
from alembic import op

from db.types import UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shops", sa.Column("silenced_until", UtcTime(), nullable=True))
    op.add_column("shops", sa.Column("silenced_because", sa.Text(), nullable=True))
    op.add_column("conversations", sa.Column("unreachable_at", UtcTime(), nullable=True))
    op.create_index(
        "ix_outbox_failed",
        "outbox_messages",
        ["shop_id", "id"],
        unique=False,
        postgresql_where=sa.text("delivery = 'failed'"),
        sqlite_where=sa.text("delivery = 'failed'"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_failed", table_name="outbox_messages")
    op.drop_column("conversations", "unreachable_at")
    op.drop_column("shops", "silenced_because")
    op.drop_column("shops", "silenced_until")
