"""Files of a folder: which are pictures, what belongs to a photo, and what results are called."""

from pathlib import Path

import pytest
from PIL import Image

from pipelines.commands.batch import SUFFIXES, Companions, output_stems, pictures_in
from pipelines.errors import OptionInvalid


@pytest.mark.parametrize(
    ("photos", "stems"),
    [
        (["a.jpg", "b.png"], ["a", "b"]),
        (["a.jpg", "a.png"], ["a.jpg", "a.png"]),
        (["A.jpg", "a.png"], ["A.jpg", "a.png"]),
        (["a.jpg", "a.jpg.png", "a.png"], ["a.jpg-2", "a.jpg", "a.png"]),
        (["a.JPG", "a.jpg"], ["a.JPG", "a.jpg-2"]),
    ],
)
def test_output_stems(photos, stems):
    found = output_stems([Path(name) for name in photos])
    assert [found[Path(name)] for name in photos] == stems
    assert len({stem.casefold() for stem in found.values()}) == len(photos)


def test_names_of_stages_fall_on_no_other_photo():
    photos = [Path(name) for name in ("a.png", "a.Hole.png", "b.png")]
    assert list(output_stems(photos).values()) == ["a", "a.Hole", "b"]
    assert list(output_stems(photos, ("hole", "final")).values()) == ["a", "a.Hole-2", "b"]


def test_every_kind_of_picture_that_can_be_read_is_looked_for():
    readable = {
        suffix for suffix, kind in Image.registered_extensions().items() if kind in ("JPEG", "MPO", "PNG", "WEBP")
    }
    assert {suffix for suffix in readable if suffix not in (".apng", ".jfif")} <= set(SUFFIXES)


def touch(folder: Path, *files: str) -> Path:
    folder.mkdir()
    for name in files:
        (folder / name).touch()
    return folder


def test_pictures_of_a_folder(tmp_path):
    folder = touch(tmp_path / "photos", "b.PNG", "a.jpg", ".hidden.png", "notes.txt")
    (folder / "folder.png").mkdir()
    assert [path.name for path in pictures_in(folder)] == ["a.jpg", "b.PNG"]


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


def test_one_file_belongs_to_every_photo(tmp_path):
    file = touch(tmp_path / "masks", "mask.png") / "mask.png"
    assert Companions(file, "mask").of(Path("anna.png")) == file
    with pytest.raises(OptionInvalid, match="The mask or folder of masks does not exist; check its path"):
        Companions(tmp_path / "missing.png", "mask")
