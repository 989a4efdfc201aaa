"""Choices and the ids of their buttons: ``<action>[:<argument>…]~<turn>``.

An *option* is the id without its turn (``pay:mpesa:ORD-7K3M9Q``): it is what the conversation
remembers as "1", "2" …, and what a title typed instead of tapped is turned into. The turn tells
how old a button is; what decides whether it may act is the option's own argument (the order,
the product, the cart's version), so a button can never act on something newer than itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from errors import FlowError

_OPTION: Final = re.compile(r"[a-z_]+(?::[A-Za-z0-9\-]{1,40}){0,3}")
_ID: Final = re.compile(rf"(?P<option>{_OPTION.pattern})(?:~(?P<turn>[0-9]{{1,9}}))?")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the customer chose, by tap, number or words; ``turn`` is ``None`` when the id carried none."""

    action: str
    arguments: tuple[str, ...] = ()
    turn: int | None = None

    @property
    def option(self) -> str:
        """The choice without its turn."""
        return ":".join((self.action, *self.arguments))

    def argument(self, place: int) -> str:
        """The argument at ``place``, empty when there is none."""
        return self.arguments[place] if place < len(self.arguments) else ""

    def number(self, place: int) -> int | None:
        """The argument at ``place`` as a number, ``None`` when it is none."""
        text = self.argument(place)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None  # noqa: PLR2004


def tap_id(option: str, turn: int) -> str:
    """The id of a button or row that offers ``option`` in the answer numbered ``turn``.

    Raises:
        FlowError: the option is not written as an option.
    """
    if not _OPTION.fullmatch(option):
        raise FlowError(f"{option!r} is not an option")
    return f"{option}~{turn}"


def parse(identifier: str) -> Choice | None:
    """The choice behind a tapped id, with or without a turn; ``None`` when the id is not ours."""
    found = _ID.fullmatch(identifier.strip())
    if found is None:
        return None
    action, *arguments = found["option"].split(":")
    return Choice(action, tuple(arguments), int(found["turn"]) if found["turn"] else None)
