"""A sample of ``make fuzz``: nothing that can be sent is answered with a 5xx, and all of it comes to an end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.campaign import IN_MEMORY, Campaign

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
    assert {"messages", "payments", "described"} == {family for family, _ in figures.answers}
    assert figures.answers["messages", 200] > 100
    assert figures.answers["payments", 200] > 100
    assert figures.events["message", "done"] > 50
