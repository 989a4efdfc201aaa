"""Guarantees about the machine: databases, disks, clocks, deploys, keys and hostile bytes."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

import app as composition
from db import Database, outbox
from db import database as database_module
from db.models import Base, InboxEvent, Order, OutboxMessage
from errors import GatewayUnavailable
from ghala.dialects import V1
from jobs import worker
from jobs.pacing import Pacing
from jobs.sender import Sender
from payments.reconciliation import Reconciler
from tests.guarantees.world import PASSWORD, Ghala, World

ROOT = Path(__file__).parents[2]
MESSAGES, PAYMENTS = "/api/messages/incoming", "/api/webhooks/ghala"
HELLO = {"type": "text", "text": {"body": "hi"}}


def outage(world: World, monkeypatch: Any) -> Any:
    """Take the database away; returns how to bring it back."""
    if world.database.on_sqlite:
        monkeypatch.setattr(database_module, "BUSY_TIMEOUT_MS", 50)
        world.database.close()
        blocker = sqlite3.connect(str(world.database.url.database), isolation_level=None)
        blocker.execute("BEGIN EXCLUSIVE")
        return blocker.close
    from sqlalchemy import create_engine

    admin = create_engine(world.database.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    name = world.database.url.database
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        connection.execute(
            # The tests' own clock goes on.
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = :name AND query NOT LIKE '%fake%'"
            ),
            {"name": name},
        )

    def back() -> None:
        with admin.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        admin.dispose()

    return back


def test_guarantee_27_with_the_database_down_nothing_is_lost(each_world: World, monkeypatch) -> None:
    world = each_world
    world.prompted()
    message = world.message(HELLO)
    back = outage(world, monkeypatch)
    try:
        assert world.post(MESSAGES, message, delivery="m").status_code == 503
        answer = world.pays(delivery="p")
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    finally:
        back()
    world.ghala.pays()  # Ghala gives up after the 503: the payment is asked about all the same
    assert world.post(MESSAGES, message, delivery="m").status_code == 200
    world.passes(75)
    assert len(world.receipts()) == 1
    world.assert_sound()


def test_guarantee_28_a_full_disk_loses_and_breaks_nothing(world: World) -> None:
    world.prompted()
    full = [True]

    def limit(connection: sqlite3.Connection, *_: Any) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages if full[0] else 2**30}")

    event.listen(world.database.engine, "connect", limit)
    world.database.close()
    answers = [
        world.post(MESSAGES, world.message({"type": "text", "text": {"body": "x" * 30_000}})).status_code
        for _ in range(6)
    ]
    assert answers[-1] == 503
    accepted = answers.count(200)
    with world.web.test_client() as client:
        assert client.get("/livez").status_code == 200
    full[0] = False
    world.database.close()
    assert world.pays().status_code == 200
    world.work()
    assert world.count(InboxEvent, InboxEvent.kind == "message", InboxEvent.source != "internal") >= accepted
    with closing(sqlite3.connect(str(world.database.url.database))) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    world.assert_sound()


WRITER = """
import sys
from db import Database, inbox
database = Database(sys.argv[1])
for number in range(100_000):
    with database.writing() as session:
        inbox.record(session, 1, "m", [inbox.NewEvent("message", str(number), b"x")])
    print(number, flush=True)
"""


def test_guarantee_29_what_was_committed_survives_a_kill(world: World) -> None:
    """A power cut needs a machine to cut: see docs/guarantees.md."""
    with world.database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "FULL"
    for turn in range(3):
        with world.database.reading() as session:
            before = session.query(InboxEvent).count()
        script = WRITER.replace("str(number)", f"'{turn}-' + str(number)")
        with subprocess.Popen(
            [sys.executable, "-c", script, str(world.database.url)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            lines = 0
            for _ in process.stdout:
                lines += 1
                if lines == 100:
                    process.kill()
        assert lines >= 100
        with world.database.reading() as session:
            stored = session.query(InboxEvent).count() - before
        assert stored in {lines, lines + 1}, "everything said to be stored is; one more may be"
    with closing(sqlite3.connect(str(world.database.url.database))) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


class Slow(Ghala):
    """Answers only when told."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived, self.go = threading.Event(), threading.Event()

    async def call(self, request: Any) -> Any:
        self.arrived.set()
        await asyncio.to_thread(self.go.wait, 10)
        return await super().call(request)


def test_guarantee_30_a_worker_told_to_stop_finishes_what_is_in_flight_and_takes_nothing_new(
    world: World,
) -> None:
    """Rolling restarts of real processes under load are in the chaos suite."""
    world.hears(HELLO)
    advance = world.tasks.by_name()["advance"]
    advance(world.due()[0][1])
    slow = Slow()
    sender = Sender(world.database, lambda: slow, V1(), Pacing(world.link, 0, 0), world.rng)
    sender.start()
    assert slow.arrived.wait(10)
    sender.finish()
    world.hears(HELLO, "254733000111")
    advance(world.due()[0][1])
    slow.go.set()
    sender.stop(10)
    assert [row.status for row in world.rows(OutboxMessage)] == ["sent", "waiting"]
    world.work()
    assert len(slow.sent) == 1
    assert len(world.seen("254733000111")) == 1


def test_guarantee_30_everybody_has_less_time_to_stop_than_the_platform_gives() -> None:
    from ghala.client import Connection

    calls = Connection("https://x.test", "k")
    assert calls.connect_timeout + calls.read_timeout < worker.SHUTDOWN <= 25


def test_guarantee_31_the_machines_time_zone_changes_nothing(world: World, monkeypatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        world.prompted()
        order = world.order()
        assert (order.hold_until - order.placed_at).total_seconds() == 1800
        assert order.placed_at == world.now()
        world.pays()
        world.work()
        (receipt,) = world.receipts()
        assert "20 Nov 2026, 12:07" in receipt, "Nairobi's time"
        world.assert_sound()
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("skew", [-600, 600])
def test_guarantee_31_leases_are_measured_by_the_database(each_world: World, monkeypatch, skew) -> None:
    world = each_world
    world.hears(HELLO)
    event_id = world.rows(InboxEvent)[0].id
    assert world.tasks._shell.claim([event_id])
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + skew)
    assert not world.new_tasks()._shell.claim([event_id])
    world.now.advance(29)
    assert not world.new_tasks()._shell.claim([event_id])
    world.now.advance(2)
    assert world.new_tasks()._shell.claim([event_id])


def test_guarantee_33_after_a_restore_the_gaps_money_is_found(
    world: World, tmp_path: Path, redis_url: str, now: Any
) -> None:
    """`flask backup` and `flask restore` themselves have a suite of their own."""
    ref = world.prompted()
    with (
        closing(sqlite3.connect(str(world.database.url.database))) as live,
        closing(sqlite3.connect(tmp_path / "restored.db")) as copy,
    ):
        live.backup(copy)
    world.pays()
    world.ghala.pays()
    world.work()
    assert len(world.receipts()) == 1
    database = Database(f"sqlite:///{tmp_path / 'restored.db'}", now=now)
    house = composition.House(world.config, database, world.link, world.house.bell, world.house.refs)
    world.database.close()
    world.database, world.house = database, house
    world.tasks, world.sender = composition.build_tasks(house), world.new_sender()
    assert world.order().status == "pending_payment", "the payment fell into the gap"
    report = Reconciler(database, world.tasks._desk).reconcile(1)
    assert [finding.kind for finding in report.findings] == ["found_by_asking"]
    world.work()
    assert (world.order().ref, world.order().status) == (ref, "paid")
    assert len(world.receipts()) == 1, "the receipt's key is the same, so Ghala does not send it again"
    world.assert_sound()
    database.close()


def promised(world: World, count: int) -> None:
    """One waiting message to each of ``count`` customers."""
    from orders import customers

    with world.database.writing() as session:
        for number in range(count):
            wa_id = f"25479{number:07}"
            buyer = customers.reach(session, 1, wa_id, phone=None)
            body = {"type": "text", "body": f"Hello {number}", "preview_url": False}
            outbox.promise(session, 1, buyer.id, [outbox.Promise(f"out:{number}", body)])
        session.execute(text("UPDATE conversations SET inbound_at = updated_at"))


def test_guarantee_35_a_refused_key_pauses_the_queue_and_burns_no_attempts(world: World) -> None:
    promised(world, 300)
    world.ghala.send_status = 401
    for _ in range(60):
        world.passes(60)
    assert world.ghala.tries < 256 + 62, "after the first refusals one message a minute asks"
    assert {row.attempts for row in world.rows(OutboxMessage)} == {0}
    world.ghala.send_status = 200
    for _ in range(3):
        world.passes(61)
    assert len(world.ghala.sent) == 300
    assert world.count(OutboxMessage, OutboxMessage.status == "sent") == 300


def test_guarantee_35_a_dead_ghala_is_not_hammered_and_a_thousand_messages_drain_after_it(
    world: World,
) -> None:
    promised(world, 1000)
    world.ghala.send_failures = [GatewayUnavailable("not reached")] * 100_000
    for _ in range(10):
        world.passes(60)
    assert world.ghala.tries < 256 + 30
    assert max(row.attempts for row in world.rows(OutboxMessage)) <= 1
    world.ghala.send_failures = []
    world.passes(61)
    world.passes(61)
    assert len(world.ghala.sent) == 1000
    assert len({to for to, _, _ in world.ghala.sent}) == 1000


def hostile() -> list[bytes]:
    """Bodies nobody should send."""
    deep = b'{"messages":' + b"[" * 200 + b"]" * 200 + b"}"
    values = [
        b"NaN", b"Infinity", b"1e400", b"1" + b"0" * 5000, b'"\\ud800"', b'"\\u0000"', b"[]", b"{}", b"null",
        b"true", b"-1", b'"' + b"x" * 10_000 + b'"', b'{"a":{"b":{"c":[1,2,{"d":null}]}}}',
    ]  # fmt: skip
    bodies = [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b"\xff\xfe{\x00}\x00",
        b"\xc3\x28",
        deep,
        b'{"event":1,"event":2}',
    ]
    bodies.append(json.dumps({f"k{n}": n for n in range(5_000)}).encode())
    for value in values:
        bodies += [
            b'{"event":"payment.success","data":{"order_id":%s,"amount":%s,"currency":%s}}'
            % (value, value, value),
            b'{"event":%s,"data":%s}' % (value, value),
            b'{"messages":%s}' % value,
            b'{"messages":[{"id":%s,"from":%s,"type":"text","text":{"body":%s}}]}' % (value, value, value),
            b'{"messages":[{"id":"m1","from":"254711000222","type":%s,"interactive":%s,"location":%s}]}'
            % (value, value, value),
            b'{"statuses":[{"id":%s,"status":%s,"errors":%s}]}' % (value, value, value),
            b'{"object":"whatsapp_business_account","entry":[{"changes":[{"value":%s}]}]}' % value,
        ]
    return bodies


def test_guarantee_36_no_input_makes_an_internal_error(each_world: World) -> None:
    """The list of hostile inputs and the fuzzers go further; see docs/guarantees.md."""
    world = each_world
    login = {"Authorization": "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()}
    statuses: dict[str, set[int]] = {}
    for body in hostile():
        for path in (MESSAGES, PAYMENTS):
            statuses.setdefault(path, set()).add(world.post(path, body).status_code)
        with world.web.test_client() as client:
            answer = client.post("/api/orders", data=body, content_type="application/json", headers=login)
            statuses.setdefault("orders", set()).add(answer.status_code)
    assert statuses[MESSAGES] | statuses[PAYMENTS] <= {200, 400, 413}
    assert statuses["orders"] <= {400, 413, 422}
    world.work()
    assert world.count(InboxEvent, InboxEvent.status == "dead") == 0
    assert world.count(Order) == 0
    assert world.says("hi")


def test_the_shop_of_these_tests_has_the_tables_of_the_migrations(tmp_path: Path) -> None:
    from db import schema

    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    schema.upgrade(database)
    with database.reading() as session:
        names = set(session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))
    assert set(Base.metadata.tables) <= names
    database.close()
