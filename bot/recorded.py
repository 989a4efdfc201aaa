"""Plain frozen data as JSON and back: how events and the shop's picture are kept with a conversation.

Each object carries its class's name under ``~``; only classes of the modules below come back, so nothing read
from the database can make anything but data. A field that is gone is dropped, a new one takes its default.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from types import ModuleType
from typing import Any, Final

from bot import conversation, events
from catalog import snapshot
from ghala import inbound
from orders import order

TAG: Final = "~"
MODULES: Final = (conversation, events, snapshot, inbound, order)


def _named(modules: tuple[ModuleType, ...]) -> dict[str, type[Any]]:
    found: dict[str, type[Any]] = {}
    for module in modules:
        for name, thing in vars(module).items():
            kept = isinstance(thing, type) and dataclasses.is_dataclass(thing)
            if kept and found.setdefault(name, thing) is not thing:
                raise TypeError(f"two classes are called {name}")
    return found


CLASSES: Final = _named(MODULES)
"""Every class that can be kept, by name."""

_TEXTS: Final[dict[type[Any], tuple[str, Callable[[Any], str], Callable[[str], Any]]]] = {
    datetime: ("datetime", datetime.isoformat, datetime.fromisoformat),
    date: ("date", date.isoformat, date.fromisoformat),
    time: ("time", time.isoformat, time.fromisoformat),
    Decimal: ("Decimal", str, Decimal),
}
_FROM_TEXT: Final = {name: read for name, _, read in _TEXTS.values()}


def dump(value: Any) -> Any:
    """``value`` as JSON-ready data; tuples and sets become lists.

    Raises:
        TypeError: it holds something that is not plain data of ours.
    """
    kind = type(value)
    if value is None or kind in {str, int, bool, float}:
        return value
    if kind in {tuple, list}:
        return [dump(item) for item in value]
    if kind is frozenset:
        return {TAG: "frozenset", "items": sorted(dump(item) for item in value)}
    if kind in _TEXTS:
        name, write, _ = _TEXTS[kind]
        return {TAG: name, "text": write(value)}
    if CLASSES.get(kind.__name__) is kind:
        fields = {field.name: dump(getattr(value, field.name)) for field in dataclasses.fields(kind)}
        return {TAG: kind.__name__, **fields}
    if isinstance(value, Mapping):
        return {str(key): dump(item) for key, item in value.items()}
    raise TypeError(f"{kind.__name__} is not kept with a conversation")


def load(data: Any) -> Any:
    """What ``dump`` was given, lists as tuples.

    Raises:
        KeyError: a class that is not ours, or not any more.
        TypeError: a field without default is missing.
    """
    if isinstance(data, list):
        return tuple(load(item) for item in data)
    if not isinstance(data, dict):
        return data
    if TAG not in data:
        return {key: load(item) for key, item in data.items()}
    name = data[TAG]
    if name == "frozenset":
        return frozenset(load(item) for item in data["items"])
    if name in _FROM_TEXT:
        return _FROM_TEXT[name](data["text"])
    kind = CLASSES[name]
    known = {field.name for field in dataclasses.fields(kind)}
    return kind(**{key: load(item) for key, item in data.items() if key in known})
