"""A record is changed as the standard library changes it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import pytest

from bot.conversation import Conversation
from records import replace


@dataclass(frozen=True, slots=True)
class Pair:
    first: int
    second: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Child(Pair):
    third: str = ""


@dataclass(frozen=True)
class Loose:
    first: int
    second: int = 2


@dataclass(frozen=True, slots=True)
class Careful:
    first: int
    double: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "double", self.first * 2)


@dataclass(frozen=True, slots=True)
class One:
    only: int


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (Pair(1, (2,)), {"second": (3,)}),
        (Pair(1), {}),
        (Child(1, (2,), "x"), {"third": "y", "first": 5}),
        (Loose(1), {"first": 3}),
        (Careful(2), {"first": 4}),
        (One(1), {"only": 2}),
        (Conversation(language="sw"), {"misses": 3, "state": "cart"}),
    ],
)
def test_it_is_as_if_the_standard_library_had_done_it(record: object, changes: dict[str, object]) -> None:
    before = repr(record)
    changed = replace(record, **changes)  # type: ignore[type-var]
    assert changed == dataclasses.replace(record, **changes)  # type: ignore[type-var]
    assert type(changed) is type(record)
    assert hash(changed) == hash(dataclasses.replace(record, **changes))  # type: ignore[type-var]
    assert repr(record) == before


@pytest.mark.parametrize("record", [Pair(1), Loose(1), One(1)])
def test_a_field_that_is_not_there_is_refused(record: object) -> None:
    with pytest.raises(TypeError):
        replace(record, fourth=4)  # type: ignore[type-var]


def test_what_it_made_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(Pair(1), first=2).first = 3  # type: ignore[misc]
