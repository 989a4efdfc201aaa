"""Cash: paid on delivery or over the counter, and recorded by staff. No network, no webhooks, no machine to ask."""

from __future__ import annotations

from typing import ClassVar, Self

from config import Config
from payments.gateways.base import Charge, Method, PaymentUpdate, Started


class CashGateway:
    """Waits until somebody of the shop says that the money is there (``payments.receiving``)."""

    name: ClassVar[str] = "cash"
    methods: ClassVar[tuple[Method, ...]] = (Method("cash", by_hand=True, offered=False),)
    confirms_webhooks = False

    @classmethod
    def from_config(cls, config: Config) -> Self:  # noqa: ARG003 - cash needs no configuration
        """Cash is the same everywhere."""
        return cls()

    def start(self, charge: Charge) -> Started:
        """Nothing begins anywhere; see ``PaymentGateway.start``."""
        return Started(gateway_ref=charge.ref)

    def ask(self, charge: Charge) -> PaymentUpdate:
        """Nobody knows more than our own books; see ``PaymentGateway.ask``."""
        return PaymentUpdate("pending", gateway_ref=charge.ref, payment_ref=charge.ref)
