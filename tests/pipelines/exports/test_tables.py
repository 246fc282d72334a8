"""Numbers and words: cells that no spreadsheet runs, names of cases, values for people."""

import csv
from dataclasses import replace
from io import StringIO

import pytest

from pipelines.cases.case import Case
from pipelines.errors import CaseInvalid
from pipelines.exports import tables
from tests.pipelines.exports.made_results import make_result

TEXTS = (
    "=1+1.png", "+a.png", "-a.png", "@a.png", "\ta.png", "\ra.png", "\na.png", " =a", "＝a", "'=a", "''=a", "'a", "--1",
    "a,b", 'a"b', "a;b", "plain.png", "",
)  # fmt: skip
"""What names may be; a spreadsheet would run those of the first line."""


def test_no_cell_is_run_by_a_spreadsheet_and_every_text_comes_back():
    written = tables.to_csv([TEXTS])
    (cells,) = csv.reader(StringIO(written, newline=""))
    assert [tables.plain(cell) for cell in cells] == list(TEXTS)
    assert not [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@＝") or cell[:1] in tuple("\t\r\n")]
    assert len(set(cells)) == len(TEXTS), "no two of them become one"
    assert [cell for cell in cells if cell.startswith("'")] == [f"'{text}" for text in TEXTS[:11]] + ["'a", "'--1"]


@pytest.mark.parametrize("number", ["-0.3000", "+1.2500", "-5", "+.5", "-1e-05", -2, -0.25, None])
def test_numbers_of_a_table_stay_numbers(number):
    assert tables.to_csv([(number,)]) == f"{'' if number is None else number}\n"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [(None, None), (" \t", None), (" P 01\n", Case("P 01")), ("a\x00b\u2028c", Case("a b c")), (Case(), None)],
)
def test_the_case_of_a_result_is_what_was_typed(typed, kept):
    assert tables.of_case(make_result(), typed).case == kept


def test_a_name_that_is_too_long_is_refused():
    with pytest.raises(CaseInvalid, match="more than 80 characters"):
        tables.of_case(make_result(), "a" * 81)


def test_all_of_a_case_stands_in_tables_and_json_and_without_one_nothing_more_than_before():
    case = Case("P07", date="2026-11-27", side="left", notes="one\ntwo")
    said = {"case": "P07", "case_date": "2026-11-27", "case_side": "left", "case_notes": "one\ntwo"}
    result = replace(make_result(), case=case)
    assert list(tables.photo_columns(result).items())[:4] == list(said.items())
    assert said.items() <= tables.origin(result, "a job").items()
    assert tables.case_facts(Case("P07")) == {**dict.fromkeys(said), "case": "P07"}
    assert list(tables.photo_columns(make_result())) == ["case", "photo_pixels_sha256"]
    assert [key for key in tables.origin(make_result(), "a job") if key.startswith("case")] == ["case"]


def test_values_for_people():
    result = make_result()
    angle, ratio = result.measurements[0], result.measurements[1]
    assert tables.show(replace(angle, value=-12.34)) == "−12.3°"
    assert tables.show(replace(angle, value=-0.01)) == "0.0°"
    assert tables.show(replace(ratio, value=0.98765)) == "0.988"


@pytest.mark.parametrize("before", [None, Case("P01", "2026-11-27", "left", "note")])
@pytest.mark.parametrize("after", [None, Case("P02"), Case("P03", side="both")])
def test_facts_of_another_case_are_as_if_they_had_been_made_for_it(before, after):
    def facts(case):
        return tables.origin(replace(make_result(), case=case), "toy")

    assert list(tables.facts_of_case(facts(before), after).items()) == list(facts(after).items())
