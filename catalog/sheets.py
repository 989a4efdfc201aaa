"""Catalogues as CSV: the header, the cells, and what spreadsheets would do to them. Pure.

A spreadsheet takes a cell that begins with = + - @ or a TAB for a formula: such cells are written with an apostrophe
before them, and read without.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from errors import RuleBroken
from languages import LANGUAGES

BY_LANGUAGE: Final = ("name", "label", "description", "synonyms")
PLAIN: Final = ("price", "stock", "category", "emoji", "picture", "active")
COLUMNS: Final = (
    "sku",
    "parent",
    *(f"{name}_{language}" for name in BY_LANGUAGE[:3] for language in LANGUAGES),
    "synonyms",
    *(f"synonyms_{language}" for language in LANGUAGES),
    *PLAIN,
)
BETWEEN_WORDS: Final = "|"
_FORMULA: Final = re.compile(r"^'*[=+\-@\t\r]")
_MARKED: Final = re.compile(r"^'+[=+\-@\t\r]")


class BadSheet(RuleBroken):
    """The file is no sheet of products."""

    code = "bad_sheet"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: ``place`` as a spreadsheet counts, ``parent`` of a variant; cells without content are not in ``data``."""

    place: str
    parent: str
    data: Mapping[str, Any]
    too_long: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows, and the names of columns that mean nothing."""

    rows: tuple[Row, ...]
    unknown: tuple[str, ...] = ()


def read(text: str, most: int) -> Sheet:
    """Read a sheet of at most so many rows.

    Raises:
        BadSheet: there is no header with ``sku``, it is no CSV, or too long.
    """
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadSheet(f"the file cannot be read as CSV: {error}") from error
    header = [_named(cell) for cell in rows[0]] if rows else []
    while header and not header[-1]:
        header.pop()
    if "sku" not in header:
        raise BadSheet("the first row names the columns, one of them sku")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise BadSheet(f"the column {twice[0]} is there twice")
    filled = [(number, row) for number, row in enumerate(rows[1:], 2) if any(cell.strip() for cell in row)]
    if len(filled) > most:
        raise BadSheet(f"a file has at most {most} rows")
    return Sheet(
        tuple(_row(f"row {number}", header, cells) for number, cells in filled),
        tuple(name for name in header if name not in COLUMNS),
    )


def _named(cell: str) -> str:
    name = cell.strip().casefold().replace(" ", "_")
    return f"{name}_en" if name in BY_LANGUAGE[:3] else name


def _row(place: str, header: Sequence[str], cells: Sequence[str]) -> Row:
    given = {
        name: _read(cell)
        for name, cell in zip(header, cells, strict=False)
        if cell.strip() and name in COLUMNS
    }
    data: dict[str, Any] = {name: given[name] for name in ("sku", *PLAIN) if name in given}
    for name in BY_LANGUAGE:
        texts = {lang: given[f"{name}_{lang}"] for lang in LANGUAGES if f"{name}_{lang}" in given}
        if texts:
            data[name] = {lang: _words(t) for lang, t in texts.items()} if name == "synonyms" else texts
    if "synonyms" in given:
        anyhow = _words(given["synonyms"])
        by_language = data.get("synonyms")
        data["synonyms"] = (
            anyhow if by_language is None else {**by_language, "en": [*anyhow, *by_language.get("en", [])]}
        )
    too_long = any(cell.strip() for cell in cells[len(header) :])
    return Row(place, given.get("parent", "").strip(), data, too_long)


def _words(cell: str) -> list[str]:
    between = re.escape(BETWEEN_WORDS) if BETWEEN_WORDS in cell else "[,;]"
    return [word.strip() for word in re.split(between, cell) if word.strip()]


def _read(cell: str) -> str:
    shown = cell.replace("\r\n", "\n")
    return shown[1:] if _MARKED.match(shown) else shown


def write(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows, with their fields as in a catalogue file, as CSV."""
    file = io.StringIO(newline="")
    sheet = csv.DictWriter(file, COLUMNS, restval="")
    sheet.writeheader()
    for row in rows:
        sheet.writerow({name: _written(cell) for name, cell in _cells(row)})
    return file.getvalue()


def _cells(row: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in row.items():
        if name == "active":
            yield name, "yes" if value else "no"
        elif name not in BY_LANGUAGE:
            yield name, "" if value is None else str(value)
        elif isinstance(value, Mapping):
            for language, text in value.items():
                yield f"{name}_{language}", _joined(text) if name == "synonyms" else text
        else:
            yield name, _joined(value)


def _joined(words: Sequence[str]) -> str:
    cell = BETWEEN_WORDS.join(words)
    # One word with a comma must not become two.
    return f"{cell}{BETWEEN_WORDS}" if len(words) == 1 and re.search("[,;]", cell) else cell


def _written(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell
