"""A catalogue as CSV says the same as the rows it was written from, whatever a spreadsheet did to it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import sheets
from catalog.sheets import BadSheet

MOST = 100
WORDS = st.text(st.characters(exclude_categories=["C"], exclude_characters="|"), min_size=1, max_size=12).map(
    str.strip
)
SAID = WORDS.filter(bool)
FORMULAS = st.builds(
    lambda start, rest: start + rest, st.sampled_from(["=", "+", "-", "@", "'=", "''+"]), SAID
)
CELL = SAID | FORMULAS
ROW = st.fixed_dictionaries(
    {"sku": CELL, "name": st.dictionaries(st.sampled_from(["en", "sw"]), CELL, min_size=1)},
    optional={
        "synonyms": st.lists(SAID, min_size=1, max_size=3)
        | st.dictionaries(st.sampled_from(["en", "sw"]), st.lists(SAID, min_size=1, max_size=3), min_size=1),
        "category": CELL,
        "price": st.integers(1, 10**9).map(str),
    },
)


def rows(text: str) -> list[dict[str, Any]]:
    return [dict(row.data) for row in sheets.read(text, MOST).rows]


@given(st.lists(ROW, max_size=4))
def test_what_is_written_is_read_back(written: list[dict[str, Any]]) -> None:
    assert rows(sheets.write(written)) == written


@given(CELL)
def test_no_cell_is_a_formula(cell: str) -> None:
    line = sheets.write([{"sku": cell}]).splitlines()[1]
    assert line.strip('"')[0] not in "=+-@"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_begins_like_a_formula_is_marked(start: str) -> None:
    assert f"'{start}1" in sheets.write([{"sku": f"{start}1"}])


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_comma_or_semicolon_is_found_out(delimiter: str) -> None:
    text = 'SKU,Name,Name SW,stock\r\nTEA,"Tea, black",Chai,\r\n\r\nNUT,Nuts,Karanga,4\r\n'.replace('"', "")
    text = text.replace("Tea, black", "Tea").replace(",", delimiter)
    assert rows(text) == [
        {"sku": "TEA", "name": {"en": "Tea", "sw": "Chai"}},
        {"sku": "NUT", "name": {"en": "Nuts", "sw": "Karanga"}, "stock": "4"},
    ]


def test_rows_are_counted_as_a_spreadsheet_does_also_after_cells_of_many_lines() -> None:
    sheet = sheets.read('sku,parent,description\nA,,"one\r\ntwo"\n\nB,A,\nC,,,too much\n', MOST)
    assert [(row.place, row.parent, row.too_long) for row in sheet.rows] == [
        ("row 2", "", False),
        ("row 4", "A", False),
        ("row 5", "", True),
    ]
    assert sheet.rows[0].data["description"] == {"en": "one\ntwo"}


def test_words_are_separated_by_commas_too_and_may_be_in_one_language() -> None:
    (row,) = rows('sku,synonyms,synonyms_sw\nA,"tea, chai","majani|chai ya rangi"\n')
    assert row["synonyms"] == {"sw": ["majani", "chai ya rangi"], "en": ["tea", "chai"]}


def test_columns_that_mean_nothing_are_named() -> None:
    assert sheets.read("sku,prise\nA,1\n", MOST).unknown == ("prise",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "name,price\nTea,1\n",
        "sku,sku\nA,B\n",
        'sku\n"A',
        'sku\n"A"x\n',
        "sku\n" + "A\n" * (MOST + 1),
    ],
)
def test_what_is_no_sheet_is_refused(text: str) -> None:
    with pytest.raises(BadSheet):
        sheets.read(text, MOST)
