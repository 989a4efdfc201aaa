"""Several messages read as one thought: what fits is answered at once, the rest waits a moment for more."""

from __future__ import annotations

from bot.bursts import LONGEST, PAUSE
from db import inbox
from tests.integration.bot.conftest import Chat


def test_what_fits_is_answered_at_once(chat: Chat) -> None:
    chat.worker.advance(chat.hears("2 coffee"))
    assert len(chat.answers()) == 1


def test_words_not_understood_wait_for_more_and_are_completed_by_it(chat: Chat) -> None:
    chat.answer("products")
    first = chat.hears("nipatie mbili")
    chat.worker.advance(first)
    assert chat.answers() == []
    assert (chat.event(first).status, chat.event(first).error, chat.event(first).attempts) == (
        "waiting",
        inbox.HELD,
        0,
    )
    chat.now.advance(1.0)
    second = chat.hears("coffee")
    chat.worker.advance(second)
    (said,) = chat.answers()
    assert "2 \u00d7 " in said
    assert [chat.event(row).status for row in (first, second)] == ["done", "done"]
    chat.passes_the_pause()
    assert chat.answers() == []


def test_words_that_only_wait_move_nothing(chat: Chat) -> None:
    chat.answer("products")
    before = chat.conversation()
    chat.worker.advance(chat.hears("wxyz"))
    after = chat.conversation()
    assert (after.version, after.data, after.lease_until) == (before.version, before.data, None)


def test_after_a_moment_of_silence_we_say_that_we_did_not_understand(chat: Chat) -> None:
    chat.answer("products")
    first = chat.hears("wxyz")
    chat.worker.advance(first)
    chat.now.advance(PAUSE - 0.1)
    chat.worker.advance(first)
    assert chat.answers() == []
    chat.now.advance(0.1)
    chat.worker.advance(first)
    (said,) = chat.answers()
    assert "did not understand" in said
    assert chat.event(first).status == "done"
    assert chat.conversation().data["misses"] == 1


def test_each_line_gives_the_next_one_its_time_and_all_are_one_thought(chat: Chat) -> None:
    chat.answer("products")
    for words in ("wxyz", "qqqq", "zzzz"):
        chat.worker.advance(chat.hears(words))
        chat.now.advance(PAUSE - 0.1)
    assert chat.answers() == []
    chat.passes_the_pause()
    assert len(chat.answers()) == 1
    assert chat.conversation().data["misses"] == 1


def test_nobody_can_keep_an_answer_waiting_by_writing_on(chat: Chat) -> None:
    chat.answer("products")
    waited = 0.0
    while not chat.answers():
        chat.worker.advance(chat.hears("wxyz"))
        chat.now.advance(1.0)
        waited += 1.0
        assert waited <= LONGEST + 2


def test_words_not_understood_are_forgiven_when_something_understood_follows(chat: Chat) -> None:
    chat.answer("products")
    chat.worker.advance(chat.hears("the weather is so lovely today my friend"))
    chat.worker.advance(chat.hears("cart"))
    (said,) = chat.answers()
    assert "did not understand" not in said
    assert chat.conversation().data["misses"] == 0


def test_messages_already_waiting_are_read_together_without_a_pause(chat: Chat) -> None:
    chat.answer("products")
    rows = [chat.hears("nipatie mbili"), chat.hears("coffee")]
    chat.worker.advance(rows[-1])
    (said,) = chat.answers()
    assert "2 \u00d7 " in said
    assert [chat.event(row).status for row in rows] == ["done", "done"]


def test_news_of_ours_does_not_end_the_wait(chat: Chat) -> None:
    ref = chat.orders()
    chat.answers()
    chat.now.advance(120)  # what follows the address at once would belong to it
    chat.worker.advance(chat.hears("wxyz"))
    news = chat.write(
        lambda session: inbox.record_internal(
            session,
            1,
            chat.customer().identity,
            "OrderMoved",
            {"order_ref": ref, "status": "preparing"},
            unique="1",
        )
    )
    chat.worker.advance(news)
    (said,) = chat.answers()
    assert ref in said
    chat.passes_the_pause()
    assert len(chat.answers()) == 1


def test_a_worker_that_dies_while_lines_wait_loses_none(chat: Chat) -> None:
    chat.answer("products")
    first = chat.hears("nipatie mbili")
    chat.worker.advance(first)
    assert chat.worker.shell.claim([first])  # and no more is heard of it
    chat.now.advance(31)
    other = chat.another_worker()
    with chat.database.reading() as session:
        assert first in [row for row, _ in inbox.overdue(session, 5)]
    other.advance(first)
    assert len(chat.answers()) == 1


def test_a_card_number_in_two_lines_is_not_put_together(chat: Chat) -> None:
    chat.answer("products")
    chat.worker.advance(chat.hears("4111 1111"))
    chat.worker.advance(chat.hears("1111 1111"))
    chat.passes_the_pause()
    assert all("4111 1111 1111" not in said for said in chat.answers())
