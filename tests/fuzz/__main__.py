"""``make fuzz``: a hundred thousand requests, the tasks over what they left, and the figures."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor, wait

from tests.fuzz.campaign import Figures
from tests.fuzz.side_by_side import one, share


def show(done: int, of: int) -> None:
    """How far it is."""
    filled = min(40, 40 * done // of)
    sys.stderr.write(f"\r[{'#' * filled}{'.' * (40 - filled)}] {done:,} of {of:,}")
    sys.stderr.flush()


def main() -> int:
    """Run the campaigns side by side; 1 when something raised, was answered with a 5xx or was never finished."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument(
        "--jobs", type=int, default=min(4, os.cpu_count() or 1), help="processes, each with its own shop"
    )
    asked = parser.parse_args()
    jobs = max(1, min(asked.jobs, asked.requests))
    sys.stderr.write(
        f"fuzzing with seed {asked.seed}; the same again: ARGS='--jobs {jobs} --seed {asked.seed}'\n"
    )
    # Not forked: the libraries have threads by now.
    context = multiprocessing.get_context("spawn")
    done = context.Array("q", jobs)
    shares = [asked.requests // jobs + (number < asked.requests % jobs) for number in range(jobs)]
    began = time.monotonic()
    figures = Figures()
    with ProcessPoolExecutor(jobs, context, share, (done,)) as pool:
        running: set[Future[Figures]] = {
            pool.submit(one, number, asked.seed + number, share) for number, share in enumerate(shares)
        }
        while running:
            ended, running = wait(running, timeout=1.0)
            show(sum(done), asked.requests)
            for campaign in ended:
                figures += campaign.result()
    figures.seconds = time.monotonic() - began
    sys.stderr.write("\n")
    sys.stdout.write(figures.table() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
