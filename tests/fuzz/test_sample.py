"""A sample of ``make fuzz``: nothing that can be sent is answered with a 5xx, and all of it comes to an end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import escape
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request

from admin.headers import POLICY
from tests.fuzz.campaign import IN_MEMORY, Campaign
from tests.fuzz.forms import BREAKOUTS, FORMULAS, inspect

SEED = 20_261_120


@pytest.fixture
def campaign() -> Iterator[Campaign]:
    with tempfile.TemporaryDirectory(prefix="duka-fuzz-", dir=IN_MEMORY) as folder:
        campaign = Campaign(Path(folder), SEED)
        yield campaign
        campaign.close()


def test_two_thousand_requests_raise_nothing_and_leave_nothing_behind(campaign: Campaign) -> None:
    campaign.run(2_000)
    figures = campaign.figures
    assert figures.requests >= 1_800
    assert {"sound", "messages", "payments", "owner", "described", "console"} == {
        family for family, _ in figures.answers
    }
    refused = figures.answers["owner", 401] / sum(
        n for (family, _), n in figures.answers.items() if family == "owner"
    )
    assert refused < 0.1, "the owner's doors are knocked at with the owner's credentials"
    assert campaign.unsent == set(), "every form of the console was sent"
    assert figures.answers["console", 200] > 40
    assert figures.answers["console", 303] > 10
    assert figures.answers["messages", 200] > 100
    assert figures.answers["payments", 200] > 100
    assert figures.events["message", "done"] > 50
    for state in ("payment_selection", "payment_processing", "payment_failed", "greeting"):
        assert figures.states[state] >= 20, f"hardly anybody wrote in {state}"
    for status in ("succeeded", "failed", "pending"):
        assert figures.payments[status] >= 10, f"hardly any payment was {status}"


def page(text: str, kind: str = "text/html", policy: str = POLICY) -> TestResponse:
    headers = {"Content-Type": kind, "Content-Security-Policy": policy}
    return TestResponse([text.encode()], "200 OK", Headers(headers), Request({}))


@pytest.mark.parametrize(
    "answer",
    [
        *(page(f'<a href="{sent}">') for sent in BREAKOUTS),
        *(page(f'sku,"{sent}",1', "text/csv") for sent in FORMULAS if sent.isprintable()),
        page("hello", policy="default-src *"),
    ],
)
def test_what_leaves_raw_is_noticed(answer: TestResponse) -> None:
    with pytest.raises(AssertionError):
        inspect("/admin/", answer)


def test_what_leaves_escaped_is_fine() -> None:
    inspect("/admin/", page("".join(f"<p>{escape(sent)}</p>" for sent in BREAKOUTS)))
    inspect("/admin/reports.csv", page("a,'=1,-5", "text/csv"))
