"""What a case may be called, and what files are called after it."""

import pytest

from pipelines.cases.case import MOST_NOTES, Case, named, typed_case
from pipelines.errors import CaseInvalid


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "a" * 81}, "more than 80 characters"),
        ({"name": "P\n07"}, "one line without control"),
        ({"name": " P07"}, "one line"),
        ({"name": "P07\u202efdp"}, "one line without control"),
        ({"name": "P07\x00"}, "one line without control"),
        ({"date": "27.11.2026"}, "written as in 2026-11-27"),
        ({"date": "2026-02-30"}, "a day of the calendar"),
        ({"date": "20261127"}, "written as in"),
        ({"date": "２０２６-11-27"}, "written as in"),
        ({"side": "up"}, "left, right, both or unknown"),
        ({"notes": "a" * (MOST_NOTES + 1)}, "more than 2,000 characters"),
        ({"notes": "a\x07"}, "without control characters"),
        ({"name": 7}, "must be texts"),
    ],
)
def test_what_is_no_case_is_refused_in_a_sentence(given, said):
    with pytest.raises(CaseInvalid, match=said):
        Case(**given)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("P07", "P07"), ("P 07, before", "P_07,_before"), ('a<b>:"/\\|?*c', "a_b_c"), ("../../etc", "_.._etc"),
        ("CON", "_CON"), ("con.P07", "_con.P07"), ("COM1", "_COM1"), ("lpt9.x", "_lpt9.x"), ("Conrad", "Conrad"),
        ("COM¹", "_COM¹"), ("P07. ", "P07"), ("--out", "out"), (".hidden", "hidden"), ("~root", "root"),
        ("...", "case"),        ("יעל", "יעל"), ("Zoë", "Zoë"), ("", ""), ("🙂", "🙂"),
    ],
)  # fmt: skip
def test_names_of_files_are_safe_on_every_system(name, stem):
    assert typed_case(name).stem == stem


def test_a_name_in_two_forms_is_one_file_and_marks_that_turn_the_writing_are_in_none():
    assert (
        typed_case("Jose\N{COMBINING ACUTE ACCENT}").stem == typed_case("Jos\N{LATIN SMALL LETTER E WITH ACUTE}").stem
    )
    assert typed_case("P07\u200f\u202egnp").stem == "P07_gnp"


def test_a_long_name_leaves_room_in_a_file_name():
    stem = Case("😀" * 80).stem
    assert len(stem.encode()) == 100 and set(stem) == {"😀"}


def test_what_is_typed_is_tidied_and_nothing_of_it_is_lost_in_silence():
    assert typed_case(" P\t07\r\n", " 2026-11-27 ", "", "one\r\ntwo\u202e\x00 ") == Case(
        "P 07", "2026-11-27", "unknown", "one\ntwo"
    )
    assert typed_case(None, None, None, None) == Case()
    with pytest.raises(CaseInvalid):
        typed_case("a" * 81)


def test_without_a_case_or_a_name_names_stay():
    assert named(None, "a.png") == Case(date="2026-11-27").named("a.png") == "a.png"
    assert named(Case("P07"), "a.png") == "P07-a.png"


def test_date_and_side_in_a_line():
    assert Case(date="2026-11-27", side="both").heading == "2026-11-27 · cleft on both sides"
