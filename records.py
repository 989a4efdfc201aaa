"""Changing a frozen record: the standard library's ``replace``, for half of its time.

That one calls the record's ``__init__`` with every field, which looks at each of them twice. A conversation has 37 and
is changed dozens of times for each message.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dataclasses import replace
else:
    Record = TypeVar("Record")

    def replace(record: Record, /, **changes: Any) -> Record:
        """A copy of a dataclass instance with other values in some fields.

        Raises:
            TypeError: it has no such field.
        """
        kind = type(record)
        fields = _fields(kind)
        if fields is None:
            return dataclasses.replace(record, **changes)
        values, setters, by_name = fields
        made = object.__new__(kind)
        for put, value in zip(setters, values(record), strict=True):
            put(made, value)
        for name, value in changes.items():
            if name not in by_name:
                raise TypeError(f"{kind.__name__} has no field {name!r}")
            by_name[name](made, value)
        return made


Setter = Callable[[Any, Any], None]


@cache
def _fields(kind: type) -> tuple[Callable[[Any], Any], tuple[Setter, ...], dict[str, Setter]] | None:
    """How to read all fields and to write each; ``None`` where the record does more at its beginning, or has no slots."""
    names = tuple(field.name for field in dataclasses.fields(kind))
    begins = hasattr(kind, "__post_init__") or not all(field.init for field in dataclasses.fields(kind))
    slots = all(hasattr(getattr(kind, name, None), "__set__") for name in names)
    if begins or not slots or len(names) < 2:  # noqa: PLR2004 - attrgetter gives a tuple of two and more
        return None
    by_name: dict[str, Setter] = {name: getattr(kind, name).__set__ for name in names}
    return attrgetter(*names), tuple(by_name.values()), by_name


__all__ = ["replace"]
