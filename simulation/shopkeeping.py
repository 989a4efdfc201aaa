"""The shop's processes, built from the shop's own parts, killed and built again."""

from __future__ import annotations

import io
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from flask import Flask
from sqlalchemy.exc import OperationalError

from admin import api, problems
from admin.house import AdminHouse
from bot import webhook as message_webhook
from bot.copies import ConversationCopies
from bot.pictures import ShopPictures
from bot.shell import ConversationShell
from bot.statuses import StatusDesk
from catalog.credentials import Connections
from config import Config
from db import outbox
from db.refs import Refs
from ghala.dialects import V1
from ghala.signatures import Verifier
from jobs.breaker import Breaker
from jobs.sender import Sender
from jobs.sweeper import PATIENCE, Sweeper
from jobs.tasks import Tasks
from keeping.retention import Retention
from payments import webhook as payment_webhook
from payments.desk import PaymentDesk
from payments.gateways.ghala import GhalaGateway
from simulation.machinery import SimBell, SimDatabase, SimLink, SimPacing, Store
from simulation.outside import SECRET, AsyncLine, Line, Outside
from simulation.scheduler import Crash, Process, Task
from simulation.world import World

PUBLIC_URL: Final = "https://duka.example"
THREADS: Final = 8
KEPT_DAYS: Final = 1
"""For how long words are kept; how long a day is, is the simulation's."""
BREATH: Final = 0.08
"""Seconds until a woken sender looks: several outcomes are written in one transaction."""
Result = TypeVar("Result")


class OpenDoor:
    """The owner's password is not what is simulated."""

    def admit(self, request: object) -> None:
        """Let everybody pass."""


class Premises:
    """What all processes of one shop share: the database, Redis, and the way out."""

    def __init__(self, world: World, database: SimDatabase) -> None:
        self.world = world
        self.database = database
        self.store = Store(world)
        self.refs = Refs(world.rng.randrange)
        self.outside: Outside
        self.workers: list[Worker] = []
        self.webs: list[Web] = []

    def dispatch(self) -> None:
        """Give queued tasks to workers with a free thread."""
        queue = self.store.queue
        while queue:
            free = [worker for worker in self.workers if worker.process.alive and worker.busy < THREADS]
            if not free:
                return
            self.world.rng.choice(free).take(*queue.popleft())


class Web:
    """A web process."""

    def __init__(self, premises: Premises, name: str) -> None:
        self._premises = premises
        self._name = name
        self.process = Process(name)
        self.returning = False
        self.start()

    def start(self) -> None:
        """Build everything anew."""
        premises = self._premises
        world = premises.world
        self.process = Process(self._name)
        outside = premises.outside
        bell = SimBell(world, premises.store, premises.dispatch)
        verifier = Verifier(outside.scheme, (SECRET,))
        app = Flask("duka", static_folder=None)
        app.register_blueprint(
            message_webhook.blueprint(premises.database, bell, lambda _: (1, verifier), now=world.web_time)
        )
        app.register_blueprint(
            payment_webhook.blueprint(premises.database, bell, lambda _: (1, verifier), now=world.web_time)
        )
        config = Config(public_url=PUBLIC_URL, admin_password="unused")  # noqa: S106 - see OpenDoor
        house = AdminHouse(
            database=premises.database,
            config=config,
            connections=Connections(premises.database, config),
            bell=bell,
            refs=premises.refs,
            now=world.now,
            redis_ping=lambda: True,
        )
        object.__setattr__(house, "guard", OpenDoor())
        app.register_blueprint(api.blueprint(house))
        problems.init(app)
        self._app = app

    def post(self, path: str, query: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """One request through the whole WSGI application."""
        status: list[str] = []
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "duka.example",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "192.0.2.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}

        def begin(
            line: str, _headers: list[tuple[str, str]], _error: object = None
        ) -> Callable[[bytes], None]:
            status.append(line)
            return lambda _: None

        answer = b"".join(self._app.wsgi_app(environ, begin))
        return int(status[-1].split()[0]), answer


class Worker:
    """A worker process: threads that take tasks, a sender and a sweeper."""

    def __init__(self, premises: Premises, name: str) -> None:
        self._premises = premises
        self._name = name
        self.process = Process(name)
        self.returning = False
        self.start()

    def start(self) -> None:
        """Build everything anew."""
        premises = self._premises
        world = premises.world
        self.process = Process(self._name)
        self.busy = 0
        link = SimLink(world, premises.store)
        bell = SimBell(world, premises.store, premises.dispatch)
        bell.wake_sender = self.wake_sender
        pictures = ShopPictures(premises.database, PUBLIC_URL, world.now)
        shell = ConversationShell(premises.database, bell, premises.refs, ConversationCopies(link), pictures)
        verifier = Verifier(premises.outside.scheme, (SECRET,))
        gateway = GhalaGateway(
            Line(premises.outside),
            V1(),
            callback_url=f"{PUBLIC_URL}/api/webhooks/ghala",
            confirms_webhooks=not verifier.carries_time,
        )
        desk = PaymentDesk(premises.database, {gateway.name: gateway}, bell)
        retention = Retention(premises.database, KEPT_DAYS, KEPT_DAYS)
        tasks = Tasks(premises.database, bell, shell, desk, StatusDesk(premises.database), retention)
        self._work = tasks.by_name()
        self._client = AsyncLine(premises.outside)
        self._sender = Sender(
            premises.database,
            lambda: self._client,
            V1(),
            SimPacing(world),
            world.rng,
            breaker=Breaker(lambda: world.scheduler.time),
            pause=world.scheduler.sleep,
        )
        self._sweeper = Sweeper(premises.database, bell, link, self._name)
        self._outcomes: list[outbox.Outcome] = []
        self._sends = 0
        self._rung = True
        self.first_sweep = True
        self._loop: Task = world.scheduler.spawn(self.process, "sender", self._send_all)

    # --- tasks ----------------------------------------------------------------------------------------

    def take(self, task: str, row_id: int) -> None:
        """Run a task in a thread of this process."""
        self.busy += 1
        process = self.process

        def run() -> None:
            try:
                self._premises.world.crash_point(f"task:{task}")
                self._work[task](row_id)
            finally:
                if process is self.process:
                    self.busy -= 1
                if process.alive:
                    self._premises.dispatch()

        self._premises.world.scheduler.spawn(process, task, run)

    def do(self, task: str, row_id: int) -> None:
        """Do a task at once, as a command does."""
        self._work[task](row_id)

    # --- the sender -----------------------------------------------------------------------------------

    def wake_sender(self) -> None:
        """Messages wait: look now."""
        self._rung = True
        if self.process.alive:
            self._premises.world.scheduler.wake(self._loop, BREATH)

    def _send_all(self) -> None:
        """``Sender._main`` in virtual time."""
        while True:
            self._rung = False
            done, self._outcomes = self._outcomes, []
            claimed, kept = self._sender.exchange(done, self._sender.room(self._sends))
            self._outcomes += kept
            for message in claimed:
                self._send(message)
            # Looking again at once, as the real one does while it finds something, would find nothing here.
            if not self._outcomes and not self._rung:
                self._premises.world.scheduler.park()

    def _send(self, message: outbox.Claimed) -> None:
        process = self.process
        self._sends += 1

        def send() -> None:
            outcome = finished(self._sender.send(self._client, message))
            if process is self.process:
                self._sends -= 1
                self._outcomes.append(outcome)
                self.wake_sender()

        self._premises.world.scheduler.spawn(process, "send", send)

    # --- the sweeper ------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """``Sweeper._run`` once."""
        patience = 0.0 if self.first_sweep else PATIENCE

        def run() -> None:
            try:
                if self.first_sweep:
                    self._sweeper.beat()
                self._sweeper.daily()
                self._sweeper.sweep(patience)
                self.first_sweep = False
            except OperationalError:
                return

        self._premises.world.scheduler.spawn(self.process, "sweep", run)


def finished(work: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine that never suspends itself."""
    try:
        work.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    raise RuntimeError("a send waited for an event loop that is not there")


class Frontage:
    """The load balancer before the web processes: implements ``outside.Doors``."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def task(self, label: str, work: Callable[[], None]) -> bool:
        """See ``outside.Doors``."""
        world = self._premises.world
        alive = [web for web in self._premises.webs if web.process.alive]
        if not alive:
            return False
        world.scheduler.spawn(world.rng.choice(alive).process, label, work)
        return True

    def post(self, path: str, query: str, body: bytes, headers: Mapping[str, str]) -> int:
        """See ``outside.Doors``."""
        return self.ask(path, query, body, headers)[0]

    def ask(self, path: str, query: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """The same with the answer's body."""
        world = self._premises.world
        task = world.scheduler.current
        web = next(web for web in self._premises.webs if task is not None and web.process is task.process)
        world.crash_point("web:before")
        answer = web.post(path, query, body, headers)
        world.crash_point("web:after")
        return answer


__all__ = ["Crash", "Frontage", "Premises", "Web", "Worker"]
