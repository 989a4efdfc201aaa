"""What a shop says in its own words: put in place of ours, with its places filled, and never in the way."""

from dataclasses import replace

import pytest

from bot import texts
from bot.conversation import Conversation
from bot.recorded import dump, load
from bot.states.greeting import Greeting
from bot.wording import own_words
from tests.unit.bot.talk import SHOP

OWN = replace(SHOP, texts={"greeting": {"en": "{hello} This is {shop}."}})


def test_a_customer_is_greeted_in_the_words_of_the_shop() -> None:
    said = Greeting().prompt(Conversation(name="Amina"), OWN).message
    assert said.body == "Hello Amina! 👋 This is Duka Demo."


def test_where_the_shop_has_no_words_in_a_language_ours_are_said() -> None:
    said = Greeting().prompt(Conversation(language="sw"), OWN).message
    assert "Karibu" in said.body


def test_what_is_put_in_is_not_looked_at_again() -> None:
    talk = Conversation(language="en")
    said = own_words(talk, OWN, "greeting", hello="{shop}", shop="{hello}")
    assert said == "{shop} This is {hello}."


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize("key", texts.OWN)
def test_our_own_words_are_words_a_shop_may_say(key, language) -> None:
    assert texts.own_problem(key, texts.source(language, key)) == ""


def test_the_shops_words_are_kept_with_a_conversation() -> None:
    assert load(dump(OWN)) == OWN
