"""What one claim comes to, while it is decided and until it is written."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.orm import Session, SessionTransaction

from bot.claims import Claim
from bot.conversation import Conversation
from bot.effects import Say
from bot.recording import Turn
from catalog.snapshot import ShopSnapshot


@dataclass(slots=True)
class Answer:
    """A claim, where its conversation stands by now, and what is to be written and rung for.

    Attributes:
        claim: whose answer it is.
        conversation: as it is after what was decided so far.
        shop: as it is in this transaction.
        turn: what was decided, for the record.
        anything: whether anything may be done in this transaction, also what locks rows that others want.
        said: what to say, and whether it answers what the customer wrote.
        payments: payments to start.
        questions: payments to ask about.
        unread: events of a flood, which nobody reads.
        held: messages that wait for the rest of the thought, for ``patience`` seconds.
        news: internal events that came of it.
        seen: messages that were read, by WhatsApp's ids.
        touched: whether that was done.
        undo: to where the transaction goes back, should it turn out later that it is not the place for this answer.
    """

    claim: Claim
    conversation: Conversation
    shop: ShopSnapshot
    turn: Turn
    anything: bool
    said: list[tuple[Say, bool]] = field(default_factory=list)
    payments: list[int] = field(default_factory=list)
    questions: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    held: list[int] = field(default_factory=list)
    news: list[int] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    touched: bool = False
    undo: SessionTransaction | None = None
    patience: float = 0.0

    def begin(self, session: Session) -> None:
        """Something is to be done that locks rows of the customer only."""
        if not self.anything and self.undo is None:
            self.undo = session.begin_nested()

    def end(self, *, keep: bool) -> None:
        """Keep what was done in a shared transaction, or nothing of it."""
        if self.undo is not None and keep:
            self.undo.commit()
        elif self.undo is not None:
            self.undo.rollback()

    def touch(self) -> None:
        """Something is to be done that locks rows others want, or that must not be done twice.

        Raises:
            Apart: not in this transaction.
        """
        if not self.anything:
            raise Apart
        self.touched = True

    @property
    def waits(self) -> bool:
        """Whether nothing was decided, since everything waits for more words."""
        return len(self.held) == len(self.claim.events)

    @property
    def came(self) -> int:
        """Messages of the customer that are answered by it, or left unread."""
        return sum(event.kind == "message" and event.id not in self.held for event in self.claim.events)


class Apart(Exception):
    """This customer needs a transaction of their own; nothing was done for them yet that could not be done again."""
