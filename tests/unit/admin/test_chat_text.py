"""What is written in a chat becomes HTML without anything of its own."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.chat_text import bare, formatted


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("*Total* KES 3,000", "<strong>Total</strong> KES 3,000"),
        ("_soon_ and ~not~", "<em>soon</em> and <s>not</s>"),
        ("*_both_*", "<strong><em>both</em></strong>"),
        ("```a *b*\nc```", "<code>a *b*\nc</code>"),
        ("```never closed *x*", "```never closed <strong>x</strong>"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("snake_case_name", "snake_case_name"),
        ("* not bold*", "* not bold*"),
        ("**", "**"),
        ("*a\nb*", "*a\nb*"),
        ("one\n\n\n\ntwo", "one\n\ntwo"),
    ],
)
def test_whatsapps_signs_become_tags(written, shown) -> None:
    assert formatted(written) == shown


def test_an_address_becomes_a_link_and_what_follows_it_stays_outside() -> None:
    link = '<a href="{0}" rel="noopener noreferrer nofollow" target="_blank">{0}</a>'
    assert (
        formatted("See https://x.example/a_b_c?d=1.") == f"See {link.format('https://x.example/a_b_c?d=1')}."
    )
    assert formatted("*https://x.example*") == f"<strong>{link.format('https://x.example')}</strong>"
    assert "<a" not in formatted("javascript:alert(1) data:text/html,x")


@pytest.mark.parametrize(
    "written",
    [
        "<script>alert(1)</script>",
        "*<img src=x onerror=alert(1)>*",
        "```</code><script>```",
        'https://x.example/"onmouseover="alert(1)',
        "https://x.example/<script>",
    ],
)
def test_nothing_of_somebody_else_becomes_a_tag(written) -> None:
    shown = re.sub(
        r'</?(strong|em|s|code)>|<a href="[^"<>]*" rel="[a-z ]+" target="_blank">|</a>',
        "",
        formatted(written),
    )
    assert "<" not in shown
    assert '"' not in shown


@given(st.text(alphabet="*_~`<>\"'& ahtps:/.\n", max_size=200))
def test_whatever_is_written_only_our_tags_are_there_and_each_is_closed(written) -> None:
    shown = formatted(written)
    for tag in ("strong", "em", "s", "code", "a"):
        assert len(re.findall(rf"<{tag}[ >]", shown)) == shown.count(f"</{tag}>")
    left = re.sub(r'</?(strong|em|s|code)>|<a href="[^"<>]*" rel="[a-z ]+" target="_blank">|</a>', "", shown)
    assert "<" not in left


def test_no_text_is_slow_to_show() -> None:
    started = time.process_time()
    for written in ("*a " * 1365, "*_~" * 1365, "https://" * 512, "`" * 4096, "*a" * 2048):
        formatted(written)
    assert time.process_time() - started < 1


def test_a_preview_is_one_line_of_words() -> None:
    assert bare("*Hello*\n\nthere <b>", 80) == "Hello there <b>"
    assert bare("x" * 500, 10) == "x" * 9 + "…"
