"""``python -m simulation``: many seeds in two processes, or one seed again with all it did.

Prints a progress bar, then what was injected and reached, then every violation with the command
that replays it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from simulation import mutants
from simulation.faults import RATES
from simulation.progress import Progress, run, share
from simulation.shop import Result, Simulation

CUSTOMERS: Final = 10_000
A_SEED: Final = 250
PROCESSES: Final = 2
LEAST_FAULTS: Final = 100_000
LEAST_KINDS: Final = 40


@dataclass
class Sum:
    """What all seeds did together."""

    seeds: int = 0
    customers: int = 0
    events: int = 0
    hours: float = 0.0
    injected: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    broken: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count one seed."""
        self.seeds += 1
        self.customers += result.customers
        self.events += result.events
        self.hours += result.virtual_hours
        self.injected += result.injected
        self.faults.update(result.faults)
        self.crashes.update(result.crashes)
        self.passed.update(result.passed)
        self.states.update(result.states)
        if result.violations:
            self.broken.append(result)

    @property
    def kinds(self) -> int:
        """Kinds of faults, dying anywhere counted as one kind per crash point."""
        return len(self.faults) + len(self.crashes)


def table(title: str, counts: Counter[str]) -> None:
    """Names and counts, two columns."""
    print(f"\n{title}")
    lines = [f"{name:52} {count:8,}" for name, count in sorted(counts.items())]
    for line in lines:
        print(f"  {line}")


def report(summed: Sum, seconds: float) -> None:
    """Everything there is to know."""
    table("faults injected", summed.faults)
    table("deaths at crash points", summed.crashes)
    table("crash points passed alive", summed.passed)
    table("rare states reached", summed.states)
    never = sorted(set(RATES) - set(summed.faults))
    if never:
        print(f"\nnot injected in this run: {', '.join(never)}")
    print(
        f"\n{summed.seeds} seeds, {summed.customers:,} customers, {summed.events:,} events in {summed.hours:,.0f}"
        f" virtual hours, {summed.injected:,} faults of {len(summed.faults)} kinds at machines and wires and"
        f" {len(summed.crashes)} places to die, {len(summed.broken)} seeds with violations,"
        f" {seconds:.0f} s ({summed.seconds:.0f} s of work)"
    )
    for result in summed.broken:
        print(
            f"\nseed {result.seed} broke, replay with: make simulate SEED={result.seed} CUSTOMERS={result.customers}"
        )
        for violation in result.violations:
            print(f"  {violation[:400]}")


def many(first: int, seeds: int, customers: int, processes: int) -> int:
    """Run seeds side by side; 0 when nothing broke and there was enough to break it."""
    summed = Sum()
    began = time.monotonic()
    tasks = [(seed, customers) for seed in range(first, first + seeds)]
    context = multiprocessing.get_context("spawn")
    counters = (context.Value("q", 0), context.Value("q", 0))
    progress = Progress(*counters)
    with context.Pool(processes, share, counters, maxtasksperchild=10) as pool:
        results = pool.imap_unordered(run, tasks)
        while summed.seeds < seeds:
            try:
                result, seconds = results.next(timeout=1)
            except multiprocessing.TimeoutError:
                progress.bar(seeds * customers, summed.seeds, len(summed.broken), began)
                continue
            summed.add(result)
            summed.seconds += seconds
            if result.violations:
                sys.stderr.write(f"\nseed {result.seed}: {result.violations[0][:200]}\n")
            progress.bar(seeds * customers, summed.seeds, len(summed.broken), began)
    sys.stderr.write("\n")
    report(summed, time.monotonic() - began)
    if summed.broken:
        return 1
    full = summed.customers >= CUSTOMERS
    if full and (summed.injected < LEAST_FAULTS or summed.kinds < LEAST_KINDS):
        print(f"too little happened: {LEAST_FAULTS:,} faults of {LEAST_KINDS} kinds are asked for")
        return 1
    return 0


def again(seed: int, customers: int) -> int:
    """One seed, with its last events when it breaks."""
    began = time.monotonic()
    result = Simulation(seed, customers).run()
    summed = Sum(seconds=time.process_time())
    summed.add(result)
    report(summed, time.monotonic() - began)
    print(f"digest {result.digest}")
    if result.violations:
        print("\nthe last events:")
        for line in result.recent:
            print(f"  {line[:200]}")
    return int(bool(result.violations))


def main(arguments: Sequence[str] | None = None) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this seed alone")
    parser.add_argument("--first", type=int, default=1, help="the first of many seeds")
    parser.add_argument("--seeds", type=int, default=CUSTOMERS // A_SEED)
    parser.add_argument("--customers", type=int, default=A_SEED, help="customers of each seed")
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument(
        "--mutants", nargs="*", metavar="NAME", help="plant these bugs, or all, and catch them"
    )
    chosen = parser.parse_args(arguments)
    if chosen.mutants is not None:
        return mutants.main(chosen.mutants)
    if chosen.seed is not None:
        return again(chosen.seed, chosen.customers)
    return many(chosen.first, chosen.seeds, chosen.customers, chosen.processes)


if __name__ == "__main__":
    sys.exit(main())
