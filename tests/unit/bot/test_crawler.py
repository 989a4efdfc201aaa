"""The whole conversation walked: always an answer, always legal, always a way out, within the budget."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.flow import STATES, decide
from bot.texts import LANGUAGES
from tests.crawler import walk as crawling
from tests.crawler.walk import MOST_PLACES, crawl, first_order, repeat_order


def test_every_place_answers_every_input_legally_and_can_be_left() -> None:
    walk = crawl()
    assert walk.complaints == []
    assert walk.states() == set(STATES)
    assert {place.conversation.language for place in walk.places.values()} == set(LANGUAGES)
    assert len(walk.places) < MOST_PLACES


def test_the_walk_complains_about_a_silent_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    def mute(conversation, event, shop):
        return replace(decide(conversation, event, shop), effects=())

    monkeypatch.setattr(crawling, "decide", mute)
    monkeypatch.setattr(crawling, "MOST_PLACES", 5)
    assert any("silence" in complaint for complaint in crawl(languages=("en",)).complaints)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_first_order_costs_at_most_eight_messages(language: str) -> None:
    assert first_order(language).sent <= 8


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_repeat_order_costs_at_most_four_messages_and_three_taps(language: str) -> None:
    journey = repeat_order(language)
    assert journey.sent <= 4
    assert journey.received <= 3
