"""Many processes as one: time to finish, a kill for those who do not, a terminal that goes away."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dev import processes as module
from dev.processes import Processes


def test_one_that_ends_takes_the_others_along(tmp_path: Path) -> None:
    processes = Processes()
    processes.add("short", "sh -c 'exit 3'", {"PATH": os.defpath}, tmp_path)
    processes.add("long", "sleep 60", {"PATH": os.defpath}, tmp_path)
    processes.run()
    assert processes.culprit == ("short", 3)
    assert processes.running == {}
    assert processes.killed == []


def test_one_that_does_not_stop_in_time_is_killed_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.3)
    processes = Processes()
    stubborn = (
        "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); signal.sigwait([12])"
    )
    processes.add("stubborn", f'{sys.executable} -c "{stubborn}"', {"PATH": os.defpath}, tmp_path)
    printed = processes.printer.write

    def stop_once_deaf(message: object) -> None:
        printed(message)
        processes.stop()

    processes.printer.write = stop_once_deaf
    processes.run()
    assert processes.killed == ["stubborn"]
    assert processes.culprit is None


def test_a_stop_before_the_start_still_stops_everything(tmp_path: Path) -> None:
    processes = Processes()
    processes.add("long", "sleep 60", {"PATH": os.defpath}, tmp_path)
    processes.stop()
    processes.run()
    assert processes.running == {}
    assert processes.culprit is None


def test_lines_carry_the_name_of_their_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    processes = Processes()
    processes.printer.output = sys.stdout
    processes.add("web", "echo hello", {"PATH": os.defpath}, tmp_path)
    processes.run()
    assert "web | hello" in capsys.readouterr().out


def test_nobody_reading_any_more_stops_everything(tmp_path: Path) -> None:
    processes = Processes()
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", buffering=1) as broken:  # noqa: PTH123
        processes.printer.output = broken
        processes.add(
            "chatty", "sh -c 'while :; do echo line; sleep 0.1; done'", {"PATH": os.defpath}, tmp_path
        )
        processes.run()
        assert processes.running == {}
        assert processes.culprit is None
