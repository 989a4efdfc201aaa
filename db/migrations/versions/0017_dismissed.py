"""Messages that did not arrive can be let be: the console shows them no more."""

import sqlalchemy as sa
from alembic import op

from db.types import UtcTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox_messages", sa.Column("dismissed_at", UtcTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("outbox_messages", "dismissed_at")
