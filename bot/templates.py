"""WhatsApp's templates: declared in bot/texts/templates.yaml, filled here and nowhere else.

``python -m bot.templates`` writes docs/templates.md, the list for whoever registers them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from bot.texts import LANGUAGES, spoken
from errors import ConfigError, FlowError
from ghala.messages import LIMITS, Template, fit

FILE: Final = Path(__file__).parent / "texts" / "templates.yaml"
PAGE: Final = Path(__file__).parent.parent / "docs" / "templates.md"
CATEGORIES: Final = ("utility", "marketing", "authentication")
BODY: Final = 1024
"""Characters WhatsApp allows in a template's body (WIRE 2c)."""
_NAME: Final = re.compile(r"[a-z0-9_]{1,512}", re.ASCII)
_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_SPACE: Final = re.compile(r"[^\S\u00a0\u202f]+")
"""Any space but those that keep an amount together."""
_NOT_ALLOWED: Final = re.compile(r"\n{3,}|\t| {4}")


@dataclass(frozen=True, slots=True)
class Declared:
    """One template as it is to be registered: its places in their order, and its words per language."""

    name: str
    when: str
    category: str
    variables: Mapping[str, str]
    bodies: Mapping[str, str]

    def numbered(self, language: str) -> str:
        """The body as WhatsApp wants it, with ``{{1}}`` for the first place."""
        places = {name: f"{{{{{number}}}}}" for number, name in enumerate(self.variables, 1)}
        return _PLACE.sub(lambda found: places.get(found[1], found[0]), self.bodies[language])

    def problems(self) -> list[str]:
        """What WhatsApp would refuse, or we could not fill; one sentence each."""
        found = []
        if not _NAME.fullmatch(self.name):
            found.append("its name has more than small letters, digits and underscores")
        if self.category not in CATEGORIES:
            found.append(f"its category is none of {', '.join(CATEGORIES)}")
        if missing := [language for language in LANGUAGES if not self.bodies.get(language, "").strip()]:
            found.append(f"it has no body in {', '.join(missing)}")
        for language, body in self.bodies.items():
            found += [f"its body in {language} {wrong}" for wrong in self._wrong(language, body)]
        return [f"template {self.name}: {problem}" for problem in found]

    def _wrong(self, language: str, body: str) -> list[str]:
        wrong = []
        places = _PLACE.findall(body)
        if sorted(places) != sorted(self.variables):
            wrong.append(f"has the places {sorted(places)}, declared are {sorted(self.variables)}")
        if re.match(r"\s*\{", body) or re.search(r"\}\s*$", body):
            wrong.append("begins or ends with a place")
        if re.search(r"\}\s*\{", body):
            wrong.append("has two places side by side")
        if _NOT_ALLOWED.search(body):
            wrong.append("has tabs, four spaces or three line breaks in a row")
        if len(self.numbered(language)) > BODY:
            wrong.append(f"is longer than {BODY} characters")
        return wrong


def read(source: str) -> dict[str, Declared]:
    """The templates a file declares.

    Raises:
        ConfigError: it is not written as such a file, or WhatsApp would refuse one of them.
    """
    try:
        loaded = yaml.safe_load(source)
    except yaml.YAMLError as error:
        raise ConfigError([f"{FILE.name} is not YAML: {str(error).splitlines()[0]}"]) from None
    if not isinstance(loaded, dict):
        raise ConfigError([f"{FILE.name} declares no templates"])
    declared: dict[str, Declared] = {}
    problems: list[str] = []
    for name, entry in loaded.items():
        fields = entry if isinstance(entry, dict) else {}
        template = Declared(
            name=str(name),
            when=str(fields.get("when", "")),
            category=str(fields.get("category", "")),
            variables=_texts(fields.get("variables")),
            bodies=_texts(fields.get("body")),
        )
        declared[template.name] = template
        problems += template.problems()
    if problems:
        raise ConfigError(problems)
    return declared


def _texts(value: Any) -> Mapping[str, str]:
    entries = value if isinstance(value, dict) else {}
    return MappingProxyType({str(key): str(text) for key, text in entries.items()})


@lru_cache(1)
def declared() -> Mapping[str, Declared]:
    """Every template, by name; read once.

    Raises:
        ConfigError: see :func:`read`.
    """
    return MappingProxyType(read(FILE.read_text(encoding="utf-8")))


def check(used: Collection[str]) -> None:
    """Make sure at the start that whatever may be sent is declared.

    Raises:
        ConfigError: with a sentence for each template that is missing or would be refused.
    """
    known = declared()
    missing = sorted(set(used) - known.keys())
    if missing:
        raise ConfigError([f"template {name} is used, but not declared in {FILE.name}" for name in missing])


def fill(name: str, language: str, **values: str) -> Template:
    """The template ``name`` with its places filled, in the customer's language.

    Raises:
        FlowError: it is not declared, or the values are not those of its places.
    """
    template = declared().get(name)
    if template is None:
        raise FlowError(f"template {name!r} is not declared")
    if values.keys() != template.variables.keys():
        raise FlowError(f"template {name} has the places {sorted(template.variables)}, not {sorted(values)}")
    return Template(name, spoken(language), tuple(_one_line(values[place]) for place in template.variables))


def words(template: Template) -> str | None:
    """What WhatsApp makes of a filled template, as far as we know its words."""
    known = declared().get(template.name)
    body = None if known is None else known.bodies.get(template.language)
    if known is None or body is None or len(known.variables) != len(template.parameters):
        return None
    values = dict(zip(known.variables, template.parameters, strict=True))
    return _PLACE.sub(lambda found: values.get(found[1], found[0]), body)


def _one_line(value: str) -> str:
    """WhatsApp takes neither line breaks nor runs of spaces in a value, nor an empty one."""
    return fit(_SPACE.sub(" ", value).strip(), LIMITS.template_parameter) or "-"


def draw() -> str:
    """The page for whoever registers the templates."""
    lines = [
        "# Templates to register",
        "",
        "Written by `make templates` from `bot/texts/templates.yaml`; a test fails when it is stale.",
        "",
        (
            "When a customer has not written for 24 hours, WhatsApp takes only templates it has approved. Register each of"
            " these in WhatsApp Manager (or in Ghala, where it offers that) under exactly this name, once for every"
            " language of the shop, with a body and nothing else. The words may be changed, the places may not."
        ),
        "",
    ]
    for template in declared().values():
        lines += [
            f"## {template.name}",
            "",
            f"Sent when {template.when}. Category {template.category}.",
            "",
            "| Place | Means | Example |",
            "|---|---|---|",
            *(
                f"| `{{{{{number}}}}}` | {name} | {example} |"
                for number, (name, example) in enumerate(template.variables.items(), 1)
            ),
            "",
        ]
        for language in LANGUAGES:
            lines += [f"Language `{language}`:", "", "```text", template.numbered(language), "```", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(draw(), encoding="utf-8")
