"""Conversations that were kept, shown and run again through today's flow, and made into tests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import conversation as conversations
from bot import recorded
from bot.effects import Say
from bot.events import MessageReceived
from bot.flow import decide
from bot.recording import as_seen, said
from catalog.snapshot import ShopSnapshot
from db.models import ConversationTurn, Customer, ShopPicture
from ghala.inbound import InboundMessage, Tap, TextContent
from ghala.messages import load

MOST_TURNS: Final = 500
SOMEBODY: Final = "Amina"
SOME_NUMBER: Final = "254700000001"


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """One stored turn, as JSON-ready data, with the pictures its steps name."""

    version: int
    at: str
    before: dict[str, Any]
    steps: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Script:
    """A conversation as it was kept: turns in order, and the shop's pictures by id."""

    turns: tuple[KeptTurn, ...]
    pictures: Mapping[int, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where running a turn again gave something else; ``was`` and ``now`` are JSON-ready."""

    version: int
    step: int
    what: str
    was: Any
    now: Any


def kept(session: Session, customer: Customer, most: int = MOST_TURNS) -> Script:
    """The customer's last ``most`` turns, oldest first."""
    rows = session.scalars(
        select(ConversationTurn)
        .where(ConversationTurn.customer_id == customer.id)
        .order_by(ConversationTurn.id.desc())
        .limit(most)
    ).all()
    turns = tuple(
        KeptTurn(row.version, row.created_at.isoformat(timespec="seconds"), row.before, row.steps)
        for row in reversed(rows)
    )
    named = {step["shop"]["picture"] for turn in turns for step in turn.steps}
    pictures = {
        row.id: row.data for row in session.scalars(select(ShopPicture).where(ShopPicture.id.in_(named)))
    }
    return Script(turns, pictures)


def replay(script: Script) -> list[Difference]:
    """Every difference between what was decided then and what the flow decides now from the same events.

    A turn whose picture of the shop is no longer kept is a difference, too.
    """
    found: list[Difference] = []
    shops: dict[int, ShopSnapshot] = {}
    for turn in script.turns:
        conversation = conversations.load(turn.before)
        if not conversation.language and turn.steps:
            first = script.pictures.get(turn.steps[0]["shop"]["picture"])
            conversation = conversations.load({**turn.before, "language": _first_language(first)})
        for number, step in enumerate(turn.steps, 1):
            picture = step["shop"]["picture"]
            if picture not in script.pictures:
                found.append(Difference(turn.version, number, "the shop's picture", picture, None))
                break
            if picture not in shops:
                shops[picture] = recorded.load(script.pictures[picture])
            decided = decide(
                conversation, recorded.load(step["event"]), as_seen(shops[picture], step["shop"])
            )
            conversation = decided.conversation
            now = {
                "state": conversation.state,
                "says": [said(effect) for effect in decided.effects if isinstance(effect, Say)],
                "does": [type(effect).__name__ for effect in decided.effects if not isinstance(effect, Say)],
            }
            found += [
                Difference(turn.version, number, what, step[what], now[what])
                for what in ("state", "says", "does")
                # Through JSON, as what was kept went: tuples are lists there.
                if json.loads(json.dumps(now[what])) != step[what]
            ]
    return found


def _first_language(picture: Any) -> str:
    return "" if picture is None else str(picture["languages"][0])


def lines(script: Script) -> Iterator[str]:
    """The conversation for a person at a terminal: who said what, states and effects."""
    for turn in script.turns:
        state = turn.before["state"]
        yield f"── {turn.at} · version {turn.version} · {state}"
        for step in turn.steps:
            yield from (f"  ▶ {line}" for line in _happened(recorded.load(step["event"])).splitlines())
            yield from (f"    · {name}" for name in step["does"])
            for say in step["says"]:
                head = f"  ◀ [{say['kind']}{' ' + say['key'] if say['key'] else ''}]"
                words = _shown(load(say["message"]).numbered())
                yield head
                yield from (f"    {line}" for line in words.splitlines())
            if not step["says"] and not step["does"]:
                yield "  (silent)"
            if step["state"] != state:
                yield f"  → {step['state']}"
                state = step["state"]


def _happened(event: Any) -> str:
    if not isinstance(event, MessageReceived):
        return type(event).__name__
    content = event.message.content
    late = " (late)" if event.late else ""
    if isinstance(content, TextContent):
        return _shown(content.body) + late
    if isinstance(content, Tap):
        return f"[{_shown(content.title or content.id)}]{late}"
    return f"({type(content).__name__}){late}"


def _shown(words: str) -> str:
    """Words of strangers on a terminal: no control characters but line ends."""
    return "".join(
        letter if letter == "\n" or letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words
    )


def as_test(script: Script, customer: Customer) -> dict[str, Any]:
    """The conversation as a fixture: the customer's name and numbers replaced, the words decided anew.

    What was typed is kept as it is otherwise; read it before it goes anywhere.
    """
    hidden = {
        customer.name: SOMEBODY,
        customer.identity: SOME_NUMBER,
        (customer.phone or "").lstrip("+"): SOME_NUMBER,
    }
    for turn in script.turns:
        hidden[str(turn.before.get("name", ""))] = SOMEBODY
        for step in turn.steps:
            event = recorded.load(step["event"])
            if isinstance(event, MessageReceived):
                hidden |= _person(event.message)
    plain = json.dumps(
        {"turns": [_as_data(turn) for turn in script.turns], "pictures": dict(script.pictures)}
    )
    for private in sorted(filter(None, hidden), key=len, reverse=True):
        plain = plain.replace(json.dumps(private)[1:-1], hidden[private])
    fixture: dict[str, Any] = json.loads(plain)
    # The same flow with other names says other words: they are what the fixture expects.
    for difference in replay(from_test(fixture)):
        turn = next(turn for turn in fixture["turns"] if turn["version"] == difference.version)
        turn["steps"][difference.step - 1][difference.what] = difference.now
    return fixture


def _person(message: InboundMessage) -> dict[str, str]:
    return {
        message.name or "": SOMEBODY,
        message.sender: SOME_NUMBER,
        (message.phone or "").lstrip("+"): SOME_NUMBER,
    }


def _as_data(turn: KeptTurn) -> dict[str, Any]:
    return {"version": turn.version, "at": turn.at, "before": turn.before, "steps": turn.steps}


def from_test(fixture: Mapping[str, Any]) -> Script:
    """The conversation of a fixture."""
    turns = tuple(
        KeptTurn(turn["version"], turn["at"], turn["before"], turn["steps"]) for turn in fixture["turns"]
    )
    return Script(turns, {int(picture): data for picture, data in fixture["pictures"].items()})
