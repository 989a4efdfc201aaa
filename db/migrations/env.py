"""How Alembic reaches the database: through a connection handed in by ``db.schema``."""

from alembic import context

from db.models import Base


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=False,
        render_as_batch=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
