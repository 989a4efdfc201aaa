"""The one door for inbound JSON: what the standard parser tolerates and a webhook must not.

The standard parser recurses (deep nesting becomes a crash), keeps the last of two equal keys, accepts ``NaN`` and
UTF-16, and limits integers with a ``ValueError`` of its own. Here each of these is a ``MalformedWebhook`` with a
stable code. Depth and number of keys are judged before anything is parsed.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, TypeAlias

import orjson

from errors import MalformedWebhook

JsonValue: TypeAlias = "str | int | Decimal | bool | list[JsonValue] | dict[str, JsonValue] | None"

MAX_DEPTH = 20
MAX_DIGITS = 40
"""No amount, id or timestamp comes near; the same bound holds for the exponent, so 1e400 cannot become 400 digits."""
MAX_KEYS_IN_OBJECT = 1_000
MAX_KEYS = 50_000
"""In the whole document: a Meta batch of 1,000 statuses (WIRE 2a) has about 30,000."""

# An unterminated string is matched to its end too, so that no quote is ever looked at twice (linear time).
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_OPENING = frozenset(b"[{")
_UNSHOWABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def parse(raw: bytes, *, max_depth: int = MAX_DEPTH) -> JsonValue:
    """Read one JSON document from ``raw``.

    Args:
        raw: the body exactly as received; UTF-8 without a byte order mark.
        max_depth: how many objects and arrays may be open at once.

    Returns:
        The value, decimals exact; NUL and lone surrogates in strings (and keys) shown as U+FFFD.

    Raises:
        MalformedWebhook: with code ``json_not_utf8``, ``json_too_deep``, ``json_too_many_keys``,
            ``json_duplicate_key``, ``json_number`` or ``json_invalid``.
    """
    if b"\x00" in raw:  # never legal in JSON, and the sign of UTF-16 or UTF-32
        raise MalformedWebhook("the body is not UTF-8 text", code="json_not_utf8")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedWebhook("the body is not UTF-8", code="json_not_utf8") from None
    if text.startswith("\ufeff"):
        raise MalformedWebhook("the body starts with a byte order mark", code="json_not_utf8")
    _refuse_excess(raw, max_depth)
    try:
        value: JsonValue = _DECODER.decode(text)
    except ValueError:
        raise MalformedWebhook("the body is not JSON", code="json_invalid") from None
    # Only an escape can bring NUL or a lone surrogate past the checks above.
    return _showable(value) if b"\\u" in raw else value


def parse_object(raw: bytes, *, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Read one JSON object; like :func:`parse`, and anything else at the top is refused.

    Raises:
        MalformedWebhook: as :func:`parse`, and with code ``json_not_object``.
    """
    value = parse(raw, max_depth=max_depth)
    if not isinstance(value, dict):
        raise MalformedWebhook("the body is not a JSON object", code="json_not_object")
    return value


def dumps(value: Any) -> bytes:
    """Write compact JSON; decimals and integers of any size keep every digit.

    Raises:
        TypeError: ``value`` holds something JSON cannot carry, a NaN among others.
    """
    try:
        return orjson.dumps(value, default=_write_exactly)
    except TypeError:
        # orjson refuses integers beyond 64 bits before it asks `default`.
        return orjson.dumps(_with_big_integers(value), default=_write_exactly)


def _refuse_excess(raw: bytes, max_depth: int) -> None:
    """Judge depth and key count without parsing; exact only where a quick upper bound is not enough."""
    maybe_deep = raw.count(b"[") + raw.count(b"{") > max_depth
    maybe_wide = raw.count(b":") > MAX_KEYS_IN_OBJECT
    if not (maybe_deep or maybe_wide):
        return
    bare = _STRINGS.sub(b"", raw)
    if bare.count(b":") > MAX_KEYS:
        raise MalformedWebhook("the body has too many keys", code="json_too_many_keys")
    depth = 0
    for byte in bare.translate(None, _NOT_BRACKETS):
        if byte in _OPENING:
            depth += 1
            if depth > max_depth:
                raise MalformedWebhook(f"the body is nested deeper than {max_depth}", code="json_too_deep")
        else:
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_KEYS_IN_OBJECT:
        raise MalformedWebhook("an object has too many keys", code="json_too_many_keys")
    built = dict(pairs)
    if len(built) != len(pairs):
        raise MalformedWebhook("an object has the same key twice", code="json_duplicate_key")
    return built


def _integer(digits: str) -> int:
    if len(digits.removeprefix("-")) > MAX_DIGITS:
        raise MalformedWebhook(f"a number has more than {MAX_DIGITS} digits", code="json_number")
    return int(digits)


def _decimal(digits: str) -> Decimal:
    if len(digits) > MAX_DIGITS:
        raise MalformedWebhook(f"a number has more than {MAX_DIGITS} digits", code="json_number")
    number: Decimal | None
    try:
        number = Decimal(digits)
    except InvalidOperation:  # an exponent that Decimal itself cannot hold
        number = None
    if number is None or abs(number.adjusted()) > MAX_DIGITS:
        raise MalformedWebhook("a number is out of all proportion", code="json_number")
    return number


def _constant(name: str) -> NoReturn:
    raise MalformedWebhook(f"{name} is not a JSON number", code="json_number")


def _showable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSHOWABLE.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        return [_showable(item) for item in value]
    if isinstance(value, dict):
        return _object([(_showable(key), _showable(item)) for key, item in value.items()])
    return value


def _write_exactly(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError(f"JSON cannot carry {type(value).__name__}")


def _with_big_integers(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return orjson.Fragment(str(value))
    if isinstance(value, (list, tuple)):
        return [_with_big_integers(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_big_integers(item) for key, item in value.items()}
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
)
