"""What lies in a folder: which files are pictures, what belongs to a photo, and what is neither and said."""

import os
import unicodedata
from pathlib import Path

import pytest

from pipelines.anomaly_scoring.study.report import FILES
from pipelines.anomaly_scoring.study.study import RECORDS
from pipelines.commands.folder import TABLES, Companions, left_over, others_in, photos_in, pictures_in
from pipelines.errors import OptionInvalid
from pipelines.exports.interface import exports_of
from pipelines.jobs import JOBS


def touch(folder: Path, *files: str) -> Path:
    folder.mkdir()
    for name in files:
        (folder / name).touch()
    return folder


def names_of(left: list[tuple[str, str]]) -> list[str]:
    assert all(why.endswith(".") for _, why in left)
    return [name for name, _ in left]


# --- photos -------------------------------------------------------------------------------------------------------


def test_pictures_of_a_folder(tmp_path):
    folder = touch(tmp_path / "photos", "b.PNG", "a.jpg", ".hidden.png", "notes.txt")
    (folder / "folder.png").mkdir()
    assert [path.name for path in pictures_in(folder)] == ["a.jpg", "b.PNG"]


def test_endings_of_browsers_and_phones_are_pictures(tmp_path):
    files = [f"a{ending}" for ending in (".jfif", ".jif", ".pjpeg", ".heic", ".HEIF", ".avif", ".Tif", ".JPE")]
    folder = touch(tmp_path / "photos", *files)
    assert {path.name for path in photos_in(folder)} == set(files)
    assert others_in(folder) == []


def test_a_link_that_leads_nowhere_is_a_photo_that_cannot_be_read(tmp_path):
    folder = touch(tmp_path / "photos", "a.png")
    (folder / "b.png").symlink_to(tmp_path / "gone.png")
    assert [path.name for path in photos_in(folder)] == ["a.png", "b.png"]


@pytest.mark.parametrize("files", [(), ("notes.txt",)])
def test_a_folder_without_pictures_is_said(tmp_path, files):
    with pytest.raises(OptionInvalid, match="The folder holds no pictures; folders inside it are not looked into"):
        photos_in(touch(tmp_path / "photos", *files))


# --- what is neither ----------------------------------------------------------------------------------------------


def test_files_that_are_no_pictures_by_their_ending_are_said(tmp_path):
    files = ("scan", "scan.dcm", "photo.cr2", "letter.pdf", "anna.jpg.bak", "ratings.csv", "clip.mp4", "b.json")
    folder = touch(tmp_path / "photos", "a.png", *files)
    left = others_in(folder)
    assert names_of(left) == sorted(files)
    why = dict(left)
    assert "DICOM" in why.pop("scan.dcm") and "camera's raw file" in why.pop("photo.cr2")
    assert set(why.values()) == {
        "This file is no picture by its ending; save it as JPEG or PNG, or correct its name if it is one."
    }


def test_hidden_files_and_those_of_the_system_are_nobodys_loss(tmp_path):
    files = (".DS_Store", "._a.png", ".directory", "Thumbs.db", "ehthumbs.db", "desktop.ini", "Desktop.ini", "Icon\r")
    folder = touch(tmp_path / "photos", "a.png", *files)
    (folder / ".thumbnails").mkdir()
    (folder / ".thumbnails" / "a.png").touch()
    assert others_in(folder) == []


def test_files_that_the_commands_write_are_not_said(tmp_path):
    written = ("a.png", "a.json", "b.normalized.png", "b.local.png", "b.local.npy", "b.npy", "b.json", *sorted(TABLES))
    folder = touch(tmp_path / "photos", *written)
    assert others_in(folder) == []
    of_photos = {exports_of(name).TABLE.file for name, job in JOBS.items() if job.exports}
    assert {*of_photos, RECORDS, *FILES} == TABLES
    (folder / "c.npy").touch()
    (folder / "d.jpg").touch()
    (folder / "d.json").touch()  # our results are PNG files
    assert names_of(others_in(folder)) == ["c.npy", "d.json"]


def test_folders_inside_are_said_where_they_hold_photos(tmp_path):
    folder = touch(tmp_path / "photos", "a.png")
    for name in ("empty", "texts", "more", "results", "out"):
        (folder / name).mkdir()
    (folder / "texts" / "a.txt").touch()
    for name in ("more", "results", "out"):
        (folder / name / "a.png").touch()
    (folder / "results" / "summary.csv").touch()
    assert others_in(folder, [folder / "out"]) == [
        ("more/", "Folders inside are not looked into; run the command on this one by itself.")
    ]


@pytest.mark.needs(hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_what_is_no_file_is_said_and_not_opened(tmp_path):
    folder = touch(tmp_path / "photos", "a.png")
    os.mkfifo(folder / "pipe.png")
    assert [path.name for path in photos_in(folder)] == ["a.png"]
    ((name, why),) = others_in(folder)
    assert name == "pipe.png" and why.startswith("This is no file that can be read")


def test_what_is_there_for_another_reason_is_not_said(tmp_path):
    folder = touch(tmp_path / "photos", "a.png", "ratings.csv", "embedder.pt", "notes.txt")
    (folder / "masks").mkdir()
    (folder / "masks" / "a.png").touch()
    masks = Companions(folder / "masks", "mask")
    left = left_over(folder, photos_in(folder), [masks, None], [folder / "ratings.csv", folder / "embedder.pt", None])
    assert names_of(left) == ["notes.txt"]


# --- what belongs to a photo --------------------------------------------------------------------------------------


def test_companions_of_a_folder_are_matched_by_whole_name_then_by_stem(tmp_path):
    folder = touch(tmp_path / "references", "anna.png", "anna.bmp.png", "ben.png", "ben.jpg")
    references = Companions(folder, "reference")
    assert references.of(Path("anna.jpg")) == folder / "anna.png"
    assert references.of(Path("anna.bmp")) == folder / "anna.bmp.png"
    assert references.of(Path("cleo.png")) is None
    with pytest.raises(OptionInvalid, match=r"The folder of references holds several with this photo's name; leave"):
        references.of(Path("ben.png"))
    with pytest.raises(OptionInvalid, match=r"The folder of references holds none with this photo's name\."):
        references.needed_for(Path("cleo.png"))


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_letters_written_in_two_ways_are_one(tmp_path, forms):
    mask, photo = (unicodedata.normalize(form, "Zoë.png") for form in forms)
    folder = touch(tmp_path / "masks", mask)
    masks = Companions(folder, "mask")
    assert masks.of(Path(photo)) == folder / mask
    assert masks.of(Path(photo).with_suffix(".jpg")) == folder / mask
    assert masks.unused([Path(photo)]) == []


def test_one_file_belongs_to_every_photo(tmp_path):
    file = touch(tmp_path / "masks", "mask.png") / "mask.png"
    masks = Companions(file, "mask")
    assert masks.of(Path("anna.png")) == file and masks.unused([Path("anna.png")]) == []
    with pytest.raises(OptionInvalid, match="The mask or folder of masks does not exist; check its path"):
        Companions(tmp_path / "missing.png", "mask")


def test_several_files_belong_to_every_photo(tmp_path):
    folder = touch(tmp_path / "references", "one.png", "two.png")
    files = [folder / "two.png", folder / "one.png"]
    references = Companions(files, "reference", several=True)
    assert references.all_of(Path("anna.jpg"), []) == files and references.unused([]) == []
    with pytest.raises(OptionInvalid, match="Give the references as files, or as one folder"):
        Companions([folder, folder / "one.png"], "reference")
    with pytest.raises(OptionInvalid, match="does not exist"):
        Companions([folder / "one.png", folder / "three.png"], "reference")


def test_companions_with_a_number_belong_to_the_stem_before_it(tmp_path):
    files = ("anna.png", "anna-10.png", "anna-2.jpg", "anna-b.png", "ben-1.png", "cleo-1.png", "cleo.jpg-2.png")
    references = Companions(touch(tmp_path / "references", *files), "reference", several=True)
    photos = [Path("anna.jpg"), Path("ben.jpg"), Path("ben-1.jpg"), Path("cleo.jpg")]

    def found(photo: str) -> list[str]:
        return [path.name for path in references.all_of(Path(photo), photos)]

    assert found("anna.jpg") == ["anna.png", "anna-2.jpg", "anna-10.png"]
    assert (found("ben.jpg"), found("ben-1.jpg")) == ([], ["ben-1.png"]), (
        "what is called as a photo is that one's alone"
    )
    assert found("cleo.jpg") == ["cleo-1.png", "cleo.jpg-2.png"]
    assert names_of(references.unused(photos)) == ["references/anna-b.png"]
    once = Companions(tmp_path / "references", "mask")
    assert "references/anna-2.jpg" in names_of(once.unused(photos)), "where a photo has one alone"


def test_companions_that_fit_no_photo_are_said_with_their_folder(tmp_path):
    photos = touch(tmp_path / "photos", "anna.png", "ben.png")
    folder = touch(
        tmp_path / "masks", "anna.png", "anna.png.png", "ben.bmp", "ben.png", "zoe.png", "list.txt", ".x.png"
    )
    left = left_over(photos, photos_in(photos), [Companions(folder, "mask")], [])
    assert names_of(left) == ["masks/anna.png", "masks/zoe.png", "masks/list.txt"]
    assert left[0][1] == "No photo has this name, so the mask was not used."


def test_of_one_folder_for_photos_and_references_nothing_is_said_twice(tmp_path):
    photos = touch(tmp_path / "photos", "anna.png", "notes.txt")
    assert names_of(left_over(photos, photos_in(photos), [Companions(photos, "reference")], [])) == ["notes.txt"]


def test_whoever_names_one_photo_means_it_alone(tmp_path):
    photos = touch(tmp_path / "photos", "anna.png", "notes.txt")
    masks = Companions(touch(tmp_path / "masks", "anna.png", "ben.png"), "mask")
    assert left_over(photos / "anna.png", [photos / "anna.png"], [masks], []) == []
