"""Whoever shows read marks is told what the bot reads, and nothing that a person is to read."""

from __future__ import annotations

from tests.integration.bot.conftest import Chat


def told(chat: Chat) -> list[tuple[int, str]]:
    """What the shell tells from now on."""
    seen: list[tuple[int, str]] = []
    chat.worker.shell._seen = lambda customer_id, message_id: seen.append((customer_id, message_id))
    return seen


def test_each_message_the_bot_reads_is_told_by_whatsapps_id(chat: Chat) -> None:
    seen = told(chat)
    first, second = chat.hears("hi"), chat.hears("products")
    chat.worker.advance(first)
    chat.worker.advance(second)
    assert [message_id for _, message_id in seen] == ["wamid.1", "wamid.2"]
    assert len({customer_id for customer_id, _ in seen}) == 1


def test_what_a_person_is_to_answer_is_not_told(chat: Chat) -> None:
    chat.worker.advance(chat.hears("human"))
    seen = told(chat)
    chat.worker.advance(chat.hears("are you there?"))
    assert seen == []
