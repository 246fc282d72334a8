"""Names of files: what belongs together by its name, and what results are called so that none replaces another."""

import unicodedata

import pytest

from pipelines.exports.names import Companions, output_stems

ENDINGS = ("png", "json")


@pytest.mark.parametrize(
    ("photos", "stems"),
    [
        (["a.jpg", "b.png"], ["a", "b"]),
        (["a.jpg", "a.png"], ["a.jpg", "a.png"]),
        (["A.jpg", "a.png"], ["A.jpg", "a.png"]),
        (["a.jpg", "a.jpg.png", "a.png"], ["a.jpg-2", "a.jpg", "a.png"]),
        (["a.JPG", "a.jpg"], ["a.JPG", "a.jpg-2"]),
        (["é.png", unicodedata.normalize("NFD", "é.jpg")], ["é.png", unicodedata.normalize("NFD", "é.jpg")]),
        ([unicodedata.normalize("NFD", "É.png"), "é.png"], [unicodedata.normalize("NFD", "É.png"), "é.png-2"]),
    ],
)
def test_output_stems(photos, stems):
    found = output_stems(photos, ENDINGS)
    assert found == stems
    assert len({unicodedata.normalize("NFC", stem).casefold() for stem in found}) == len(photos)


def test_names_of_stages_fall_on_no_other_photo():
    photos = ["a.png", "a.Hole.png", "b.png"]
    assert output_stems(photos, ENDINGS) == ["a", "a.Hole", "b"]
    assert output_stems(photos, (*ENDINGS, "hole.png", "final.png")) == ["a", "a.Hole-2", "b"]


def test_a_picture_belongs_to_the_photo_of_its_stem_or_of_its_whole_name():
    masks = Companions(["anna.png", "ben.png", "ben.jpg.png", "zo\N{LATIN SMALL LETTER E WITH DIAERESIS}.png"])
    assert masks.fitting("anna.jpg") == ["anna.png"] and masks.fitting("cleo.jpg") == []
    assert masks.fitting("ben.jpg") == ["ben.jpg.png"] and masks.fitting("ben.tif") == ["ben.png"]
    assert masks.fitting(unicodedata.normalize("NFD", "zo\N{LATIN SMALL LETTER E WITH DIAERESIS}.jpg"))
    assert masks.unused(["ben.jpg"]) == ["anna.png", "ben.png", "zo\N{LATIN SMALL LETTER E WITH DIAERESIS}.png"]


def test_numbered_pictures_belong_to_the_stem_before_the_number_unless_a_photo_is_called_so():
    references = Companions(["anna-10.png", "anna-2.png", "anna-b.png", "ben-1.png"])
    photos = ["anna.jpg", "ben.jpg", "ben-1.jpg"]
    assert references.numbered("anna.jpg", photos) == ["anna-2.png", "anna-10.png"]
    assert references.numbered("ben.jpg", photos) == [] and references.fitting("ben-1.jpg") == ["ben-1.png"]
    assert references.unused(photos, several=True) == ["anna-b.png"]
    assert references.unused(photos) == ["anna-10.png", "anna-2.png", "anna-b.png"]
