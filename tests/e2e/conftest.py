"""One running shop per database for all tests here; each test brings a phone of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import new_postgres
from tests.e2e.stack import Phone, Stack

_numbers = itertools.count(254_711_000_001)


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, valkey_server: str
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp(f"stack-{request.param}")
    if request.param == "sqlite":
        database, redis_number = f"sqlite:///{folder / 'duka.db'}", 1
    else:
        database, redis_number = new_postgres(request.getfixturevalue("postgres_server")), 2
    stack = Stack(folder, database, f"{valkey_server}/{redis_number}")
    try:
        yield stack.open()
    finally:
        stack.close()


@pytest.fixture
def new_phone(stack: Stack) -> Iterator[Callable[[], Phone]]:
    """Makes phones nobody has used before, and mends the way to the shop afterwards."""
    yield lambda: Phone(stack, str(next(_numbers)))
    stack.control("faults", {"clear": True})


@pytest.fixture
def phone(new_phone: Callable[[], Phone]) -> Phone:
    return new_phone()
