"""WhatsApp's own limits on a message sent by a business, checked as Meta would.

Source: the limits table of the Cloud API (developers.facebook.com, messages reference). A message that
breaks one is answered 400 with code 100, so that the mistake shows while trying the shop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.refusal import Refused

TEXT = 4096
BODY = 1024
HEADER = FOOTER = 60
BUTTONS = 3
BUTTON_TITLE = 20
BUTTON_ID = 256
SECTIONS = ROWS = 10
SECTION_TITLE = ROW_TITLE = 24
ROW_ID = 200
ROW_DESCRIPTION = 72
CALLBACK_DATA = 512

_NUMBER = re.compile(r"\+?[1-9][0-9]{7,14}\Z")
_MEDIA = ("image", "video", "audio", "document", "sticker")
_CAPTIONED = ("image", "video", "document")


def number_of(value: object, name: str = "to") -> str:
    """Return a phone number as digits without plus.

    Raises:
        Refused: not in international form.
    """
    if not isinstance(value, str) or not _NUMBER.match(value):
        raise Refused(f"{name} must be a phone number in international form, digits only")
    return value.removeprefix("+")


def check_message(message: Mapping[str, Any]) -> None:
    """Check one message of ``POST /whatsapp/messages``.

    Raises:
        Refused: it breaks a limit or is not a message at all; the sentence names the field.
    """
    number_of(message.get("to"))
    kind = message.get("type", "text")
    data = message.get("biz_opaque_callback_data")
    if data is not None:
        _words(data, "biz_opaque_callback_data", CALLBACK_DATA)
    context = message.get("context")
    if context is not None:
        _words(_part(message, "context").get("message_id"), "context.message_id", BUTTON_ID)
    if kind in _MEDIA:
        _check_media(_part(message, kind), kind)
        return
    check = _CHECKS.get(kind) if isinstance(kind, str) else None
    if check is None:
        raise Refused(f"type {kind!r} is not supported", reason=131051)
    check(_part(message, str(kind)))


def _part(owner: Mapping[str, Any], name: str, where: str = "") -> Mapping[str, Any]:
    part = owner.get(name)
    if not isinstance(part, Mapping):
        raise Refused(f"{where}{name} must be an object")
    return part


def _words(value: object, name: str, limit: int) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"{name} must be a text of at least one character")
    # Meta counts UTF-16 units for some fields; code points are the kinder and documented reading.
    if len(value) > limit:
        raise Refused(f"{name} has {len(value)} characters, at most {limit} are allowed")
    return value


def _link(value: object, name: str) -> None:
    if not isinstance(value, str) or urlsplit(value).scheme not in {"http", "https"}:
        raise Refused(f"{name} must be an http or https address")


def _list(value: object, name: str, most: int) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise Refused(f"{name} must be a list of 1 to {most}")
    return value


def _check_text(text: Mapping[str, Any]) -> None:
    _words(text.get("body"), "text.body", TEXT)
    if not isinstance(text.get("preview_url", False), bool):
        raise Refused("text.preview_url must be true or false")


def _check_media(media: Mapping[str, Any], kind: str) -> None:
    if "link" in media:
        _link(media["link"], f"{kind}.link")
    elif not isinstance(media.get("id"), str):
        raise Refused(f"{kind} needs an id or a link")
    if "caption" in media:
        if kind not in _CAPTIONED:
            raise Refused(f"{kind} takes no caption")
        _words(media["caption"], f"{kind}.caption", BODY)


def _check_location(place: Mapping[str, Any]) -> None:
    for name, top in (("latitude", 90), ("longitude", 180)):
        try:
            value = float(place.get(name, "none"))
        except (TypeError, ValueError):
            raise Refused(f"location.{name} must be a number") from None
        if not -top <= value <= top:
            raise Refused(f"location.{name} must be between -{top} and {top}")


def _check_reaction(reaction: Mapping[str, Any]) -> None:
    _words(reaction.get("message_id"), "reaction.message_id", BUTTON_ID)


def _check_template(template: Mapping[str, Any]) -> None:
    _words(template.get("name"), "template.name", 512)
    _words(_part(template, "language", "template.").get("code"), "template.language.code", 16)
    components = template.get("components", [])
    if not isinstance(components, list):
        raise Refused("template.components must be a list")
    for component in components:
        if not isinstance(component, Mapping) or component.get("type") not in {"header", "body", "button"}:
            raise Refused("template.components[].type must be header, body or button")
        for parameter in component.get("parameters", []):
            if not isinstance(parameter, Mapping):
                raise Refused("template parameters must be objects")
            if parameter.get("type") == "text":
                value = _words(parameter.get("text"), "template parameter text", BODY)
                # Meta refuses these in a parameter with code 132018.
                if "\n" in value or "\t" in value or "     " in value:
                    raise Refused(
                        "a template parameter may not hold line breaks, tabs or five spaces in a row",
                        reason=132018,
                    )


def _check_interactive(interactive: Mapping[str, Any]) -> None:
    kind = interactive.get("type")
    check = _INTERACTIVE.get(kind) if isinstance(kind, str) else None
    if check is None:
        raise Refused(f"interactive.type {kind!r} is not supported", reason=131051)
    body = _part(interactive, "body", "interactive.")
    _words(body.get("text"), "interactive.body.text", BODY)
    if "footer" in interactive:
        _words(_part(interactive, "footer").get("text"), "interactive.footer.text", FOOTER)
    if "header" in interactive:
        header = _part(interactive, "header")
        if header.get("type") == "text":
            _words(header.get("text"), "interactive.header.text", HEADER)
        elif kind == "list":
            raise Refused("interactive.header of a list must be text")
        elif header.get("type") in {"image", "video", "document"}:
            _check_media(_part(header, header["type"], "interactive.header."), header["type"])
        else:
            raise Refused("interactive.header.type must be text, image, video or document")
    check(_part(interactive, "action", "interactive."))


def _check_buttons(action: Mapping[str, Any]) -> None:
    titles: set[str] = set()
    ids: set[str] = set()
    for button in _list(action.get("buttons"), "action.buttons", BUTTONS):
        if not isinstance(button, Mapping) or button.get("type") != "reply":
            raise Refused("action.buttons[].type must be reply")
        reply = _part(button, "reply")
        title = _words(reply.get("title"), "button title", BUTTON_TITLE)
        key = _words(reply.get("id"), "button id", BUTTON_ID)
        if key != key.strip():
            raise Refused("button id may not begin or end with a space")
        if title in titles or key in ids:
            raise Refused("buttons must have different titles and different ids")
        titles.add(title)
        ids.add(key)


def _check_sections(action: Mapping[str, Any]) -> None:
    _words(action.get("button"), "action.button", BUTTON_TITLE)
    sections = _list(action.get("sections"), "action.sections", SECTIONS)
    ids: set[str] = set()
    for section in sections:
        if not isinstance(section, Mapping):
            raise Refused("action.sections[] must be objects")
        if len(sections) > 1 or section.get("title"):
            _words(section.get("title"), "section title", SECTION_TITLE)
        for row in _list(section.get("rows"), "section rows", ROWS):
            if not isinstance(row, Mapping):
                raise Refused("section rows must be objects")
            _words(row.get("title"), "row title", ROW_TITLE)
            key = _words(row.get("id"), "row id", ROW_ID)
            if "description" in row:
                _words(row["description"], "row description", ROW_DESCRIPTION)
            if key in ids:
                raise Refused("row ids must be different")
            ids.add(key)
    if len(ids) > ROWS:
        raise Refused(f"a list has {len(ids)} rows, at most {ROWS} are allowed in total")


def _check_link_button(action: Mapping[str, Any]) -> None:
    if action.get("name") != "cta_url":
        raise Refused("action.name must be cta_url")
    parameters = _part(action, "parameters", "action.")
    _words(parameters.get("display_text"), "display_text", BUTTON_TITLE)
    _link(parameters.get("url"), "url")


def _check_location_request(action: Mapping[str, Any]) -> None:
    if action.get("name") != "send_location":
        raise Refused("action.name must be send_location")


_INTERACTIVE: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "button": _check_buttons,
    "list": _check_sections,
    "cta_url": _check_link_button,
    "location_request_message": _check_location_request,
}
_CHECKS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "text": _check_text,
    "interactive": _check_interactive,
    "template": _check_template,
    "location": _check_location,
    "reaction": _check_reaction,
}
