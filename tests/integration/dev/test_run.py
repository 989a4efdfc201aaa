"""`make run` as an engineer meets it: real processes, real signals, one clear sentence for each trouble."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes through /proc")


def test_it_opens_a_shop_and_says_where_and_how_to_get_in(shop: Any) -> None:
    shop.open()
    assert f"http://127.0.0.1:{shop.sandbox_port}/" in shop.output
    assert f"http://127.0.0.1:{shop.port}/admin" in shop.output
    assert shop.kept()["ADMIN_PASSWORD"] in shop.output
    assert (shop.root / "var" / "released").read_text() == "x"
    connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=5)
    connection.request("GET", "/readyz")
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_cleanly(shop: Any, number: signal.Signals) -> None:
    shop.open()
    assert len(shop.processes()) >= 5
    code, output = shop.stop(number)
    assert code == 0, output
    assert shop.processes() == []
    assert (shop.root / "var" / "worker-finished").exists()
    assert "Traceback" not in output


def test_a_second_run_keeps_secrets_password_and_what_redis_knew(shop: Any) -> None:
    import redis

    shop.open()
    first = shop.kept()
    shop.stop()
    shop.open()
    assert shop.kept() == first
    client = redis.Redis(port=int(first["VALKEY_PORT"]), password=first["VALKEY_PASSWORD"])
    assert client.get("starts") == b"2"
    client.close()


def test_the_kept_secrets_are_for_their_owner_only(shop: Any) -> None:
    shop.open()
    assert stat.S_IMODE((shop.root / "var" / "dev.env").stat().st_mode) == 0o600
    for process in shop.processes():
        line = Path(f"/proc/{process}/cmdline").read_bytes().decode()
        assert shop.kept()["VALKEY_PASSWORD"] not in line


def test_a_crash_of_one_stops_the_others_and_names_it(shop: Any) -> None:
    shop.open()
    worker = next(
        p for p in shop.processes() if Path(f"/proc/{p}/cmdline").read_bytes().endswith(b"\0worker\0")
    )
    os.kill(worker, signal.SIGKILL)
    code = shop.process.wait(40)
    assert code == 1
    assert "worker ended by itself (exit code -9" in shop.output
    assert shop.processes() == []


def test_a_valkey_that_dies_stops_the_others_and_is_named(shop: Any) -> None:
    shop.open()
    valkey = next(p for p in shop.processes() if b"valkey-server" in Path(f"/proc/{p}/cmdline").read_bytes())
    os.kill(valkey, signal.SIGKILL)
    assert shop.process.wait(40) == 1
    assert "valkey ended by itself" in shop.output
    assert shop.processes() == []


def test_a_ctrl_c_while_the_database_is_prepared_leaves_nothing(shop: Any) -> None:
    (shop.root / "Procfile").write_text("release: sh -c 'echo preparing; sleep 60'\n")
    shop.start()
    shop.wait_for("preparing")
    code, output = shop.stop()
    assert code == 0
    assert "Traceback" not in output
    assert shop.processes() == []


def test_a_ctrl_c_while_the_processes_start_leaves_nothing(shop: Any) -> None:
    shop.start()
    shop.until((shop.root / "var" / "released").exists, "release")
    code, output = shop.stop()
    assert code == 0
    assert "Traceback (most recent call last)" not in output
    assert shop.processes() == []


def test_a_failing_release_stops_before_anything_is_served(shop: Any) -> None:
    (shop.root / "Procfile").write_text("release: sh -c 'echo no disk; exit 3'\n")
    code, output = shop.run()
    assert code == 1
    assert "no disk" in output
    assert "`release` ended with 3" in output
    assert shop.processes() == []


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT", "VALKEY_PORT"])
def test_a_busy_port_is_named_and_another_one_offered(shop: Any, name: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        code, output = shop.run(**{name: str(taken)})
    assert code == 1
    assert f"Port {taken} is busy: choose another with `{name}=" in output
    assert len(output.strip().splitlines()) == 1


def test_a_kept_valkey_port_that_is_taken_now_is_replaced(shop: Any) -> None:
    shop.open()
    shop.stop()
    before = shop.kept()["VALKEY_PORT"]
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(before)))
        listener.listen()
        shop.open()
    assert shop.kept()["VALKEY_PORT"] != before


def test_two_runs_in_one_folder_do_not_share_its_data(shop: Any) -> None:
    first = shop.open()
    kept = shop.kept()
    try:
        code, output = shop.run()
        assert code == 1
        assert (
            output.strip()
            == f"Duka already runs from this folder (process {first.pid}): stop that one first."
        )
        assert shop.kept() == kept
    finally:
        first.send_signal(signal.SIGINT)
        assert first.wait(40) == 0


def test_a_folder_that_cannot_be_written_to_is_one_sentence(shop: Any) -> None:
    (shop.root / "var").write_text("a file in the way")
    code, output = shop.run()
    assert code == 1
    assert "var cannot be written to" in output
    assert len(output.strip().splitlines()) == 1


def test_a_missing_package_is_one_sentence(shop: Any) -> None:
    with (shop.root / "requirements.txt").open("a") as file:
        file.write("\nno-such-package-of-duka==1.0\n")
    code, output = shop.run()
    assert code == 1
    assert "no-such-package-of-duka; run `make clean run`" in output
    assert len(output.strip().splitlines()) == 1


def test_bad_values_are_sentences(shop: Any) -> None:
    code, output = shop.run(SHOP_CURRENCY="cowries", WORKER_THREADS="many")
    assert code == 1
    assert "SHOP_CURRENCY must be one of" in output
    assert "WORKER_THREADS must be a number" in output
    assert "Traceback" not in output


def test_production_is_not_started_this_way(shop: Any) -> None:
    code, output = shop.run(DUKA_ENV="production")
    assert code == 1
    assert "Procfile" in output


def test_a_redis_of_ones_own_is_used_and_no_valkey_started(shop: Any, redis_url: str) -> None:
    shop.open(REDIS_URL=redis_url)
    assert not (shop.root / "var" / "valkey").exists()
    assert "VALKEY_PORT" not in shop.kept()


def test_a_redis_of_ones_own_that_does_not_answer_is_one_sentence(shop: Any) -> None:
    code, output = shop.run(REDIS_URL="redis://:hidden@127.0.0.1:1/0")
    assert code == 1
    assert "REDIS_URL points to 127.0.0.1:1, which does not answer" in output
    assert "hidden" not in output
    assert len(output.strip().splitlines()) == 1


def test_values_in_the_env_file_count_and_an_own_password_is_not_shown(shop: Any) -> None:
    (shop.root / ".env").write_text("ADMIN_PASSWORD=mine-and-mine-alone\nADMIN_USERNAME=asha\nSECRET_KEY=\n")
    shop.open()
    assert "asha" in shop.output
    assert "mine-and-mine-alone" not in shop.output
    assert "ADMIN_PASSWORD" not in shop.kept()


def test_a_real_ghala_is_used_without_a_sandbox(shop: Any) -> None:
    shop.open(GHALA_API_URL="https://ghala.example", GHALA_API_KEY="key", GHALA_WEBHOOK_SECRET="a, b")
    assert "https://ghala.example" in shop.output
    assert "sandbox" not in shop.output


def test_reset_deletes_only_when_told_to_and_never_under_a_running_shop(shop: Any) -> None:
    import subprocess

    def reset(answer: str, **own: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "dev.reset"],
            cwd=shop.root,
            env=shop.environment(**own),
            input=answer,
            text=True,
            capture_output=True,
            check=False,
        ).stdout

    assert "nothing to delete" in reset("")
    shop.open()
    assert "already runs" in reset("", YES="1")
    shop.stop()
    assert "Nothing was deleted" in reset("n\n")
    assert "Nothing was deleted" in reset("")
    assert (shop.root / "var" / "dev.env").exists()
    assert "Deleted" in reset("y\n")
    assert not (shop.root / "var").exists()
