"""Reads everything the suite logs, by any logger at any level: no person and no secret may be in it.

Both what a call hands over (message and fields, before any mask) and the line as production would write
it, trace included, are searched. What is found fails the run, whatever the tests said.
"""

from __future__ import annotations

import logging
import os
import re
from typing import Any

import pytest

from observing import STANDARD, JsonFormatter

QUIET = (
    "sqlalchemy.engine",
    "sqlalchemy.pool",
    "hypothesis",
    "concurrent.futures",
    "playwright",
    "urllib3.connectionpool",
)
"""Whose debugging cannot be switched on by LOG_LEVEL, and would write rows as they are."""

NUMBERS = re.compile(r"(?<![0-9a-f])(?:25[456]\d{9}|0[17]\d{8})(?![0-9a-f])")
"""Not within hexadecimal digits: the ids of requests hold such runs now and then."""
ADDRESS = re.compile(r"\b0x[0-9a-f]+\b")
"""Where an object lies in memory, whose digits may look like a number to call."""
WORDS = (
    "Main St",
    "Kilimani",
    "Yaya",
    "Plainsview",
    "Amina",
    "Wanjiru",
    "Otieno",
    "Njeri",
    "Achieng",
    "Mwangi",
    "Kamau",
    "kima-todu-fela-runi",
    "correct horse battery",
    "not-a-secret-at-all",
    "the-new-secret-of-today",
    "another-secret",
    "an-old-secret",
    "a-secret-of-the-tests",
    "hook-secret",
    "ghl_test_0123456789",
    "whsec",
    "webhook-secret",
    "api_key=",
    "Bearer ",
)

leaks: list[tuple[str, str]] = []


def found_in(text: str) -> list[str]:
    """Whatever in this text is about a person, or a secret."""
    return [*NUMBERS.findall(ADDRESS.sub("", text)), *(word for word in WORDS if word in text)]


def read(record: logging.LogRecord) -> list[str]:
    """What is wrong with one record."""
    fields = {key: value for key, value in vars(record).items() if key not in STANDARD}
    handed_over = f"{record.getMessage()} {fields}"
    return found_in(f"{handed_over} {JsonFormatter().format(record)}")


def is_watched(name: str) -> bool:
    return not name.startswith(QUIET)


_handle, _enabled = logging.Logger.handle, logging.Logger.isEnabledFor


def _watch(self: logging.Logger, record: logging.LogRecord) -> None:
    if is_watched(self.name):
        where = os.environ.get("PYTEST_CURRENT_TEST", "?")  # noqa: TID251 - set by pytest
        leaks.extend((where, f"{record.name} wrote {found!r}") for found in read(record))
    if _enabled(self, record.levelno):
        _handle(self, record)


def _enabled_for_us(self: logging.Logger, level: int) -> bool:
    return is_watched(self.name) or _enabled(self, level)


def pytest_configure(config: pytest.Config) -> None:
    patch: Any = logging.Logger
    patch.handle, patch.isEnabledFor = _watch, _enabled_for_us


def pytest_unconfigure(config: pytest.Config) -> None:
    patch: Any = logging.Logger
    patch.handle, patch.isEnabledFor = _handle, _enabled


def pytest_sessionfinish(session: pytest.Session) -> None:
    if leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if leaks:
        terminalreporter.section("the logs name people or secrets", red=True)
        for where, what in sorted(set(leaks))[:50]:
            terminalreporter.line(f"{where}: {what}")
