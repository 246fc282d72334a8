"""What results are called, and that none of them lands on a file that was given, whatever name or link leads there."""

import os
import unicodedata
from pathlib import Path

import pytest

from pipelines.commands.outputs import Outputs
from pipelines.errors import OptionInvalid

ENDINGS = ("png", "json")
OVERWRITTEN = r"A result would overwrite {}, by its name or through a link; choose another output folder\."


@pytest.fixture
def given(tmp_path) -> Path:
    """A folder of photos with one in it."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "anna.png").write_bytes(b"photo")
    return folder


@pytest.fixture
def out(tmp_path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def outputs(out: Path, given: Path, **pictures: Path) -> Outputs:
    return Outputs(out, [given / "anna.png"], ENDINGS, ["summary.csv"], {"a photo": given, **pictures})


def test_an_ordinary_run_is_let_be(given, out, tmp_path):
    (out / "anna.png").write_bytes(b"of the last run")
    for folder in (out, tmp_path / "new" / "one", given / "results"):
        made = outputs(folder, given)
        assert made.stems == {given / "anna.png": "anna"}
        made.check_files("anna")
        made.check_tables()


def link_to(path: Path, target: Path, kind: str) -> None:
    if kind == "hard":
        path.hardlink_to(target)
    else:
        path.symlink_to(target)


@pytest.mark.parametrize("kind", ["soft", "hard"])
@pytest.mark.parametrize("name", ["anna.png", "anna.json", "summary.csv"])
def test_a_link_to_a_photo_in_a_results_place_is_said(given, out, kind, name):
    link_to(out / name, given / "anna.png", kind)
    with pytest.raises(OptionInvalid, match=OVERWRITTEN.format("a photo")):
        outputs(out, given)


def test_a_photo_that_is_a_link_is_kept_where_it_lies(given, out):
    """The photos' folder holds a link, and the output folder the original of that name."""
    (given / "anna.png").rename(out / "anna.png")
    (given / "anna.png").symlink_to(out / "anna.png")
    with pytest.raises(OptionInvalid, match=OVERWRITTEN.format("a photo")):
        outputs(out, given)


@pytest.mark.parametrize("source", ["folder", "file"])
def test_links_to_masks_are_said_by_what_they_are(given, out, tmp_path, source):
    masks = tmp_path / "masks"
    masks.mkdir()
    (masks / "anna.bmp").write_bytes(b"mask")
    link_to(out / "anna.png", masks / "anna.bmp", "hard")
    with pytest.raises(OptionInvalid, match=OVERWRITTEN.format("a mask")):
        outputs(out, given, **{"a mask": masks if source == "folder" else masks / "anna.bmp"})


@pytest.mark.parametrize("name", ["summary.csv", "SUMMARY.CSV", "Anna.PNG"])
def test_a_file_that_is_one_on_another_system_is_kept_too(given, out, name):
    (out / name).write_bytes(b"ratings")
    with pytest.raises(OptionInvalid, match=OVERWRITTEN.format("the ratings")):
        outputs(out, given).protect("the ratings", [out / name])


def test_a_name_in_another_form_is_the_same(given, out):
    (given / "anna.png").rename(given / "Zoë.png")
    other = out / unicodedata.normalize("NFD", "zoë.json")
    other.write_bytes(b"ratings")
    made = Outputs(out, [given / "Zoë.png"], ENDINGS, [], {"a photo": given})
    with pytest.raises(OptionInvalid, match=OVERWRITTEN.format("the ratings")):
        made.protect("the ratings", [other])


def test_what_lies_beside_the_results_is_no_trouble(given, out):
    (out / "ratings.csv").write_bytes(b"ratings")
    made = outputs(out, given)
    made.protect("the ratings", [out / "ratings.csv", out / "gone.csv"])
    made.check_tables()


def test_links_that_come_while_the_run_goes_on_are_seen(given, out):
    made = outputs(out, given)
    link_to(out / "anna.json", given / "anna.png", "soft")
    with pytest.raises(OptionInvalid, match=OVERWRITTEN.format("a photo")):
        made.check_files("anna")
    made.check_tables()
    link_to(out / "summary.csv", given / "anna.png", "hard")
    with pytest.raises(OptionInvalid, match=OVERWRITTEN.format("a photo")):
        made.check_tables()


def test_weights_are_kept(given, out, tmp_path, monkeypatch):
    for variable in ("PHILTRUM_WEIGHTS", "PHILTRUM_LOSS_WEIGHTS"):
        folder = tmp_path / variable
        folder.mkdir()
        (folder / "network.safetensors").write_bytes(b"weights")
        monkeypatch.setenv(variable, str(folder))
        made = outputs(out, given)
        made.protect_weights()
        (out / "anna.png").hardlink_to(folder / "network.safetensors")
        with pytest.raises(OptionInvalid, match=OVERWRITTEN.format("the weights")):
            outputs(out, given).protect_weights()
        (out / "anna.png").unlink()


@pytest.mark.parametrize("path", ["photos", "photos/../photos", "link", "photos/anna.png"])
def test_the_pictures_folder_cannot_be_the_output(given, tmp_path, path):
    (tmp_path / "link").symlink_to(given)
    source = tmp_path / path
    with pytest.raises(OptionInvalid, match="holds the pictures that were given; choose another, so that none is over"):
        Outputs(given, [], ENDINGS, [], {"a photo": source})
    with pytest.raises(OptionInvalid, match="so that none is overwritten"):
        Outputs(tmp_path / "link", [], ENDINGS, [], {"a photo": None, "a mask": source})


def test_a_file_in_the_output_folders_place(given):
    with pytest.raises(OptionInvalid, match="The output must be a folder; a file of that name is in its place"):
        outputs(given / "anna.png", given)


def test_names_that_no_disk_takes_are_left_to_their_row(given, out):
    long = given / ("a" * 251 + ".png")
    made = Outputs(out, [long], ("normalized.png",), [], {"a photo": given})
    made.check_files(made.stems[long])
    assert len(os.fsencode(f"{made.stems[long]}.normalized.png")) > 255
