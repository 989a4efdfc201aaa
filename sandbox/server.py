"""Serving the sandbox on loopback until told to stop."""

from __future__ import annotations

import signal
import socket
import threading
from types import FrameType

from werkzeug.serving import WSGIRequestHandler, make_server

from errors import ConfigError
from sandbox.house import build
from sandbox.settings import Settings

HOST = "127.0.0.1"
_BACKLOG = 128


class _QuietHandler(WSGIRequestHandler):
    """Answers without a line per request."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Keep only what went wrong inside."""
        if type == "error":
            super().log(type, message, *args)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; open pages and silent answers end at once.

    Raises:
        ConfigError: the port is taken.
    """
    house = build(settings)
    door = _listen(settings.port)
    server = make_server(
        HOST, settings.port, house.app, threaded=True, request_handler=_QuietHandler, fd=door.fileno()
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # shutdown() waits for serve_forever, which runs in this very thread.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    house.start()
    print(f"Phone: {settings.base_url}/  (a pretend Ghala for {settings.duka_url})", flush=True)
    try:
        server.serve_forever(poll_interval=0.2)
    finally:
        house.stop()
        server.server_close()
        door.close()


def _listen(port: int) -> socket.socket:
    # Bound here and not by werkzeug, which prints its own advice and exits when a port is busy.
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((HOST, port))
    except OSError:
        door.close()
        raise ConfigError([f"Port {port} cannot be used: stop what uses it or set SANDBOX_PORT."]) from None
    door.listen(_BACKLOG)
    return door
