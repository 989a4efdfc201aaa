"""Spoils what is sound: seeded changes of recorded payloads, in their JSON and in their bytes."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from random import Random
from typing import Any, Final

PAYLOADS: Final = Path(__file__).parents[1] / "contract" / "ghala" / "payloads"

SENSIBLE: Final = (
    "Hi",
    "menu",
    "2 coffee and 1 honey",
    "3",
    "cart",
    "checkout",
    "cancel",
    "123 Main St, Nairobi",
    "pay",
    "mpesa",
    "1",
    "2",
    "nimelipa",
    "SKJ4X2ABCD Confirmed. Ksh3,000.00 paid to DUKA",
    "4111 1111 1111 1111 pin 1234",
    "0722000111",
    "again",
    "track",
    "human",
    "menyu",
    "kumi na mbili kahawa",
)
WORDS: Final = (
    *SENSIBLE,
    "",
    " ",
    "x" * 5_000,
    "*_~`*_~`" * 20,
    "a\u0301" * 3_000,
    "\u202eevil\u2066\u200b",
    "=HYPERLINK(1)",
    "<img src=x onerror=alert(1)>",
    "{{7*7}} %s ${jndi:ldap://x} {0}",
    "' OR 1=1 --",
    "\x00",
    "\ud800",
    "²",
    "١٢",
    "-1",
    "0",
    "1e9",
    "999999999999999999999",
    "NaN",
    "\r\nSet-Cookie: a=b",
    "qty:1:999",
    "product:999999999999999999999",
    "pay:mpesa:ORD-7K3M9Q",
    "language:xx",
    "category:x",
    "more:-1",
    "zone:9",
    "💰" * 400,
)
ODDITIES: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63 - 1,
    2**63,
    10**39,
    0.1,
    -0.0,
    1e-30,
    1e300,
    [],
    {},
    [[]],
    [None],
    {"": ""},
    {"id": None},
    {"body": {"body": "Hi"}},
    [1, "2", {"3": 4}],
)
KEYS: Final = (
    "",
    "id",
    "from",
    "type",
    "text",
    "event",
    "data",
    "entry",
    "messages",
    "statuses",
    "\u0000",
    "amount",
)
KINDS: Final = (
    "text",
    "interactive",
    "button",
    "order",
    "location",
    "image",
    "voice",
    "contacts",
    "reaction",
    "system",
    "unsupported",
    "ephemeral",
    "TEXT",
)
EVENTS: Final = (
    "payment.success",
    "payment.failed",
    "payment.pending",
    "order.created",
    "message.received",
    "message.status",
    "x",
)


def recorded(prefixes: tuple[str, ...]) -> list[Any]:
    """The recorded payloads whose names begin like this."""
    found = [
        json.loads(p.read_text()) for p in sorted(PAYLOADS.glob("*.json")) if p.name.startswith(prefixes)
    ]
    assert found
    return found


class Spoiler:
    """One seed, one sequence of bodies."""

    def __init__(self, seed: int, senders: int = 60) -> None:
        self.random = Random(seed)
        self.senders = [f"2547{self.random.randrange(10**8):08d}" for _ in range(senders)]
        self._count = 0

    def body(self, payload: Any) -> bytes:
        """The payload under a fresh identity, changed in none to six places, sometimes in its bytes too."""
        spoilt = self._renewed(copy.deepcopy(payload))
        for _ in range(self.random.choice((0, 0, 1, 1, 1, 2, 5))):
            spoilt = self._changed(spoilt)
        raw = json.dumps(spoilt, ensure_ascii=self.random.random() < 0.5).encode("utf-8", "surrogatepass")
        return self._bytes(raw) if self.random.random() < 0.05 else raw

    def _renewed(self, payload: Any) -> Any:
        """Own ids and senders, so that it is neither a repeat nor always the same customer."""
        self._count += 1
        sender = self.random.choice(self.senders)

        def walk(value: Any, key: str = "") -> Any:
            if isinstance(value, dict):
                return {name: walk(item, name) for name, item in value.items()}
            if isinstance(value, list):
                return [walk(item, key) for item in value]
            if key == "id" and isinstance(value, str):
                return f"{value}.{self._count}"
            if key in {"from", "wa_id", "recipient_id", "phone_number"} and isinstance(value, str):
                return sender
            if key in {"body", "message"} and isinstance(value, str):
                return self.random.choice(SENSIBLE if self.random.random() < 0.7 else WORDS)
            return value

        return walk(payload)

    def _changed(self, document: Any) -> Any:
        places: list[tuple[Any, Any]] = []

        def walk(value: Any) -> None:
            if isinstance(value, (dict, list)):
                for key in value if isinstance(value, dict) else range(len(value)):
                    places.append((value, key))
                    walk(value[key])

        walk(document)
        if not places or self.random.random() < 0.01:
            return self.random.choice(ODDITIES)
        place, key = self.random.choice(places)
        match self.random.randrange(9):
            case 0 | 1:
                place[key] = self._oddity()
            case 2 | 3:
                place[key] = self.random.choice(WORDS)
            case 4:
                del place[key]
            case 5:
                place[key] = [place[key]] * self.random.choice((1, 2, 3))
            case 6:
                place[key] = {self.random.choice(KEYS): place[key]}
            case 7 if isinstance(place, dict):
                place[self.random.choice(KEYS)] = place.pop(key)
            case _:
                place[key] = self.random.choice((*KINDS, *EVENTS))
        return document

    def _oddity(self) -> Any:
        if self.random.random() < 0.1:
            deep: Any = "bottom"
            for _ in range(self.random.choice((3, 15, 25))):
                deep = [deep] if self.random.random() < 0.5 else {"a": deep}
            return deep
        return copy.deepcopy(self.random.choice(ODDITIES))

    def _bytes(self, raw: bytes) -> bytes:
        at = self.random.randrange(len(raw) + 1)
        match self.random.randrange(8):
            case 0:
                return raw[:at]
            case 1:
                return raw[:at] + bytes(self.random.randrange(256) for _ in range(4)) + raw[at:]
            case 2:
                return raw.replace(b":", b":NaN,", 1)
            case 3:
                return raw.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass")
            case 4:
                return b"\xef\xbb\xbf" + raw
            case 5:
                return raw.replace(b"{", b'{"id": 1, "id": 2, ', 1)
            case 6:
                return raw.replace(b'"', b"", 1)
            case _:
                return raw + raw
