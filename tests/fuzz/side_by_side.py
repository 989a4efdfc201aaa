"""One campaign of several, each in a process of its own."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

from tests.fuzz.campaign import IN_MEMORY, Campaign, Figures

_done: Any = None
"""How many requests each process made so far, shared by all of them."""


def share(done: Any) -> None:
    global _done  # noqa: PLW0603 - the only way to hand it to a process of a pool
    _done = done
    logging.disable(logging.CRITICAL)


def one(number: int, seed: int, requests: int) -> Figures:
    """One campaign against a shop of its own; raises what was wrong, with the seed that repeats it."""

    def progress(done: int) -> None:
        _done[number] = done

    with tempfile.TemporaryDirectory(prefix="duka-fuzz-", dir=IN_MEMORY) as where:
        campaign = Campaign(Path(where), seed, progress)
        try:
            campaign.run(requests)
        except Exception as failure:
            failure.add_note(f"ARGS='--jobs 1 --requests {requests} --seed {seed}' repeats it")
            raise
        finally:
            campaign.close()
    return campaign.figures
