"""What a cohort is given: photos that keep apart whatever their names, and ratings, of which is said how many fit."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipelines.jobs import ANOMALY_SCORING
from ui import CACHE
from ui.server.engine import Engine
from ui.server.sessions import Sessions
from ui.server.uploads import add
from ui.tabs.cohort import CohortTab

REQUEST = SimpleNamespace(session_hash="one page")
RATINGS = b"name,rating,second,age\nanna,5,7,31\nben,2,4,8\nnobody,3,3,5\n"


@pytest.fixture
def uploaded(tmp_path: Path) -> Iterator:
    """``uploaded(name, content)``: a file as gradio keeps an upload, in a folder of its own."""
    folder = Path(CACHE, f"test-{tmp_path.name}")
    made = []

    def uploaded(name: str, content: bytes = b"photo") -> str:
        path = folder / str(len(made)) / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        made.append(path)
        return str(path)

    yield uploaded
    assert not [path for path in made if path.exists()], "an upload stays no longer than it is needed"


@pytest.fixture
def tab(tmp_path: Path) -> CohortTab:
    return CohortTab(Engine("cpu", pipelines={ANOMALY_SCORING: lambda: None}), Sessions(tmp_path))


@pytest.fixture
def toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr("gradio.Warning", lambda text, **options: said.append(text))
    return said


def names(tab: CohortTab) -> list[str]:
    return list(tab.cohort(REQUEST).photos)


def test_two_photos_of_one_name_are_two(tab, uploaded):
    given = [uploaded("before.jpg", b"one"), uploaded("before.jpg", b"two"), uploaded("BEFORE.jpg", b"three")]
    nothing, said = tab.take_photos(given, ["before.jpg", "before.jpg", "BEFORE.jpg"], REQUEST)
    photos = tab.cohort(REQUEST).photos
    assert {name: path.read_bytes() for name, path in photos.items()} == {
        "before.jpg": b"one", "before-2.jpg": b"two", "BEFORE-3.jpg": b"three",
    }  # fmt: skip
    assert nothing is None and "3 photos" in said
    assert "before.jpg is before-2.jpg here, for the ratings too: a photo of that name was there." in said


def test_the_same_photo_twice_is_kept_once_and_said(tab, uploaded):
    tab.take_photos([uploaded("a.jpg")], ["a.jpg"], REQUEST)
    _, said = tab.take_photos([uploaded("a.jpg")], ["a.jpg"], REQUEST)
    assert names(tab) == ["a.jpg"] and "a.jpg was there already, and is kept once." in said


def test_a_name_that_the_upload_cut_is_said(tab, uploaded):
    _, said = tab.take_photos([uploaded("P1 before.jpg")], ["P1 (before)?.jpg"], REQUEST)
    assert "P1 (before)?.jpg is P1 before.jpg here, for the ratings too: the upload cut its name." in said


def test_a_letter_written_in_two_ways_is_one_name(tab, uploaded):
    decomposed, composed = (unicodedata.normalize(form, "Zoë.jpg") for form in ("NFD", "NFC"))
    _, said = tab.take_photos([uploaded(decomposed, b"1"), uploaded(composed, b"2")], [decomposed, composed], REQUEST)
    assert names(tab) == [composed, "Zoë-2.jpg"] and said.count("for the ratings too") == 1


def test_programs_that_send_no_names_are_served(tab, uploaded):
    for sent in (None, [], [None]):
        tab.take_photos([uploaded("a.jpg", repr(sent).encode())], sent, REQUEST)
    assert names(tab) == ["a.jpg", "a-2.jpg", "a-3.jpg"]


def test_what_was_not_uploaded_is_not_taken(tmp_path, uploaded):
    own = tmp_path / "own.jpg"
    own.write_bytes(b"own")
    kept: dict[str, Path] = {}
    said = add([str(own), uploaded("a.jpg")], ["own.jpg", "a.jpg"], kept, tmp_path / "photos")
    assert list(kept) == ["a.jpg"] and own.exists() and said == ["own.jpg could not be kept; choose it again."]


def test_how_many_ratings_fit_and_which_columns_count_is_said_before_the_run(tab, uploaded):
    tab.take_photos([uploaded("anna.jpg", b"1")], ["anna.jpg"], REQUEST)
    said = tab.take_ratings(uploaded("ratings.csv", RATINGS), REQUEST)
    assert "with ratings" in said and "1 of 3 rows of the ratings fits a photo." in said
    assert "Columns averaged: rating, second; passed over: age." in said
    _, said = tab.take_photos([uploaded("ben.jpg", b"2")], ["ben.jpg"], REQUEST)
    assert "2 of 3 rows of the ratings fit a photo." in said, "and again when photos are added"
    _, said = tab.take_photos([uploaded("ben.png", b"3")], ["ben.png"], REQUEST)
    assert "Row 3 of the ratings fits 2 photos" in said


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8"])
def test_ratings_as_excel_writes_them_are_read(tab, uploaded, encoding):
    tab.take_photos([uploaded("Zoë.jpg")], ["Zoë.jpg"], REQUEST)
    said = tab.take_ratings(uploaded("ratings.csv", "name;rating\r\nZoë;5,5\r\n".encode(encoding)), REQUEST)
    assert "1 of 1 row of the ratings fits a photo." in said
    assert tab.cohort(REQUEST).ratings.rows[0].value == 5.5


@pytest.mark.parametrize(
    "content", [b"photo,rating\nanna,1\n", b"PK\x03\x04", b"", b"name,rating\nanna,1\nanna.jpg,2\n"]
)
def test_refused_ratings_leave_none_behind(tab, uploaded, toasts, content):
    tab.take_photos([uploaded("anna.jpg")], ["anna.jpg"], REQUEST)
    tab.take_ratings(uploaded("ratings.csv", RATINGS), REQUEST)
    assert tab.cohort(REQUEST).ratings is not None and toasts == []
    said = tab.take_ratings(uploaded("other.csv", content), REQUEST)
    assert tab.cohort(REQUEST).ratings is None and "no ratings yet" in said
    assert len(toasts) == 1 and "Ratings not added" in toasts[0]
