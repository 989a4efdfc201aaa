"""How gunicorn serves the shop. The address can be changed with GUNICORN_CMD_ARGS="--bind 10.0.0.5:8000"."""

import os
import sys
import threading
from pathlib import Path

from gunicorn.workers.gthread import ThreadWorker

import measuring
from config import Config
from errors import ConfigError
from observing import for_gunicorn

try:
    _config = Config.from_env()
except ConfigError as problem:
    sys.exit("\n".join(problem.problems))

measuring.share(_config.metrics_dir)


def _processes() -> int:
    """One on SQLite, where a second would only wait for the write lock; else by cores, unless told."""
    if _config.on_sqlite:
        return 1
    told = os.environ.get("WEB_CONCURRENCY", "").strip()  # noqa: TID251 - platforms set it for gunicorn
    if not told:
        return min(4, 2 * (os.cpu_count() or 1))
    if not told.isdigit() or int(told) < 1:
        sys.exit(f"WEB_CONCURRENCY must be a number above 0, not {told!r}.")
    return int(told)


# A container or another machine's proxy must reach production; on a laptop nobody else need.
bind = f"{'0.0.0.0' if _config.production else '127.0.0.1'}:{_config.port}"  # noqa: S104
worker_class = "gthread"
workers = _processes()
threads = 16 if _config.on_sqlite else 8
# A child that dies is replaced by a fork, in no time; nothing is opened before (tests/integration/dev).
preload_app = True
timeout = 30
graceful_timeout = 25
keepalive = 65  # longer than the usual proxy's 60 s, so that it is never us who close a connection in use
limit_request_line = 4094
limit_request_fields = 100
limit_request_field_size = 8190
loglevel = _config.log_level.lower()
accesslog = None
logconfig_dict = for_gunicorn(production=_config.production)
# The heartbeat file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access(Path("/dev/shm"), os.W_OK) else None  # noqa: S108
# Its socket lies in the home directory, shared by every gunicorn of the user.
control_socket_disable = True


_lifeline, _held = os.pipe()


def post_worker_init(worker: object) -> None:
    """Let a worker whose master was killed leave the port to the next master at once.

    gunicorn's own look at the parent comes within a second, but then the port stays taken until the last kept-alive
    connection has ended, for up to ``graceful_timeout``: nobody is accepted meanwhile, and no other master can start.
    """
    if not isinstance(worker, ThreadWorker):  # told so by GUNICORN_CMD_ARGS
        return
    os.close(_held)  # from here on only the master holds it, and with the master it ends
    threading.Thread(target=_follow, args=(worker,), name="lifeline", daemon=True).start()


def _follow(worker: ThreadWorker) -> None:
    """Wait for the master's end; what is being answered then may finish."""
    os.read(_lifeline, 1)
    worker.method_queue.defer(_leave, worker)


def _leave(worker: ThreadWorker) -> None:
    worker.alive = False
    worker.set_accept_enabled(False)
    for listener in worker.sockets:
        listener.close()
