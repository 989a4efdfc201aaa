"""The huey queue on Redis and the bell that puts work on it.

Tasks carry the id of a row and nothing else. The queue may lose or double any of them: the tables
say what is to be done, and the sweeper looks there.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
import redis
from huey import RedisHuey
from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import RedisStorage

from db.bell import Bell
from db.redis_link import TAG, RedisLink, connect
from jobs.hands import Hands

NAME: Final = TAG
"""With its braces: a cluster then keeps all keys of the queue in one place."""
READ_TIMEOUT: Final = 1
SOCKET_TIMEOUT: Final = 5.0
MOST_AT_ONCE: Final = 500
"""Tasks that one command puts on the queue: about 60 KB, which every Redis takes in time."""


class JsonSerializer(Serializer):  # type: ignore[misc]
    """Tasks as JSON: what stands in Redis can never run code here, as a pickle could."""

    def _serialize(self, data: Message) -> bytes:
        return orjson.dumps(list(data))

    def _deserialize(self, data: bytes) -> Message:
        return Message(*orjson.loads(data))


class Storage(RedisStorage):  # type: ignore[misc]
    """The queue's keys in a Redis of any kind, by a client that is there already."""

    # Where the library would make a client of a pool, it finds one made.
    redis_client = staticmethod(lambda connection_pool: connection_pool)

    def enqueue_all(self, tasks: Sequence[bytes]) -> None:
        """Add several tasks in this order, with one command."""
        self.conn.lpush(self.queue_key, *tasks)


class DukaHuey(RedisHuey):  # type: ignore[misc]
    """A Huey that keeps no results and asks Redis nothing about a task before running it."""

    storage_class = Storage

    def is_revoked(self, *_args: Any, **_kwargs: Any) -> bool:
        """Tasks are never revoked: the table says whether there is anything to do."""
        return False

    def delete(self, key: str) -> int:  # noqa: ARG002 - as the library's
        """After each task the library forgets that it was revoked: there is nothing to forget."""
        return 0


def make_huey(client: redis.Redis) -> DukaHuey:
    """A queue over this client."""
    return DukaHuey(
        NAME,
        results=False,
        store_none=False,
        serializer=JsonSerializer(),
        connection_pool=client,
        clean_name=False,
        read_timeout=READ_TIMEOUT,
    )


def consumer_client(url: str) -> redis.Redis:
    """A client for workers that wait for tasks; a frozen Redis is noticed after five seconds."""
    return connect(url, patience=SOCKET_TIMEOUT, reach=1.0)


TASKS: Final[Mapping[str, str]] = {
    "message": "advance",
    "internal": "advance",
    "payment": "apply_payment",
    "status": "apply_status",
}
"""Which task works on which kind of inbox event."""
TASK_NAMES: Final = (
    "advance",
    "apply_payment",
    "apply_status",
    "start_payment",
    "ask_payment",
    "send_refund",
    "expire_order",
    "tell_back_in_stock",
    "remind_order",
    "forget_customer",
    "end_handoffs",
    "tell_owner",
    "reconcile",
    "retention",
)


def register(huey: DukaHuey, work: Mapping[str, Callable[[int], object]] | None = None) -> dict[str, Any]:
    """Make every task known under its name; without ``work`` they can be queued but not run here."""
    return {name: huey.task(name=name)(_task(name, work or {})) for name in TASK_NAMES}


def _task(name: str, work: Mapping[str, Callable[[int], object]]) -> Callable[[int], None]:
    # Huey names a task after the module of its function too: this one, in every process.
    def task(row_id: int) -> None:
        work[name](row_id)

    return task


class QueueBell(Bell):
    """Rings by queueing a task, within 100 ms or not at all.

    Args:
        link: a connection of its own, so that nothing else makes it wait.
        wake_sender: called when messages wait, if the sender lives in this process.
        hands: does tasks Redis would not take, if this process is a worker.
    """

    def __init__(
        self,
        link: RedisLink,
        wake_sender: Callable[[], None] | None = None,
        hands: Hands | None = None,
    ) -> None:
        self._link = link
        self._huey = make_huey(link.client)
        # What the library writes for a task differs in two places only; making it anew takes three times longer.
        self._messages: dict[str, Message] = {
            name: self._huey.serializer.deserialize(self._huey.serialize_task(task.s(0)))
            for name, task in register(self._huey).items()
        }
        self._wake_sender = wake_sender
        self._hands = hands

    def queue(self, task: str, row_id: int) -> None:
        """Put one task on the queue, or into our own hands when there is none."""
        self.queue_all([(task, row_id)])

    def queue_all(self, tasks: Sequence[tuple[str, int]]) -> None:
        """The same for several, by one command for as many as it may carry."""
        for first in range(0, len(tasks), MOST_AT_ONCE):
            self._queue_these(tasks[first : first + MOST_AT_ONCE])

    def _queue_these(self, tasks: Sequence[tuple[str, int]]) -> None:
        if self._link.attempt(lambda _: self._put(tasks), False) or self._hands is None:
            return
        for task, row_id in tasks:
            self._hands.take(task, row_id)

    def _put(self, tasks: Sequence[tuple[str, int]]) -> bool:
        written = [
            self._huey.serializer.serialize(
                self._messages[task]._replace(id=str(uuid.uuid4()), args=[row_id])
            )
            for task, row_id in tasks
        ]
        self._huey.storage.enqueue_all(written)
        return True

    def inbox(self, kind: str, event_id: int) -> None:
        """See ``db.bell.Bell``."""
        self.queue(TASKS[kind], event_id)

    def events(self, recorded: Sequence[tuple[int, str]]) -> None:
        """See ``db.bell.Bell``."""
        self.queue_all([(TASKS[kind], event_id) for event_id, kind in recorded])

    def payment(self, payment_id: int) -> None:
        """See ``db.bell.Bell``."""
        self.queue("start_payment", payment_id)

    def ask(self, payment_id: int) -> None:
        """See ``db.bell.Bell``."""
        self.queue("ask_payment", payment_id)

    def outbox(self) -> None:
        """See ``db.bell.Bell``."""
        if self._wake_sender is not None:
            self._wake_sender()
