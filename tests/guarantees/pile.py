"""A web process that is asked by many at once and dies: ``python -m tests.guarantees.pile url now point``.

Standard input has a line of JSON for each request, ``[path, headers, body]``; each answer is printed as ``number
status`` before anything else happens to it. All requests lie on one pile when it is stored.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from datetime import datetime
from typing import Any

from sqlalchemy.exc import OperationalError

import app as composition
from db import Database, inbox
from db.intake import Intake
from db.pile import Pile
from db.redis_link import RedisLink
from db.refs import Refs
from tests.guarantees.world import NO_REDIS, QuietBell, config

ANSWERED_FIRST = 3
"""How many are answered where the process dies while it answers."""


def die() -> None:
    """As if the machine had decided it."""
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


def main(url: str, now: str, point: str) -> None:
    """See the module."""
    requests = [json.loads(line) for line in sys.stdin]
    database = Database(url, now=lambda: datetime.fromisoformat(now))
    settings = config(NO_REDIS)
    house = composition.House(settings, database, RedisLink(NO_REDIS), QuietBell(), Refs())
    store, record_each, work = Intake._store, inbox.record_each, Pile._round

    def with_all(self: Pile[Any, Any]) -> Any:
        while len(self._waiting) < len(requests):
            threading.Event().wait(0.001)
        return work(self)

    def store_all(self: Intake, pile: Any) -> Any:
        stored = store(self, pile)
        if point == "after the commit":
            die()
        return stored

    def record(*arguments: Any) -> Any:
        stored = record_each(*arguments)
        if point == "before the commit":
            die()
        if point == "instead of the commit":
            raise OperationalError("COMMIT", {}, Exception("the disk is full"))
        return stored

    Pile._round = with_all  # type: ignore[method-assign]
    Intake._store = store_all  # type: ignore[method-assign]
    inbox.record_each = record
    web = composition.create_app(settings, house)
    answered = threading.Semaphore(ANSWERED_FIRST - 1)

    def ask(number: int, path: str, headers: dict[str, str], body: str) -> None:
        with web.test_client() as client:
            status = client.post(path, data=body.encode(), headers=headers).status_code
        os.write(1, f"{number} {status}\n".encode())
        if point == "while answering" and not answered.acquire(blocking=False):
            die()

    threads = [threading.Thread(target=ask, args=(number, *one)) for number, one in enumerate(requests)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    die()


if __name__ == "__main__":
    main(*sys.argv[1:])
