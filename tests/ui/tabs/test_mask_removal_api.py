"""Mask removal as programs use it: the end point, its errors, and that no upload stays."""

import io
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from pipelines.faces.images import write_png
from tests.ui.apps import Served


@pytest.fixture(scope="module")
def client(served: Served, tmp_path_factory: pytest.TempPathFactory):
    made = Client(served.address, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))
    yield made
    made.close()


@pytest.fixture
def photo(masked: np.ndarray, tmp_path: Path) -> Path:
    write_png(tmp_path / "Jane Doe.png", masked)
    return tmp_path / "Jane Doe.png"


@pytest.fixture
def reference(astronaut: np.ndarray, tmp_path: Path) -> Path:
    write_png(tmp_path / "Jane Doe before.png", astronaut[:400, ::-1])
    return tmp_path / "Jane Doe before.png"


def unmask(client: Client, photo: Path, **options) -> tuple[dict, np.ndarray, np.ndarray, list[str], zipfile.ZipFile]:
    files = {key: handle_file(str(options.pop(key))) for key in ("reference", "mask") if key in options}
    if "references" in options:
        files["references"] = [handle_file(str(one)) for one in options.pop("references")]
    numbers, result, mask, landmarks, bundle = client.predict(
        photo=handle_file(str(photo)), api_name="/mask_removal", **files, **options
    )
    return (
        numbers,
        np.array(Image.open(result)),
        np.array(Image.open(mask)) > 127,
        Path(landmarks).read_text(encoding="utf-8-sig").splitlines(),
        zipfile.ZipFile(bundle),
    )


@pytest.mark.slow
def test_mask_is_found_and_the_reference_is_used(client: Client, photo: Path, reference: Path, masked: np.ndarray):
    numbers, result, mask, landmarks, bundle = unmask(
        client, photo, reference=reference, points=24, feather=5.0, seed=3
    )
    assert result.shape == masked.shape
    far = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > 6
    assert np.array_equal(result[far], masked[far]) and (result[mask] != masked[mask]).any()
    assert numbers["job"] == "mask-removal" and numbers["mask"]["source"] == "found" and numbers["seed"] == 3
    assert (numbers["reference"]["width"], numbers["reference"]["height"]) == (512, 400)
    assert len(numbers["reference"]["control_points"]) == 24
    assert len(landmarks) == 69
    stages = [name for name in bundle.namelist() if name.startswith("stages/")]
    assert {"stages/segmentation.png", "stages/warped.png", "stages/final.png"} <= set(stages)
    assert "report.pdf" in bundle.namelist()


@pytest.mark.slow
def test_without_a_reference_and_with_ones_own_mask(client: Client, photo: Path, tmp_path: Path):
    own = np.zeros((512, 512), np.uint8)
    cv2.ellipse(own, (225, 140), (40, 32), 0, 0, 360, 255, -1)
    write_png(tmp_path / "mask.png", own)
    numbers, _, mask, _, bundle = unmask(client, photo, mask=tmp_path / "mask.png")
    assert np.array_equal(mask, own > 0)
    assert numbers["reference"] is None and numbers["mask"]["source"] == "given"
    assert not {"stages/segmentation.png", "stages/warped.png"} & set(bundle.namelist())
    suggested = unmask(client, photo, extent="lower-face")[0]
    assert suggested["mask"]["source"] == "suggested" and suggested["mask"]["extent"] == "lower-face"


@pytest.mark.slow
def test_further_references_are_fused_and_none_stays(
    client: Client, served: Served, photo: Path, reference: Path, tmp_path: Path, astronaut: np.ndarray
):
    write_png(tmp_path / "Jane Doe again.png", astronaut[:380])
    write_png(tmp_path / "Jane Doe grey.png", np.full((200, 200, 3), 90, np.uint8))
    more = [tmp_path / f"Jane Doe {name}.png" for name in ("grey", "again")]
    numbers, *_, bundle = unmask(client, photo, reference=reference, references=more)
    assert [one["number"] for one in numbers["references"]] == [1, 3]
    assert [one["height"] for one in numbers["references"]] == [400, 380]
    assert numbers["references_left_out"][0].startswith("Reference 2: No face was found")
    assert "stages/sources.png" in bundle.namelist()
    assert not [path for path in served.files() if "Jane" in path.name]
    alone = unmask(client, photo, references=more[1:])[0]
    assert [one["height"] for one in alone["references"]] == [380]
    with pytest.raises(AppError, match="At most 5 reference photos"):
        unmask(client, photo, reference=reference, references=more[1:] * 5)
    assert not [path for path in served.files() if "Jane" in path.name]


def test_errors_are_sentences(client: Client, photo: Path, reference: Path, tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    write_png(tmp_path / "noise.png", noise)
    (tmp_path / "text.png").write_text("no picture")
    for path, options, sentence in (
        (reference, {}, "No mask was found on this face"),
        (photo, {"reference": tmp_path / "noise.png"}, "The reference photo cannot be used. No face was found"),
        (photo, {"reference": tmp_path / "text.png"}, "The reference photo cannot be used. This file is not a picture"),
        (photo, {"reference": reference, "points": 3}, "control points"),
        (photo, {"reference": reference, "reference_face": 2}, "The reference photo cannot be used. Face 3 was chosen"),
    ):
        with pytest.raises(AppError, match=sentence):
            unmask(client, path, **options)


@pytest.mark.parametrize("broken", [False, True])
def test_no_upload_stays(client: Client, served: Served, photo: Path, reference: Path, tmp_path: Path, broken: bool):
    write_png(tmp_path / "Jane Doe mask.png", np.zeros((512, 512), bool))
    if broken:
        photo.write_text("no picture")
    with pytest.raises(AppError, match="not a picture" if broken else "The mask is empty"):
        unmask(client, photo, reference=reference, mask=tmp_path / "Jane Doe mask.png")
    assert not [path for path in served.files() if "Jane" in path.name]
    assert "Jane" not in served.log.read_text()


def test_the_same_file_can_be_photo_and_reference(client: Client, photo: Path):
    """Gradio keeps one file for both; it is read before it is removed."""
    numbers = unmask(client, photo, reference=photo)[0]
    assert numbers["reference"]["width"] == 512


def test_exports_carry_no_names(client: Client, photo: Path, reference: Path):
    bundle = unmask(client, photo, reference=reference)[4]
    for name in bundle.namelist():
        content = bundle.read(name)
        assert b"Jane" not in content, name
        if name.endswith(".png"):
            picture = Image.open(io.BytesIO(content))
            assert not picture.getexif() and not picture.info, name
