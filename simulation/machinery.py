"""The database, Redis and the bell as the shop sees them, and what breaks in them."""

from __future__ import annotations

import sqlite3
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar, cast

import orjson
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db import Database
from db.models import Base
from db.redis_link import RedisLink
from jobs.pacing import Pacing
from jobs.queue import TASKS, QueueBell
from simulation.scheduler import Lock
from simulation.world import World

Result = TypeVar("Result")
CALLER: Final = 2
"""Frames from a transaction's generator to the code that opened it."""

WITNESSES: Final = """
CREATE TABLE sim_done (seq INTEGER PRIMARY KEY, event_id INTEGER, kind TEXT, customer_key TEXT, status TEXT, attempts INTEGER, txn INTEGER);
CREATE TABLE sim_said (seq INTEGER PRIMARY KEY, outbox_id INTEGER, customer_id INTEGER, kind TEXT, back INTEGER, txn INTEGER);
CREATE TABLE sim_moved (seq INTEGER PRIMARY KEY, customer_id INTEGER, version INTEGER, txn INTEGER, data TEXT);
CREATE TABLE sim_waits (seq INTEGER PRIMARY KEY, customer_id INTEGER, product_id INTEGER, gone INTEGER, listens INTEGER, txn INTEGER);
CREATE TABLE sim_back (seq INTEGER PRIMARY KEY, event_id INTEGER, customer_id INTEGER, product_id INTEGER, txn INTEGER);
CREATE TABLE sim_came (event_id INTEGER PRIMARY KEY, kind TEXT, raw BLOB);
CREATE TABLE sim_wrong (seq INTEGER PRIMARY KEY, what TEXT, detail TEXT);
CREATE INDEX sim_said_txn ON sim_said (txn);
CREATE INDEX sim_said_customer ON sim_said (customer_id, txn);
CREATE TRIGGER sim_1 AFTER UPDATE OF status ON inbox_events WHEN NEW.status <> OLD.status BEGIN
  INSERT INTO sim_done (event_id, kind, customer_key, status, attempts, txn)
  VALUES (NEW.id, NEW.kind, NEW.customer_key, NEW.status, NEW.attempts, sim_txn());
  INSERT INTO sim_wrong (what, detail) SELECT 'I14 an event was worked on twice', NEW.id WHERE OLD.status <> 'waiting';
END;
CREATE TRIGGER sim_2 AFTER INSERT ON outbox_messages BEGIN
  INSERT INTO sim_said (outbox_id, customer_id, kind, back, txn)
  VALUES (NEW.id, NEW.customer_id, NEW.kind, instr(coalesce(NEW.fallback, ''), 'back_in_stock') > 0, sim_txn());
END;
CREATE TRIGGER sim_3 AFTER UPDATE OF version ON conversations WHEN NEW.version <> OLD.version BEGIN
  INSERT INTO sim_moved (customer_id, version, txn, data) VALUES (NEW.customer_id, NEW.version, sim_txn(), NEW.data);
END;
CREATE TRIGGER sim_4 AFTER INSERT ON stock_waits BEGIN
  INSERT INTO sim_waits (customer_id, product_id, gone, listens, txn) VALUES (NEW.customer_id, NEW.product_id, 0, 1, sim_txn());
END;
CREATE TRIGGER sim_5 AFTER DELETE ON stock_waits BEGIN
  INSERT INTO sim_waits (customer_id, product_id, gone, listens, txn)
  SELECT OLD.customer_id, OLD.product_id, 1, stopped_at IS NULL AND blocked_at IS NULL, sim_txn()
  FROM customers WHERE id = OLD.customer_id;
END;
CREATE TRIGGER sim_6 AFTER INSERT ON inbox_events WHEN NEW.external_id LIKE 'BackInStock:%' BEGIN
  INSERT INTO sim_back (event_id, customer_id, product_id, txn)
  SELECT NEW.id, id, json_extract(CAST(NEW.raw AS TEXT), '$.product_id'), sim_txn() FROM customers WHERE identity = NEW.customer_key;
END;
CREATE TRIGGER sim_7 AFTER INSERT ON inbox_events WHEN NEW.kind IN ('message', 'status') BEGIN
  INSERT INTO sim_came (event_id, kind, raw) VALUES (NEW.id, NEW.kind, NEW.raw);
END;
CREATE TRIGGER sim_0 AFTER INSERT ON sim_wrong BEGIN SELECT sim_touch(); END;
CREATE TRIGGER sim_10 AFTER UPDATE ON products
WHEN NEW.available + NEW.reserved + NEW.sold <> OLD.available + OLD.reserved + OLD.sold + sim_restocked() OR NEW.available < 0 OR NEW.reserved < 0
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I8 stock came from nowhere or went below zero', NEW.sku); END;
CREATE TRIGGER sim_11 AFTER UPDATE OF status ON payments WHEN OLD.status = 'succeeded' AND NEW.status <> 'succeeded'
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I21 a succeeded payment became ' || NEW.status, NEW.ref); END;
CREATE TRIGGER sim_12 AFTER UPDATE OF key ON payments WHEN OLD.key <> NEW.key
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I12 the key of a payment changed', NEW.ref); END;
CREATE TRIGGER sim_13 AFTER INSERT ON money_events WHEN NEW.kind = 'payment' AND EXISTS
  (SELECT 1 FROM money_events WHERE kind = 'payment' AND order_id = NEW.order_id AND id <> NEW.id)
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I11 an order was booked twice', NEW.order_id); END;
CREATE TRIGGER sim_14 AFTER UPDATE OF amount, kind ON money_events
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I4 booked money was changed', NEW.id); END;
CREATE TRIGGER sim_15 BEFORE DELETE ON money_events
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I4 booked money was deleted', OLD.id); END;
CREATE TRIGGER sim_16 AFTER UPDATE OF status ON orders
WHEN OLD.status IN ('paid', 'preparing', 'dispatched', 'delivered') AND NEW.status IN ('pending_payment', 'expired')
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I21 a paid order became ' || NEW.status, NEW.ref); END;
CREATE TRIGGER sim_17 AFTER UPDATE OF delivery ON outbox_messages WHEN NEW.status = 'sent' AND
  (OLD.delivery = 'read' AND NEW.delivery <> 'read' OR OLD.delivery = 'delivered' AND NEW.delivery IN ('none', 'sent', 'failed'))
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I24 a delivery went backwards to ' || NEW.delivery, NEW.id); END;
CREATE TRIGGER sim_18 AFTER UPDATE OF status ON outbox_messages
WHEN OLD.status = 'sent' AND NEW.status = 'waiting' AND NEW.key = OLD.key
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I6 a sent message waits again', NEW.id); END;
CREATE TRIGGER sim_19 AFTER UPDATE OF gateway_ref ON payments WHEN OLD.gateway_ref IS NOT NULL AND NEW.gateway_ref IS NOT OLD.gateway_ref
  AND (OLD.link <> '' OR NEW.link = '')
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I12 a payment changed its order over there', NEW.ref); END;
CREATE TRIGGER sim_20 AFTER UPDATE OF raw ON inbox_events WHEN sim_retaining() AND (OLD.status = 'waiting'
  OR OLD.received_at > duka_clock(-sim_kept()) OR EXISTS (SELECT 1 FROM money_events WHERE inbox_event_id = OLD.id
    AND settled_at IS NULL AND kind IN ('unmatched', 'refund_due')))
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I18 an event that is still needed lost its body', OLD.id); END;
CREATE TRIGGER sim_21 AFTER DELETE ON inbox_events WHEN OLD.status = 'waiting' OR NOT sim_retaining()
  OR OLD.received_at > duka_clock(-sim_kept()) OR OLD.source <> 'api'
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I18 an event was deleted', OLD.id); END;
CREATE TRIGGER sim_22 AFTER UPDATE OF message ON outbox_messages
WHEN sim_retaining() AND (OLD.status = 'waiting' OR OLD.created_at > duka_clock(-sim_kept()))
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I18 a message that is still needed lost its words', OLD.id); END;
CREATE TRIGGER sim_23 AFTER DELETE ON conversation_turns WHEN OLD.created_at > duka_clock(-sim_kept())
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I18 a turn was forgotten too early', OLD.id); END;
""" + "".join(
    f"""CREATE TRIGGER sim_kept_{table} AFTER DELETE ON {table}
BEGIN INSERT INTO sim_wrong (what, detail) VALUES ('I18 deleted from {table}', OLD.id); END;
"""
    for table in (
        "outbox_messages",
        "payments",
        "orders",
        "order_lines",
        "customers",
        "refunds",
        "stock_reservations",
    )
)
"""Triggers that see every change in the transaction that makes it, whoever makes it."""


class SimDatabase(Database):
    """The shop's own ``Database`` on the simulated clock, with outages, crash points and pauses."""

    def __init__(self, url: str, world: World) -> None:
        super().__init__(url, now=world.now, pool_size=4)
        self._world = world
        self._down_until = 0.0
        self.transaction = 0
        self.touched = False
        self.restocked = 0
        """Pieces the owner puts on the shelf in the transaction under way."""
        self.kept = 0.0
        """Seconds for which retention keeps what was said."""
        self._retaining = False
        self._observer: sqlite3.Connection | None = None
        for engine in (self.engine, self._readers):
            event.listen(engine, "connect", self._tune)

    def _tune(self, connection: sqlite3.Connection, _record: object) -> None:
        # Power cuts are not simulated, process deaths are: SQLite's own flushing only costs time.
        connection.execute("PRAGMA synchronous=OFF")
        connection.create_function("sim_txn", 0, lambda: self.transaction)
        connection.create_function("sim_touch", 0, self._touch)
        connection.create_function("sim_restocked", 0, lambda: self.restocked)
        connection.create_function("sim_retaining", 0, lambda: self._retaining)
        connection.create_function("sim_kept", 0, lambda: self.kept)

    def _touch(self) -> int:
        self.touched = True
        return 1

    def lock(self) -> Lock:
        """See ``Database.lock``."""
        return Lock(self._world.scheduler)

    def make_tables(self) -> None:
        """Every table of the shop, and the witnesses."""
        Base.metadata.create_all(self.engine)
        raw = self.engine.raw_connection()
        try:
            cast("sqlite3.Connection", raw.driver_connection).executescript(WITNESSES)
        finally:
            raw.close()

    def ask(self, query: str) -> tuple[Any, ...] | None:
        """The first row of a query of the observer's, who has a connection of his own and no bad luck."""
        found: tuple[Any, ...] | None = self._observing().execute(query).fetchone()
        return found

    def all(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query of the observer's."""
        return self._observing().execute(query).fetchall()

    def _observing(self) -> sqlite3.Connection:
        if self._observer is None:
            self._observer = sqlite3.connect(str(self.url.database), isolation_level=None)
            self._observer.create_function("duka_clock", 1, self._sqlite_clock)
        return self._observer

    def close(self) -> None:
        """See ``Database.close``."""
        if self._observer is not None:
            self._observer.close()
        super().close()

    def wrong(self) -> tuple[str, str] | None:
        """What a witness saw and should not have."""
        if not self.touched:
            return None
        with super().reading() as session:
            row = session.execute(text("SELECT what, detail FROM sim_wrong ORDER BY seq LIMIT 1")).first()
        return None if row is None else (row[0], str(row[1]))

    @property
    def down(self) -> bool:
        """Whether the database cannot be reached now."""
        return self._world.scheduler.time < self._down_until

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """See ``Database.writing``."""
        frame = sys._getframe(CALLER)
        where = f"{frame.f_globals['__name__']}.{frame.f_code.co_name}"
        self._before(where)
        with super().writing() as session:
            self.transaction += 1
            self._retaining = where.startswith("keeping.retention.")
            yield session
            if self._world.scheduler.current is not None:
                self._world.crash_point(f"{where}:before_commit")
                if self._world.faults.hit("db.commit_failed"):
                    raise lost("the connection broke before the commit")
        self._after(where)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """See ``Database.reading``."""
        if self._world.scheduler.current is not None and self.down:
            raise lost("simulated outage")
        with super().reading() as session:
            yield session

    def _before(self, where: str) -> None:
        world = self._world
        task = world.scheduler.current
        if task is None:
            return
        faults = world.faults
        pause = world.between(0.0005, 0.012)
        if task.process.name.startswith("worker") and faults.hit("worker.paused"):
            pause = world.between(31, 90)
            world.log("paused", task.process.name, where)
        elif faults.hit("db.slow"):
            pause = world.between(0.2, 4)
        world.scheduler.sleep(pause)
        if faults.hit("db.outage"):
            self._down_until = world.scheduler.time + world.between(1, 30)
            world.log("database down")
        if self.down or faults.hit("db.busy"):
            raise lost("simulated outage" if self.down else "database is locked")

    def _after(self, where: str) -> None:
        world = self._world
        if world.scheduler.current is None:
            return
        world.crash_point(f"{where}:after_commit")
        if world.faults.hit("db.commit_unheard"):
            raise lost("the connection broke after the commit")
        world.scheduler.sleep(world.between(0.0002, 0.004))


def lost(why: str) -> OperationalError:
    """What SQLAlchemy raises when a database is gone."""
    return OperationalError("simulated", {}, Exception(why))


class Store:
    """What stands in Redis."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.values: dict[str, bytes] = {}
        self.older: dict[str, bytes] = {}
        self.queue: deque[tuple[str, int]] = deque()
        self._down_until = 0.0

    @property
    def down(self) -> bool:
        """Whether nobody answers."""
        return self._world.scheduler.time < self._down_until

    def shake(self) -> None:
        """Something may happen to Redis whenever it is used."""
        faults = self._world.faults
        if faults.hit("redis.wiped"):
            self._world.log("redis wiped", len(self.queue))
            self.values.clear()
            self.older.clear()
            self.queue.clear()
        if faults.hit("redis.outage"):
            self._world.log("redis down")
            self._down_until = self._world.scheduler.time + self._world.between(1, 40)

    def get(self, key: str) -> bytes | None:
        """A copy, or what has become of it."""
        faults = self._world.faults
        if faults.hit("copy.lost"):
            return None
        if faults.hit("copy.stale"):
            return self.older.get(key, self.values.get(key))
        if faults.hit("copy.garbage"):
            return self._world.rng.choice((b"", b"{", b"null", b'{"version": 1}', b"\xff\xfe", b"[]"))
        if faults.hit("copy.foreign") and self.values:
            copy = self.values.get(key)
            if copy is not None:
                stored = orjson.loads(copy)
                return orjson.dumps({"version": stored["version"] + 1000, "data": stored["data"]})
        return self.values.get(key)

    def pipeline(self, *, transaction: bool) -> Pipeline:  # noqa: ARG002 - as redis.Redis.pipeline
        """Several commands at once."""
        return Pipeline(self)

    def set(self, key: str, value: bytes, ex: int) -> None:  # noqa: ARG002 - as redis.Redis.set
        """Remember a copy."""
        if key in self.values:
            self.older[key] = self.values[key]
        self.values[key] = value

    def delete(self, key: str) -> int:
        """Forget a copy."""
        return int(self.values.pop(key, None) is not None)


class Pipeline:
    """Several commands sent together."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._answers: list[Any] = []

    def get(self, key: str) -> None:
        """See ``Store.get``."""
        self._answers.append(self._store.get(key))

    def set(self, key: str, value: bytes, ex: int) -> None:
        """See ``Store.set``."""
        self._store.set(key, value, ex)
        self._answers.append(True)

    def execute(self, *, raise_on_error: bool) -> list[Any]:  # noqa: ARG002 - as redis.Redis.pipeline's
        """All answers."""
        return self._answers


class SimLink(RedisLink):
    """A connection to the simulated Redis."""

    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store

    def attempt(self, call: Callable[[Any], Result], default: Result) -> Result:
        """See ``RedisLink.attempt``."""
        self._store.shake()
        return default if self._store.down else call(self._store)

    def ping(self) -> bool:
        """See ``RedisLink.ping``."""
        return not self._store.down


GATHERED: Final = 30.0
"""Seconds for which tasks gather that then come at the same moment."""


class SimBell(QueueBell):
    """The queue's bell: what it carries is lost, doubled and late."""

    def __init__(self, world: World, store: Store, dispatch: Callable[[], None]) -> None:
        self._world = world
        self._store = store
        self._dispatch = dispatch
        self.wake_sender: Callable[[], None] | None = None

    def queue(self, task: str, row_id: int) -> None:
        """Put one task on the queue."""
        world, faults = self._world, self._world.faults
        self._store.shake()
        if world.scheduler.current is not None:
            world.crash_point(f"bell:{task}")
        if self._store.down or faults.hit("bell.lost"):
            return
        for _ in range(2 if faults.hit("bell.doubled") else 1):
            delay = world.between(0.5, 20) if faults.hit("bell.delayed") else world.between(0.001, 0.01)
            if faults.hit("bell.gathered"):
                delay += GATHERED - (world.scheduler.time + delay) % GATHERED
            world.scheduler.after(delay, lambda: self._arrive(task, row_id))

    def queue_all(self, tasks: Sequence[tuple[str, int]]) -> None:
        """Put several on it: each has its own luck."""
        for task, row_id in tasks:
            self.queue(task, row_id)

    def _arrive(self, task: str, row_id: int) -> None:
        if not self._store.down:
            self._store.queue.append((task, row_id))
            self._dispatch()

    def inbox(self, kind: str, event_id: int) -> None:
        """See ``db.bell.Bell``."""
        self.queue(TASKS[kind], event_id)

    def outbox(self) -> None:
        """See ``db.bell.Bell``."""
        if self.wake_sender is not None:
            self.wake_sender()


class SimPacing(Pacing):
    """Now and then a message must wait."""

    def __init__(self, world: World) -> None:
        self._world = world

    def delays(self, messages: Sequence[tuple[int, int]]) -> list[float]:
        """See ``Pacing.delays``."""
        return [
            self._world.between(0.1, 6) if self._world.faults.hit("pacing.waits") else 0.0 for _ in messages
        ]
