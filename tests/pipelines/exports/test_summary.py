"""The table of many photos: rows of what was done, failed or was passed over, under the same columns."""

import csv
from io import StringIO

import pytest

from pipelines.errors import NoFaceFound
from pipelines.exports.summary import REPAINTED, PhotoTable, sentence, table_bytes


def test_rows_of_every_kind_stand_under_the_same_columns():
    rows = [
        REPAINTED.row("ben.jpg", "failed", "No face."),
        REPAINTED.done("anna.jpg", 1.234, "P01-anna", {"faces": 1}),
        REPAINTED.row("zoe.png", "skipped", "Not run."),
    ]
    text = table_bytes(REPAINTED, rows).decode("utf-8-sig")
    ben, anna, zoe = csv.DictReader(StringIO(text))
    assert list(anna) == ["photo", "result", "status", "error", "seconds", "faces"]
    assert list(anna.values()) == ["anna.jpg", "P01-anna.png", "done", "", "1.23", "1"]
    assert (ben["status"], ben["error"], ben["faces"], zoe["status"]) == ("failed", "No face.", "", "skipped")


def test_a_table_without_status_says_an_error_alone():
    table = PhotoTable("scores.csv", ("name", "severity", "seconds", "error"))
    assert table.row("ben.jpg", "failed", "No face.") == {"name": "ben.jpg", "error": "No face."}
    assert table.done("anna.jpg", 2, "anna", {"severity": "1"}) == {
        "name": "anna.jpg",
        "seconds": "2.00",
        "severity": "1",
    }


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoFaceFound("No face was found."), "No face was found."),
        (OSError(28, "No space left on device"), "Its files could not be written: no space left on device."),
        (KeyError("Jane Doe"), "Something unexpected went wrong (KeyError)."),
    ],
)
def test_errors_are_sentences_without_names(error, said):
    assert sentence(error) == said
