"""What the flow wants done: imperative, plain data. The shell does it inside one transaction."""

from __future__ import annotations

from collections.abc import Mapping
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
    ``referral`` is the advert that brought the customer, if one did.
    """

    lines: tuple[CartLine, ...]
    delivery: Delivery
    promo_code: str
    cart_version: int
    language: str
    without: tuple[int, ...] = ()
    referral: Mapping[str, str] | None = None


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


@dataclass(frozen=True, slots=True)
class FindOrders:
    """Look up the customer's orders, the newest five or the one called ``order_ref``; answered by ``OrdersFound``.

    ``purpose`` is what for: ``track``, ``history``, ``order``, ``receipt``, ``again``, ``cancel`` or ``rate``.
    """

    purpose: str
    order_ref: str = ""


@dataclass(frozen=True, slots=True)
class CancelPaid:
    """Cancel an order that is paid; answered by ``OrderCancelled`` or ``CancelRefused``."""

    order_ref: str


@dataclass(frozen=True, slots=True)
class AddToDelivery:
    """A further line about where an unpaid order goes; answered by ``DeliveryNoted``."""

    order_ref: str
    line: str


@dataclass(frozen=True, slots=True)
class RateOrder:
    """What the customer thinks of a delivered order, 1 to 5; answered by ``OrderRated``."""

    order_ref: str
    stars: int


@dataclass(frozen=True, slots=True)
class CommentOrder:
    """A line about an order that was rated. Nothing answers."""

    order_ref: str
    line: str


@dataclass(frozen=True, slots=True)
class SetStopped:
    """The customer wants no reminders, offers and questions, or wants them again. Nothing answers."""

    stopped: bool


@dataclass(frozen=True, slots=True)
class Forget:
    """Whether the customer can be forgotten or, ``confirmed``, do it once this is said; answered by ``ForgetAnswered``."""

    confirmed: bool = False


Effect = (
    Say
    | PlaceOrder
    | CancelOrder
    | RequestPayment
    | AskGateway
    | FindOrders
    | CancelPaid
    | AddToDelivery
    | RateOrder
    | CommentOrder
    | SetStopped
    | Forget
    | WaitForStock
)
