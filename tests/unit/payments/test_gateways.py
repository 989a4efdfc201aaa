"""The registry: what is registered is offered, spoken of and heard."""

from __future__ import annotations

import pytest

from bot import texts, wording
from catalog.snapshot import ShopSnapshot
from config import Config
from payments import gateways
from payments.gateways.base import HearsWebhooks, Refunds

CONFIG = Config(
    ghala_api_url="https://ghala.example/v1",
    ghala_api_key="key",
    ghala_webhook_secrets=("a-secret-of-tests",),
)


def test_every_registered_gateway_is_built_under_its_name() -> None:
    assert {name: type(gateway) for name, gateway in gateways.build(CONFIG).items()} == {
        kind.name: kind for kind in gateways.REGISTRY
    }


def test_the_bot_has_words_for_every_way_to_pay() -> None:
    assert set(wording.METHODS) == set(gateways.methods())
    assert {name for name, (method, _) in gateways.methods().items() if method.prompts} == wording.PROMPTED
    for name in gateways.methods():
        assert texts.speaks(f"method-{name}")
        assert texts.speaks(f"button-pay-{name}")


def test_what_a_shop_offers_without_choosing_is_what_the_picture_of_a_shop_has() -> None:
    assert gateways.offered(None) == ShopSnapshot.__dataclass_fields__["payment_methods"].default


@pytest.mark.parametrize(
    ("chosen", "offered"),
    [
        (["cash", "mpesa"], ("cash", "mpesa")),
        (["mpesa", "shells"], ("mpesa",)),
        ([], ()),
    ],
)
def test_a_shop_offers_what_it_has_chosen_of_what_there_is(chosen, offered) -> None:
    assert gateways.offered(chosen) == offered


def test_cash_needs_no_network_no_phone_and_no_webhook() -> None:
    cash = gateways.build(CONFIG)["cash"]
    assert not isinstance(cash, HearsWebhooks | Refunds)
    assert not any(method.prompts for method in cash.methods)


def test_ghala_documents_no_refunds_and_says_so() -> None:
    ghala = gateways.build(CONFIG)["ghala"]
    assert isinstance(ghala, HearsWebhooks)
    assert not isinstance(ghala, Refunds)


@pytest.mark.parametrize(
    ("source", "gateway"),
    [("payments:main:ghala", "ghala"), ("payments:main:cash", "cash"), ("payments:main", "ghala")],
)
def test_an_event_says_which_gateway_sent_it_and_an_old_one_came_from_the_first(source, gateway) -> None:
    assert gateways.heard_from(source) == gateway
