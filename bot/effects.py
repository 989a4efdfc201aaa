"""What the flow wants done: imperative, plain data. The shell does it inside one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from bot.conversation import CartLine
from ghala.messages import Message
from orders.order import Delivery


@dataclass(frozen=True, slots=True)
class Say:
    """Send ``message``.

    ``kind`` is ``reply``, ``receipt`` or ``news``. ``key`` makes it unique for ever
    (``receipt:ORD-7K3M9Q``); ``fallback`` goes instead when the 24-hour window is closed.
    """

    message: Message
    kind: str = "reply"
    key: str = ""
    fallback: Message | None = None


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Place the cart as an order; answered by ``OrderPlaced`` or ``OrderRefused``.

    ``without`` are the promotions this customer has used up.
    """

    lines: tuple[CartLine, ...]
    delivery: Delivery
    promo_code: str
    cart_version: int
    language: str
    without: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancel the unpaid order; answered by ``OrderCancelled`` or ``CancelRefused``."""

    order_ref: str


@dataclass(frozen=True, slots=True)
class RequestPayment:
    """Start paying; ``phone`` in international form, empty for card. Answered by ``PaymentRequested``/``PaymentRefused``."""

    order_ref: str
    method: str
    phone: str


@dataclass(frozen=True, slots=True)
class AskGateway:
    """Ask the gateway about the order's open payment before doing anything else.

    An empty ``order_ref`` asks about the customer's earlier payments only; that has no answer but money.

    Answered later by ``PaymentSucceeded``, ``PaymentFailed``, ``PaymentUnknown`` or ``PaymentStillPending``.
    """

    order_ref: str


@dataclass(frozen=True, slots=True)
class WaitForStock:
    """Remember that the customer wants to hear when the product is there again; answered then by ``BackInStock``."""

    product_id: int


Effect = Say | PlaceOrder | CancelOrder | RequestPayment | AskGateway | WaitForStock
