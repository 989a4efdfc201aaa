"""What thousands of tests make anew and always find the same is made once for each run.

Every test has its own database, its own app and its own engine; what they share is code that was
generated from the same text: SQL from statements, Python from templates, a table from addresses.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import CodeType
from typing import Any, ClassVar

import flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine
from werkzeug.routing import Map, MapAdapter, Rule, RuleFactory

from db import Database


class Statements:
    """The SQL of each statement, for all databases of one kind."""

    def __init__(self) -> None:
        self._experienced: dict[str, Engine] = {}
        self._compiled: dict[Any, Any] = {}

    def learn(self, database: Database) -> None:
        """Remember one that has been connected to: what a dialect asks of its server then is known."""
        self._experienced.setdefault(database.engine.name, database.engine)

    def teach(self, database: Database) -> None:
        """Let a new one speak as the one before it."""
        dialect = self._experienced[database.engine.name].dialect
        for engine in (database.engine, database._readers):
            engine.dialect.initialize = lambda _connection: None  # type: ignore[method-assign]
            engine.dialect = dialect
            engine.update_execution_options(compiled_cache=self._compiled)


class _Templates(BytecodeCache):
    """Compiled templates, by what is written in them."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._known[bucket.key, bucket.checksum] = bucket.code


def keep_templates() -> None:
    """Make every Flask app of this process take its templates from those that are compiled already."""
    flask.Flask.jinja_options = {"bytecode_cache": _Templates()}


class _Addresses(Map):
    """Looks through its rules when it is first asked for one, unless a map of the same rules has done so."""

    _known: ClassVar[dict[Any, tuple[Any, Any]]] = {}

    def __init__(self, *args: Any, **options: Any) -> None:
        self._settling = threading.Lock()
        self._waiting: list[Rule] = []
        super().__init__(*args, **options)

    def add(self, rulefactory: RuleFactory) -> None:
        self._waiting.extend(rulefactory.get_rules(self))

    def _settle(self) -> None:
        with self._settling:  # of threads that ask at once the others wait until it is whole
            if not self._waiting:
                return
            assert not self._rules_by_endpoint, "an address that came after the others were looked through"
            key = (repr(self.converters), self.host_matching, *(repr(vars(rule)) for rule in self._waiting))
            if key not in self._known:
                for rule in self._waiting:
                    super().add(rule)
                super().update()
                self._known[key] = self._matcher, self._rules_by_endpoint
            self._matcher, self._rules_by_endpoint = self._known[key]
            self._remap = False
            self._waiting = []

    def update(self) -> None:
        self._settle()
        super().update()

    def bind(self, *args: Any, **options: Any) -> MapAdapter:
        self._settle()
        return super().bind(*args, **options)

    def iter_rules(self, endpoint: Any = None) -> Iterator[Rule]:
        self._settle()
        return super().iter_rules(endpoint)


def keep_addresses() -> None:
    """Make every Flask app of this process with the same addresses find them by one table."""
    flask.Flask.url_map_class = _Addresses
