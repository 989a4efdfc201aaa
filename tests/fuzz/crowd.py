"""Customers who stand where money is, and what a villain who can sign would say in their name and about their payments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from hypothesis import strategies as st

from tests.fuzz.spoil import EVENTS, KEYS, KINDS, ODDITIES, SENSIBLE, WORDS

BASKETS: Final = ("2 coffee", "1 honey", "1 basket", "2 coffee and 1 honey", "kahawa mbili")
PLACES: Final = ("12 Moi Avenue, Nairobi", "123 Main St, Nairobi", "pickup")
METHODS: Final = ("mpesa", "mpesa", "mpesa", "airtel", "card")
PAYMENT_EVENTS: Final = (
    *("payment.success", "payment.successful", "payment.completed", "payment.failed", "payment.pending"),
    *("payment.refunded", "payment.reversed", "order.paid", "order.cancelled", "PAYMENT.SUCCESS", ""),
)
STATUSES: Final[tuple[Any, ...]] = (
    "success",
    "failed",
    "pending",
    "completed",
    "reversed",
    None,
    0,
    {},
    "x" * 5_000,
)
CURRENCIES: Final[tuple[Any, ...]] = (
    "KES",
    "kes",
    "TZS",
    "USD",
    "",
    None,
    5,
    "KESS",
    "\x00",
    "K" * 5_000,
    ["KES"],
)
REASONS: Final[tuple[Any, ...]] = (
    1032,
    "1037",
    "insufficient funds",
    None,
    -1,
    {},
    "\u202e",
    "x" * 10_000,
    True,
)
ARABIC: Final = "\u0661\u0665\u0660\u0660"
TAP: Final = re.compile(r'"id": ?"([^"]{1,200})"')


@dataclass(frozen=True, slots=True)
class Charged:
    """A payment somebody may lie about; ``amount`` in major units."""

    sender: str
    ref: str
    order_id: str | None
    amount: int


def text(sender: str, words: str, name: str) -> dict[str, Any]:
    """A message as an honest customer sends it."""
    return {"messages": [{"id": name, "from": sender, "type": "text", "text": {"body": words}}]}


def tap(sender: str, option: str, name: str) -> dict[str, Any]:
    """A tap on a button."""
    reply = {"type": "button_reply", "button_reply": {"id": option, "title": "x"}}
    return {"messages": [{"id": name, "from": sender, "type": "interactive", "interactive": reply}]}


def options_in(messages: Iterable[Any]) -> list[str]:
    """The ids of every button and row that these messages showed."""
    return sorted({found for message in messages for found in TAP.findall(json.dumps(message))})


def news(charged: Charged, event: str, reference: str) -> dict[str, Any]:
    """What Ghala truly says about a payment."""
    data = {
        "order_id": charged.order_id,
        "external_id": charged.ref,
        "amount": charged.amount,
        "currency": "KES",
    }
    said = {"transaction_reference": reference} if event == "payment.success" else {"failure_reason": "1032"}
    return {"event": event, "data": data | said}


class Liar:
    """Lies about payments that exist, one or two at a time, and turns taps into others."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def amount(self, true: int) -> Any:
        """Another amount, or the same in a strange writing."""
        odd = (
            *(true, true, true + 1, true - 1, true * 100, -true, 0, -0.0, 0.1, 1e300, 2**63, 10**39),
            *(f"{true}.00", f"{true:,}", f" {true}", f"{true}e0", f"+{true}", float(true), True, None),
            *("NaN", "Infinity", "", ARABIC, [], {}, [true], {"value": true}, "9" * 400),
        )
        return self._random.choice(odd)

    def about(self, charged: Charged, others: list[Charged]) -> dict[str, Any]:
        """News of a payment in which something may be wrong."""
        chance, pick = self._random.random, self._random.choice
        other = pick(others)
        true = news(charged, pick(PAYMENT_EVENTS[:5]), f"TX{self._random.randrange(400)}")
        data = true["data"] | {"status": pick(("success", "failed", "pending"))}
        lies: dict[str, Any] = {
            "amount": self.amount(charged.amount),
            "currency": pick(CURRENCIES),
            "status": pick(STATUSES),
            "order_id": pick((other.order_id, "gh_nobody", None, 7, "", [], "g" * 600, "\x00")),
            "external_id": pick((other.ref, "PAY-NOBODY", None, 7, "", {}, "p" * 600, "\ud800")),
            "transaction_reference": pick(("TX1", "", None, 0, "\u202e", "R" * 600, {}, "order:gh_1")),
            "payment_id": pick(("TX1", None, 1, [])),
            "failure_reason": pick(REASONS),
            "customer": pick(({"phone": "254733999888"}, {"phone": None}, [], "x")),
            "created_at": pick(("2026-11-20T09:00:00Z", "yesterday", -1, 10**30, None)),
        }
        for name in self._random.sample(sorted(lies), pick((0, 1, 1, 1, 2, 3))):
            data[name] = lies[name]
        if chance() < 0.1:
            data.pop(pick(sorted(data)))
        event = pick((*PAYMENT_EVENTS, None, 5, {}, "x" * 5_000)) if chance() < 0.15 else true["event"]
        shapes = (
            {"event": event, "data": data},
            {"event": event, "data": data},
            {"event": event, "data": {"payment": data, "order": {"id": data.get("order_id")}}},
            {"event": event} | data,
            {"type": event, "payload": data},
        )
        return pick(shapes[:2]) if chance() < 0.7 else pick(shapes)

    def option(self, option: str, others: list[str]) -> str:
        """A button's id, or what somebody made of it."""
        match self._random.randrange(6):
            case 0:
                return option[: self._random.randrange(len(option) + 1)]
            case 1:
                return option + self._random.choice((":", "~", ":-1", "~999", ";x=1", "\x00", "²"))
            case 2:
                return re.sub(r"\d+", lambda _: str(self._random.choice((0, -1, 7, 10**20))), option)
            case 3:
                return option.partition(":")[0] + ":" + self._random.choice(others).partition(":")[2]
            case _:
                return option


SENDER, OTHER, ORDER, PAYMENT, OPTION = "$sender", "$other", "$order", "$payment", "$option"
"""Places in a made body, filled with what exists when it is sent."""
_LEAVES: Final = (
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.sampled_from(WORDS)
    | st.sampled_from(SENSIBLE)
    | st.sampled_from((SENDER, ORDER, PAYMENT, OPTION))
)
_NAMES: Final = st.sampled_from(
    (*KEYS, "body", "currency", "order_id", "external_id", "status", "value", "changes")
)
JUNK: Final = st.recursive(
    _LEAVES | st.sampled_from(ODDITIES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=6,
)


def _mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Four of five times what belongs there."""
    return st.integers(0, 4).flatmap(lambda number: JUNK if number == 0 else good)


def _some(fields: dict[str, st.SearchStrategy[Any]], sure: tuple[str, ...]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {name: fields[name] for name in sure}, optional={n: s for n, s in fields.items() if n not in sure}
    )


_WORDS: Final = st.sampled_from((*SENSIBLE, *WORDS)) | st.text(max_size=40)
_TAPPED: Final = st.fixed_dictionaries(
    {"id": _mostly(st.just(OPTION) | st.sampled_from(WORDS)), "title": _WORDS}
)
_CONTENTS: Final = {
    "text": st.fixed_dictionaries({"body": _mostly(_WORDS)}),
    "button": st.fixed_dictionaries({"payload": _mostly(st.just(OPTION)), "text": _WORDS}),
    "interactive": st.fixed_dictionaries(
        {"type": st.sampled_from(("button_reply", "list_reply", "nfm_reply"))},
        optional={"button_reply": _TAPPED, "list_reply": _TAPPED, "nfm_reply": JUNK},
    ),
    "location": st.fixed_dictionaries({"latitude": _mostly(st.floats()), "longitude": _mostly(st.floats())}),
    "order": st.fixed_dictionaries(
        {
            "product_items": st.lists(
                st.fixed_dictionaries(
                    {
                        "product_retailer_id": _mostly(st.sampled_from(("COFFEE", "BASKET"))),
                        "quantity": _mostly(st.integers(-2, 2_000)),
                        "item_price": JUNK,
                        "currency": _mostly(st.just("KES")),
                    }
                ),
                max_size=3,
            )
        }
    ),
    "reaction": st.fixed_dictionaries({"message_id": JUNK, "emoji": JUNK}),
    "contacts": st.lists(JUNK, max_size=2),
    "image": st.fixed_dictionaries({"id": JUNK, "caption": _mostly(_WORDS)}),
    "system": st.fixed_dictionaries(
        {"type": _mostly(st.just("user_changed_number")), "wa_id": _mostly(st.just(OTHER))}
    ),
}


def _message(kind: str) -> st.SearchStrategy[Any]:
    return _some(
        {
            "from": _mostly(st.just(SENDER)),
            "type": st.just(kind) if kind != "reaction" else _mostly(st.just(kind)),
            kind: _mostly(_CONTENTS[kind]),
            "id": _mostly(st.uuids().map(str)),
            "timestamp": _mostly(st.integers(1_700_000_000, 1_900_000_000).map(str)),
            "context": JUNK,
        },
        ("from", "type", kind, "id"),
    )


_MESSAGES: Final = st.sampled_from(sorted(_CONTENTS)).flatmap(_message)
_STATUS: Final = st.fixed_dictionaries(
    {
        "id": _mostly(st.integers(1, 500).map(lambda number: f"wamid.F{number}")),
        "status": _mostly(st.sampled_from(("sent", "delivered", "read", "failed"))),
        "recipient_id": _mostly(st.just(SENDER)),
    },
    optional={"errors": JUNK, "timestamp": JUNK},
)
_BATCH: Final = _some(
    {
        "messages": st.lists(_mostly(_MESSAGES), max_size=3),
        "statuses": st.lists(_mostly(_STATUS), max_size=2),
        "contacts": JUNK,
    },
    ("messages",),
)
_META: Final = _BATCH.map(
    lambda value: {
        "object": "whatsapp_business_account",
        "entry": [{"changes": [{"field": "messages", "value": value}]}],
    }
)
_EVENT: Final = st.fixed_dictionaries(
    {
        "event": _mostly(st.sampled_from((*EVENTS, *PAYMENT_EVENTS))),
        "data": _mostly(
            _some(
                {
                    "order_id": _mostly(st.just(ORDER)),
                    "external_id": _mostly(st.just(PAYMENT)),
                    "amount": _mostly(st.integers(-1, 10_000) | st.decimals(0, 10_000, places=2).map(str)),
                    "currency": _mostly(st.sampled_from(("KES", "TZS"))),
                    "status": _mostly(st.sampled_from(("success", "failed", "pending"))),
                    "transaction_reference": _mostly(st.text("ABCXYZ0189", min_size=4, max_size=10)),
                    "failure_reason": JUNK,
                },
                ("order_id", "amount"),
            )
        ),
    }
)
_V2: Final = st.fixed_dictionaries(
    {"event": _mostly(st.just("message.received")), "data": _mostly(_MESSAGES)}
)
MESSAGE_BODIES: Final = (
    _BATCH | _META | _V2 | st.sampled_from(KINDS).map(lambda kind: {"messages": [{"type": kind}]})
)
PAYMENT_BODIES: Final = _EVENT
ANY_BODY: Final = st.binary(max_size=200) | JUNK.map(lambda value: json.dumps(value).encode())
