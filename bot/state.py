"""What a state of the conversation is, and what deciding gives back. Pure."""

# ruff: noqa: ARG002 - every state is asked alike
from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from bot.conversation import Conversation
from bot.effects import Effect, Say
from bot.taps import Choice, parse
from catalog.snapshot import ShopSnapshot
from ghala.inbound import InboundMessage, Tap, TextContent
from records import replace

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Next:
    """The conversation after an event, and what is to be done about it.

    A state or handler that neither says anything nor causes an event leaves the speaking to
    ``decide``, which adds the prompt of the state arrived at, with ``lead`` before it in the
    same bubble; ``silent`` keeps it quiet. What ``decide`` returns has no lead any more.
    """

    conversation: Conversation
    effects: tuple[Effect, ...] = ()
    lead: str = ""
    silent: bool = False


class State(ABC, Generic[A]):
    """One place of the conversation, asking for an answer of type ``A``.

    Attributes:
        name: how the state is stored; never changed once released.
        leads_to: the states its answers lead to, also by way of the events its effects cause.
        actions: the choices that only this state takes: they change the cart or order it.
        otherwise: where the customer stands instead when ``ready`` says no.
        takes_numbers: digits are an answer here, not the number of a button.
    """

    name: ClassVar[str]
    leads_to: ClassVar[frozenset[str]]
    actions: ClassVar[frozenset[str]] = frozenset()
    otherwise: ClassVar[str] = "greeting"
    takes_numbers: ClassVar[bool] = False

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """Whether the conversation has what this state needs; a product may be gone by now."""
        return True

    @abstractmethod
    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """What the customer is asked here."""

    @abstractmethod
    def accepts(self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot) -> A | None:
        """The answer in the message; ``None`` when it is none."""

    @abstractmethod
    def transition(self, conversation: Conversation, answer: A, shop: ShopSnapshot) -> Next:
        """Where the answer leads."""

    def shown(self, conversation: Conversation, shop: ShopSnapshot) -> Conversation:
        """The conversation after its prompt was shown; a state that promises something notes it here."""
        return conversation

    @property
    def hint(self) -> str:
        """The key of the text that says what would be understood here."""
        return f"hint-{self.name.replace('_', '-')}"


def goes(conversation: Conversation, state: str, lead: str = "") -> Next:
    """On to ``state``, whose prompt is the answer."""
    return Next(replace(conversation, state=state), lead=lead)


def tapped(message: InboundMessage) -> Choice | None:
    """The choice the message is, if it is one; typed numbers and titles arrive here as taps."""
    return parse(message.content.id) if isinstance(message.content, Tap) else None


def typed(message: InboundMessage) -> str:
    """The words of the message, empty when it has none."""
    return message.content.body if isinstance(message.content, TextContent) else ""
