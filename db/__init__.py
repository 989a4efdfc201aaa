"""The truth: engine and transactions, tables, the inbox and the outbox, migrations."""

from db.database import Database
from db.types import clock

__all__ = ["Database", "clock"]
