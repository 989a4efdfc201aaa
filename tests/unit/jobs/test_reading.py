"""Customers see that they were read, and "typing" when it takes a moment; nothing waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from errors import GatewayError, GatewayUnavailable, OutcomeUnknown
from ghala.client import Answer
from ghala.dialects import V1, V2, Cloud
from ghala.dialects.base import MessageDialect, Request
from jobs import reading
from jobs.reading import ReadMarks

HOUR = 3600.0


class Ghala:
    """Remembers the marks; says so when one has come."""

    def __init__(self, trouble: GatewayError | None = None) -> None:
        self.trouble = trouble
        self.bodies: list[dict[str, Any]] = []
        self.came = asyncio.Event()

    async def call(self, request: Request) -> Answer:
        assert request.json is not None
        self.bodies.append(dict(request.json))
        self.came.set()
        if self.trouble is not None:
            raise self.trouble
        return Answer(200, {}, b'{"success":true}')

    def marks(self) -> list[tuple[str, bool]]:
        return [(body["message_id"], "typing_indicator" in body) for body in self.bodies]


def watch(
    story: Callable[[ReadMarks, Ghala], Coroutine[Any, Any, None]],
    *,
    dialect: MessageDialect | None = None,
    moment: float = HOUR,
    answered: bool = False,
    trouble: GatewayError | None = None,
) -> list[tuple[str, bool]]:
    """Tell a story to marks in a loop; which marks went out, and whether each said "typing"."""

    async def main() -> list[tuple[str, bool]]:
        ghala = Ghala(trouble)
        marks = ReadMarks(dialect or Cloud("9944"), lambda _customer, _seconds: answered, moment)
        marks.begin(ghala)
        await story(marks, ghala)
        marks.end()
        return ghala.marks()

    return asyncio.run(main())


async def turn() -> None:
    """Let the loop do what was asked of it."""
    for _ in range(5):
        await asyncio.sleep(0)


async def written_and_answered(marks: ReadMarks, ghala: Ghala) -> None:
    marks.seen(7, "wamid.1")
    await turn()
    marks.answering(7)
    await ghala.came.wait()


async def written(marks: ReadMarks, ghala: Ghala) -> None:
    marks.seen(7, "wamid.1")
    await ghala.came.wait()


def test_a_quick_answer_brings_a_plain_read_mark() -> None:
    assert watch(written_and_answered) == [("wamid.1", False)]


def test_a_slow_answer_brings_typing() -> None:
    assert watch(written, moment=0) == [("wamid.1", True)]


def test_typing_never_follows_an_answer_of_another_worker() -> None:
    assert watch(written, moment=0, answered=True) == [("wamid.1", False)]


@pytest.mark.parametrize("trouble", [GatewayUnavailable("away"), OutcomeUnknown("lost")])
def test_a_mark_that_fails_troubles_nobody(trouble: GatewayError) -> None:
    assert watch(written_and_answered, trouble=trouble) == [("wamid.1", False)]


def test_several_messages_are_marked_by_the_last() -> None:
    async def burst(marks: ReadMarks, ghala: Ghala) -> None:
        for number in range(3):
            marks.seen(7, f"wamid.{number}")
        await turn()
        marks.answering(7)
        await ghala.came.wait()

    assert watch(burst) == [("wamid.2", False)]


def test_news_to_somebody_who_wrote_nothing_marks_nothing() -> None:
    async def news(marks: ReadMarks, _ghala: Ghala) -> None:
        marks.seen(7, "wamid.1")
        await turn()
        marks.answering(8)
        await turn()

    assert watch(news) == []


@pytest.mark.parametrize("dialect", [V1(), V2()])
def test_a_dialect_without_marks_sends_none(dialect: MessageDialect) -> None:
    async def story(marks: ReadMarks, _ghala: Ghala) -> None:
        marks.seen(7, "wamid.1")
        await turn()
        marks.answering(7)
        await turn()

    assert watch(story, dialect=dialect, moment=0) == []


def test_a_flood_of_messages_is_not_a_flood_of_marks() -> None:
    async def flood(marks: ReadMarks, ghala: Ghala) -> None:
        for customer in range(10 * reading.MOST):
            marks.seen(customer, f"wamid.{customer}")
        await turn()
        for customer in range(10 * reading.MOST):
            marks.answering(customer)
        await turn()

    assert len(watch(flood)) == reading.MOST


def test_before_the_sender_begins_and_after_it_ends_nothing_is_marked() -> None:
    async def late(marks: ReadMarks, _ghala: Ghala) -> None:
        marks.end()
        marks.seen(7, "wamid.1")
        await turn()

    assert watch(late, moment=0) == []
    ReadMarks(Cloud("9944"), lambda _customer, _seconds: False).seen(7, "wamid.1")
