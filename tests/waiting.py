"""Waiting for real servers and processes, which tell nobody when they are ready: looked at until they are, or time is up."""

from __future__ import annotations

import time
from collections.abc import Callable

LOOK_EVERY = 0.02


def until(
    true: Callable[[], object], seconds: float = 30.0, *, not_yet: type[Exception] | tuple[()] = ()
) -> None:
    """Return as soon as it holds; an exception of the kind ``not_yet`` says that it does not so far."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except not_yet:
            pass
        assert time.monotonic() < deadline, f"it did not come to hold within {seconds:g} s"
        time.sleep(LOOK_EVERY)
