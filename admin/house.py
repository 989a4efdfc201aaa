"""What the owner's room is given: one frozen bundle, made once by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from admin.auth import Guard
from admin.throttle import FailedLogins
from catalog.credentials import Connections
from config import Config
from db import Database
from db.bell import Bell
from db.refs import Refs

VERSION: Final = "0.1.0"
"""As in pyproject.toml; a test compares them."""


@dataclass(frozen=True)
class AdminHouse:
    """Everything the room may touch.

    Attributes:
        database: the one database.
        config: what the environment said.
        bell: rung after a commit that left work behind.
        refs: makes order and payment references.
        now: this machine's time, aware; tests give their own.
        redis_ping: whether Redis answers; never raises.
        connections: how each shop speaks to Ghala.
        drop_copy: forgets the copy in Redis of one customer's conversation.
        guard: who may come in, built from the rest and shared by every blueprint.
    """

    database: Database
    config: Config
    bell: Bell
    refs: Refs
    now: Callable[[], datetime]
    redis_ping: Callable[[], bool]
    connections: Connections
    drop_copy: Callable[[int], None] = lambda _: None
    guard: Guard = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Build the guard."""
        failures = FailedLogins(self.config.redis_url)
        object.__setattr__(self, "guard", Guard(self.database, self.config, failures))
