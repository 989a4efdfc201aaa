"""The sandbox put together: settings in, a Flask app and its background threads out."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox import api, phone
from sandbox.faults import FaultPanel
from sandbox.refusal import Refused
from sandbox.settings import Settings
from sandbox.webhooks import THREADS, Courier, HttpPost, Post
from sandbox.world import World

BODY_LIMIT = 256 * 1024
_LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]"}


@dataclass(frozen=True, slots=True)
class House:
    """The running parts, for the server and for tests."""

    app: Flask
    world: World
    courier: Courier
    faults: FaultPanel
    stopping: threading.Event

    def start(self) -> None:
        """Start the agenda's and the couriers' threads."""
        threading.Thread(target=self.world.run, args=(self.stopping,), daemon=True, name="agenda").start()
        for number in range(THREADS):
            threading.Thread(
                target=self.courier.run, args=(self.stopping,), daemon=True, name=f"courier-{number}"
            ).start()

    def stop(self) -> None:
        """Let every thread and open stream end."""
        self.stopping.set()
        self.world.close()


def build(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    post: Post | None = None,
    pause: Callable[[float], object] | None = None,
    chance: random.Random | None = None,
) -> House:
    """Put the sandbox together; nothing runs until ``House.start``."""
    stopping = threading.Event()
    faults = FaultPanel()
    courier = Courier(
        clock=clock,
        post=post or HttpPost(),
        faults=faults,
        scheme=settings.signature_scheme,
        secret=settings.webhook_secret,
    )
    world = World(
        clock=clock,
        post=courier.enqueue,
        shop_name=settings.shop_name,
        base_url=settings.base_url,
        duka_url=settings.duka_url,
        chance=chance,
    )
    courier.changed = world.touch
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    _guard(app, settings)
    ghala = api.blueprint(world, faults, settings.api_key, settings.shop_name, pause or stopping.wait)
    app.register_blueprint(ghala, url_prefix="/v1")
    app.register_blueprint(ghala, url_prefix="/", name="api_without_version")
    app.register_blueprint(phone.blueprint(world, courier, faults, settings))
    return House(app, world, courier, faults, stopping)


def _guard(app: Flask, settings: Settings) -> None:
    """Keep other web sites out of the page and give every answer its safety headers."""
    # Product pictures come from Duka itself; nothing else is fetched from anywhere.
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; "
        f"img-src 'self' data: {settings.duka_origin}; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'self'"
    )

    @app.before_request
    def refuse_strangers() -> None:
        # A rebinding attack reaches us under its own host name.
        host = request.host.rpartition(":")[0] if request.host[-1:].isdigit() else request.host
        if (host or request.host) not in _LOCAL_NAMES:
            raise Refused("this sandbox answers on 127.0.0.1 only", reason="wrong_host", status=421)
        origin = request.headers.get("Origin")
        if request.method not in {"GET", "HEAD", "OPTIONS"} and origin is not None:
            parts = urlsplit(origin)
            if parts.netloc != request.host:
                raise Refused("other web sites may not use the sandbox", reason="wrong_origin", status=403)

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        # With no-referrer a browser posts our own card form under the origin "null".
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.errorhandler(Refused)
    def say_no(refused: Refused) -> tuple[Response, int]:
        return jsonify(refused.as_json()), refused.status

    @app.errorhandler(HTTPException)
    def say_why(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error={"code": error.name, "message": error.description}), error.code or 500
