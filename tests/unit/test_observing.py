"""What a log line may hold, and what stands on it by itself."""

from __future__ import annotations

import json
import logging
import sys
import threading
from typing import Any

import pytest

from errors import OutOfStock
from observing import (
    LIBRARY,
    JsonFormatter,
    LineFormatter,
    RequestIds,
    add,
    bound,
    bound_fields,
    for_gunicorn,
    mask,
)
from tests import log_watch

PHONES = (
    "254711222333",
    "+254711222333",
    "00254711222333",
    "255754111222",
    "0711222333",
    "0111222333",
    "+254 711 222 333",
    "0711-222-333",
)


def record(message: str, *args: Any, name: str = "duka.test", **fields: Any) -> logging.LogRecord:
    """A record as a logger makes it, without any logger."""
    made = logging.LogRecord(name, logging.INFO, __file__, 1, message, args, fields.pop("exc_info", None))
    vars(made).update(fields)
    return made


def line(message: str, *args: Any, **fields: Any) -> dict[str, Any]:
    return dict(json.loads(JsonFormatter().format(record(message, *args, **fields))))


@pytest.mark.parametrize("phone", PHONES)
@pytest.mark.parametrize("around", ["{}", "call {}.", "('{}',)", "to={}&x", "wrote {}\n", '"{}"', "id:{},"])
def test_no_phone_number_survives_the_mask(phone: str, around: str) -> None:
    masked = mask(around.format(phone))
    assert "••••" in masked
    assert phone not in masked
    assert "1222" not in masked.replace("-", "").replace(" ", "")


@pytest.mark.parametrize(
    "text",
    ["ORD-7K3M9Q", "2026-11-20", "KES 150000", "PAY-7K3M9Q2345678ABC", "1.25 s", "a1b2" * 8, "port 40561"],
)
def test_what_is_no_phone_number_stays(text: str) -> None:
    assert mask(text) == text


def test_what_follows_a_question_mark_in_an_address_is_cut() -> None:
    said = mask("Error handling request /api/messages/incoming?hub.verify_token=abc&x=1 now")
    assert said == "Error handling request /api/messages/incoming?… now"


def test_credentials_are_cut() -> None:
    assert mask("Authorization: Bearer abc.def-1 sent") == "Authorization: Bearer •••• sent"


def test_nobody_can_forge_a_line() -> None:
    written = JsonFormatter().format(record("paid", note='x\r\n{"event": "forged"}'))
    assert "\n" not in written
    assert json.loads(written)["event"] == "paid"


def test_a_fact_of_ours_has_a_constant_name_and_fields() -> None:
    entry = line("order_expired", order_id=7)
    assert (entry["event"], entry["order_id"], entry["level"]) == ("order_expired", 7, "info")


def test_what_a_library_says_is_a_field_and_masked() -> None:
    entry = line("Executing %s for %s", "task", "254711222333", name="huey")
    assert (entry["event"], entry["said"]) == (LIBRARY, "Executing task for 2547••••333")


def test_what_is_being_worked_on_stands_on_every_line_until_it_ends() -> None:
    with bound(inbox_event_id=5):
        add(customer_id=9)
        assert (line("a")["inbox_event_id"], line("Oh %s", "no")["customer_id"]) == (5, 9)
        with bound(order_ref="ORD-7K3M9Q"):
            assert {"inbox_event_id", "customer_id", "order_ref"} <= line("b").keys()
        assert "order_ref" not in line("c")
    assert bound_fields() == {}


def test_nothing_is_added_where_no_work_began() -> None:
    add(customer_id=9)
    assert bound_fields() == {}


def test_threads_do_not_see_each_others_work() -> None:
    seen: list[dict[str, Any]] = []
    with bound(customer_id=1):
        thread = threading.Thread(target=lambda: seen.append(bound_fields()))
        thread.start()
        thread.join()
    assert seen == [{}]


def raised(error: Exception, cause: Exception | None = None) -> Any:
    try:
        raise error from cause
    except type(error):
        return sys.exc_info()


def test_of_an_error_that_is_not_ours_only_the_kind_is_written() -> None:
    trace = line("task_failed", exc_info=raised(ValueError("Amina lives at 123 Main St")))["trace"]
    assert "builtins.ValueError" in trace
    assert "raised" in trace
    assert log_watch.found_in(trace) == []


def test_the_cause_of_an_error_is_written_too() -> None:
    trace = line("task_failed", exc_info=raised(RuntimeError("a"), KeyError("Amina")))["trace"]
    assert trace.index("builtins.KeyError") < trace.index("builtins.RuntimeError")
    assert "Amina" not in trace


def test_of_our_own_errors_the_words_are_written() -> None:
    assert "product 3: only 1 left" in line("task_failed", exc_info=raised(OutOfStock(3, 1)))["trace"]


def test_at_a_terminal_the_same_facts_read_as_a_line() -> None:
    with bound(customer_id=4):
        said = LineFormatter().format(record("order_expired", order_id=7))
    assert said.endswith("info    order_expired customer_id=4 order_id=7")


def test_gunicorns_words_leave_as_ours_do(capfd: pytest.CaptureFixture[str]) -> None:
    settings = for_gunicorn(production=True)
    assert settings["formatters"]["generic"]["()"] is JsonFormatter
    assert settings["loggers"]["gunicorn.error"] == {"handlers": [], "propagate": True}
    assert settings["loggers"]["gunicorn.access"]["handlers"] == []


class Site:
    """A WSGI application that remembers what was bound while it ran."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        self.seen = bound_fields()
        start_response("200 OK", [("X-Other", "1")])
        return [b""]

    def ask(self, given: str | None = None) -> str:
        answered: list[tuple[str, str]] = []
        environ = {} if given is None else {"HTTP_X_REQUEST_ID": given}
        watched: Any = RequestIds(self, lambda: "a-new-name")
        watched(environ, lambda status, headers: answered.extend(headers))
        assert ("X-Other", "1") in answered
        return dict(answered)["X-Request-Id"]


def test_a_well_formed_request_id_is_kept_and_given_back() -> None:
    site = Site()
    assert site.ask("edge-7f3a.91_B") == "edge-7f3a.91_B"
    assert site.seen == {"request_id": "edge-7f3a.91_B"}
    assert bound_fields() == {}


@pytest.mark.parametrize(
    "given",
    [None, "", "short", "x" * 65, "a b c d e f", "line\r\nbreak", "254711222333", "é" * 12, "<script>alert"],
)
def test_any_other_is_replaced(given: str | None) -> None:
    assert Site().ask(given) == "a-new-name"


@pytest.mark.parametrize(
    "planted",
    [
        record("order placed by 254711222333"),
        record("placed", phone="0711222333"),
        record("placed", address="123 Main St, Nairobi"),
        record("hello %s", "Amina"),
        record("configured", secret="kima-todu-fela-runi"),
    ],
)
def test_the_watch_over_the_logs_sees_what_is_planted(planted: logging.LogRecord) -> None:
    assert log_watch.read(planted) != []


def test_the_watch_reads_every_logger_at_every_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_watch, "leaks", [])
    logging.getLogger("some.library").debug("to %s", "254711222333")
    logging.getLogger("duka.bot").debug("ok")
    assert [what for _, what in log_watch.leaks] == ["some.library wrote '254711222333'"]
