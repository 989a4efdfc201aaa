"""What every gateway offers, whatever its wire looks like.

Calls are made outside any transaction. They raise ``GatewayUnavailable`` (nothing happened, try
again), ``GatewayRejected`` (a final no) or ``OutcomeUnknown`` (ask before anything else).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Charge:
    """A stored payment as a gateway sees it; ``amount`` in minor units.

    ``phone``, in international form, is charged where a phone is; elsewhere it only says who pays.
    """

    ref: str
    key: str
    method: str
    phone: str | None
    amount: int
    currency: str
    description: str
    gateway_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The gateway took the charge: its own name for it, and the page to pay on, if it has one."""

    gateway_ref: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class PaymentUpdate:
    """News about a payment from a gateway's answer or a verified webhook.

    ``status`` is ``pending``, ``succeeded`` or ``failed``. ``amount`` (minor units) and ``currency``
    are ``None`` where the source does not name them; ``reason`` is a name of ``payments.reasons``.
    """

    status: str
    gateway_ref: str | None = None
    payment_ref: str | None = None
    amount: int | None = None
    currency: str | None = None
    transaction_ref: str | None = None
    reason: str = ""
    link: str = ""


class PaymentGateway(Protocol):
    """A way to take money."""

    name: str
    confirms_webhooks: bool
    """Whether a webhook saying "paid" is believed only after asking (its signature carries no time)."""

    def start(self, charge: Charge) -> Started:
        """Begin charging, with ``charge.key`` as idempotency key."""

    def ask(self, charge: Charge) -> PaymentUpdate:
        """What became of the charge; finds it by its reference when ``gateway_ref`` is not known."""
