"""What the JSON door lets in and what it refuses, with which code."""

import contextlib
import json
import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import MalformedWebhook
from ghala import strict_json

REFUSALS = {
    "utf-8 mark": (b'\xef\xbb\xbf{"a":1}', "json_not_utf8"),
    "utf-16": ('{"a":1}'.encode("utf-16"), "json_not_utf8"),
    "utf-16 without mark": ('{"a":1}'.encode("utf-16-le"), "json_not_utf8"),
    "utf-32": ('{"a":1}'.encode("utf-32-be"), "json_not_utf8"),
    "latin-1": (b'{"a":"\xe9"}', "json_not_utf8"),
    "surrogate encoded as utf-8": (b'{"a":"\xed\xa0\x80"}', "json_not_utf8"),
    "empty": (b"", "json_invalid"),
    "only space": (b"  \n", "json_invalid"),
    "cut short": (b'{"a":', "json_invalid"),
    "two documents": (b"{}{}", "json_invalid"),
    "single quotes": (b"{'a':1}", "json_invalid"),
    "trailing comma": (b'{"a":1,}', "json_invalid"),
    "raw newline in a string": (b'{"a":"x\ny"}', "json_invalid"),
    "leading zero": (b'{"a":01}', "json_invalid"),
    "underscore in a number": (b'{"a":1_0}', "json_invalid"),
    "arabic digits": ('{"a":١٢}'.encode(), "json_invalid"),
    "NaN": (b'{"a":NaN}', "json_number"),
    "Infinity": (b'{"a":Infinity}', "json_number"),
    "-Infinity": (b'{"a":-Infinity}', "json_number"),
    "huge exponent": (b'{"a":1e400}', "json_number"),
    "tiny exponent": (b'{"a":1e-400}', "json_number"),
    "endless exponent": (b'{"a":1e' + b"9" * 5000 + b"}", "json_number"),
    "exponent beyond Decimal": (b'{"a":1e9999999999999999999999}', "json_number"),
    "5,000 digits": (b'{"a":' + b"9" * 5000 + b"}", "json_number"),
    "41 digits": (b'{"a":' + b"9" * 41 + b"}", "json_number"),
    "same key twice": (b'{"a":1,"a":2}', "json_duplicate_key"),
    "same key twice, once escaped": (b'{"a":1,"\\u0061":2}', "json_duplicate_key"),
    "keys equal once shown": (b'{"\\u0000":1,"\\ud800":2}', "json_duplicate_key"),
    "same key twice, deep": (b'[{"b":[{"a":1,"a":2}]}]', "json_duplicate_key"),
    "21 arrays": (b"[" * 21 + b"]" * 21, "json_too_deep"),
    "10,000 arrays": (b"[" * 10_000 + b"]" * 10_000, "json_too_deep"),
    "10,000 open objects": (b'{"a":' * 10_000, "json_too_deep"),
    "deep after a string full of brackets": (b'["]]]]]]]]]]\\"",' + b"[" * 25 + b"]" * 26, "json_too_deep"),
    "10,000 keys": (json.dumps({f"k{n}": n for n in range(10_000)}).encode(), "json_too_many_keys"),
    "too many keys in small objects": (b"[" + b'{"a":1},' * 50_001 + b"1]", "json_too_many_keys"),
}


@pytest.mark.parametrize(("raw", "code"), REFUSALS.values(), ids=REFUSALS)
def test_what_breaks_the_contract_is_refused_with_a_stable_code(raw, code):
    with pytest.raises(MalformedWebhook) as refusal:
        strict_json.parse(raw)
    assert refusal.value.code == code
    assert refusal.value.status == 400


@pytest.mark.parametrize("raw", [b"[]", b'"a"', b"1", b"null", b"true", b"1.5"])
def test_only_an_object_passes_as_an_object(raw):
    with pytest.raises(MalformedWebhook) as refusal:
        strict_json.parse_object(raw)
    assert refusal.value.code == "json_not_object"


def test_decimals_are_exact():
    assert strict_json.parse(b'{"a":0.1,"b":1500.50}') == {"a": Decimal("0.1"), "b": Decimal("1500.50")}


@pytest.mark.parametrize("number", [10**40 - 1, -(10**40) + 1])
def test_forty_digits_are_allowed_with_either_sign(number):
    assert strict_json.parse(str(number).encode()) == number


def test_twenty_levels_are_allowed():
    assert strict_json.parse(b"[" * 20 + b"]" * 20) is not None


def test_brackets_inside_strings_do_not_count_as_depth():
    assert strict_json.parse(b'{"a":"' + b"[{" * 100 + b'"}') == {"a": "[{" * 100}


def test_colons_inside_strings_do_not_count_as_keys():
    assert strict_json.parse(b'{"a":"' + b":" * 60_000 + b'"}') == {"a": ":" * 60_000}


def test_nul_and_lone_surrogates_are_shown_as_the_replacement_character():
    assert strict_json.parse(b'{"a\\u0000":["x\\u0000y","\\ud800","\\udc00z"]}') == {
        "a\ufffd": ["x\ufffdy", "\ufffd", "\ufffdz"]
    }


def test_an_escaped_emoji_stays_an_emoji():
    assert strict_json.parse(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_many_unfinished_strings_take_linear_time():
    raw = b"[" * 30 + b'"' + b'\\"[' * 300_000
    started = time.perf_counter()
    with pytest.raises(MalformedWebhook):
        strict_json.parse(raw)
    assert time.perf_counter() - started < 2


def test_writing_keeps_every_digit():
    written = strict_json.dumps({"a": Decimal("1.50"), "b": 10**30, "c": [True, None, "é"]})
    assert written == '{"a":1.50,"b":1000000000000000000000000000000,"c":[true,null,"é"]}'.encode()


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), object(), {"a": {1, 2}}])
def test_what_json_cannot_carry_is_not_written(value):
    with pytest.raises(TypeError):
        strict_json.dumps(value)


words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**39), 10**39) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(json_values)
def test_what_is_written_is_read_back(value):
    assert strict_json.parse(strict_json.dumps(value), max_depth=50) == value


@settings(deadline=None)
@given(st.binary())
def test_no_bytes_raise_anything_but_a_refusal(raw):
    with contextlib.suppress(MalformedWebhook):
        strict_json.parse(raw)


@settings(deadline=None)
@given(st.text(alphabet='[]{}":,\\u0dea19.-+ \n'))
def test_no_json_like_text_raises_anything_but_a_refusal(text):
    with contextlib.suppress(MalformedWebhook):
        strict_json.parse(text.encode())
