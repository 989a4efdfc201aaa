"""The owner's room: pages, JSON for machines with admin credentials, and honest health."""

from __future__ import annotations

from flask import Flask

from admin import api, front_door, health, metrics, pages, problems, throttle
from admin.house import AdminHouse

__all__ = ["AdminHouse", "init"]


def init(app: Flask, house: AdminHouse) -> None:
    """Mount the room: its routes, its limits, and the answers to errors of the whole app."""
    front_door.init(app, house.config)
    app.register_blueprint(pages.blueprint(house))
    app.register_blueprint(api.blueprint(house))
    app.register_blueprint(health.blueprint(house))
    metrics.init(app, house)
    problems.init(app)
    throttle.init(app, house)
