"""``python -m chaos``: break the running shop in every way we know and print how it got up again."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence

from chaos.nemeses import NEMESES
from chaos.run import HEAD, Row, line, run


def say(words: str) -> None:
    """Print at once."""
    print(words, flush=True)


async def everything(only: Sequence[str], databases: Sequence[str], seed: int, scale: float) -> list[Row]:
    """Every nemesis on every database it is meant for."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are in it
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    rows = []
    for database in databases:
        chosen = [n for n in NEMESES if (n.name in only if only else database in n.databases)]
        if chosen:
            rows += await run(database, chosen, seed, scale, say)
    return rows


def main() -> int:
    """Print the table; 1 when a promise was broken. A time never fails."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument(
        "only", nargs="*", metavar="NEMESIS", help=f"one of: {', '.join(n.name for n in NEMESES)}"
    )
    parser.add_argument("--database", choices=["postgres", "sqlite"], action="append")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="how much of each harm is done")
    told = parser.parse_args()
    if unknown := set(told.only) - {n.name for n in NEMESES}:
        parser.error(f"no such nemesis: {', '.join(sorted(unknown))}")
    began = time.monotonic()
    try:
        rows = asyncio.run(
            everything(told.only, told.database or ("postgres", "sqlite"), told.seed, told.scale)
        )
    except asyncio.CancelledError:
        say("Stopped.")
        return 130
    say("\n" + HEAD)
    for row in rows:
        say(line(row))
    broken = sum(len(row.violations) for row in rows)
    messages = sum(row.messages for row in rows)
    say(f"\n{messages} messages, {broken} violations, {time.monotonic() - began:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
