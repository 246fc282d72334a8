"""Files of ratings: what they may look like, whom a row is for, and what is wrong with them."""

import unicodedata
from pathlib import Path

import pytest

from pipelines.anomaly_scoring.study.ratings import (
    NAMELESS,
    Rating,
    Ratings,
    columns_text,
    match,
    matched_text,
    patient_of,
    read_ratings,
)
from pipelines.anomaly_scoring.study.report import SCORE_COLUMNS
from pipelines.errors import DataUnreadable
from pipelines.exports.tables import to_csv


@pytest.fixture
def written(tmp_path):
    def written(text: str | bytes) -> Path:
        path = tmp_path / "ratings.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return path

    return written


def test_raters_are_averaged_and_empty_cells_left_out(written):
    text = "name,rating,second,third\nanna.png,5,6,7\nben,2,,3\n\ncleo,,,\n"
    assert read_ratings(written(text)) == Ratings(
        (Rating(2, "anna.png", 6), Rating(3, "ben", 2.5), Rating(5, "cleo", None)), ("rating", "second", "third")
    )


@pytest.mark.parametrize("text", ["name;rating\nanna;5,5\n", "\ufeffNAME\tRating\r\nanna\t5.5\r\n"])
def test_tables_of_spreadsheets_in_other_countries_are_read(written, text):
    assert read_ratings(written(text)).rows == (Rating(2, "anna", 5.5),)


@pytest.mark.parametrize(
    ("heading", "row", "raters"),
    [
        ('"rating, 1, to 7, of all";name', "5;anna", ("rating, 1, to 7, of all",)),
        ('"rating; low, to high",name,"second;;;"', "4,anna,6", ("rating; low, to high", "second;;;")),
        ('"first, or\nsecond, or third"\tname', "5\tanna", ("first, or\nsecond, or third",)),
        ("\tname\trating", "0\tanna\t5", ("rating",)),
        (" \n\nname;rating", "anna;5", ("rating",)),
    ],
)
def test_delimiters_inside_quotes_do_not_count(written, heading, row, raters):
    found = read_ratings(written(f"{heading}\n{row}\n"))
    assert (found.raters, found.rows[0].name, found.rows[0].value) == (raters, "anna", 5)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-16 big"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_write_is_read(written, encoding, end):
    text = end.join(["name;rating", "Zoë – links.png;5,5", "Jürgen;3", ""])
    data = b"\xfe\xff" + text.encode("utf-16-be") if encoding == "utf-16 big" else text.encode(encoding)
    assert read_ratings(written(data)).rows == (Rating(2, "Zoë – links.png", 5.5), Rating(3, "Jürgen", 3))


def test_an_index_that_pandas_wrote_is_no_rater(written):
    found = read_ratings(written(",name,rating\n0,anna.png,5\n1,ben.png,3\n2,cleo.png,1\n"))
    assert [(row.name, row.value) for row in found.rows] == [("anna.png", 5), ("ben.png", 3), ("cleo.png", 1)]
    assert (found.raters, found.passed_over) == (("rating",), (NAMELESS,))


@pytest.mark.parametrize(
    "heading",
    [
        "",
        "  ",
        "Unnamed: 0",
        "index",
        "ID",
        "No.",
        "Age",
        "year",
        "local_severity",
        "PatientID",
        "case id",
        "age_months",
    ],
)
def test_columns_of_numbers_that_nobody_rated_are_passed_over(written, heading):
    found = read_ratings(written(f"{heading},name,rating,Dr. B\n7,anna,5,3\n8,ben,2,\n"))
    assert [row.value for row in found.rows] == [4, 2]
    assert found.raters == ("rating", "Dr. B") and len(found.passed_over) == 1


def test_a_rater_whose_name_holds_such_letters_counts(written):
    assert read_ratings(written("name,Idris,average,Image 2\nanna,5,3,4\n")).raters == ("Idris", "average", "Image 2")


def test_columns_of_words_and_empty_ones_are_no_raters(written):
    found = read_ratings(written("name,sex,comment,rating,later\nanna,f,scar left,5,\nben,m,,3,\n"))
    assert [row.value for row in found.rows] == [5, 3]
    assert (found.raters, found.passed_over) == (("rating",), ("sex", "comment"))


def test_ratings_written_into_our_own_table_of_scores_count_alone(written):
    scores = ["1.5" if column != "name" else "anna.png" for column in SCORE_COLUMNS]
    scores[SCORE_COLUMNS.index("region")] = scores[SCORE_COLUMNS.index("normalizer")] = "words"
    scores[SCORE_COLUMNS.index("error")] = ""
    found = read_ratings(written(to_csv([(*SCORE_COLUMNS, "rating"), (*scores, "4")])))
    assert found.raters == ("rating",) and found.rows[0].value == 4
    assert set(found.passed_over) == set(SCORE_COLUMNS) - {"name", "error"}


def test_pairs_without_ratings_are_read(written):
    found = read_ratings(written("name,patient,time,note\na,P1,before,x\n"))
    assert found.rows == (Rating(2, "a", None, "P1", "before"),) and found.raters == ()


def test_patient_and_time_are_no_raters(written):
    text = "name,patient,time,rating\na,P1,Before,3\nb,P1,after,6\n"
    found = read_ratings(written(text))
    assert found.rows == (Rating(2, "a", 3, "P1", "before"), Rating(3, "b", 6, "P1", "after"))
    assert found.raters == ("rating",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,rating\nanna,5\nben,good\n", "Row 3, column 2 of the ratings holds no number"),
        ("name,rating\nanna,nan\n", "Row 2, column 2 of the ratings holds no number"),
        ("name,rating,second\nanna,5,6\nben,2,3?\n", "Row 3, column 3 of the ratings holds no number"),
        ("name,comment\nanna,good\n", "no column of ratings; name one of them rating"),
        (",name\n0,anna\n", "no column of ratings; name one of them rating"),
        (b"PK\x03\x04 a workbook", "a spreadsheet's own file; save them from it as CSV"),
        (b"\xd0\xcf\x11\xe0 an older one", "a spreadsheet's own file; save them from it as CSV"),
        (b"name,rating\nanna\0,5\n", "not text that can be read"),
        (b"name,rating\nanna\x81,5\n", "not text that can be read"),
        (b"\xff\xfen\0a", "not text that can be read"),
        ("name,rating\nanna,5,6\n", "Row 2 of the ratings has more cells"),
        ("name,rating\n,5\n", "Row 2 of the ratings names no photo"),
        ("name,patient,time\nanna,P1,later\n", "The time in row 2 of the ratings must be before or after"),
        ("photo,rating\nanna,5\n", "one of them called name"),
        ("", "one of them called name"),
        ('name,rating\n"anna,5\n', "not a CSV table"),
    ],
)
def test_what_is_wrong_is_said_with_its_row_and_without_names(written, text, sentence):
    with pytest.raises(DataUnreadable, match=sentence) as caught:
        read_ratings(written(text))
    assert "anna" not in str(caught.value) and "ben" not in str(caught.value)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(DataUnreadable, match="check the path"):
        read_ratings(tmp_path / "missing.csv")


def paths(*names: str) -> list[Path]:
    return [Path("cohort", name) for name in names]


def test_rows_are_matched_by_whole_name_then_by_stem():
    photos = paths("anna.png", "ben.jpg", "ben.jpg.png", "cleo.tif")
    rows = [Rating(2, "ben.jpg", 1), Rating(3, "anna", 2), Rating(4, "dora", 3), Rating(5, "ben.jpg.png", 4)]
    matched, unmatched = match(rows, photos)
    assert matched == {photos[1]: rows[0], photos[0]: rows[1], photos[2]: rows[3]}
    assert unmatched == (4,)


def test_letters_written_in_two_ways_are_one():
    photos = paths(unicodedata.normalize("NFD", "Zoë.png"))
    row = Rating(2, unicodedata.normalize("NFC", "Zoë"), 4)
    assert match([row], photos) == ({photos[0]: row}, ())


@pytest.mark.parametrize("name", ["=1+1.png", "+a.png", "-a.png", "@a.png", "\ta.png", "\ra.png", "'=a.png", "a.png"])
def test_names_that_were_written_as_text_are_found_again(written, name):
    """Whoever takes names from our tables has an apostrophe before those that a spreadsheet would run."""
    photos = paths(name, "other.png")
    (row,) = read_ratings(written(to_csv([("name", "rating"), (name, 5)]))).rows
    assert match([row], photos) == ({photos[0]: row}, ())
    assert match([Rating(2, name, 5)], photos)[1] == (), "and as it is"


def test_patients_written_in_two_ways_are_one():
    before, after = Path(unicodedata.normalize("NFD", "Zoë_before.png")), Path("Zoë_after.png")
    row = Rating(2, "x", None, unicodedata.normalize("NFD", "Zoë"), "before")
    assert patient_of(before, None)[0] == patient_of(after, None)[0] == patient_of(Path("x.png"), row)[0]


def test_how_many_rows_fit_is_told_without_names():
    ratings = Ratings((Rating(2, "anna", 5), Rating(3, "ben", 4), Rating(4, "cleo", 3)), ("rating",))
    assert matched_text(ratings, paths("anna.png", "ben.png")) == "2 of 3 rows of the ratings fit a photo."
    assert matched_text(ratings, paths("anna.png")) == "1 of 3 rows of the ratings fits a photo."
    assert matched_text(Ratings(ratings.rows[:1]), paths("x.png")) == "0 of 1 row of the ratings fit a photo."


def test_columns_are_named():
    assert columns_text(["rating"], []) == "Column averaged: rating."
    assert columns_text(["rating", "second"], [NAMELESS, "age"]) == (
        "Columns averaged: rating, second; passed over: a column without a name, age."
    )
    assert columns_text([], ["sex"]) == "No column averaged; passed over: sex."
    many = columns_text([f"rater {number}" for number in range(9)] + ["x" * 90], [])
    assert many.endswith("rater 5 and 4 more.") and len(columns_text(["x" * 90], [])) < 70


def test_two_rows_for_one_photo_are_said():
    rows = [Rating(2, "anna", 1), Rating(3, "ben", 1), Rating(4, "anna.png", 2)]
    with pytest.raises(DataUnreadable, match=r"Rows 2 and 4 of the ratings are for one photo; leave one of them\."):
        match(rows, paths("anna.png", "ben.png"))


def test_a_row_that_fits_two_photos_is_said():
    with pytest.raises(DataUnreadable, match="Row 2 of the ratings fits 2 photos; write the whole file name"):
        match([Rating(2, "anna", 1)], paths("anna.png", "anna.jpg"))


@pytest.mark.parametrize(
    ("name", "rating", "known"),
    [
        ("P1_before.jpg", None, ("P1", "before")),
        ("P_1_After.jpg", None, ("P_1", "after")),
        ("P1_before.jpg", Rating(2, "", None, "P2", "after"), ("P2", "after")),
        ("P1_before.jpg", Rating(2, "", 3.0), ("P1", "before")),
        ("P1.jpg", Rating(2, "", 3.0, "P1"), None),
        ("_before.jpg", None, None),
        ("before.jpg", None, None),
    ],
)
def test_patient_and_time(name, rating, known):
    assert patient_of(Path(name), rating) == known
