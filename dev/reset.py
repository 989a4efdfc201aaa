"""`make reset`: forget the shop on this machine, after asking."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dev import folder
from dev.trouble import Trouble, say

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Delete ``var/`` when the answer, or ``YES=1``, says so."""
    var = ROOT / "var"
    if not var.exists():
        say("There is nothing to delete: var/ does not exist.")
        return 0
    try:
        if os.environ.get("YES") != "1":  # noqa: TID251 - a switch of this command, not configuration
            answer = input(f"Delete {var} with all orders, customers and the admin password? [y/N] ")
            if answer.strip().lower() not in {"y", "yes"}:
                say("Nothing was deleted.")
                return 1
        folder.remove(var)
    except (EOFError, KeyboardInterrupt):
        say("\nNothing was deleted; YES=1 make reset does not ask.")
        return 1
    except Trouble as trouble:
        say(str(trouble))
        return 1
    say("Deleted var/; the next `make run` opens a new shop.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
