"""Ghala as payment gateway: M-Pesa, Airtel Money and card by ``POST /orders`` (WIRE 1d)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final, Protocol, Self
from urllib.parse import quote

from catalog.money import NotWhole, to_major, to_minor
from config import Config
from errors import GatewayUnavailable, OutcomeUnknown
from ghala.client import Answer, GhalaClient
from ghala.dialects import V1
from ghala.dialects.base import OrderDialect, RemoteOrder, Request
from ghala.inbound import read_payment
from ghala.signatures import Verifier
from payments.gateways.base import Charge, Method, Notice, PaymentUpdate, Started
from payments.reasons import reason as reason_for

NEWS: Final = {"payment.success": "succeeded", "payment.failed": "failed", "payment.pending": "pending"}
"""What Ghala's events say of a payment; its others are about orders."""
STATUSES: Final = {"success": "succeeded", "failed": "failed", "pending": "pending"}
BEYOND_REASON: Final = 10**15
"""Minor units no payment reaches: what a column can hold is not what a person can pay."""


class Caller(Protocol):
    """Whoever carries a request to Ghala and brings the answer."""

    def call(self, request: Request) -> Answer:
        """Carry one request."""


class Unconnected:
    """In the place of a connection that is not there: every call certainly has no effect."""

    def call(self, request: Request) -> Answer:
        """Carry nothing.

        Raises:
            GatewayUnavailable: always.
        """
        raise GatewayUnavailable(f"this shop is not connected: {request.method} not sent")


class GhalaGateway:
    """Charges through Ghala's orders.

    Ghala has no find-by-reference: an order whose id we never learnt is found by the same
    ``POST`` with the same ``Idempotency-Key`` and ``external_id``. Where Ghala ignores the key, that
    may prompt the customer a second time (docs/ghala.md). Nothing is documented about refunds, so it has none.

    Args:
        client: carries the requests.
        dialect: builds them and reads the answers.
        callback_url: where Ghala posts payment webhooks; the payment's reference is added as a hint.
        confirms_webhooks: true where the webhook's signature carries no time.
    """

    name: ClassVar[str] = "ghala"
    methods: ClassVar[tuple[Method, ...]] = (
        Method("mpesa", prompts=True),
        Method("airtel", prompts=True),
        Method("card"),
    )

    def __init__(
        self, client: Caller, dialect: OrderDialect, *, callback_url: str, confirms_webhooks: bool
    ) -> None:
        self._client = client
        self._dialect = dialect
        self._callback_url = callback_url
        self.confirms_webhooks = confirms_webhooks

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Ghala's API with the key of the installation or of one shop; webhooks come to ``PUBLIC_URL``."""
        secrets = tuple(secret.encode() for secret in config.ghala_webhook_secrets)
        reached_at = config.public_url or f"http://127.0.0.1:{config.port}"
        client: Caller = Unconnected()
        if config.connected:
            client = GhalaClient(
                config.ghala_payments_url or config.ghala_api_url,
                config.ghala_payments_key or config.ghala_api_key,
            )
        return cls(
            client,
            V1(),
            callback_url=f"{reached_at}{config.webhook_path}/{cls.name}",
            confirms_webhooks=not Verifier(config.ghala_signature_scheme, secrets).carries_time,
        )

    @staticmethod
    def read(payload: Mapping[str, Any], currency: str) -> Notice:
        """Read a webhook of either family (WIRE 1c, 1d); see ``HearsWebhooks.read``."""
        notice = read_payment(payload)
        status = NEWS.get(notice.event)
        amount = notice.amount
        news = PaymentUpdate(
            status=status or "",
            gateway_ref=notice.order_ref,
            payment_ref=notice.external_ref,
            amount=None if amount is None else minor_of(amount, notice.currency or currency),
            currency=notice.currency,
            transaction_ref=notice.transaction_reference or notice.payment_id,
            reason=reason_for(notice.failure_reason or notice.status or ""),
        )
        return Notice(notice.event, news if status else None, notice.amount_text or "")

    def start(self, charge: Charge) -> Started:
        """Create Ghala's order; see ``PaymentGateway.start``."""
        remote = self._create(charge)
        if not remote.id:
            raise OutcomeUnknown("Ghala's answer names no order")
        return Started(gateway_ref=remote.id, link=remote.payment_url or "")

    def ask(self, charge: Charge) -> PaymentUpdate:
        """Read Ghala's order; see ``PaymentGateway.ask``."""
        if charge.gateway_ref is None:
            remote = self._create(charge)
        else:
            request = self._dialect.get_order(charge.gateway_ref)
            remote = self._read(self._client.call(request))
        return update_from(remote, charge.currency)

    def _create(self, charge: Charge) -> RemoteOrder:
        callback = f"{self._callback_url}?payment={quote(charge.ref)}" if self._callback_url else ""
        request = self._dialect.create_order(
            external_id=charge.ref,
            amount=to_major(charge.amount, charge.currency),
            currency=charge.currency,
            phone=charge.phone or "",
            method=charge.method,
            description=charge.description,
            callback_url=callback,
            key=charge.key,
        )
        return self._read(self._client.call(request))

    def _read(self, answer: Answer) -> RemoteOrder:
        headers: Mapping[str, str] = answer.headers
        return self._dialect.read_order(answer.status, headers, answer.body)


def update_from(remote: RemoteOrder, currency: str) -> PaymentUpdate:
    """Ghala's order as news about our payment.

    Raises:
        OutcomeUnknown: the amount it names cannot be read as money of ours.
    """
    named = remote.currency or currency
    return PaymentUpdate(
        status=STATUSES.get(remote.payment_status or "pending", "pending"),
        gateway_ref=remote.id,
        payment_ref=remote.external_id,
        amount=None if remote.amount is None else minor_of(remote.amount, named),
        currency=remote.currency,
        transaction_ref=remote.transaction_reference,
        reason=reason_for(remote.failure_reason or ""),
        link=remote.payment_url or "",
    )


def minor_of(amount: Decimal, currency: str) -> int:
    """Minor units, or -1 for an amount this currency does not have or nobody pays: it will match no payment."""
    try:
        minor = to_minor(amount, currency)
    except (NotWhole, KeyError):
        return -1
    return minor if minor < BEYOND_REASON else -1
