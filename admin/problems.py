"""Answers to what went wrong: problem JSON (RFC 9457) for machines, a friendly page for the owner.

``init`` registers the handlers for the whole app, so that every room may simply raise.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from flask import Flask, Response, current_app, render_template, request
from flask_limiter import RateLimitExceeded
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

import measuring
from admin.headers import secure
from errors import WebhookError

log = logging.getLogger("duka.admin")

SERVER_ERROR: Final = 500
CODES: Final = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    409: "conflict",
    411: "length_required",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "validation_error",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}
MESSAGES: Final = {
    400: "The request could not be understood.",
    401: "Sign in with the admin user name and password.",
    403: "This is not allowed.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The body is too large.",
    415: "Send JSON: Content-Type: application/json.",
    422: "Some fields are not right.",
    429: "Too many requests. Wait a while and try again.",
    500: "Something went wrong on our side.",
    503: "The shop cannot answer just now. Try again in a moment.",
}
HEADINGS: Final = {
    401: "Please sign in",
    403: "That did not work",
    404: "Nothing here",
    405: "That did not work",
    409: "That is not possible now",
    429: "Slow down a little",
    500: "Something went wrong",
    503: "Back in a moment",
}
RETRY_AFTER: Final = "5"
LIMIT_WINDOW: Final = "60"
"""Seconds; the requests of an address are counted per minute."""


def problem(
    status: int,
    code: str = "",
    message: str = "",
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One problem as JSON; ``errors`` name fields."""
    body: dict[str, Any] = {
        "success": False,
        "code": code or CODES.get(status, "error"),
        "message": message or MESSAGES.get(status, "The request was refused."),
        "status": status,
    }
    if errors:
        body["errors"] = list(errors)
    response = Response(orjson.dumps(body), status, content_type="application/problem+json")
    response.headers.update(headers or {})
    return secure(response)


def page(status: int, message: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """The same as a page for the owner."""
    text = render_template(
        "admin/problem.html",
        status=status,
        heading=HEADINGS.get(status, "That did not work"),
        message=message or MESSAGES.get(status, "The request was refused."),
    )
    response = Response(text, status)
    response.headers.update(headers or {})
    return secure(response)


def answer(
    status: int, code: str = "", message: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """A page below ``/admin``, JSON everywhere else."""
    if request.path.startswith("/admin") and "admin" in current_app.blueprints:
        return page(status, message, headers)
    return problem(status, code, message, headers=headers)


def init(app: Flask) -> None:
    """Answer errors of the whole app."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(WebhookError, _webhook)
    app.register_error_handler(OperationalError, _database)
    app.register_error_handler(PoolTimeoutError, _database)


def _http(error: HTTPException) -> Response:
    status = error.code or SERVER_ERROR
    if error.response is not None:  # a redirect is no error
        return error.response  # type: ignore[return-value]
    kept = {"WWW-Authenticate", "Retry-After", "Allow"}
    headers = {name: value for name, value in error.get_headers() if name in kept}
    if isinstance(error, RateLimitExceeded):
        return answer(status, headers={"Retry-After": LIMIT_WINDOW})
    if status >= SERVER_ERROR:  # what happened is in the log and nowhere else
        return answer(status, headers=headers)
    # Sentences of our own are shown; werkzeug's describe its own matters.
    own = error.description if error.description != type(error).description else ""
    return answer(status, message=own if status in {401, 403, 409, 415, 429} and own else "", headers=headers)


def _webhook(error: WebhookError) -> Response:
    measuring.count(measuring.REFUSED, error.code)
    message = "The signature is missing or wrong." if error.status == 401 else str(error)  # noqa: PLR2004
    return problem(error.status, error.code, message)


def _database(error: OperationalError | PoolTimeoutError) -> Response:
    log.error("database_unavailable", extra={"kind": type(error).__name__})
    return answer(503, headers={"Retry-After": RETRY_AFTER})
