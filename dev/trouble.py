"""What can be wrong on the engineer's machine, said in one sentence."""

from __future__ import annotations

import sys


class Trouble(Exception):
    """Duka cannot start here; the message is a whole sentence that says what to do about it."""


def say(text: str) -> None:
    """Write to the terminal at once; nobody listening is no trouble."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError:
        return
