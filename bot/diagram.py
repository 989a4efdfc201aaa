"""The conversation drawn from its own graph: ``python -m bot.diagram`` writes docs/flow.md."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bot.flow import STATES
from bot.global_words import ACTIONS
from bot.news import REACTIONS

PAGE: Final = Path(__file__).parent.parent / "docs" / "flow.md"


def draw() -> str:
    """The page: the states and where their answers lead, then what leads there from everywhere."""
    start = next(iter(STATES))
    edges = [
        f"    {state.name} --> {target}" for state in STATES.values() for target in sorted(state.leads_to)
    ]
    words = [
        f"| `{name}` | {', '.join(f'`{target}`' for target in sorted(action.leads_to)) or 'stays'} |"
        for name, action in ACTIONS.items()
    ]
    happened = [
        f"| `{event.__name__}` | {', '.join(f'`{target}`' for target in sorted(reaction.leads_to)) or 'stays'} |"
        for event, reaction in REACTIONS.items()
    ]
    meanings = [
        f"| `{state.name}` | {(type(state).__doc__ or '').strip().splitlines()[0]} |"
        for state in STATES.values()
    ]
    return "\n".join(
        (
            "# The flow of the conversation",
            "",
            "Written by `make flow` from the states themselves; a test fails when it is stale.",
            "",
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {start}",
            *edges,
            "```",
            "",
            "| State | |",
            "|---|---|",
            *meanings,
            "",
            "## From everywhere",
            "",
            "Global words and the buttons that work at any time:",
            "",
            "| Choice | May lead to |",
            "|---|---|",
            *words,
            "",
            "## By events",
            "",
            "What happens outside the chat, in whatever state it arrives:",
            "",
            "| Event | May lead to |",
            "|---|---|",
            *happened,
            "",
        )
    )


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(draw(), encoding="utf-8")
