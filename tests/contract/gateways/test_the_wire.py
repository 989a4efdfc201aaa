"""Every gateway with a network: what each answer, and each broken line, means."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import responses

from errors import GatewayRejected, GatewayUnavailable, OutcomeUnknown
from payments.gateways.base import Charge, PaymentUpdate
from tests.contract.gateways.players import EVERY, ON_A_WIRE, PLAYERS, Player

pytestmark = pytest.mark.parametrize("player", ON_A_WIRE, ids=lambda player: player.name)

NEVER_SENT = requests.ConnectTimeout("no route")
SENT_AND_LOST = requests.ReadTimeout("no answer")


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def charge(player: Player, gateway_ref: str | None = None) -> Charge:
    return Charge(
        "PAY-7K3M9Q", "pay:1", player.method, "+254711222333", 300_000, "KES", "Order ORD-1", gateway_ref
    )


def test_a_charge_that_was_taken_has_the_gateways_name_for_it(player: Player, wire) -> None:
    player.answers(wire, "start", body=player.payload("answer-started"))
    assert player.gateway().start(charge(player)).gateway_ref == player.gateway_ref


def test_the_stored_key_goes_along_each_time(player: Player, wire) -> None:
    for _ in range(2):
        player.answers(wire, "start", body=player.payload("answer-started"))
        player.gateway().start(charge(player))
    assert [call.request.headers[player.key_header] for call in wire.calls] == ["pay:1", "pay:1"]


def test_paid_is_read_with_amount_currency_and_references(player: Player, wire) -> None:
    player.answers(wire, "ask", body=player.payload("answer-paid"))
    assert player.gateway().ask(charge(player, player.gateway_ref)) == PaymentUpdate(
        "succeeded", player.gateway_ref, "PAY-7K3M9Q", 300_000, "KES", "SKJ4X2ABCD", reason="unknown"
    )


def test_declined_is_read_with_its_reason(player: Player, wire) -> None:
    player.answers(wire, "ask", body=player.payload("answer-declined"))
    update = player.gateway().ask(charge(player, player.gateway_ref))
    assert (update.status, update.reason) == ("failed", "insufficient_funds")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_no_is_final_and_names_its_status(player: Player, wire, status) -> None:
    player.answers(wire, "start", body=player.payload("answer-refused"), status=status)
    with pytest.raises(GatewayRejected) as refusal:
        player.gateway().start(charge(player))
    assert refusal.value.status == status


def test_too_many_requests_is_tried_again_when_the_gateway_says(player: Player, wire) -> None:
    player.answers(wire, "start", status=429, headers={"Retry-After": "17"}, body=b"{}")
    with pytest.raises(GatewayUnavailable) as refusal:
        player.gateway().start(charge(player))
    assert refusal.value.retry_after == 17


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_of_theirs_when_charging_is_never_taken_for_a_no(player: Player, wire, status) -> None:
    player.answers(wire, "start", status=status, body=b"oops")
    with pytest.raises((OutcomeUnknown, GatewayUnavailable)):
        player.gateway().start(charge(player))


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_an_error_of_theirs_when_asked_says_nothing(player: Player, wire, status) -> None:
    player.answers(wire, "ask", status=status, body=b"oops")
    with pytest.raises((OutcomeUnknown, GatewayUnavailable)):
        player.gateway().ask(charge(player, player.gateway_ref))


def test_a_line_that_broke_before_anything_was_sent_is_tried_again(player: Player, wire) -> None:
    player.answers(wire, "start", body=NEVER_SENT)
    with pytest.raises(GatewayUnavailable):
        player.gateway().start(charge(player))


def test_a_line_that_broke_after_sending_leaves_the_outcome_unknown(player: Player, wire) -> None:
    player.answers(wire, "start", body=SENT_AND_LOST)
    with pytest.raises(OutcomeUnknown):
        player.gateway().start(charge(player))


@pytest.mark.parametrize("body", [b"", b"<html>OK</html>", b"{", b"[]", b"null", b"{}"])
def test_a_success_nobody_can_read_leaves_the_outcome_unknown(player: Player, wire, body) -> None:
    player.answers(wire, "start", body=body)
    with pytest.raises(OutcomeUnknown):
        player.gateway().start(charge(player))


def test_every_registered_gateway_has_a_player(player: Player) -> None:
    assert player in PLAYERS
    assert {played.name for played in PLAYERS} == set(EVERY)
