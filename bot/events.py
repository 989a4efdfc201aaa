"""What happened to a conversation: past tense, plain data. The flow decides on nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from ghala.inbound import InboundMessage
from orders.order import OrderView, Receipt


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """The customer wrote, tapped or sent something.

    ``late`` marks a message whose signature was old (between 300 s and 7 days): it is answered
    with where the customer stands and never orders, pays or cancels. ``masked`` says that a card
    number or PIN was taken out of the words before anybody kept them.
    """

    message: InboundMessage
    late: bool = False
    masked: bool = False


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """The order asked for by ``PlaceOrder`` exists and its stock is held."""

    order: OrderView


@dataclass(frozen=True, slots=True)
class OrderCreated:
    """An order was placed for the customer outside the chat (the orders API)."""

    order: OrderView


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """Placing failed and nothing is held.

    ``reason`` is ``out_of_stock`` (``available`` left), ``unavailable``, ``price_changed``
    (the cart must be shown again), ``promotion_used`` (by this customer when ``personal``) or ``empty``.
    """

    reason: str
    product_id: int | None = None
    available: int = 0
    promotion_id: int | None = None
    personal: bool = False


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """The order was cancelled and its stock released; where ``paid_at`` is set its money is due back."""

    order: OrderView


@dataclass(frozen=True, slots=True)
class CancelRefused:
    """The order could not be cancelled: ``reason`` is ``paid`` (it can be, once confirmed), ``on_its_way``,
    ``payment_open`` or ``closed``.
    """  # noqa: D205

    order_ref: str
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentRequested:
    """A payment is stored and on its way to the gateway; ``phone`` is charged (empty for card)."""

    order: OrderView
    method: str
    phone: str


@dataclass(frozen=True, slots=True)
class PaymentRefused:
    """No payment was started: ``reason`` is ``already_open``, ``already_paid``, ``order_closed`` or ``no_phone``."""

    order_ref: str
    reason: str
    method: str = ""


@dataclass(frozen=True, slots=True)
class PaymentLinkReady:
    """The gateway gave the page where the customer pays by card."""

    order: OrderView
    url: str


@dataclass(frozen=True, slots=True)
class PaymentSucceeded:
    """Verified money for the order; answered by the one receipt."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class PaymentFailed:
    """An attempt failed; ``reason`` is one of ``payments.reasons`` (``wrong_pin``, ``insufficient_funds`` …)."""

    order: OrderView
    method: str
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentUnknown:
    """We do not know whether the attempt was paid: the customer must not pay twice."""

    order: OrderView
    method: str


@dataclass(frozen=True, slots=True)
class PaymentStillPending:
    """The gateway was asked and has no answer yet."""

    order: OrderView
    method: str


@dataclass(frozen=True, slots=True)
class MoneyWithoutOrder:
    """Money came for an order that is closed or already paid; the owner was told. ``amount`` in minor units."""

    order: OrderView
    amount: int


@dataclass(frozen=True, slots=True)
class RefundSent:
    """Money of the order went back, ``amount`` in minor units, under ``reference``."""

    order: OrderView
    amount: int
    reference: str


@dataclass(frozen=True, slots=True)
class OrderMoved:
    """The owner moved the order to ``order.status``."""

    order: OrderView


@dataclass(frozen=True, slots=True)
class BackInStock:
    """A product the customer asked about is there again."""

    product_id: int


@dataclass(frozen=True, slots=True)
class OrderReminder:
    """The hold of the unpaid order ends soon."""

    order: OrderView


@dataclass(frozen=True, slots=True)
class OrdersFound:
    """The customer's orders, newest first, as asked for by ``FindOrders``; ``receipt`` where that was the purpose."""

    purpose: str
    orders: tuple[OrderView, ...]
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class DeliveryNoted:
    """A further line about where to was added to the order; or was not (``kept``), since it is no longer unpaid."""

    order: OrderView
    line: str
    kept: bool = True


@dataclass(frozen=True, slots=True)
class OrderRated:
    """The rating was kept, or (not ``kept``) the order had one, or cannot be rated."""

    order_ref: str
    stars: int
    kept: bool


@dataclass(frozen=True, slots=True)
class ForgetAnswered:
    """Whether the customer can be forgotten: ``reason`` is ``""``, ``done``, ``unpaid``, ``undelivered``,
    ``payment`` or ``money``; ``order_ref`` is the order that is in the way.
    """  # noqa: D205

    reason: str
    order_ref: str = ""


Event = (
    MessageReceived
    | OrderPlaced
    | OrderCreated
    | OrderRefused
    | OrderCancelled
    | CancelRefused
    | PaymentRequested
    | PaymentRefused
    | PaymentLinkReady
    | PaymentSucceeded
    | PaymentFailed
    | PaymentUnknown
    | PaymentStillPending
    | MoneyWithoutOrder
    | RefundSent
    | OrderMoved
    | BackInStock
    | OrderReminder
    | OrdersFound
    | DeliveryNoted
    | OrderRated
    | ForgetAnswered
)
