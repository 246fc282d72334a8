"""Files of ratings: what they may look like, whom a row is for, and what is wrong with them."""

import unicodedata
from pathlib import Path

import pytest

from pipelines.anomaly_scoring.ratings import Rating, match, patient_of, read_ratings
from pipelines.errors import DataUnreadable


@pytest.fixture
def written(tmp_path):
    def written(text: str | bytes) -> Path:
        path = tmp_path / "ratings.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return path

    return written


def test_raters_are_averaged_and_empty_cells_left_out(written):
    text = "name,rating,second,third\nanna.png,5,6,7\nben,2,,3\n\ncleo,,,\n"
    assert read_ratings(written(text)) == (
        Rating(2, "anna.png", 6),
        Rating(3, "ben", 2.5),
        Rating(5, "cleo", None),
    )


@pytest.mark.parametrize("text", ["name;rating\nanna;5,5\n", "\ufeffNAME\tRating\r\nanna\t5.5\r\n"])
def test_tables_of_spreadsheets_in_other_countries_are_read(written, text):
    assert read_ratings(written(text)) == (Rating(2, "anna", 5.5),)


def test_patient_and_time_are_no_raters(written):
    text = "name,patient,time,rating\na,P1,Before,3\nb,P1,after,6\n"
    assert read_ratings(written(text)) == (Rating(2, "a", 3, "P1", "before"), Rating(3, "b", 6, "P1", "after"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,rating\nanna,5\nben,good\n", "Row 3, column 2 of the ratings holds no number"),
        ("name,rating\nanna,nan\n", "Row 2, column 2 of the ratings holds no number"),
        ("name,rating\nanna,5,6\n", "Row 2 of the ratings has more cells"),
        ("name,rating\n,5\n", "Row 2 of the ratings names no photo"),
        ("name,patient,time\nanna,P1,later\n", "The time in row 2 of the ratings must be before or after"),
        ("photo,rating\nanna,5\n", "one of them called name"),
        ("", "one of them called name"),
        ('name,rating\n"anna,5\n', "not a CSV table"),
        ("name,rating\nänna,5\n".encode("latin-1"), "not UTF-8"),
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
