"""Who plays the other side of each gateway for the shared suite: one entry per gateway.

A payload is what the gateway really sends, with ``<payment>`` where it repeats our reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import responses

from config import Config
from payments import gateways
from payments.gateways.base import PaymentGateway

PAYLOADS: Final = Path(__file__).parent / "payloads"
SECRET: Final = "a-secret-of-the-tests"
CONFIG: Final = Config(
    ghala_api_url="https://api.ghala.example/v1",
    ghala_api_key="ghl_test_0123456789",
    ghala_webhook_secrets=(SECRET,),
    ghala_signature_scheme="timestamp-hex",
)


@dataclass(frozen=True)
class Player:
    """The other side of one gateway.

    Attributes:
        name: the gateway's.
        method: a way to pay that it takes.
        start: method and address of the call that begins a charge; ``None`` without a network.
        ask: the same of the call that asks about it.
        key_header: where the idempotency key goes.
        gateway_ref: its own name for the charge in the payloads.
    """

    name: str
    method: str
    start: tuple[str, str] | None = None
    ask: tuple[str, str] | None = None
    key_header: str = "Idempotency-Key"
    gateway_ref: str | None = None

    def gateway(self) -> PaymentGateway:
        """The gateway itself, as the house builds it."""
        return gateways.build(CONFIG)[self.name]

    def payload(self, what: str, payment_ref: str = "PAY-7K3M9Q") -> bytes:
        """A recorded payload."""
        raw = (PAYLOADS / self.name / f"{what}.json").read_bytes()
        return raw.replace(b"<payment>", payment_ref.encode())

    def answers(self, mock: responses.RequestsMock, call: str, **answer: Any) -> None:
        """Let the next ``start`` or ``ask`` be answered so."""
        method, address = getattr(self, call)
        mock.add(method, re.compile(address), **answer)


PLAYERS: Final = (
    Player(
        "ghala",
        "mpesa",
        start=("POST", r"https://api\.ghala\.example/v1/orders$"),
        ask=("GET", r"https://api\.ghala\.example/v1/orders/gh_8841$"),
        gateway_ref="gh_8841",
    ),
    Player("cash", "cash"),
)
EVERY: Final = tuple(kind.name for kind in gateways.REGISTRY)
ON_A_WIRE: Final = tuple(player for player in PLAYERS if player.start is not None)
HEARD: Final = tuple(player for player in PLAYERS if player.name in gateways.hearing())
