"""Several messages at once read as one thought: which lines belong together, and when to wait for more. Pure.

Whatever fits is answered at once. Only words that are not understood wait for a moment, since the
next line may complete them ("nataka", "kahawa mbili"); then all of them are read together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bot.conversation import Conversation
from bot.events import Event, MessageReceived
from bot.state import Next
from bot.understanding.secrets import mask_secrets
from bot.understanding.words import LONGEST_READ
from catalog.snapshot import ShopSnapshot
from ghala.inbound import TextContent
from records import replace

PAUSE: Final = 1.5
"""Seconds of silence after words not understood before we say so."""
LONGEST: Final = 5.0
"""Seconds after which the first of them is answered even if more keeps coming."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that waits: its event, the inbox row it came in, and how many seconds ago it came."""

    event: MessageReceived
    row_id: int
    age: float


@dataclass(frozen=True, slots=True)
class Thought:
    """What is to be decided, and the decision where it had to be made to know that nothing more is needed."""

    event: Event
    decided: Next | None = None


@dataclass(slots=True)
class Burst:
    """The lines not understood so far, oldest first; ``decide`` tells whether they are.

    Args:
        decide: what follows from an event (``bot.flow.decide``).
        lines: what waits.
    """

    decide: Callable[[Conversation, Event, ShopSnapshot], Next]
    lines: list[Heard] = field(default_factory=list)

    def hear(
        self, event: Event, row_id: int, age: float, conversation: Conversation, shop: ShopSnapshot
    ) -> Thought | None:
        """What to decide now that ``event`` came: it, or it with the lines before it; ``None`` to read on.

        Lines that are completed, or followed by something understood, are answered with it.
        """
        if not isinstance(event, MessageReceived):
            return Thought(event)
        if _words(event) is None:
            self.lines.clear()
            return Thought(event)
        whole = _joined([*(line.event for line in self.lines), event]) if self.lines else None
        for said in (whole, event):
            decided = None if said is None else self._understood(conversation, said, shop)
            if said is not None and decided is not None:
                self.lines.clear()
                return Thought(said, decided)
        self.lines.append(Heard(event, row_id, age))
        return None

    def wait(self) -> float:
        """Seconds to wait for more before the lines are answered; 0 when it is time, or there are none."""
        if not self.lines:
            return 0.0
        left = min(PAUSE - self.lines[-1].age, LONGEST - self.lines[0].age)
        return max(left, 0.0)

    def given_up(self) -> Thought | None:
        """The lines as one message that nothing more came for; ``None`` without any."""
        if not self.lines:
            return None
        whole = _joined([line.event for line in self.lines]) or self.lines[-1].event
        self.lines.clear()
        return Thought(whole)

    def _understood(
        self, conversation: Conversation, event: MessageReceived, shop: ShopSnapshot
    ) -> Next | None:
        """What follows from the message; ``None`` when it is not understood where the conversation stands."""
        decided = self.decide(conversation, event, shop)
        return decided if decided.conversation.misses <= conversation.misses else None


def _words(event: MessageReceived) -> str | None:
    """The words of a message that is nothing else and came in time."""
    content = event.message.content
    return content.body if isinstance(content, TextContent) and not event.late else None


def _joined(events: list[MessageReceived]) -> MessageReceived | None:
    """The lines as one message; ``None`` when together they would be a secret, which is masked line by line."""
    body = " ".join(_words(event) or "" for event in events)[:LONGEST_READ]
    if mask_secrets(body) != body:
        return None
    last = events[-1]
    return replace(last, message=replace(last.message, content=TextContent(body)))
