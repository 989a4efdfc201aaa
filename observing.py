"""Logs: JSON lines in production, one constant event name per fact, never a whole phone number.

Whatever is logged passes the mask here once more, since a library's message may quote what we
would never have written.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Any, Final

import orjson

PHONE: Final = re.compile(r"(?<![\w.-])\+?(\d{4})\d{4,8}(\d{3})(?![\w.-])")
STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def mask(text: str) -> str:
    """The text with anything that looks like a phone number shortened to its ends, line breaks escaped."""
    masked = PHONE.sub(r"\1••••\2", text)
    return masked.replace("\r", "\\r").replace("\n", "\\n")


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, event and the fields given as ``extra``."""
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": mask(record.getMessage()),
        }
        entry |= {key: _plain(value) for key, value in vars(record).items() if key not in STANDARD}
        if record.exc_info:
            entry["trace"] = mask(self.formatException(record.exc_info))
        return orjson.dumps(entry).decode()


class LineFormatter(logging.Formatter):
    """For people at a terminal: time, level, event, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One readable line, and the trace of an error below it."""
        at = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")  # noqa: DTZ006 - the reader's own clock
        fields = " ".join(
            f"{key}={_plain(value)}" for key, value in vars(record).items() if key not in STANDARD
        )
        line = f"{at} {record.levelname.lower():7} {mask(record.getMessage())} {fields}".rstrip()
        if record.exc_info:
            line += "\n" + PHONE.sub(r"\1••••\2", self.formatException(record.exc_info))
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
