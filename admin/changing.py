"""How a form of the console changes something: refused beside its field, and never over the change of another person."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson
from sqlalchemy.orm import Session

from admin.console import Console
from catalog.entries import BadEntry
from catalog.money import WHOLE_UNITS_ONLY
from db.models import Shop
from errors import RuleBroken
from languages import LANGUAGES

UNITS: Final = {"RWF": "francs"}
SHORTEST_MARK: Final = 24
BAD_REQUEST: Final = 400
CONFLICT: Final = 409
MISSING: Final = "Please fill this in."
_CHARGED: Final = re.compile(r"(\S+) ([A-Z]{3}) cannot be charged exactly")
_AT_MOST: Final = re.compile(r"(?:String|List) should have at most (\d+)")
_FROM: Final = re.compile(r"Input should be greater than or equal to (\d+)")
_UNTIL: Final = re.compile(r"Input should be less than or equal to (\d+)")

State = dict[str, Any]


class Clash(RuleBroken):
    """Somebody else changed it after the form was shown; ``now`` is what it became."""

    code = "changed_meanwhile"

    def __init__(self, now: State) -> None:
        self.now = now
        super().__init__("changed meanwhile")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a form was not taken: sentences by field, or what the other person made of it."""

    problems: Mapping[str, str] = field(default_factory=dict)
    clash: State | None = None

    @property
    def status(self) -> int:
        """Of the answer that shows the form again."""
        return BAD_REQUEST if self.clash is None else CONFLICT


def mark(state: State | None) -> str:
    """Changes whenever what a form shows changes; forms carry it, so that nobody writes over another's change."""
    if state is None:
        return ""
    written = orjson.dumps(state, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(written).hexdigest()[:SHORTEST_MARK]


def change(
    console: Console,
    session: Session,
    shop: Shop,
    action: str,
    subject: str,
    seen: str,
    state: Callable[[], State | None],
    do: Callable[[], object],
) -> None:
    """Do it, unless what the person saw is not there any more, and write it into the audit log.

    ``state`` reads what the form shows and holds it fast until the transaction ends; of a new thing it is ``None``.

    Raises:
        Clash: it is another one than the person saw.
    """
    before = state()
    if seen != mark(before):
        raise Clash(before or {})
    do()
    session.flush()
    after = state()
    if after != before:
        console.note(session, shop, action, subject, before=before, after=after)


def attempt(do: Callable[[], object]) -> Refused | None:
    """Do it; what stands against it, if it was refused."""
    try:
        do()
    except BadEntry as wrong:
        return Refused(explained(wrong))
    except Clash as clash:
        return Refused(clash=clash.now)
    return None


def explained(wrong: BadEntry) -> dict[str, str]:
    """The problems of an entry as sentences, by field; a text's own language is behind its field: ``name_sw``."""
    found: dict[str, str] = {}
    for place, reason in wrong.problems:
        why = reason
        name, _, rest = place.partition(".")
        language = next((code for code in LANGUAGES if code == rest or why.startswith(f"{code}: ")), "")
        if not name and ": " in why:
            name, _, why = why.partition(": ")
            name = name.split(",")[0]
        words = friendly(why.removeprefix(f"{language}: "))
        found.setdefault(f"{name}_{language}" if language else name, words)
    return found


def friendly(why: str) -> str:
    """Why a field was refused, in words for the person who filled it in."""
    charged = _CHARGED.fullmatch(why)
    if charged:
        return _whole(charged[1], charged[2])
    if "Field required" in why or "there must be words" in why or "at least 1 character" in why:
        return MISSING
    for pattern, words in ((_AT_MOST, "At most {} fit."), (_FROM, "{} or more."), (_UNTIL, "At most {}.")):
        found = pattern.search(why)
        if found:
            return words.format(found[1])
    if "valid decimal" in why or "valid integer" in why:
        return "Write a number, for example 1500."
    if "should match pattern" in why:
        return "There are letters or signs in it that cannot be used here."
    return why[:1].upper() + why[1:].rstrip(".") + "."


def texts(
    form: Mapping[str, str], name: str, languages: tuple[str, ...], before: Any = None
) -> dict[str, str]:
    """A text by language, from fields such as ``name_en``; languages that the form does not show stay."""
    kept = {code: text for code, text in (before or {}).items() if code not in languages}
    said = {code: form.get(f"{name}_{code}", "").replace("\r\n", "\n").strip() for code in languages}
    return kept | {code: text for code, text in said.items() if text}


def by_language(name: str, said: Mapping[str, str] | None) -> dict[str, str]:
    """The fields that :func:`texts` reads."""
    return {f"{name}_{code}": text for code, text in (said or {}).items()}


def differences(now: Mapping[str, str], written: Mapping[str, str]) -> list[tuple[str, str]]:
    """What another person made of the fields that somebody has just filled in otherwise: names and words."""
    found = []
    for name, text in now.items():
        if name in written and written[name].replace("\r\n", "\n").strip() != text.strip():
            field_name, _, code = name.rpartition("_")
            known = LANGUAGES.get(code)
            words = f"{field_name} ({known.name})" if known else name.replace("_", " ")
            found.append((words[:1].upper() + words[1:], text or "empty"))
    return found


def _whole(written: str, currency: str) -> str:
    if currency not in WHOLE_UNITS_ONLY:
        return f"{currency} has no such small part: two digits after the point at most."
    words = f"{currency} is paid in whole {UNITS.get(currency, 'shillings')}"
    try:
        floor = int(Decimal(written))
    except (InvalidOperation, ValueError, OverflowError):
        return f"{words}."
    return f"{words}: write {floor} or {floor + 1}."
