"""The few kinds of trouble the shop knows, one class per way of dealing with it.

Every room raises these and nothing of its own base: callers choose what to do by class,
never by reading a message.
"""

from __future__ import annotations

from collections.abc import Sequence


class ShopError(Exception):
    """Base of everything Duka raises on purpose."""

    code = "shop_error"


class ConfigError(ShopError):
    """The environment cannot run a shop; ``problems`` holds one sentence per reason."""

    code = "config_error"

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class FlowError(ShopError):
    """The conversation was built wrong (unknown state, unreachable state): our bug, so crash."""

    code = "flow_error"


class RuleBroken(ShopError):
    """The business says no; becomes an event for the conversation or a 4xx for a machine."""

    code = "rule_broken"


class OutOfStock(RuleBroken):
    """Fewer pieces are left than were asked for.

    ``available`` is what is left of ``product_id`` at the moment of asking.
    """

    code = "out_of_stock"

    def __init__(self, product_id: int, available: int) -> None:
        self.product_id = product_id
        self.available = available
        super().__init__(f"product {product_id}: only {available} left")


class IllegalMove(RuleBroken):
    """A status may not move this way now."""

    code = "illegal_move"


class WebhookError(ShopError):
    """A request from outside is refused; ``status`` is the HTTP answer."""

    code = "webhook_error"
    status = 400


class InvalidSignature(WebhookError):
    """The signature is missing, wrong, too old or from the future: answer 401, store nothing."""

    code = "invalid_signature"
    status = 401


class MalformedWebhook(WebhookError):
    """The body is not what the contract says: answer 400."""

    code = "malformed_webhook"

    def __init__(self, message: str, code: str = "malformed_webhook", status: int = 400) -> None:
        self.code = code
        self.status = status
        super().__init__(message)


class GatewayError(ShopError):
    """A remote API (payments or messages) did not do what was asked."""

    code = "gateway_error"


class GatewayUnavailable(GatewayError):
    """Nothing happened over there and trying again is safe, after ``retry_after`` seconds if said.

    ``reason`` is the provider's code where it gave one.
    """

    code = "gateway_unavailable"

    def __init__(self, message: str, retry_after: float | None = None, reason: str = "") -> None:
        self.retry_after = retry_after
        self.reason = reason
        super().__init__(message)


class GatewayRejected(GatewayError):
    """A final no; ``reason`` is the provider's code, for the table of plain words."""

    code = "gateway_rejected"

    def __init__(self, message: str, reason: str = "", status: int | None = None) -> None:
        self.reason = reason
        self.status = status
        super().__init__(message)


class OutcomeUnknown(GatewayError):
    """It may or may not have happened (timed out after sending, unreadable answer): ask, never resend blindly."""

    code = "outcome_unknown"
