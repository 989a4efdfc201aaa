"""What is written in a chat as HTML: WhatsApp's *bold*, _italic_, ~struck~ and ```code```, and addresses. Pure.

What others wrote reaches the page escaped, letter by letter; only our own tags stand between. Every line is walked
once for each depth of nesting, so that no text is slow.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

from markupsafe import Markup, escape

from admin.wording import plain_lines

LONGEST: Final = 4096
DEEPEST: Final = 3
TAGS: Final = {"*": "strong", "_": "em", "~": "s"}
CODE: Final = "```"
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"'`]{3,2000}", re.IGNORECASE | re.ASCII)
_AFTER_ADDRESS: Final = ".,;:!?)]*_~"


def formatted(text: str) -> Markup:
    """A message as it reads in WhatsApp; line breaks stay line breaks."""
    parts = plain_lines(text, LONGEST).split(CODE)
    if len(parts) % 2 == 0:  # the last one was never closed
        parts[-2:] = [CODE.join(parts[-2:])]
    made = [
        Markup("<code>{}</code>").format(part.strip("\n"))
        if number % 2
        else Markup("\n").join(_line(line, DEEPEST) for line in part.split("\n"))
        for number, part in enumerate(parts)
    ]
    return Markup().join(made)


def bare(text: str, longest: int) -> str:
    """The words alone, in one line of at most so many letters."""
    return plain_lines(str(formatted(text[: longest * 4]).striptags()), longest).replace("\n", " ")


def _line(text: str, deep: int) -> Markup:
    links = {found.start(): found[0].rstrip(_AFTER_ADDRESS) for found in _ADDRESS.finditer(text)}
    ends = _ends(text, links)
    made: list[Markup] = []
    at = begun = 0
    while at < len(text):
        letter = text[at]
        if at in links:
            made += [escape(text[begun:at]), _link(links[at])]
            at = begun = at + len(links[at])
            continue
        if deep and letter in TAGS and _opens(text, at):
            closing = ends[letter]
            place = bisect_right(closing, at + 1)
            if place < len(closing):
                tag = TAGS[letter]
                inner = _line(text[at + 1 : closing[place]], deep - 1)
                made += [escape(text[begun:at]), Markup(f"<{tag}>{{}}</{tag}>").format(inner)]  # noqa: S704 - ours
                at = begun = closing[place] + 1
                continue
        at += 1
    return Markup().join([*made, escape(text[begun:])])


def _link(address: str) -> Markup:
    return Markup('<a href="{0}" rel="noopener noreferrer nofollow" target="_blank">{0}</a>').format(address)


def _opens(text: str, at: int) -> bool:
    return (at == 0 or not text[at - 1].isalnum()) and at + 1 < len(text) and not text[at + 1].isspace()


def _ends(text: str, links: dict[int, str]) -> dict[str, list[int]]:
    """Where each sign may end what it began; not inside an address."""
    ends: dict[str, list[int]] = {sign: [] for sign in TAGS}
    at = 0
    while at < len(text):
        if at in links:
            at += len(links[at])
            continue
        letter = text[at]
        if (
            letter in TAGS
            and at > 0
            and not text[at - 1].isspace()
            and (at + 1 == len(text) or not text[at + 1].isalnum())
        ):
            ends[letter].append(at)
        at += 1
    return ends
