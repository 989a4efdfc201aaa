"""Every error code that WhatsApp and Ghala document, and what is done about it (WIRE 1a, 2d)."""

import pytest

from errors import GatewayRejected, GatewayUnavailable
from ghala import strict_json
from ghala.dialects import V2, Cloud
from ghala.error_codes import POLICIES, Policy, pair_wait, policy_of

DOCUMENTED = {
    Policy.STOP: [0, 190, 3, 10, 200, 250, 299, 131005, 131048, 131031, 368],
    Policy.RETRY: [1, 2, 131000, 131016, 133004, 4, 80007, 130429],
    Policy.PAIR_RATE: [131056],
    Policy.FIX: [100, 131008, 131009, 33, 132000, 132001, 132005, 132007, 132012, 132015, 132016],
    Policy.DROP: [131021, 131049, 131050, 130472],
    Policy.LEAVE: [131026],
    Policy.TEMPLATE: [131047, 470],
    Policy.TEXT: [131051, 131052, 131053],
    Policy.ALERT: [131042],
}
CODES = [(code, policy) for policy, codes in DOCUMENTED.items() for code in codes]
GHALAS = {
    "not_authenticated": (401, GatewayRejected, Policy.STOP),
    "plan_feature_locked": (402, GatewayRejected, Policy.ALERT),
    "outside_messaging_window": (409, GatewayRejected, Policy.TEMPLATE),
    "idempotency_in_progress": (409, GatewayUnavailable, Policy.RETRY),
    "idempotency_key_reused": (422, GatewayRejected, Policy.NEW_KEY),
    "whatsapp_rejected": (502, GatewayRejected, Policy.DROP),
}


@pytest.mark.parametrize(("code", "policy"), CODES)
def test_each_documented_code_has_its_policy(code, policy):
    assert policy_of(code) is policy
    assert policy_of(str(code)) is policy


@pytest.mark.parametrize(("code", "policy"), CODES)
def test_what_may_pass_is_tried_again_and_all_else_is_a_no(code, policy):
    body = strict_json.dumps({"error": {"message": "(#1) No", "code": code}})
    passing = policy in {Policy.RETRY, Policy.PAIR_RATE}
    with pytest.raises(GatewayUnavailable if passing else GatewayRejected) as refusal:
        Cloud("9944").read_sent(400, {}, body)
    assert policy_of(refusal.value.reason) is policy


@pytest.mark.parametrize("code", GHALAS)
def test_each_of_ghalas_own_words_has_its_policy(code):
    status, kind, policy = GHALAS[code]
    assert policy_of(code) is policy
    with pytest.raises(kind) as refusal:
        V2().read_sent(status, {}, strict_json.dumps({"code": code, "message": "No."}))
    assert policy_of(refusal.value.reason) is policy


@pytest.mark.parametrize("code", [999999, "999999", "what_is_this", None, ""])
def test_an_unknown_code_has_none(code):
    assert policy_of(code) is None


@pytest.mark.parametrize(("status", "kind"), [(400, GatewayRejected), (500, GatewayUnavailable)])
def test_the_status_decides_about_an_unknown_code(status, kind):
    with pytest.raises(kind):
        Cloud("9944").read_sent(status, {}, b'{"error": {"code": 999999}}')


def test_no_policy_is_without_codes():
    assert set(POLICIES.values()) == set(Policy)


def test_who_writes_too_often_to_one_person_waits_four_times_longer_each_time():
    assert [pair_wait(attempt) for attempt in (0, 1, 2, 3, 4, 5, 99)] == [4, 4, 16, 64, 256, 256, 256]
