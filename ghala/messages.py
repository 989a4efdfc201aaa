"""What the shop can say: one class per WhatsApp message type, its limits enforced when it is built.

A message that WhatsApp would refuse cannot exist, so nothing hopeless ever reaches the outbox. Each class knows its
Meta-like body (``wire``) and the same words as plain numbered text (``numbered``) for channels without buttons.

To add a type: write its class here and name it in ``Message``; ``dump`` and ``load`` follow from that.

Lengths are counted in characters as Python counts them (Unicode code points). Whether Meta counts an emoji as one or
as two (UTF-16) is not documented; texts that come near a limit should leave room. Limits: WIRE 2c.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias, get_args
from urllib.parse import urlsplit

from errors import ShopError


class InvalidMessage(ShopError):
    """The message breaks a limit of WhatsApp; the text says which. Our bug, so never sent."""

    code = "invalid_message"


class Limits(NamedTuple):
    """WhatsApp's limits, in characters unless the name says otherwise (WIRE 2c)."""

    text: int = 4096
    interactive_body: int = 1024
    header: int = 60
    footer: int = 60
    caption: int = 1024
    buttons: int = 3
    button_title: int = 20
    button_id: int = 256
    list_button: int = 20
    list_sections: int = 10
    list_rows: int = 10
    section_title: int = 24
    row_id: int = 200
    row_title: int = 24
    row_description: int = 72
    link_title: int = 20
    url: int = 2000
    template_name: int = 512
    template_parameter: int = 1024


LIMITS: Final = Limits()

_TEMPLATE_NAME = re.compile(r"[a-z0-9_]+", re.ASCII)
_NOT_IN_PARAMETERS = re.compile(r"[\n\r\t]| {5}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:_[A-Z]{2})?", re.ASCII)
_ZWJ = "\u200d"
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Button:
    """A reply button: ``id`` comes back when it is tapped, ``title`` is read."""

    id: str
    title: str

    def __post_init__(self) -> None:
        _identifier("button id", self.id, LIMITS.button_id)
        _words("button title", self.title, LIMITS.button_title)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list."""

    id: str
    title: str
    description: str = ""

    def __post_init__(self) -> None:
        _identifier("row id", self.id, LIMITS.row_id)
        _words("row title", self.title, LIMITS.row_title)
        _optional("row description", self.description, LIMITS.row_description)


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a heading; the heading may be missing only where there is one section."""

    rows: tuple[Row, ...]
    title: str = ""

    def __post_init__(self) -> None:
        _parts("section rows", self.rows, Row, LIMITS.list_rows)
        _optional("section title", self.title, LIMITS.section_title)


@dataclass(frozen=True, slots=True)
class Text:
    """Plain words; ``preview_url`` shows a preview of the first link."""

    type: ClassVar[str] = "text"
    body: str
    preview_url: bool = False

    def __post_init__(self) -> None:
        _words("text body", self.body, LIMITS.text)

    def wire(self) -> dict[str, Any]:
        """The Meta-like body, without ``to``."""
        text: dict[str, Any] = {"body": self.body}
        if self.preview_url:
            text["preview_url"] = True
        return {"type": "text", "text": text}

    def numbered(self) -> str:
        """The words themselves."""
        return self.body


@dataclass(frozen=True, slots=True)
class Image:
    """A picture by its public address."""

    type: ClassVar[str] = "image"
    link: str
    caption: str = ""

    def __post_init__(self) -> None:
        _link("image link", self.link)
        _optional("image caption", self.caption, LIMITS.caption)

    def wire(self) -> dict[str, Any]:
        """The Meta-like body, without ``to``."""
        image = {"link": self.link}
        if self.caption:
            image["caption"] = self.caption
        return {"type": "image", "image": image}

    def numbered(self) -> str:
        """The caption and the address."""
        return _paragraphs(self.caption, self.link)


@dataclass(frozen=True, slots=True)
class Buttons:
    """Words with one to three reply buttons, under an optional picture or heading.

    ``numbers`` says whether the number of a button may be typed instead; where it may not, ``numbered`` has points.
    """

    type: ClassVar[str] = "buttons"
    body: str
    buttons: tuple[Button, ...]
    image: str = ""
    header: str = ""
    footer: str = ""
    numbers: bool = True

    def __post_init__(self) -> None:
        _words("buttons body", self.body, LIMITS.interactive_body)
        _parts("buttons", self.buttons, Button, LIMITS.buttons)
        _unique("button ids", [button.id for button in self.buttons])
        _unique("button titles", [button.title for button in self.buttons])
        if self.image:
            _link("header image", self.image)
        if self.image and self.header:
            raise InvalidMessage("a header is an image or text, not both")
        _optional("header", self.header, LIMITS.header)
        _optional("footer", self.footer, LIMITS.footer)

    def wire(self) -> dict[str, Any]:
        """The Meta-like body, without ``to``."""
        replies = [
            {"type": "reply", "reply": {"id": button.id, "title": button.title}} for button in self.buttons
        ]
        return _interactive("button", self.body, {"buttons": replies}, self.header, self.footer, self.image)

    def numbered(self) -> str:
        """The words, the buttons as a numbered list; the picture is left to the channel."""
        choices = _choices((button.title for button in self.buttons), 1 if self.numbers else None)
        return _paragraphs(self.header, self.body, choices, self.footer)


@dataclass(frozen=True, slots=True)
class ListMessage:
    """Words with a sheet of up to ten rows in total, opened by ``button``; ``numbers`` as in :class:`Buttons`."""

    type: ClassVar[str] = "list"
    body: str
    button: str
    sections: tuple[Section, ...]
    header: str = ""
    footer: str = ""
    numbers: bool = True

    def __post_init__(self) -> None:
        _words("list body", self.body, LIMITS.interactive_body)
        _words("list button", self.button, LIMITS.list_button)
        _parts("list sections", self.sections, Section, LIMITS.list_sections)
        rows = [row for section in self.sections for row in section.rows]
        if len(rows) > LIMITS.list_rows:
            raise InvalidMessage(
                f"a list has {len(rows)} rows, at most {LIMITS.list_rows} in total are allowed"
            )
        _unique("row ids", [row.id for row in rows])
        if len(self.sections) > 1 and not all(section.title for section in self.sections):
            raise InvalidMessage("every section needs a title where there is more than one")
        _optional("header", self.header, LIMITS.header)
        _optional("footer", self.footer, LIMITS.footer)

    def wire(self) -> dict[str, Any]:
        """The Meta-like body, without ``to``."""
        sections = []
        for section in self.sections:
            rows = [
                {"id": row.id, "title": row.title}
                | ({"description": row.description} if row.description else {})
                for row in section.rows
            ]
            sections.append(({"title": section.title} if section.title else {}) | {"rows": rows})
        action = {"button": self.button, "sections": sections}
        return _interactive("list", self.body, action, self.header, self.footer)

    def numbered(self) -> str:
        """The words and the rows, numbered through all sections."""
        blocks = []
        number = 1
        for section in self.sections:
            lines = [" — ".join(filter(None, (row.title, row.description))) for row in section.rows]
            choices = _choices(lines, number if self.numbers else None)
            blocks.append(f"{section.title}\n{choices}" if section.title else choices)
            number += len(lines)
        return _paragraphs(self.header, self.body, *blocks, self.footer)


@dataclass(frozen=True, slots=True)
class LinkButton:
    """Words with one button that opens a web page (``cta_url``)."""

    type: ClassVar[str] = "link_button"
    body: str
    title: str
    url: str
    header: str = ""
    footer: str = ""

    def __post_init__(self) -> None:
        _words("link body", self.body, LIMITS.interactive_body)
        _words("link title", self.title, LIMITS.link_title)
        _link("link url", self.url)
        _optional("header", self.header, LIMITS.header)
        _optional("footer", self.footer, LIMITS.footer)

    def wire(self) -> dict[str, Any]:
        """The Meta-like body, without ``to``."""
        action = {"name": "cta_url", "parameters": {"display_text": self.title, "url": self.url}}
        return _interactive("cta_url", self.body, action, self.header, self.footer)

    def numbered(self) -> str:
        """The words and the address."""
        return _paragraphs(self.header, self.body, f"{self.title}: {self.url}", self.footer)


@dataclass(frozen=True, slots=True)
class LocationRequest:
    """Words with a button that shares the customer's location."""

    type: ClassVar[str] = "location_request"
    body: str

    def __post_init__(self) -> None:
        _words("location request body", self.body, LIMITS.interactive_body)

    def wire(self) -> dict[str, Any]:
        """The Meta-like body, without ``to``."""
        return _interactive("location_request_message", self.body, {"name": "send_location"})

    def numbered(self) -> str:
        """The words; every WhatsApp can share a location from its own menu."""
        return self.body


@dataclass(frozen=True, slots=True)
class Template:
    """An approved template, the only thing that may be sent outside the 24-hour window.

    ``parameters`` fill the places of its body, in order.
    """

    type: ClassVar[str] = "template"
    name: str
    language: str
    parameters: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _words("template name", self.name, LIMITS.template_name)
        if not _TEMPLATE_NAME.fullmatch(self.name):
            raise InvalidMessage("a template name has only small letters, digits and underscores")
        if not isinstance(self.language, str) or not _LANGUAGE.fullmatch(self.language):
            raise InvalidMessage("a template language is written like en or en_US")
        if not isinstance(self.parameters, tuple):
            raise InvalidMessage("template parameters must be a tuple")
        for parameter in self.parameters:
            _words("template parameter", parameter, LIMITS.template_parameter)
            if _NOT_IN_PARAMETERS.search(parameter):
                raise InvalidMessage("a template parameter has no line breaks, tabs or five spaces in a row")

    def components(self) -> list[dict[str, Any]]:
        """The parameters as Meta's list of components; empty without any."""
        if not self.parameters:
            return []
        return [
            {"type": "body", "parameters": [{"type": "text", "text": value} for value in self.parameters]}
        ]

    def wire(self) -> dict[str, Any]:
        """The Meta-like body, without ``to``."""
        template: dict[str, Any] = {"name": self.name, "language": {"code": self.language}}
        if self.parameters:
            template["components"] = self.components()
        return {"type": "template", "template": template}

    def numbered(self) -> str:
        """What varies, one line each: the template's own words live at Meta."""
        return "\n".join(self.parameters) or self.name


Message: TypeAlias = Text | Image | Buttons | ListMessage | LinkButton | LocationRequest | Template

TYPES: Final[Mapping[str, type[Message]]] = {kind.type: kind for kind in get_args(Message)}
"""Every message type by the name it is stored under."""

_PARTS: Final[Mapping[str, type[Any]]] = {"buttons": Button, "sections": Section, "rows": Row}


def dump(message: Message) -> dict[str, Any]:
    """The message as plain JSON values, for the outbox; :func:`load` brings it back."""
    stored = {"type": message.type} | dataclasses.asdict(message)
    if stored.get("numbers"):
        del stored["numbers"]
    return stored


def without_numbers(message: Message) -> Message:
    """The same message, whose choices are not to be typed by their number."""
    if isinstance(message, Buttons | ListMessage):
        return dataclasses.replace(message, numbers=False)
    return message


def load(stored: Mapping[str, Any]) -> Message:
    """Bring back what :func:`dump` wrote, also after a journey through JSON.

    Raises:
        InvalidMessage: the type is unknown, a field is missing or a limit is broken.
    """
    kind = TYPES.get(str(stored.get("type")))
    if kind is None:
        raise InvalidMessage("the stored message has no known type")
    message: Message = _revive(kind, stored)
    return message


def as_text(message: Message) -> Text | None:
    """The same words with nothing but words; ``None`` where there is nothing plainer to say it with."""
    if isinstance(message, Text | Template):
        return None
    return Text(fit(message.numbered(), LIMITS.text))


def fit(text: str, limit: int) -> str:
    """Shorten ``text`` to at most ``limit`` characters, ending in "…" if anything was cut.

    Never cuts inside what the reader sees as one character: combining marks, emoji sequences, skin tones, flags and
    surrogate pairs stay whole or go whole.
    """
    if len(text) <= limit:
        return text
    if limit <= 0:
        return ""
    cut = limit - len(_ELLIPSIS)
    while cut > 0 and _joined(text, cut):
        cut -= 1
    return text[:cut].rstrip() + _ELLIPSIS


def _joined(text: str, at: int) -> bool:
    """Whether the characters before and after position ``at`` belong together."""
    before, after = text[at - 1], text[at]
    if _ZWJ in {before, after} or unicodedata.category(after) in {"Mn", "Me", "Mc"}:
        return True
    if (
        "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f"
    ):  # skin tones, flag tags
        return True
    if "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff":
        return True
    if _is_regional(before) and _is_regional(after):  # flags are pairs, counted from the start of the run
        start = at
        while start > 0 and _is_regional(text[start - 1]):
            start -= 1
        return (at - start) % 2 == 1
    return before == "\r" and after == "\n"


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _revive(kind: type[Any], stored: Mapping[str, Any]) -> Any:
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if field.name not in stored:
            continue
        value = stored[field.name]
        if isinstance(value, (list, tuple)):
            part = _PARTS.get(field.name)
            value = tuple(
                _revive(part, item) if part and isinstance(item, Mapping) else item for item in value
            )
        values[field.name] = value
    try:
        return kind(**values)
    except TypeError as missing:
        raise InvalidMessage(f"the stored {kind.__name__} is incomplete") from missing


def _interactive(
    kind: str, body: str, action: Mapping[str, Any], header: str = "", footer: str = "", image: str = ""
) -> dict[str, Any]:
    interactive: dict[str, Any] = {"type": kind}
    if image:
        interactive["header"] = {"type": "image", "image": {"link": image}}
    elif header:
        interactive["header"] = {"type": "text", "text": header}
    interactive["body"] = {"text": body}
    if footer:
        interactive["footer"] = {"text": footer}
    interactive["action"] = dict(action)
    return {"type": "interactive", "interactive": interactive}


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _choices(titles: Iterable[str], first: int | None) -> str:
    if first is None:
        return "\n".join(f"• {title}" for title in titles)
    return "\n".join(f"{number}. {title}" for number, title in enumerate(titles, first))


def _optional(what: str, value: str, limit: int) -> None:
    """A text that may be missing."""
    if value != "":
        _words(what, value, limit)


def _words(what: str, value: str, limit: int) -> None:
    """A text that must say something within ``limit`` characters, and can be sent as UTF-8."""
    if not isinstance(value, str):
        raise InvalidMessage(f"{what} must be text")
    if len(value) > limit:
        raise InvalidMessage(f"{what} has {len(value)} characters, at most {limit} are allowed")
    if not value.strip():
        raise InvalidMessage(f"{what} is empty")
    if "\x00" in value:
        raise InvalidMessage(f"{what} contains a NUL")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidMessage(f"{what} contains half a character (a lone surrogate)") from None


def _identifier(what: str, value: str, limit: int) -> None:
    _words(what, value, limit)
    if value != value.strip():
        raise InvalidMessage(f"{what} starts or ends with a space")


def _link(what: str, value: str) -> None:
    _words(what, value, LIMITS.url)
    try:
        parts = urlsplit(value)
        web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        web = False
    if not web or any(character.isspace() or character < " " for character in value):
        raise InvalidMessage(f"{what} is not a web address (http or https)")


def _parts(what: str, values: Sequence[object], kind: type[object], limit: int) -> None:
    if not isinstance(values, tuple) or not all(isinstance(value, kind) for value in values):
        raise InvalidMessage(f"{what} must be a tuple of {kind.__name__}")
    if not 1 <= len(values) <= limit:
        raise InvalidMessage(f"{what}: {len(values)} given, 1 to {limit} are allowed")


def _unique(what: str, values: Sequence[str]) -> None:
    if len(set(values)) != len(values):
        raise InvalidMessage(f"{what} must differ from each other")
