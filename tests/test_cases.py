"""Small inputs that once failed, each as people meet it; what is right stands in ``cases/README.md``.

Each stands for its kind, whose tests lie beside the code.
"""

import csv
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from pipelines.__main__ import main
from pipelines.anomaly_scoring.study.ratings import read_ratings
from pipelines.errors import NoFaceFound, SurgicalMaskNotFound
from pipelines.faces.images import read_image
from pipelines.faces.landmarks import find_face, find_faces
from pipelines.mask_removal.segmentation import segment_mask
from pipelines.models import loading


@pytest.fixture(scope="module")
def cases(shared) -> Path:
    return shared / "cases"


CASES = {
    "upside_down.png", "no_face_noise.png", "black_and_white.png", "display_p3.jpg", "tif_preview_first.tif",
    "tif_grey16_white_is_zero.tif", "png_comment_bad_checksum.png", "png_xmp_2mb.png", "bmp32_alpha_unused.bmp",
    "scan.jfif", "grey_beard.jpg", "grey_generator.safetensors", "ratings_pandas_index.csv",
}  # fmt: skip


def test_every_case_is_tested_here(cases):
    assert {path.name for path in cases.iterdir()} - {"README.md"} == CASES


@pytest.mark.slow
def test_upside_down(cases, tmp_path):
    assert abs(find_face(read_image(cases / "upside_down.png")).turn) > 170
    assert main(["cleft-inpainting", str(cases / "upside_down.png"), "--out", str(tmp_path / "out")]) == 0
    before, after = read_image(cases / "upside_down.png"), read_image(tmp_path / "out" / "upside_down.png")
    rows = np.flatnonzero((before != after).any((1, 2)))
    assert rows.max() < before.shape[0] / 2, "the mouth of a face on its head lies in the picture's upper half"


def test_noise_is_no_face(cases):
    assert find_faces(read_image(cases / "no_face_noise.png")) == []
    with pytest.raises(NoFaceFound):
        find_face(read_image(cases / "no_face_noise.png"))


@pytest.mark.slow
@pytest.mark.parametrize("job", ["cleft-inpainting", "mask-removal"])
def test_a_photo_without_colour_stays_without(cases, tmp_path, job):
    photo = cases / "black_and_white.png"
    words = ["--auto", "lower-face"]
    assert main([job, str(photo), *words, "--out", str(tmp_path / "out")]) == 0
    result = read_image(tmp_path / "out" / photo.name).astype(int)
    assert np.abs(np.ptp(result, axis=2)).max() <= np.abs(np.ptp(read_image(photo).astype(int), axis=2)).max() + 1


def test_display_p3_is_brought_to_srgb(cases):
    with Image.open(cases / "display_p3.jpg") as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        expected = np.asarray(ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB")))
        taken_as_it_is = np.asarray(image)
    found = read_image(cases / "display_p3.jpg").astype(int)
    assert np.abs(found - expected).mean() < 1 < np.abs(found - taken_as_it_is).mean()


def test_the_preview_of_a_tiff_is_not_the_photo(cases):
    assert min(read_image(cases / "tif_preview_first.tif").shape[:2]) > 96


def test_white_is_zero(cases):
    with Image.open(cases / "tif_grey16_white_is_zero.tif") as image:
        assert image.tag_v2[262] == 0, "PhotometricInterpretation"
    photo = read_image(cases / "tif_grey16_white_is_zero.tif")
    assert len(find_faces(photo)) == 1
    drawn = read_image(cases / "upside_down.png")[::-1, ::-1]
    assert np.sign(photo[5, 5, 0] - 127.0) == np.sign(drawn[5, 5].mean() - 127.0)


@pytest.mark.parametrize("name", ["png_comment_bad_checksum.png", "png_xmp_2mb.png", "bmp32_alpha_unused.bmp"])
def test_what_is_beside_the_pixels_is_no_reason_to_refuse(cases, name):
    assert len(find_faces(read_image(cases / name))) == 1


@pytest.mark.slow
def test_a_scan_is_read_from_a_folder(cases, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(cases / "scan.jfif", folder / "scan.jfif")
    shutil.copy(cases / "scan.jfif", folder / "other.xyz")
    assert main(["cleft-inpainting", str(folder), "--out", str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["photo"]: row for row in csv.DictReader(file)}
    assert rows["scan.jfif"]["status"] == "done" and rows["other.xyz"]["status"] == "skipped"
    assert rows["other.xyz"]["error"]


def test_a_beard_is_no_mask(cases):
    photo = read_image(cases / "grey_beard.jpg")
    with pytest.raises(SurgicalMaskNotFound):
        segment_mask(photo, find_face(photo))


def test_a_generator_of_one_channel_is_refused_at_import(cases, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    loading.clear()
    assert main(["weights", "import", str(cases / "grey_generator.safetensors"), "grey", "--licence", "ours"]) == 2
    loading.clear()
    assert "does not draw in colour" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_an_index_without_a_name_is_no_rating(cases):
    ratings = read_ratings(cases / "ratings_pandas_index.csv")
    assert ratings.raters == ("rating",)
    assert [(row.name, row.value) for row in ratings.rows] == [("anna.png", 5), ("ben.png", 3), ("cleo.png", 1)]
