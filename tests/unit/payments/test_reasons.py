"""What gateways say, and the reason we tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.reasons import REASONS, reason


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        ("1032: Request cancelled by user", "cancelled"),
        (1032, "cancelled"),
        ("1", "insufficient_funds"),
        (1, "insufficient_funds"),
        ("The balance is insufficient for the transaction", "insufficient_funds"),
        ("insufficient", "insufficient_funds"),
        ("INSUFFICIENT_FUNDS", "insufficient_funds"),
        (2001, "wrong_pin"),
        ("2001 The initiator information is invalid.", "wrong_pin"),
        (1037, "timeout"),
        ("DS timeout user cannot be reached", "timeout"),
        (1001, "busy"),
        ("Unable to lock subscriber, a transaction is already in process", "busy"),
        (1019, "expired"),
        ("Transaction has expired", "expired"),
        (1025, "unavailable"),
        (26, "busy"),
        (17, "busy"),
        (9999, "unavailable"),
        ("ResultCode: 1032", "cancelled"),
        ("10320 something", "unknown"),
        ("1,000 shillings", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
        ("the moon", "unknown"),
    ],
)
def test_a_code_or_a_sentence_becomes_our_reason(said, ours):
    assert reason(said) == ours


@pytest.mark.parametrize("ours", REASONS)
def test_our_own_reason_is_read_back(ours):
    assert reason(ours) == ours


@given(st.text() | st.integers() | st.none())
def test_anything_gives_one_of_our_reasons(said):
    assert reason(said) in REASONS
