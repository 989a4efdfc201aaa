"""Payment gateways: one module each, and one line each in ``REGISTRY``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from config import Config
from payments.gateways.base import HearsWebhooks, Method, PaymentGateway, Refunds
from payments.gateways.cash import CashGateway
from payments.gateways.ghala import GhalaGateway
from records import replace

REGISTRY: Final[tuple[type[PaymentGateway], ...]] = (
    GhalaGateway,
    CashGateway,
)
"""Every gateway there is. Where two offer the same method, the first takes it."""


def build(config: Config) -> Mapping[str, PaymentGateway]:
    """Every gateway of this installation, by name."""
    return {kind.name: kind.from_config(config) for kind in REGISTRY}


Gateways = Mapping[str, PaymentGateway] | Callable[[int], Mapping[str, PaymentGateway]]
"""One set for all shops, or what finds the set of a shop."""


class ByShop:
    """Each shop's gateways, built anew when its connection changes.

    Args:
        config: the installation's, for what a shop without a connection can do: take cash.
        config_of: a shop's own, ``None`` while it is not connected.
    """

    def __init__(self, config: Config, config_of: Callable[[int], Config | None]) -> None:
        self._unconnected = replace(config, connected=False)
        self._config_of = config_of
        self._built: dict[int, tuple[Config, Mapping[str, PaymentGateway]]] = {}
        self._lock = threading.Lock()

    def __call__(self, shop_id: int) -> Mapping[str, PaymentGateway]:
        """The gateways that speak for this shop, by name."""
        config = self._config_of(shop_id) or self._unconnected
        with self._lock:
            known = self._built.get(shop_id)
            if known is None or known[0] is not config:
                known = self._built[shop_id] = (config, build(config))
        return known[1]


def of_shop(gateways: Gateways, shop_id: int) -> Mapping[str, PaymentGateway]:
    """The gateways that speak for this shop, by name."""
    return gateways if isinstance(gateways, Mapping) else gateways(shop_id)


def methods() -> dict[str, tuple[Method, str]]:
    """Every way to pay, by name, with the name of the gateway that takes it."""
    found: dict[str, tuple[Method, str]] = {}
    for kind in REGISTRY:
        for method in kind.methods:
            found.setdefault(method.name, (method, kind.name))
    return found


def offered(chosen: Sequence[str] | None) -> tuple[str, ...]:
    """The ways to pay a shop offers: those it has chosen that exist, else every one that is offered by itself."""
    known = methods()
    if chosen is None:
        return tuple(name for name, (method, _) in known.items() if method.offered)
    return tuple(name for name in chosen if name in known)


def hearing() -> dict[str, type[HearsWebhooks]]:
    """The gateways that tell of payments by themselves, by name."""
    return {kind.name: kind for kind in REGISTRY if issubclass(kind, HearsWebhooks)}


def can_refund(name: str) -> bool:
    """Whether this gateway pays back by itself; else people do."""
    return any(kind.name == name and issubclass(kind, Refunds) for kind in REGISTRY)


def source(slug: str, gateway: str) -> str:
    """What the inbox calls the webhooks of a gateway to a shop."""
    return f"payments:{slug}:{gateway}"


def heard_from(source: str) -> str:
    """The gateway an event of the inbox came from; the first one, where the source is older than the second."""
    named = source.split(":")[2:]
    return named[0] if named else REGISTRY[0].name
