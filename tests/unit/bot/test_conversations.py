"""Conversations that were saved as tests: the flow still says and does the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot import replaying

SAVED = sorted((Path(__file__).parents[2] / "conversations").glob("*.json"))


def test_there_are_saved_conversations() -> None:
    assert SAVED


@pytest.mark.parametrize("file", SAVED, ids=lambda file: file.stem)
def test_a_saved_conversation_runs_to_the_same_words(file: Path) -> None:
    script = replaying.from_test(json.loads(file.read_text(encoding="utf-8")))
    assert script.turns
    assert replaying.replay(script) == []
