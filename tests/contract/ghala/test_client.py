"""The blocking client: what goes over the line, and what each kind of broken line means."""

import gzip
import ssl
import threading

import pytest
import requests
import responses
import urllib3
from responses import matchers

from errors import ConfigError, GatewayUnavailable, OutcomeUnknown
from ghala.client import GhalaClient
from ghala.dialects import V1, Request, Sent
from ghala.messages import Text

BASE = "https://api.ghala.example/v1"
KEY = "ghl_test_0123456789"
POST = V1().send_message("254711222333", Text("Hi"), "out:1")
GET = V1().get_order("gh_1")
MESSAGES = f"{BASE}/whatsapp/messages"
ORDER = f"{BASE}/orders/gh_1"


@pytest.fixture
def ghala():
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def client():
    made = GhalaClient(BASE, KEY, max_response=1000)
    yield made
    made.close()


def answer_both(mock, **answer):
    mock.add(responses.POST, MESSAGES, **answer)
    mock.add(responses.GET, ORDER, **answer)


def test_a_call_carries_the_key_the_idempotency_key_and_the_json(ghala, client):
    ghala.add(
        responses.POST,
        MESSAGES,
        body='{"id":"wamid.1"}',
        headers={"X-Request-Id": "r1"},
        match=[
            matchers.header_matcher({
                "Authorization": f"Bearer {KEY}", "Idempotency-Key": "out:1", "Content-Type": "application/json",
            }),
            matchers.json_params_matcher({"to": "254711222333", "type": "text", "text": {"body": "Hi"}}),
            matchers.request_kwargs_matcher({"timeout": (3, 10), "verify": True, "stream": True}),
        ],
    )  # fmt: skip
    answer = client.call(POST)
    assert (answer.status, answer.headers["x-request-id"]) == (200, "r1")
    assert V1().read_sent(answer.status, answer.headers, answer.body) == Sent("wamid.1")


def test_a_get_has_no_body(ghala, client):
    ghala.add(responses.GET, ORDER, body="{}")
    client.call(GET)
    assert ghala.calls[0].request.body is None
    assert "Content-Type" not in ghala.calls[0].request.headers


@pytest.mark.parametrize("status", [201, 400, 401, 403, 404, 409, 422, 429, 500, 503])
def test_every_answer_comes_back_for_the_dialect_to_judge(ghala, client, status):
    ghala.add(responses.POST, MESSAGES, status=status, body="{}", headers={"Retry-After": "9"})
    answer = client.call(POST)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (status, b"{}", "9")


def test_a_429_waits_as_long_as_the_server_says(ghala, client):
    ghala.add(responses.POST, MESSAGES, status=429, body="slow down", headers={"Retry-After": "9"})
    answer = client.call(POST)
    with pytest.raises(GatewayUnavailable) as refusal:
        V1().read_sent(answer.status, answer.headers, answer.body)
    assert refusal.value.retry_after == 9


def test_garbage_is_unknown(ghala, client):
    ghala.add(responses.POST, MESSAGES, body=b"\x00\xff<html>")
    answer = client.call(POST)
    with pytest.raises(OutcomeUnknown):
        V1().read_sent(answer.status, answer.headers, answer.body)


def unreached(reason):
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/", reason))


UNREACHED = {
    "refused": unreached(urllib3.exceptions.NewConnectionError(None, "refused")),
    "no such name": unreached(urllib3.exceptions.NameResolutionError("api", None, OSError("no such name"))),
    "connect timeout": requests.ConnectTimeout("slow"),
    "untrusted certificate": requests.exceptions.SSLError(
        urllib3.exceptions.MaxRetryError(None, "/", urllib3.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed")))
    ),
}  # fmt: skip

BROKEN = {
    "read timeout": requests.ReadTimeout("slow"),
    "connection lost": requests.ConnectionError(
        urllib3.exceptions.ProtocolError("aborted", ConnectionResetError())
    ),
    "lost without a reason": requests.ConnectionError(),
    "tls broke later": requests.exceptions.SSLError(urllib3.exceptions.SSLError(ssl.SSLError("bad record"))),
    "cut body": requests.exceptions.ChunkedEncodingError("short"),
}


@pytest.mark.parametrize("failure", UNREACHED.values(), ids=UNREACHED)
@pytest.mark.parametrize("request_", [POST, GET], ids=["post", "get"])
def test_what_was_never_sent_may_be_tried_again(client, failure, request_):
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        answer_both(mock, body=failure)
        with pytest.raises(GatewayUnavailable):
            client.call(request_)


@pytest.mark.parametrize("failure", BROKEN.values(), ids=BROKEN)
def test_a_post_that_broke_after_sending_is_unknown_and_a_get_may_be_repeated(ghala, client, failure):
    answer_both(ghala, body=failure)
    with pytest.raises(OutcomeUnknown):
        client.call(POST)
    with pytest.raises(GatewayUnavailable):
        client.call(GET)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(ghala, client, status):
    answer_both(ghala, status=status, headers={"Location": "https://elsewhere.example/"})
    with pytest.raises(OutcomeUnknown):
        client.call(POST)
    with pytest.raises(GatewayUnavailable):
        client.call(GET)
    assert len(ghala.calls) == 2


@pytest.mark.parametrize(
    "answer",
    [
        {"body": b"x" * 1001},
        {"body": gzip.compress(b"x" * 1_000_000), "headers": {"Content-Encoding": "gzip"}},
    ],
    ids=["plain", "gzip bomb"],
)
def test_an_answer_too_large_is_not_read(ghala, client, answer):
    answer_both(ghala, **answer)
    with pytest.raises(OutcomeUnknown):
        client.call(POST)
    with pytest.raises(GatewayUnavailable):
        client.call(GET)


def test_an_answer_as_large_as_allowed_is_read(ghala, client):
    ghala.add(responses.GET, ORDER, body=b"x" * 1000)
    assert len(client.call(GET).body) == 1000


def test_an_answer_that_drips_is_given_up(ghala):
    with_no_patience = GhalaClient(BASE, KEY, read_timeout=-1)
    ghala.add(responses.POST, MESSAGES, body="{}")
    with pytest.raises(OutcomeUnknown, match="too long"):
        with_no_patience.call(POST)


def test_each_thread_keeps_one_session():
    made = []

    def factory():
        made.append(requests.Session())
        return made[-1]

    client = GhalaClient(BASE, KEY, session_factory=factory)
    with responses.RequestsMock() as mock:
        mock.add(responses.GET, ORDER, body="{}")
        client.call(GET)
        client.call(GET)
        assert len(made) == 1
        thread = threading.Thread(target=lambda: (client.call(GET), client.close()))
        thread.start()
        thread.join()
    assert len(made) == 2
    client.close()
    client.close()
    assert not any(session.trust_env for session in made)


def test_cookies_are_not_kept(ghala, client):
    ghala.add(responses.GET, ORDER, body="{}", headers={"Set-Cookie": "a=b"})
    client.call(GET)
    client.call(GET)
    assert "Cookie" not in ghala.calls[1].request.headers


def test_the_key_and_the_words_do_not_show(client):
    assert KEY not in repr(client)
    assert KEY not in repr(client.__dict__)
    assert "Hi" not in repr(POST)
    assert "254711222333" not in repr(POST)


@pytest.mark.parametrize(
    ("base", "key"),
    [
        ("", KEY),
        ("ftp://x", KEY),
        ("https://", KEY),
        ("https://[x", KEY),
        ("https://x/?a=1", KEY),
        (BASE, ""),
        (BASE, "a b"),
        (BASE, "a\r\nX: y"),
        (BASE, "é"),
    ],
)
def test_a_connection_that_cannot_work_stops_the_start(base, key):
    with pytest.raises(ConfigError):
        GhalaClient(base, key)


def test_a_slash_after_the_address_does_no_harm(ghala):
    ghala.add(responses.GET, ORDER, body="{}")
    assert GhalaClient(f"{BASE}/", KEY).call(Request("GET", "/orders/gh_1")).status == 200
