"""Webhooks that came at once share a commit on SQLite: a kill in the middle of one loses and doubles nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from db.models import InboxEvent
from ghala.signatures import sign
from tests.guarantees.world import SECRET, World

ROOT = Path(__file__).parents[2]
MESSAGES = "/api/messages/incoming"
CUSTOMERS = [f"2547200000{number:02d}" for number in range(8)]
HELLO = {"type": "text", "text": {"body": "hi"}}
STORED, LOST = len(CUSTOMERS), 0


def request(world: World, number: int, body: bytes) -> str:
    """A signed webhook as the other process reads it."""
    scheme = world.config.ghala_signature_scheme
    headers = sign(scheme, SECRET.encode(), body, str(int(time.time())))
    headers |= {"x-ghala-delivery": f"d{number}", "Content-Type": "application/json"}
    return json.dumps([MESSAGES, headers, body.decode()])


@pytest.mark.parametrize(
    ("point", "statuses", "rows"),
    [
        ("before the commit", set(), LOST),
        ("instead of the commit", {503}, LOST),
        ("after the commit", set(), STORED),
        ("while answering", {200}, STORED),
    ],
)
def test_guarantee_01_a_kill_amid_webhooks_that_share_a_commit_loses_and_doubles_nothing(
    world: World, point: str, statuses: set[int], rows: int
) -> None:
    bodies = [json.dumps(world.message(HELLO, customer)).encode() for customer in CUSTOMERS]
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "tests.guarantees.pile"),
            *(world.database.url.render_as_string(), world.now().isoformat(), point),
        ],
        cwd=ROOT,
        input="\n".join(request(world, number, body) for number, body in enumerate(bodies)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    answers = [int(line.split()[1]) for line in ended.stdout.splitlines()]
    assert set(answers) == statuses
    assert world.count(InboxEvent) == rows, "all of them or none: it was one commit"
    assert answers.count(200) <= rows
    # Whoever heard no 200 brings it again; so does who heard one and forgot.
    for number, body in enumerate(bodies):
        assert world.post(MESSAGES, body, delivery=f"d{number}").status_code == 200
    assert world.count(InboxEvent) == len(CUSTOMERS)
    world.work()
    assert [len(world.seen(customer)) for customer in CUSTOMERS] == [1] * len(CUSTOMERS)
    world.assert_sound()
