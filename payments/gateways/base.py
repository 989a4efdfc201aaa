"""What every gateway offers, whatever its wire looks like, and what some can besides.

What a gateway can is what it implements: ``HearsWebhooks`` and ``Refunds`` are asked for by ``isinstance``,
its name never. Calls are made outside any transaction. They raise ``GatewayUnavailable`` (nothing happened, try
again), ``GatewayRejected`` (a final no) or ``OutcomeUnknown`` (ask before anything else).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from config import Config


@dataclass(frozen=True, slots=True)
class Method:
    """A way to pay, as it is stored and named in the texts (``method-<name>``).

    ``prompts`` says that a request goes to a phone, so that a number is needed. ``by_hand`` says that no machine
    tells of the money: staff record it. ``offered`` is whether a shop whose settings do not say offers it.
    """

    name: str
    prompts: bool = False
    by_hand: bool = False
    offered: bool = True


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


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified webhook as its gateway reads it.

    ``news`` is ``None`` where ``event`` is about no payment; ``amount_text`` is the amount as it was written.
    """

    event: str
    news: PaymentUpdate | None
    amount_text: str = ""


@dataclass(frozen=True, slots=True)
class Repayment:
    """A stored refund as a gateway sees it; ``amount`` in minor units, at most what ``transaction_ref`` brought."""

    key: str
    amount: int
    currency: str
    payment_ref: str
    payment_gateway_ref: str | None
    transaction_ref: str | None
    reason: str
    gateway_ref: str | None = None


@dataclass(frozen=True, slots=True)
class RefundUpdate:
    """News about a refund: ``status`` is ``pending``, ``succeeded`` or ``failed``.

    ``reason`` is what the gateway said, shown to the owner only.
    """

    status: str
    gateway_ref: str | None = None
    transaction_ref: str | None = None
    reason: str = ""


class PaymentGateway(Protocol):
    """A way to take money."""

    name: ClassVar[str]
    methods: ClassVar[tuple[Method, ...]]
    confirms_webhooks: bool
    """Whether a webhook saying "paid" is believed only after asking (its signature carries no time)."""

    def start(self, charge: Charge) -> Started:
        """Begin charging, with ``charge.key`` as idempotency key."""

    def ask(self, charge: Charge) -> PaymentUpdate:
        """What became of the charge; finds it by its reference when ``gateway_ref`` is not known."""

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """This installation's connection to the gateway."""


@runtime_checkable
class HearsWebhooks(Protocol):
    """A gateway that tells of payments by itself, at ``/api/webhooks/<name>``."""

    @staticmethod
    def read(payload: Mapping[str, Any], currency: str) -> Notice:
        """Read the JSON of a verified webhook; ``currency`` is the shop's, for amounts that name none.

        Raises:
            MalformedWebhook: it is nothing this gateway sends.
        """


@runtime_checkable
class Refunds(Protocol):
    """A gateway that can pay back; of others, people do by hand."""

    def refund(self, repayment: Repayment) -> RefundUpdate:
        """Pay back, with ``repayment.key`` as idempotency key."""

    def ask_refund(self, repayment: Repayment) -> RefundUpdate | None:
        """What became of it, found by its key when ``gateway_ref`` is not known; ``None`` if it never arrived there.

        It never pays: after ``None`` the same ``refund`` goes out again, with the same key.
        """
