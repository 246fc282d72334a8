"""A case file holds everything, once, without what the photo's file said, in the same bytes each time."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import pipelines.cases.writing as writing
from pipelines import Case, open_case, read_image, save_case
from pipelines.cases.contents import CasePhoto, Entry, job_of
from pipelines.cases.writing import CaseWriter
from pipelines.errors import CaseFileTooLarge
from pipelines.faces.landmarks import find_faces
from tests.pipelines.anomaly_scoring.test_exports import make_adapted, make_painted
from tests.pipelines.anomaly_scoring.test_exports import make_result as make_scored
from tests.pipelines.cases.same import same
from tests.pipelines.exports.made_results import make_alone, make_removal, make_result, make_several

CASE = Case("P07", date="2026-11-27", side="left", notes="two\nlines")


@pytest.fixture(scope="module")
def results() -> list:
    unmeasured = make_result()
    no_ratio = replace(unmeasured.measurements[0], value=float("nan"))
    return [
        replace(unmeasured, measurements=(no_ratio, *unmeasured.measurements[1:])),
        make_removal(), make_several(), make_alone(),
    ]  # fmt: skip


def test_every_result_comes_back_to_the_bit(results, tmp_path):
    save_case(tmp_path / "a.philtrum", CASE, results)
    opened = open_case(tmp_path / "a.philtrum")
    assert opened.case == CASE and [entry.job for entry in opened.entries] == [job_of(result) for result in results]
    for before, after in zip(results, opened.results, strict=True):
        assert same(replace(before, case=CASE), after)


@pytest.mark.parametrize("make", [make_scored, make_adapted, make_painted])
def test_a_scored_face_comes_back_to_the_bit(make, tmp_path):
    scored = make()
    save_case(tmp_path / "a.philtrum", CASE, [scored])
    (after,) = open_case(tmp_path / "a.philtrum").results
    assert same(replace(scored, case=CASE), after)


def test_the_same_case_gives_the_same_bytes(results, tmp_path):
    for name in "ab":
        save_case(tmp_path / name, CASE, results)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_photos_lie_in_it_once_as_pixels_without_exif(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 50, 3), np.uint8)
    exif = Image.Exif()
    exif[0x010E] = "Jane Doe, ward 3"
    Image.fromarray(pixels).save(tmp_path / "jane.png", exif=exif)
    photo = CasePhoto(pixels=read_image(tmp_path / "jane.png"), mask=pixels[..., 0] > 99)
    entries = [
        Entry(job="cleft-inpainting", photos={"photo": photo}),
        Entry(job="mask-removal", photos={"photo": photo}),
    ]
    save_case(tmp_path / "a.philtrum", CASE, entries)
    data = (tmp_path / "a.philtrum").read_bytes()
    assert b"Jane" not in data and b"jane" not in data
    with zipfile.ZipFile(tmp_path / "a.philtrum") as archive:
        assert archive.namelist() == [
            "1-cleft-inpainting/photo/pixels.png", "1-cleft-inpainting/photo/mask.png", "case.json",
        ]  # fmt: skip
    for entry in open_case(data).entries:
        assert same(entry.photos["photo"].pixels, pixels) and same(entry.photos["photo"].mask, photo.mask)


def test_points_settings_and_the_jobs_json_are_in_it(astronaut, tmp_path):
    faces = find_faces(astronaut)
    photo = CasePhoto(pixels=astronaut, faces=tuple(faces), made_by={"face": 0, "extent": None})
    settings = {"grow": 1.5, "shown": ["close"], "choice": "with", "erosion": True, "seed": 3, "extent": None}
    entry = Entry(job="cleft-inpainting", photos={"photo": photo}, settings=settings, results=(make_result(),))
    save_case(tmp_path / "a.philtrum", CASE, [entry])
    (after,) = open_case(tmp_path / "a.philtrum").entries
    assert after.settings == settings and [type(value) for value in after.settings.values()] == [
        type(value) for value in settings.values()
    ]
    assert same(after.photos["photo"].faces[0].mesh, faces[0].mesh)
    assert after.photos["photo"].made_by == {"face": 0, "extent": None}
    with zipfile.ZipFile(tmp_path / "a.philtrum") as archive:
        numbers = json.loads(archive.read("1-cleft-inpainting/result/numbers.json"))
    assert numbers["case"] == "P07" and numbers["case_side"] == "left" and len(numbers["landmarks"]) == 68


def test_results_of_another_case_are_this_ones_in_its_file(tmp_path):
    save_case(tmp_path / "a", Case("P02"), [replace(make_result(), case=Case("P01", notes="of P01"))])
    assert open_case(tmp_path / "a").results[0].case == Case("P02")
    with zipfile.ZipFile(tmp_path / "a") as archive:
        assert not [name for name in archive.namelist() if b"P01" in archive.read(name)]


def test_too_much_is_refused_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "MOST_BYTES", 100_000)
    (tmp_path / "a").write_bytes(b"before")
    with pytest.raises(CaseFileTooLarge, match="more than a case file takes"):
        save_case(tmp_path / "a", CASE, [make_result()])
    assert (tmp_path / "a").read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 1


def test_a_writer_that_is_left_early_writes_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), CaseWriter(CASE) as writer:
        writer.add(make_result())
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
