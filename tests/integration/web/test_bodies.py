"""What is genuine and still nonsense: a 4xx that says why, never a 500, and nothing stored."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pytest
from werkzeug.test import create_environ
from werkzeug.wrappers import Response

from tests.integration.web.conftest import MESSAGES, PAYMENTS, Door, envelope, refused, text

GOOD = json.dumps(envelope(text())).encode()
LIMIT = 64 * 1024

NONSENSE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "json_invalid"),
    "half of it": (GOOD[:40], "json_invalid"),
    "words": (b"hello", "json_invalid"),
    "more behind it": (GOOD + b"{}", "json_invalid"),
    "NaN": (b'{"messages": NaN}', "json_number"),
    "Infinity": (b'{"messages": -Infinity}', "json_number"),
    "five thousand digits": (b'{"messages": ' + b"9" * 5_000 + b"}", "json_number"),
    "an exponent": (b'{"messages": 1e400}', "json_number"),
    "ten thousand deep": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "json_too_deep"),
    "brackets ten thousand deep": (b"[" * 10_000 + b"]" * 10_000, "json_too_deep"),
    "the same key twice": (b'{"messages": [], "messages": []}', "json_duplicate_key"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "json_not_utf8"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "json_not_utf8"),
    "Latin-1": ('{"messages": "é"}'.encode("latin-1"), "json_not_utf8"),
    "a list on top": (b"[]", "json_not_object"),
    "null on top": (b"null", "json_not_object"),
    "a text on top": (b'"messages"', "json_not_object"),
}


@pytest.mark.parametrize("path", [MESSAGES, PAYMENTS])
@pytest.mark.parametrize("what", NONSENSE)
def test_a_body_that_is_no_proper_json_is_refused(door: Door, path: str, what: str) -> None:
    raw, code = NONSENSE[what]
    refused(door.knock(raw, path), 400, code)
    assert door.rows() == []
    assert door.bell.rung == []


@pytest.mark.parametrize("path", [MESSAGES, PAYMENTS])
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", "text/json"])
def test_another_content_type_is_refused(door: Door, path: str, media_type: str) -> None:
    headers = door.signed(GOOD) | {"Content-Type": media_type}
    refused(door.knock(GOOD, path, headers), 415, "unsupported_media_type")
    assert door.rows() == []


def test_a_compressed_body_is_refused(door: Door) -> None:
    raw = gzip.compress(GOOD)
    headers = door.signed(raw) | {"Content-Encoding": "gzip"}
    refused(door.knock(raw, headers=headers), 415, "unsupported_encoding")
    assert door.rows() == []


def _of_size(size: int) -> bytes:
    raw = json.dumps(envelope(text()) | {"padding": ""}).encode()
    return raw.replace(b'"padding": ""', b'"padding": "' + b"x" * (size - len(raw)) + b'"')


@pytest.mark.parametrize("path", [MESSAGES, PAYMENTS])
def test_one_byte_more_than_64_kb_is_refused(door: Door, path: str) -> None:
    raw = _of_size(LIMIT + 1)
    assert len(raw) == LIMIT + 1
    refused(door.knock(raw, path), 413, "body_too_large")
    assert door.rows() == []


def test_exactly_64_kb_is_taken(door: Door) -> None:
    assert door.knock(_of_size(LIMIT)).status_code == 200
    assert len(door.rows()) == 1


class Endless(io.RawIOBase):
    """A body that never ends, and how much of it was read."""

    def __init__(self) -> None:
        self.read_so_far = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.read_so_far += len(buffer)
        buffer[:] = b"x" * len(buffer)
        return len(buffer)


def _chunked(door: Door, path: str, body: Any, raw: bytes) -> Response:
    headers = door.signed(raw) | {"Transfer-Encoding": "chunked"}
    environ = create_environ(path, method="POST", headers=headers)
    environ.pop("CONTENT_LENGTH", None)
    environ |= {"wsgi.input": body, "wsgi.input_terminated": True}  # as gunicorn hands it over
    return Response.from_app(door.app, environ)


@pytest.mark.parametrize("path", [MESSAGES, PAYMENTS])
def test_a_body_without_a_length_is_not_read_without_end(door: Door, path: str) -> None:
    body = Endless()
    answer = _chunked(door, path, body, b"{}")
    assert (answer.status_code, json.loads(answer.get_data())["code"]) == (413, "body_too_large")
    assert body.read_so_far == LIMIT + 1
    assert door.rows() == []


def test_a_body_without_a_length_may_be_as_long_as_any(door: Door) -> None:
    for size, status in ((LIMIT, 200), (LIMIT + 1, 413)):
        raw = _of_size(size)
        assert _chunked(door, MESSAGES, io.BytesIO(raw), raw).status_code == status
    assert len(door.rows()) == 1


def test_meta_may_send_larger_batches(shop) -> None:
    door = Door(shop, ghala_dialect="cloud", ghala_signature_scheme="meta")
    assert door.knock(_of_size(1024 * 1024)).status_code == 200
    refused(door.knock(_of_size(3 * 1024 * 1024 + 1)), 413, "body_too_large")


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"messages": "Hi"},
        {"messages": None},
        {"object": "whatsapp_business_account"},
        {"event": ["message.received"]},
        {"hello": "world"},
    ],
)
def test_json_that_means_nothing_is_never_a_server_error(door: Door, payload: Any) -> None:
    answer = door.deliver(payload)
    assert answer.status_code < 500
    assert "success" in answer.get_json()
    assert [row for row in door.rows() if row.status == "waiting"] == []


@pytest.mark.parametrize(
    "item", [None, 7, "Hi", [], {}, {"id": 1}, {"from": {}}, {"type": "text"}, {"from": "x" * 9_000}]
)
def test_one_bad_message_in_a_batch_leaves_the_others(door: Door, item: Any) -> None:
    answer = door.deliver(envelope(text("one", "wamid.1"), item, text("two", "wamid.2")))
    assert answer.status_code == 200
    waiting = [row for row in door.rows() if row.status == "waiting"]
    assert {row.own_id for row in waiting} >= {"wamid.1", "wamid.2"}
    assert len(door.bell.rung) == len(waiting)


def test_control_characters_in_a_good_message_do_not_lose_it(door: Door) -> None:
    raw = b'{"messages": [{"id": "w1", "from": "254711222333", "type": "text", "text": {"body": "a\\u0000\\ud800"}}]}'
    assert door.knock(raw).status_code == 200
    assert [row.status for row in door.rows()] == ["waiting"]
