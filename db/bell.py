"""The bell: how a room says that there is work, without knowing who hears it.

Ringing is best effort. What must happen stands in the tables already; a bell nobody hears
costs seconds, until the sweeper looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Bell(Protocol):
    """Rung after a commit, never inside a transaction."""

    def inbox(self, kind: str, event_id: int) -> None:
        """An inbox event of this kind (``message``, ``status``, ``payment``, ``internal``) waits."""

    def events(self, recorded: Sequence[tuple[int, str]]) -> None:
        """Inbox events wait: ids and kinds, as ``db.inbox.record`` returns them. One after another, if not told how."""
        for event_id, kind in recorded:
            self.inbox(kind, event_id)

    def payment(self, payment_id: int) -> None:
        """A stored payment waits to be taken to its gateway."""

    def ask(self, payment_id: int) -> None:
        """A payment's gateway is to be asked now."""

    def outbox(self) -> None:
        """Messages wait to be sent."""


class SilentBell(Bell):
    """Nobody listens: the sweeper will find the work."""

    def inbox(self, kind: str, event_id: int) -> None:
        """Do nothing."""

    def payment(self, payment_id: int) -> None:
        """Do nothing."""

    def ask(self, payment_id: int) -> None:
        """Do nothing."""

    def outbox(self) -> None:
        """Do nothing."""
