"""Migrations and models must describe the same database, to the last CHECK and partial index."""

from sqlalchemy import text

from db import Database, schema
from db.models import Base

POSTGRES_DUMP = (
    "SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) ||"
    " CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')"
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " WHERE n.nspname = 'public' AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
    " UNION ALL SELECT 'constraint ' || conrelid::regclass || '.' || conname || ' ' || pg_get_constraintdef(k.oid)"
    " FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE n.nspname = 'public'"
    " UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'"
)


def dump(database: Database) -> list[str]:
    with database.reading() as session:
        if not database.on_sqlite:
            rows = session.execute(text(POSTGRES_DUMP)).scalars()
            return sorted(row for row in rows if "alembic_version" not in row)
        rows = session.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")).scalars()
        statements = [row for row in rows if "alembic_version" not in row]
    lines: list[str] = []
    for statement in statements:
        name = statement.split("(")[0].strip()
        lines += [f"{name}: {' '.join(part.split())}" for part in parts_of(statement)]
    return sorted(lines)


def parts_of(statement: str) -> list[str]:
    """Columns and constraints of a CREATE TABLE, wherever ALTER TABLE put a comma or a line's end."""
    parts, rest, depth = [""], "", 0
    for letter in statement:
        depth -= letter == ")"
        if depth == 0:
            rest += letter.strip("()")
        elif depth == 1 and letter == ",":
            parts.append("")
        else:
            parts[-1] += letter
        depth += letter == "("
    return [*parts, rest]


def test_migrations_and_models_make_the_same_schema(empty_database: Database) -> None:
    schema.upgrade(empty_database)
    migrated = dump(empty_database)
    Base.metadata.drop_all(empty_database.engine)
    Base.metadata.create_all(empty_database.engine)
    assert dump(empty_database) == migrated
    assert len(Base.metadata.tables) > 15


def test_upgrading_twice_changes_nothing_and_the_revision_is_known(empty_database: Database) -> None:
    assert schema.current(empty_database) is None
    schema.upgrade(empty_database)
    before = dump(empty_database)
    schema.upgrade(empty_database)
    assert dump(empty_database) == before
    assert schema.current(empty_database) == schema.head()
