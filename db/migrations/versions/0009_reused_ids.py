"""Deliveries under an id that had been used for something else are counted by index."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_inbox_reused",
        "inbox_events",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("error = 'id_reused'"),
        sqlite_where=sa.text("error = 'id_reused'"),
    )


def downgrade() -> None:
    op.drop_index("ix_inbox_reused", table_name="inbox_events")
