"""``make fuzz``: a hundred thousand requests, the tasks over what they left, and the figures."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.campaign import IN_MEMORY, Campaign


def main() -> int:
    """Run one campaign; 1 when something raised, was answered with a 5xx or was never finished."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    sys.stderr.write(f"fuzzing with seed {asked.seed}; the same seed again: ARGS='--seed {asked.seed}'\n")

    def progress(done: int) -> None:
        filled = min(40, 40 * done // asked.requests)
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (40 - filled)}] {done:,} of {asked.requests:,}")
        sys.stderr.flush()

    with tempfile.TemporaryDirectory(prefix="duka-fuzz-", dir=IN_MEMORY) as where:
        campaign = Campaign(Path(where), asked.seed, progress)
        try:
            campaign.run(asked.requests)
        except (AssertionError, BaseExceptionGroup) as failure:
            sys.stderr.write(f"\nseed {asked.seed}: {failure}\n")
            raise
        finally:
            sys.stderr.write("\n")
            sys.stdout.write(campaign.figures.table() + "\n")
            campaign.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
