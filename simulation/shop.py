"""One simulation from its first customer to its last check."""

from __future__ import annotations

import gc
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from catalog import importing
from config import HERE
from db import clock
from db.models import Shop
from jobs.sweeper import PATIENCE
from keeping import retention
from payments import desk
from payments import service as payment_service
from simulation import invariants
from simulation.faults import RATES
from simulation.machinery import SimDatabase
from simulation.outside import Outside, Shown
from simulation.people import ADDRESS, NAME, Person
from simulation.shopkeeping import KEPT_DAYS, Frontage, Premises, Web, Worker
from simulation.staff import Staff
from simulation.world import World

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - where there is one, a disk only costs time
TICK: Final = 5.0
"""The sweepers' rhythm."""
CHAOS_AFTER: Final = 1200.0
"""Seconds after the last arrival until the faults end."""
LONGEST: Final = 6 * 24 * 3600.0
"""A world that has not come to rest by then never will."""
BOTH: Final = 0.2
"""The chance that both sweepers find the same work."""
SHORTER: Final = 5 * 3600.0
SHORT_DAY: Final = 2 * 3600.0
PROBED: Final = 12
"""Customers who write once more after all is quiet."""
REPEATED: Final = 20
"""Old webhooks that come again after retention took their bodies."""
BUYING: Final = 4
"""How many of them go through a whole purchase."""
EVENTS: Final = 10_000
EVENTS_EACH: Final = 1_500
"""What happens in a seed at most, and for each customer: about five times what ever did."""


@dataclass
class Result:
    """What came of a seed."""

    seed: int
    customers: int
    digest: str
    events: int
    virtual_hours: float
    violations: list[str]
    faults: dict[str, int]
    crashes: dict[str, int]
    passed: dict[str, int]
    states: dict[str, int]
    recent: list[str] = field(default_factory=list)

    @property
    def injected(self) -> int:
        """How many faults there were."""
        return sum(self.faults.values()) + sum(self.crashes.values())


class Broken(Exception):
    """An invariant does not hold; the text says which and how."""


class Simulation:
    """A shop, its customers and its bad luck, from one seed.

    Args:
        seed: decides everything.
        customers: how many people come.
        kinds: the fault kinds to switch on; ``None`` leaves that to the seed.
        also: fault kinds to switch on besides.
        watch: called now and then with the customers who have come and the faults so far.
    """

    def __init__(
        self,
        seed: int,
        customers: int,
        kinds: Iterable[str] | None = None,
        watch: Callable[[int, int], None] | None = None,
        also: Iterable[str] = (),
    ) -> None:
        self.world = World(seed, kinds)
        self.world.faults.enabled |= {kind: RATES[kind] for kind in also}
        self.customers = customers
        self.people: list[Person] = []
        self.logs = LogBook()
        self._watch = watch
        self._folder = tempfile.mkdtemp(prefix="duka-sim-", dir=MEMORY if MEMORY.is_dir() else None)
        self.database = SimDatabase(f"sqlite:///{self._folder}/duka.db", self.world)
        self.premises = Premises(self.world, self.database)
        self.doors = Frontage(self.premises)
        self.outside = Outside(self.world, self.doors)
        self.premises.outside = self.outside
        self.staff = Staff(self.premises, self.database, self.doors, self.outside, ADDRESS)
        self.buyers: list[str] = []
        self.probed_at = self.world.now()
        self.outside.on_shown = self._shown
        self.people_by_number: dict[str, Person] = {}
        self._tick_at = TICK
        self._ticks = 0
        self._chaos_ends = 0.0
        self.faults_ended = 0.0

    # --- running --------------------------------------------------------------------------------------

    def run(self) -> Result:
        """Everything: open, let customers come, end the faults, drain, probe, check."""
        violations: list[str] = []
        try:
            with self.logs.listening(), self._patience():
                self._open()
                try:
                    self._live()
                    self._drain("after the faults")
                    violations += invariants.after_the_drain(self)
                    if not violations:
                        self._grow_old()
                        self._probe()
                        violations += invariants.after_the_probe(self)
                except Broken as broken:
                    violations.append(str(broken))
        finally:
            self.database.close()
            shutil.rmtree(self._folder, ignore_errors=True)
        faults = self.world.faults
        return Result(
            seed=self.world.seed,
            customers=self.customers,
            digest=self.world.digest,
            events=self.world.scheduler.steps,
            virtual_hours=self.world.scheduler.time / 3600,
            violations=violations,
            faults=dict(faults.counts),
            crashes=dict(faults.crash_points),
            passed=dict(faults.passed),
            states=dict(faults.states),
            recent=list(self.world.recent),
        )

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """In three of four seeds the shop asks for five hours instead of three days: the rest is more of the same.

        There retention's day is as much shorter.
        """
        shorter = {
            (payment_service, "GIVE_UP_AFTER"): SHORTER,
            (desk, "GIVE_UP_AFTER"): SHORTER,
            (retention, "DAY"): SHORT_DAY,
            (retention, "EVERY"): SHORT_DAY / 4,
        }
        kept = {(module, name): vars(module)[name] for module, name in shorter}
        for (module, name), value in (kept if self.world.seed % 4 == 0 else shorter).items():
            vars(module)[name] = value
        self.database.kept = retention.DAY * KEPT_DAYS
        try:
            yield
        finally:
            for (module, name), value in kept.items():
                vars(module)[name] = value

    def _open(self) -> None:
        self.database.make_tables()
        with self.database.writing() as session:
            shop = Shop(
                slug="main",
                name="Duka la Simba",
                currency="KES",
                country="KE",
                timezone="Africa/Nairobi",
                language="en",
                settings={},
                created_at=clock(),
            )
            session.add(shop)
            session.flush()
            importing.put(session, shop, importing.read(HERE / "catalog" / "demo.yaml"))
        self.staff.stock(self.customers)
        for number in range(2):
            self.premises.webs.append(Web(self.premises, f"web{number}"))
            self.premises.workers.append(Worker(self.premises, f"worker{number}"))
        spread = 240.0 + self.customers * 1.5
        for number in range(self.customers):
            person = Person(self.world, self.outside, 10_000_001 + number * 137, self.staff.order_for)
            self.people.append(person)
            self.people_by_number[person.number] = person
            self.world.scheduler.after(self.world.between(1, spread), person.arrive)
        self._chaos_ends = spread + CHAOS_AFTER
        self.staff.begin(self._chaos_ends, self.customers)

    def _live(self) -> None:
        self._until(self._chaos_ends)
        self.end_faults()

    def end_faults(self) -> None:
        """From here on everything works."""
        self.world.log("faults end")
        self.world.faults.on = False
        self.world.skew = self.world.web_skew = 0.0
        self.staff.resume()
        self.faults_ended = self.world.scheduler.time

    def _until(self, end: float) -> bool:
        """Run until ``end``; false when nothing is left to do before."""
        scheduler = self.world.scheduler
        while True:
            upcoming = scheduler.next_time()
            if upcoming is None or upcoming > self._tick_at:
                if self._tick_at > end:
                    return True
                self._tick()
                if self._tick_at == float("inf") and scheduler.next_time() is None:
                    return False
                continue
            if upcoming > end:
                return True
            scheduler.step()

    def _drain(self, when: str) -> None:
        """Run until nothing is left to do."""
        self._tick_at = min(self._tick_at, self.world.scheduler.time + TICK)
        if self._until(self.world.scheduler.time + LONGEST):
            raise Broken(f"I2 the shop does not come to rest {when}: {invariants.unrest(self)}")

    def _tick(self) -> None:
        """Five seconds passed, or more if nobody had anything to do meanwhile."""
        world = self.world
        world.scheduler.time = max(world.scheduler.time, self._tick_at)
        self._ticks += 1
        if world.scheduler.steps + self._ticks > EVENTS + EVENTS_EACH * self.customers:
            raise Broken(f"I16 the shop is busy without end: {invariants.unrest(self)}")
        self._misfortune()
        self._restart()
        self._look_after_work()
        seen = self.database.wrong()
        if seen is not None:
            raise Broken(": ".join(seen))
        if self.outside.violations:
            raise Broken(self.outside.violations[0])
        if self._watch is not None:
            self._watch(sum(person.heard > 0 for person in self.people), world.faults.total)
        self._tick_at = self._next_tick()

    def _look_after_work(self) -> None:
        """The sweepers' and senders' polling; a look that finds nothing does nothing, and is left out."""
        world = self.world
        due = invariants.due(self.database)
        alive = [worker for worker in self.premises.workers if worker.process.alive]
        late = (
            due.inbox is not None and due.inbox <= -PATIENCE,
            due.payments is not None and due.payments <= 0,
            due.orders is not None and due.orders <= 0,
            due.news is not None,
        )
        for worker in alive:
            finds = worker.first_sweep or (any(late) and (worker is alive[0] or world.rng.random() < BOTH))
            if finds and not world.faults.hit("sweeper.late"):
                worker.sweep()
            if due.outbox is not None and due.outbox <= 0:
                worker.wake_sender()

    def _next_tick(self) -> float:
        """Five seconds on; where nobody does anything until later, then."""
        time = self.world.scheduler.time
        upcoming = self.world.scheduler.next_time()
        soon = time + TICK
        if upcoming is not None and upcoming <= soon:
            return soon
        due = invariants.due(self.database).soonest
        if due is None:
            if not all(place.process.alive for place in self._places()):
                return soon
            return float("inf") if upcoming is None else upcoming + TICK
        wait = max(due, TICK)
        return time + wait if upcoming is None else min(time + wait, max(soon, upcoming))

    def _misfortune(self) -> None:
        """What befalls machines."""
        world, faults = self.world, self.world.faults
        if faults.hit("clock.forward"):
            world.skew = min(world.skew + world.between(31, 120), 240)
            world.log("clock", world.skew)
        if faults.hit("clock.backward"):
            world.skew = max(world.skew - world.between(1, 60), -120)
            world.log("clock", world.skew)
        if faults.hit("clock.web_skewed"):
            world.web_skew = world.between(-100, 100)
        if faults.hit("process.killed"):
            place = world.rng.choice(self._places())
            if place.process.alive:
                world.die(place.process, "killed")

    def _restart(self) -> None:
        for place in self._places():
            if not place.process.alive and not place.returning:
                self._bring_back(place)

    def _bring_back(self, place: Web | Worker) -> None:
        place.returning = True

        def start() -> None:
            place.returning = False
            place.start()
            self.world.log("started", place.process.name)
            self.premises.dispatch()

        self.world.scheduler.after(self.world.between(1, 6), start)

    def _places(self) -> list[Web | Worker]:
        return [*self.premises.webs, *self.premises.workers]

    # --- people ---------------------------------------------------------------------------------------

    def _shown(self, shown: Shown) -> None:
        person = self.people_by_number.get(shown.to)
        if person is not None:
            person.see(shown)

    def _grow_old(self) -> None:
        """Let everything that is over be so old that retention takes it; then old webhooks come once more."""
        self.world.scheduler.time += self.database.kept + TICK
        self.premises.workers[0].do("retention", 0)
        self.outside.repeat_old(REPEATED)
        self._drain("after old webhooks came again")

    def _probe(self) -> None:
        """Some customers, and all for whom something waits, write once more; a few buy again."""
        rng = self.world.rng
        parked = invariants.parked(self.database)
        chosen = [person for person in self.people if person.number in parked]
        others = [person for person in self.people if person.number not in parked]
        chosen += rng.sample(others, min(PROBED, len(others)))
        self.buyers = [person.number for person in chosen[len(parked) :][:BUYING]]
        self.outside.everybody_pays = True
        self.probed_at = self.world.now()
        for person in chosen:
            write = person.buy_again if person.number in self.buyers else person.only_look
            self.world.scheduler.after(self.world.between(0, 60), write)
        self._drain("after the probe")


def run_seed(task: tuple[int, int], watch: Callable[[int, int], None] | None = None) -> Result:
    """Run one seed with so many customers, in a process that does nothing else."""
    seed, customers = task
    gc.collect()
    gc.freeze()
    gc.disable()  # a seed fits into memory, and looking for cycles takes a tenth of the time
    return Simulation(seed, customers, watch=watch).run()


class LogBook(logging.Handler):
    """Every line the shop logs, and whether one says more than it may."""

    SECRETS: Final = (ADDRESS, NAME, "4111 1111", "simulated-webhook-secret")

    def __init__(self) -> None:
        super().__init__()
        self.lines = 0
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Read one record as the production log would write it."""
        from observing import JsonFormatter

        self.lines += 1
        if record.exc_info and self.lines % 20:
            record.exc_info = None  # traces are slow to write; one of twenty is enough to read
        line = JsonFormatter().format(record)
        if any(secret in line for secret in self.SECRETS) or self._number(line):
            self.told.append(line[:300])

    @staticmethod
    def _number(line: str) -> bool:
        return "25471" in line or "+2547" in line

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Stand in for every other handler."""
        kept = []
        for name in ("duka", "admin"):
            logger = logging.getLogger(name)
            kept.append((logger, logger.handlers[:], logger.propagate, logger.level))
            logger.handlers[:] = [self]
            logger.propagate = False
            logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            for logger, handlers, propagate, level in kept:
                logger.handlers[:] = handlers
                logger.propagate = propagate
                logger.setLevel(level)
