"""The owner's room: pages, JSON for machines with admin credentials, and honest health."""

from __future__ import annotations

from typing import Final

from flask import Flask
from werkzeug.routing import IntegerConverter, ValidationError

from admin import api, front_door, health, metrics, pages, problems, throttle
from admin.house import AdminHouse

__all__ = ["AdminHouse", "init"]


LARGEST_KEY: Final = 2**63 - 1
"""What a column of either database can hold."""


class Key(IntegerConverter):
    """``<int:…>`` in an address: a number no row can have leads nowhere, and never to the database."""

    def to_python(self, value: str) -> int:
        """See ``IntegerConverter``."""
        key: int = super().to_python(value)
        if key > LARGEST_KEY:
            raise ValidationError
        return key


def init(app: Flask, house: AdminHouse) -> None:
    """Mount the room: its routes, its limits, and the answers to errors of the whole app."""
    app.url_map.converters["int"] = Key
    front_door.init(app, house.config)
    app.register_blueprint(pages.blueprint(house))
    app.register_blueprint(api.blueprint(house))
    app.register_blueprint(health.blueprint(house))
    metrics.init(app, house)
    problems.init(app)
    throttle.init(app, house)
