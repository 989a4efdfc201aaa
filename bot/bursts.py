"""Several messages at once read as one thought: which lines belong together, and when to wait for more. Pure.

Whatever fits is answered at once. Only words that are not understood wait for a moment, since the
next line may complete them ("nataka", "kahawa mbili"); then all of them are read together.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from bot.conversation import Conversation
from bot.events import Event, MessageReceived
from bot.flow import decide
from bot.understanding.secrets import mask_secrets
from bot.understanding.words import LONGEST_READ
from catalog.snapshot import ShopSnapshot
from ghala.inbound import TextContent

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


@dataclass(slots=True)
class Burst:
    """The lines not understood so far, oldest first."""

    lines: list[Heard] = field(default_factory=list)

    def hear(
        self, event: Event, row_id: int, age: float, conversation: Conversation, shop: ShopSnapshot
    ) -> Event | None:
        """What to decide now that ``event`` came: it, or it with the lines before it; ``None`` to read on.

        Lines that are completed, or followed by something understood, are answered with it.
        """
        if not isinstance(event, MessageReceived):
            return event
        if self.lines and _words(event) is not None:
            whole = _joined([*(line.event for line in self.lines), event])
            if whole is not None and fits(conversation, whole, shop):
                self.lines.clear()
                return whole
        if _words(event) is None or fits(conversation, event, shop):
            self.lines.clear()
            return event
        self.lines.append(Heard(event, row_id, age))
        return None

    def wait(self) -> float:
        """Seconds to wait for more before the lines are answered; 0 when it is time, or there are none."""
        if not self.lines:
            return 0.0
        left = min(PAUSE - self.lines[-1].age, LONGEST - self.lines[0].age)
        return max(left, 0.0)

    def given_up(self) -> MessageReceived | None:
        """The lines as one message that nothing more came for; ``None`` without any."""
        if not self.lines:
            return None
        whole = _joined([line.event for line in self.lines]) or self.lines[-1].event
        self.lines.clear()
        return whole


def fits(conversation: Conversation, event: MessageReceived, shop: ShopSnapshot) -> bool:
    """Whether the message is understood where the conversation stands."""
    return decide(conversation, event, shop).conversation.misses <= conversation.misses


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
