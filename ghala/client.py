"""The HTTP client towards Ghala: one call, one answer, and what a broken line means.

It never retries by itself and never logs bodies, phones or keys. What an answer says is for the dialects; this module
only tells apart "nothing happened" (``GatewayUnavailable``) and "it may have happened" (``OutcomeUnknown``).
"""

from __future__ import annotations

import random
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Final, NoReturn
from urllib.parse import urlsplit

import requests
import urllib3

import measuring
from errors import ConfigError, GatewayUnavailable, OutcomeUnknown
from ghala import strict_json
from ghala.dialects.base import Request

LONGEST_WAIT_SECONDS: Final = 300.0
MAX_RESPONSE_BYTES: Final = 1_000_000
_CHUNK = 65_536
_KEY = re.compile(r"[\x21-\x7e]+", re.ASCII)
_HIGHEST_DOUBLING = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Connection:
    """Where to call and as whom, the same for both clients.

    Raises:
        ConfigError: the address is not http(s), or the key could not stand in a header.
    """

    base_url: str
    api_key: str = field(repr=False)
    connect_timeout: float = 3.0
    read_timeout: float = 10.0
    max_response: int = MAX_RESPONSE_BYTES

    def __post_init__(self) -> None:
        problems = []
        try:
            parts = urlsplit(self.base_url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query
        except ValueError:
            usable = False
        if not usable:
            problems.append("the Ghala address must be a web address without a query")
        if not _KEY.fullmatch(self.api_key):
            problems.append("the Ghala key is empty or has characters no header may carry")
        if problems:
            raise ConfigError(problems)

    def url(self, request: Request) -> str:
        """The full address of a call."""
        return self.base_url.rstrip("/") + request.path

    def headers(self, request: Request) -> dict[str, str]:
        """The headers of a call."""
        headers = {
            "Authorization": f"Bearer {self.api_key}",
            "Accept": "application/json",
            # A compressed answer could be far larger than its cap suggests.
            "Accept-Encoding": "identity",
            "User-Agent": "duka",
        }
        if request.json is not None:
            headers["Content-Type"] = "application/json"
        return headers | dict(request.headers)


class GhalaClient:
    """A blocking client, safe to share between threads: each thread keeps its own connection alive.

    Args:
        base_url: where the API lives, as ``https://api.ghala.io/v1``.
        api_key: the bearer key.
        connect_timeout: seconds to reach the server.
        read_timeout: seconds to the first byte of an answer, and again for the whole of its body.
        max_response: bytes of body that are read at most.
        session_factory: makes a thread's session; replaced in tests.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        connect_timeout: float = 3,
        read_timeout: float = 10,
        max_response: int = MAX_RESPONSE_BYTES,
        session_factory: Callable[[], requests.Session] = requests.Session,
    ) -> None:
        self._connection = Connection(base_url, api_key, connect_timeout, read_timeout, max_response)
        self._session_factory = session_factory
        self._local = threading.local()

    def __repr__(self) -> str:
        return f"GhalaClient({self._connection.base_url!r})"

    def call(self, request: Request) -> Answer:
        """Make one call.

        Returns:
            The answer, whatever its status (except redirects, which are not followed).

        Raises:
            GatewayUnavailable: nothing happened: not reached, or a ``GET`` that broke.
            OutcomeUnknown: a ``POST`` that was sent and then broke, was redirected or answered without end.
        """
        with measuring.calling("payments", request.method) as measured:
            answer = self._call(request)
            measured.answered(answer.status)
        return answer

    def _call(self, request: Request) -> Answer:
        connection = self._connection
        try:
            response = self._session().request(
                request.method,
                connection.url(request),
                data=None if request.json is None else strict_json.dumps(request.json),
                headers=connection.headers(request),
                timeout=(connection.connect_timeout, connection.read_timeout),
                allow_redirects=False,
                stream=True,
                verify=True,
            )
        except requests.RequestException as failure:
            if _never_sent(failure):
                raise GatewayUnavailable(f"not reached: {type(failure).__name__}") from failure
            broken(request, type(failure).__name__, failure)
        with response:
            if HTTPStatus.MULTIPLE_CHOICES <= response.status_code < HTTPStatus.BAD_REQUEST:
                broken(request, f"redirect {response.status_code}")
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, headers, self._body(request, response))

    def close(self) -> None:
        """Close the calling thread's connection; the others close with their threads."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is not None:
            session.close()
            del self._local.session

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._session_factory()
            # No .netrc that would replace our key, no proxies or certificates from a stray environment.
            session.trust_env = False
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            self._local.session = session
        return session

    def _body(self, request: Request, response: requests.Response) -> bytes:
        deadline = time.monotonic() + self._connection.read_timeout
        received = bytearray()
        try:
            for chunk in response.iter_content(_CHUNK):
                received += chunk
                if len(received) > self._connection.max_response:
                    broken(request, "the answer is too large")
                if time.monotonic() > deadline:  # the timeout of a socket starts again with every byte
                    broken(request, "the answer takes too long")
        except requests.RequestException as failure:
            broken(request, type(failure).__name__, failure)
        return bytes(received)


def broken(request: Request, why: str, cause: Exception | None = None) -> NoReturn:
    """Say what a call means that was sent and then broke: asking is harmless, doing may have been done.

    Raises:
        GatewayUnavailable: for ``GET``.
        OutcomeUnknown: for everything else.
    """
    if request.method == "GET":
        raise GatewayUnavailable(f"no answer: {why}") from cause
    raise OutcomeUnknown(f"sent, but no answer: {why}") from cause


def backoff(attempt: int, retry_after: float | None, rng: random.Random) -> float:
    """Seconds to wait before trying again.

    Args:
        attempt: how many tries have failed, from 1.
        retry_after: the server's wish, which goes first; it is only ever lengthened a little, so that many waiting
            senders do not come back at once.
        rng: decides the jitter.

    Returns:
        The server's wish, or 1, 2, 4, 8 … seconds of which a random half is kept; at most 300.
    """
    if retry_after is not None and retry_after >= 0:
        return min(retry_after + rng.random(), LONGEST_WAIT_SECONDS)
    longest = min(2.0 ** min(max(attempt, 1) - 1, _HIGHEST_DOUBLING), LONGEST_WAIT_SECONDS)
    return longest / 2 + rng.random() * longest / 2


def _never_sent(failure: requests.RequestException) -> bool:
    """Whether a call failed before its first byte left: no connection, or no trust in the other side."""
    if isinstance(failure, requests.ConnectTimeout):
        return True
    cause: object = failure.args[0] if failure.args else None
    if isinstance(cause, urllib3.exceptions.MaxRetryError):
        cause = cause.reason
    if isinstance(cause, urllib3.exceptions.SSLError) and cause.args:
        cause = cause.args[0]
    # NewConnectionError covers refused connections and names that cannot be resolved.
    return isinstance(cause, (urllib3.exceptions.NewConnectionError, ssl.SSLCertVerificationError))
