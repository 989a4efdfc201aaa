"""Logs: JSON lines in production, one constant event name per fact, never a whole phone number.

What is being worked on (a request, an inbox event, a customer, an order, a payment) is bound where
the work starts and stands on every line written meanwhile, whoever writes it. Whatever is logged
passes the mask here once more, since a library's message may quote what we would never have
written; of errors that are not our own only the kind is written, since their words quote data.
"""

from __future__ import annotations

import logging
import re
import secrets
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import orjson

from errors import ShopError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PHONE: Final = re.compile(r"(?<!\w)(?:\+|00)?(\d{4})\d{4,8}(\d{3})(?!\w)")
LOCAL_PHONE: Final = re.compile(r"(?<!\w)(0[17])\d{5}(\d{3})(?!\w)")
SPACED_PHONE: Final = re.compile(r"(?<!\w)((?:\+?\d{3}|0)[ -]?\d)\d{2}[ -]\d{3}[ -](\d{3})(?!\w)")
QUERY: Final = re.compile(r"(/[^\s?\"']*)\?[^\s\"'>\])]+")
"""Addresses carry secrets and references after the question mark."""
CREDENTIALS: Final = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE)
EVENT: Final = re.compile(r"[a-z][a-z0-9_]*")
LIBRARY: Final = "library_said"
"""The event of a line that is not ours; its words stand in ``said``."""
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound", default={})  # noqa: B039 - never changed in place


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Write these fields on every line until the end of the block; ``add`` adds more to the block."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def add(**fields: Any) -> None:
    """Write these fields too until the end of the innermost ``bound`` block; outside of one, nothing happens."""
    if _bound.get():
        _bound.set({**_bound.get(), **fields})


def bound_fields() -> dict[str, Any]:
    """What is being worked on just now."""
    return dict(_bound.get())


def mask(text: str) -> str:
    """The text with phone numbers shortened to their ends, queries and credentials cut, line breaks escaped."""
    return _mask(text).replace("\r", "\\r").replace("\n", "\\n")


def _mask(text: str) -> str:
    for phone in (PHONE, LOCAL_PHONE, SPACED_PHONE):
        text = phone.sub(r"\1••••\2", text)
    return CREDENTIALS.sub(r"\1 ••••", QUERY.sub(r"\1?…", text))


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """The event's name and its fields: ours as they are, a library's words as one field."""
    own = {key: _plain(value) for key, value in vars(record).items() if key not in STANDARD}
    working_on = {key: _plain(value) for key, value in _bound.get().items()}
    if isinstance(record.msg, str) and not record.args and EVENT.fullmatch(record.msg):
        return {"event": record.msg, **working_on, **own}
    return {"event": LIBRARY, **working_on, **own, "said": mask(record.getMessage())}


def trace_of(error: ExcInfo) -> str:
    """Where an error came from: frames and kinds; words only of errors that are our own."""
    if error[1] is None:
        return ""
    lines: list[str] = []
    current: BaseException | None = error[1]
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = traceback.format_list(traceback.extract_tb(current.__traceback__))
        words = f": {current}" if isinstance(current, ShopError) else ""
        kind = type(current)
        lines.insert(0, "".join([*frames, f"{kind.__module__}.{kind.__qualname__}{words}"]))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return _mask("\n\n".join(lines))


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, event, what is being worked on, and the fields given as ``extra``."""
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **fields_of(record),
        }
        if record.exc_info:
            entry["trace"] = trace_of(record.exc_info)
        return orjson.dumps(entry, default=str).decode()


class LineFormatter(logging.Formatter):
    """For people at a terminal: time, level, event, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One readable line, and the trace of an error below it."""
        at = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")  # noqa: DTZ006 - the reader's own clock
        entry = fields_of(record)
        event = entry.pop("event")
        words = entry.pop("said") if event == LIBRARY else event
        fields = " ".join(f"{key}={value}" for key, value in entry.items())
        line = f"{at} {record.levelname.lower():7} {words} {fields}".rstrip()
        if record.exc_info:
            line += "\n" + _mask(self.formatException(record.exc_info))
        return line


def _plain(value: object) -> Any:
    return value if isinstance(value, (int, float, bool)) or value is None else mask(str(value))


def set_up(*, production: bool, level: str) -> None:
    """Send every log through one handler; libraries speak up from WARNING."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if production else LineFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("duka").setLevel(level)


def for_gunicorn(*, production: bool) -> dict[str, Any]:
    """What gunicorn's ``logconfig_dict`` needs for its own words to leave by the same handler.

    There is no access log: its lines would hold addresses with their queries.
    """
    formatter = JsonFormatter if production else LineFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"generic": {"()": formatter}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "generic"}},
        "root": {"level": "WARNING", "handlers": ["console"]},
        "loggers": {
            "gunicorn.error": {"handlers": [], "propagate": True},
            "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
        },
    }


class RequestIds:
    """Every request has a name: the one it came with, when that is well-formed, or a new one.

    It stands on every line the request writes and goes back in ``X-Request-Id``.
    """

    def __init__(
        self, wsgi_app: WSGIApplication, new_id: Callable[[], str] = lambda: secrets.token_hex(16)
    ) -> None:
        self._app = wsgi_app
        self._new_id = new_id

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on."""
        request_id = self.name_of(environ.get("HTTP_X_REQUEST_ID", ""))

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, ("X-Request-Id", request_id)], *more)

        with bound(request_id=request_id):
            return self._app(environ, start)

    def name_of(self, given: str) -> str:
        """The given name, unless it is malformed or might be a phone number."""
        if REQUEST_ID.fullmatch(given) and mask(given) == given:
            return given
        return self._new_id()
