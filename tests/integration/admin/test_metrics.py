"""``/metrics``: who may read it, what it tells, and that it tells it for several processes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from sqlalchemy import event

import measuring
from admin.metrics import DISK, FIGURES, UP
from db import inbox
from tests.factories import Seed
from tests.integration.admin.conftest import Room, open_room

ROOT = Path(__file__).parents[3]
FAR = {"REMOTE_ADDR": "203.0.113.9"}
TOKEN = "a-token-of-the-scraper"


def figures(room: Room) -> dict[str, float]:
    answer = room.client.get("/metrics")
    assert answer.status_code == 200, answer.text
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_strangers_are_refused_and_the_token_opens(database, now, shop) -> None:
    room = open_room(database, now, metrics_token=TOKEN)
    assert room.client.get("/metrics", environ_base=FAR).status_code == 403
    wrong = {"Authorization": "Bearer a-token-of-a-stranger"}
    assert room.client.get("/metrics", environ_base=FAR, headers=wrong).status_code == 403
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert room.client.get("/metrics", environ_base=FAR, headers=right).status_code == 200
    proxied = {"X-Forwarded-For": "127.0.0.1"}
    assert room.client.get("/metrics", headers=proxied).status_code == 403


def test_without_a_token_only_this_machine_reads(room: Room) -> None:
    empty = {"Authorization": "Bearer "}
    assert room.client.get("/metrics", environ_base=FAR, headers=empty).status_code == 403
    assert room.client.get("/metrics").status_code == 200


def test_the_oldest_event_and_the_backlog_are_told(room: Room, database, now) -> None:
    with database.writing() as session:
        news = [
            inbox.NewEvent("message", f"e{number}", b"{}", customer_key="254711222333") for number in range(3)
        ]
        inbox.record(session, 1, "messages:main", news)
    now.advance(90)
    found = figures(room)
    assert found["duka_inbox_oldest_seconds"] == pytest.approx(90, abs=1)
    assert found['duka_waiting{table="inbox"}'] == 3
    assert found["duka_outbox_oldest_seconds"] == 0


def test_the_day_is_told_from_its_counters(room: Room, database, now, shop) -> None:
    with database.writing() as session:
        seed = Seed(session, now())
        seed.heartbeat()
    found = figures(room)
    assert found['duka_today{figure="orders_paid",shop="main"}'] == 0
    assert found["duka_worker_silence_seconds"] == pytest.approx(0, abs=1)
    assert found['duka_payments_open{status="unknown"}'] == 0
    assert found['duka_money_open{kind="unmatched"}'] == 0


def test_requests_are_counted_by_route_and_status(room: Room) -> None:
    name = 'duka_http_requests_total{route="/livez",status="200"}'
    before = figures(room).get(name, 0)
    room.client.get("/livez")
    assert figures(room)[name] == before + 1
    assert not any("/nowhere" in key for key in figures(room))


def test_the_free_part_of_the_disk_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(total=100, free=8)
    monkeypatch.setattr("keeping.files.shutil.disk_usage", lambda _: usage)
    assert figures(room)[DISK] == 0.08


def test_a_disk_that_cannot_be_read_leaves_the_other_figures(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: object) -> None:
        raise OSError

    monkeypatch.setattr("keeping.files.shutil.disk_usage", gone)
    found = figures(room)
    assert DISK not in found
    assert found[UP] == 1


def test_without_a_database_that_is_what_is_told(
    room: Room, database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    def gone(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr(type(database), "reading", gone)
    found = figures(room)
    assert found[UP] == 0
    assert "duka_inbox_oldest_seconds" not in found


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_no_figure_reads_a_whole_table(room: Room, database) -> None:
    asked: list[str] = []
    event.listen(
        database.engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement)
    )
    figures(room)
    with database.reading() as session:
        for statement in asked:
            if "inbox_events" in statement or "outbox_messages" in statement or "payments" in statement:
                plan = session.connection().exec_driver_sql(
                    f"EXPLAIN QUERY PLAN {statement}", (None,) * statement.count("?")
                )
                words = [row[3] for row in plan]
                assert not [w for w in words if re.match(r"SCAN \w+$", w) and "anon" not in w], (
                    statement,
                    words,
                )


def test_processes_of_one_machine_are_added_up(tmp_path: Path) -> None:
    worker = (
        "import sys, pathlib, measuring\n"
        "measuring.share(pathlib.Path(sys.argv[1]))\n"
        "measuring.count(measuring.SENDS, 'sent', times=int(sys.argv[2]))\n"
        "print(measuring.exposed().decode()) if sys.argv[3:] else None\n"
    )

    def runs(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", worker, str(tmp_path), *arguments],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    busy = subprocess.Popen(
        [sys.executable, "-c", worker + "sys.stdout.flush(); sys.stdin.read()", str(tmp_path), "2", "show"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert busy.stdout is not None
        while busy.stdout.readline().strip() != 'duka_sends_total{result="sent"} 2.0':
            assert busy.poll() is None
        assert 'duka_sends_total{result="sent"} 5.0' in runs("3", "show")
        # Files of a process that is gone are forgotten by the next that starts.
        assert 'duka_sends_total{result="sent"} 3.0' in runs("1", "show")
    finally:
        busy.kill()
        busy.communicate()


def known() -> set[str]:
    names = {figure.name for figure in FIGURES} | {UP, DISK}
    for metric in measuring.ALL:
        names |= (
            {metric.name}
            if not metric.buckets
            else {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
        )
    return names


def used_in(expression: str) -> set[str]:
    return set(re.findall(r"\bduka_[a-z_]+\b", expression))


def test_the_alert_rules_name_metrics_that_exist() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len(alerts) >= 15
    for rule in alerts:
        assert used_in(rule["expr"]), rule["alert"]
        assert used_in(rule["expr"]) <= known(), rule["alert"]
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["what_to_do"]


def test_the_dashboard_names_metrics_that_exist() -> None:
    board = json.loads((ROOT / "deploy" / "grafana" / "duka.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    assert len(expressions) >= 15
    for expression in expressions:
        assert used_in(expression), expression
        assert used_in(expression) <= known(), expression
