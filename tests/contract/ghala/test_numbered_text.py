"""Where a dialect cannot carry buttons, the number of a line does what the button would, all through the conversation."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ghala.dialects import V2
from ghala.messages import Buttons, ListMessage, Message
from tests.unit.bot.talk import SHOP, ZONES, Talk, many_products, with_stock

NUMBERED = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)
POINTED = re.compile(r"^• (.+)$", re.MULTILINE)
SHOPS = {
    "a small shop": SHOP,
    "zones and little stock": with_stock(replace(SHOP, zones=ZONES), 1, 2),
    "categories and pages": many_products(40, categories=4),
}
OPENINGS = {
    "greeted": ("Hi",),
    "with a full cart": ("2 coffee", "123 Main St, Nairobi"),
    "asking for too many": ("products", "1", "77"),
    "in the cart": ("2 coffee", "cart"),
    "asking for help": ("help",),
    "changing the language": ("language",),
}
DEEP = 4


def choices(message: Message) -> list[tuple[str, str]]:
    """Id and title of everything a message offers."""
    if isinstance(message, Buttons):
        return [(button.id, button.title) for button in message.buttons]
    if isinstance(message, ListMessage):
        return [(row.id, row.title) for section in message.sections for row in section.rows]
    return []


def as_read(message: Message) -> str:
    """What the customer of a channel without buttons reads."""
    body = V2().send_message("254711222333", message, "out:1").json
    assert body is not None
    return str(body.get("text") or body.get("media_caption"))


def offered(words: str, count: int, *, numbered: bool) -> tuple[list[str], list[str]]:
    """What to type for each choice, and the line it stands in: its number, or itself where digits mean something else."""
    if not numbered:
        pointed = POINTED.findall(words)[-count:]
        return pointed, pointed
    lines = NUMBERED.findall(words)[-count:] if count else []
    assert [number for number, _ in lines] == [str(n) for n in range(1, count + 1)]
    return [number for number, _ in lines], [line for _, line in lines]


def told(shop: object, inputs: tuple[str, ...]) -> Talk:
    talk = Talk(shop)  # type: ignore[arg-type]
    for said in inputs:
        if said.startswith("tap:"):
            talk.taps_id(said.removeprefix("tap:"))
        else:
            talk.sends(said)
    return talk


@pytest.mark.parametrize("shop", SHOPS.values(), ids=SHOPS)
@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS)
def test_each_number_does_what_its_button_does(shop: object, opening: tuple[str, ...]) -> None:
    seen: set[tuple[str, tuple[str, ...]]] = set()
    paths = [opening]
    tried = 0
    while paths:
        path = paths.pop(0)
        talk = told(shop, path)
        offers = choices(talk.last)
        place = (talk.state, tuple(title for _, title in offers))
        if place in seen:
            continue
        seen.add(place)
        for answer, line, (identifier, title) in zip(
            *offered(as_read(talk.last), len(offers), numbered=getattr(talk.last, "numbers", True)),
            offers,
            strict=True,
        ):
            assert line.startswith(title)
            by_tap = told(shop, (*path, f"tap:{identifier}"))
            by_words = told(shop, (*path, answer))
            assert by_words.state == by_tap.state, (path, answer, line)
            assert by_words.last == by_tap.last, (path, answer, line)
            tried += 1
            if len(path) - len(opening) < DEEP:
                paths.append((*path, f"tap:{identifier}"))
    assert tried
