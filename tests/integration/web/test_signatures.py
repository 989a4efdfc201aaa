"""Nobody but Ghala is believed: what is not signed right is refused and leaves no trace."""

from __future__ import annotations

import json
import time

import pytest
from werkzeug.datastructures import Headers

from tests.integration.web.conftest import (
    MESSAGES,
    PAYMENTS,
    SECRET,
    Door,
    envelope,
    refused,
    text,
)

RAW = json.dumps(envelope(text())).encode()
PAID = json.dumps({"event": "payment.success", "data": {"order_id": "gh_1", "amount": 1}}).encode()
JSON = {"Content-Type": "application/json"}
DAY = 24 * 3600


@pytest.mark.parametrize(("path", "raw"), [(MESSAGES, RAW), (PAYMENTS, PAID)])
@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "0" * 64,
        "not hex at all",
        "é" * 64,
        "\u0660" * 64,
        "a" * 4096,
        "sha256=",
        "sha1=" + "0" * 40,
    ],
)
def test_what_is_not_signed_is_refused_and_not_stored(
    door: Door, path: str, raw: bytes, signature: str | None
) -> None:
    headers = JSON if signature is None else JSON | {"x-ghala-signature": signature}
    refused(door.knock(raw, path, Headers(headers)), 401, "invalid_signature")
    assert door.rows() == []
    assert door.bell.rung == []


def test_the_answer_does_not_say_what_was_wrong_with_the_signature(door: Door) -> None:
    missing = door.knock(RAW, headers=JSON).get_json()
    wrong = door.knock(RAW, headers=JSON | {"x-ghala-signature": "0" * 64}).get_json()
    assert missing == wrong


def test_a_wrong_secret_is_refused(door: Door) -> None:
    refused(door.knock(RAW, headers=door.signed(RAW, secret="another-secret")), 401, "invalid_signature")
    assert door.rows() == []


@pytest.mark.parametrize("scheme", ["timestamp-hex", "timestamp-base64", "meta"])
def test_the_signature_of_another_scheme_is_refused(door: Door, scheme: str) -> None:
    refused(door.knock(RAW, headers=door.signed(RAW, scheme=scheme)), 401, "invalid_signature")
    assert door.rows() == []


def test_only_the_bytes_that_were_signed_are_believed(door: Door) -> None:
    again = json.dumps(json.loads(RAW), separators=(",", ":")).encode()
    assert again != RAW
    refused(door.knock(again, headers=door.signed(RAW)), 401, "invalid_signature")
    assert door.rows() == []


def test_the_prefix_before_the_digest_is_optional(door: Door) -> None:
    headers = door.signed(RAW)
    headers["x-ghala-signature"] = "sha256=" + headers["x-ghala-signature"]
    assert door.knock(RAW, headers=headers).status_code == 200


def test_while_secrets_rotate_both_are_believed_and_no_third(shop) -> None:
    door = Door(shop, ghala_webhook_secrets=("the-new-secret-of-today", SECRET))
    for number, secret in enumerate(("the-new-secret-of-today", SECRET)):
        raw = json.dumps(envelope(text(message_id=f"wamid.{number}"))).encode()
        assert door.knock(raw, headers=door.signed(raw, secret=secret)).status_code == 200
    refused(door.knock(RAW, headers=door.signed(RAW, secret="an-old-secret")), 401, "invalid_signature")
    assert len(door.rows()) == 2


@pytest.mark.parametrize("scheme", ["timestamp-hex", "timestamp-base64", "meta"])
def test_every_scheme_lets_the_genuine_in(shop, scheme: str) -> None:
    door = Door(shop, ghala_signature_scheme=scheme)
    assert door.knock(RAW).status_code == 200
    assert [row.lane for row in door.rows()] == ["normal"]


def test_a_delivery_from_the_future_is_refused(timed: Door) -> None:
    ahead = int(time.time()) + 305  # a little more, since time passes while we knock
    refused(timed.knock(RAW, headers=timed.signed(RAW, at=ahead)), 401, "invalid_signature")
    assert timed.rows() == []


@pytest.mark.parametrize(("path", "raw"), [(MESSAGES, RAW), (PAYMENTS, PAID)])
def test_a_delivery_older_than_five_minutes_goes_into_the_late_lane(
    timed: Door, path: str, raw: bytes
) -> None:
    assert timed.knock(raw, path, timed.signed(raw, at=int(time.time()) - 301)).status_code == 200
    assert [row.lane for row in timed.rows()] == ["late"]


def test_a_delivery_older_than_seven_days_is_refused(timed: Door) -> None:
    old = int(time.time()) - 8 * DAY
    refused(timed.knock(RAW, headers=timed.signed(RAW, at=old)), 401, "invalid_signature")
    assert timed.rows() == []


@pytest.mark.parametrize("written", ["NaN", "nan", "1e999", "inf", "1_0", "-1", "0x10", "", " ", "1.", "²"])
def test_a_time_that_is_no_plain_number_is_refused(timed: Door, written: str) -> None:
    refused(timed.knock(RAW, headers=timed.signed(RAW, at=written)), 401, "invalid_signature")
    assert timed.rows() == []


def test_the_present_in_arabic_digits_is_refused(timed: Door) -> None:
    arabic = str(int(time.time())).translate({ord("0") + digit: 0x660 + digit for digit in range(10)})
    headers = timed.signed(RAW, at=arabic)
    # As a client puts UTF-8 bytes into a header, which WSGI shows as Latin-1.
    headers["x-ghala-timestamp"] = arabic.encode().decode("latin-1")
    refused(timed.knock(RAW, headers=Headers(headers)), 401, "invalid_signature")
    assert timed.rows() == []


def test_a_missing_time_is_refused(timed: Door) -> None:
    headers = timed.signed(RAW)
    del headers["x-ghala-timestamp"]
    refused(timed.knock(RAW, headers=headers), 401, "invalid_signature")


@pytest.mark.parametrize("name", ["x-ghala-signature", "x-ghala-timestamp"])
def test_a_signature_header_given_twice_is_refused(timed: Door, name: str) -> None:
    signed = timed.signed(RAW)
    headers = Headers([*signed.items(), (name, signed[name])])
    refused(timed.knock(RAW, headers=headers), 400, "duplicate_header")
    assert timed.rows() == []


def test_the_handshake_echoes_the_challenge_to_who_knows_the_token(shop) -> None:
    client = Door(shop, ghala_verify_token="letmein").app.test_client()
    ask = {"hub.mode": "subscribe", "hub.verify_token": "letmein", "hub.challenge": "1158201444"}
    answer = client.get(MESSAGES, query_string=ask)
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "1158201444", "text/plain")


@pytest.mark.parametrize(
    "wrong",
    [
        {"hub.verify_token": "guess"},
        {"hub.verify_token": ""},
        {"hub.verify_token": "létmein"},
        {"hub.mode": "unsubscribe"},
        {"hub.challenge": ""},
        {"hub.challenge": "9" * 500},
    ],
)
def test_any_other_handshake_is_refused(shop, wrong: dict[str, str]) -> None:
    client = Door(shop, ghala_verify_token="letmein").app.test_client()
    ask = {"hub.mode": "subscribe", "hub.verify_token": "letmein", "hub.challenge": "1"} | wrong
    refused(client.get(MESSAGES, query_string=ask), 403, "forbidden")


def test_without_a_token_there_is_no_handshake(door: Door) -> None:
    ask = {"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "1"}
    assert door.app.test_client().get(MESSAGES, query_string=ask).status_code == 403
