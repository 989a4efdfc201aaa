"""The one way the sandbox says no to a caller."""

from __future__ import annotations

from errors import RuleBroken


class Refused(RuleBroken):
    """A request Ghala would turn down.

    ``status`` is the HTTP answer; ``reason`` is the provider's code (WhatsApp's are numbers).
    """

    def __init__(self, message: str, *, reason: int | str = 100, status: int = 400) -> None:
        self.reason = reason
        self.status = status
        super().__init__(message)

    def as_json(self) -> dict[str, object]:
        """Return the body in the shape Meta and Ghala use for errors."""
        return {"error": {"code": self.reason, "message": str(self)}}
