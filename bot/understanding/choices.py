"""Yes, no, and the courtesies people put around a word: "ndio tafadhali", "naomba menu", "no thanks". Pure."""

from __future__ import annotations

from typing import Final

from bot.understanding.words import plain

YES: Final = frozenset(
    [
        "yes",
        "y",
        "ya",
        "yah",
        "yeah",
        "yea",
        "yep",
        "yup",
        "yes yes",
        "sure",
        "of course",
        "ok",
        "okay",
        "oky",
        "k",
        "kk",
        "fine",
        "alright",
        "all right",
        "correct",
        "right",
        "confirm",
        "agreed",
        "go ahead",
        "do it",
        "ndio",
        "ndiyo",
        "ndyo",
        "ndo",
        "naam",
        "ee",
        "eeh",
        "ehe",
        "eh",
        "sawa",
        "sawa sawa",
        "sawasawa",
        "sawia",
        "haya",
        "poa",
        "fiti",
        "kabisa",
        "hakika",
        "kweli",
        "nimekubali",
        "nakubali",
        "iko sawa",
        "ni sawa",
    ]
)
NO: Final = frozenset(
    [
        "no",
        "n",
        "nah",
        "nope",
        "no no",
        "not now",
        "never",
        "dont",
        "do not",
        "hapana",
        "hapana hapana",
        "la",
        "la hasha",
        "hpana",
        "sitaki",
        "sihitaji",
        "siyo",
        "sio",
        "si sawa",
        "bado",
        "usifute",
        "keep",
        "keep it",
        "ziache",
        "iache",
        "wacha",
        "achana nayo",
        "zii",
    ]
)
_POLITE: Final = frozenset(
    [
        "please",
        "pls",
        "plz",
        "kindly",
        "tafadhali",
        "tafadhari",
        "asante",
        "thanks",
        "thx",
        "thank",
        "you",
        "sana",
        "bwana",
        "boss",
        "bro",
        "dear",
        "sir",
        "madam",
    ]
)
_WANTS: Final = frozenset(
    [
        "i",
        "want",
        "need",
        "to",
        "see",
        "show",
        "me",
        "a",
        "the",
        "my",
        "nataka",
        "naomba",
        "nipe",
        "nionyeshe",
        "nione",
        "kuona",
        "ningependa",
    ]
)


def courteous(said: str, *, wants: bool = False) -> str:
    """``said`` (plain) without the courtesies around it; with ``wants``, without "I want to see" too."""
    spare = _POLITE | _WANTS if wants else _POLITE
    words = said.split()
    while words and words[0] in spare:
        words = words[1:]
    while words and words[-1] in spare:
        words = words[:-1]
    return " ".join(words)


def agrees(text: str) -> bool:
    """Whether ``text`` says yes."""
    said = plain(text)
    return said in YES or courteous(said) in YES


def declines(text: str) -> bool:
    """Whether ``text`` says no."""
    said = plain(text)
    return said in NO or courteous(said) in NO
