"""The app's API as programs use it, and what it promises of privacy."""

import hashlib
import ipaddress
import json
import time
import zipfile
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from pipelines.faces.images import write_png
from tests.ui.apps import Served

NAME = "Jane Doe 1990-01-02"
GPS, MAKER = 0x8825, 0x010F


@pytest.fixture(scope="module")
def client(served: Served, tmp_path_factory: pytest.TempPathFactory):
    made = Client(served.address, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))
    yield made
    made.close()


@pytest.fixture
def photo(astronaut: np.ndarray, tmp_path: Path) -> Path:
    """A photo with a name, a place and a camera in it."""
    path = tmp_path / f"{NAME}.png"
    exif = Image.Exif()
    exif[MAKER] = "Philtrum's camera"
    exif.get_ifd(GPS)[2] = (48.0, 8.0, 14.0)
    Image.fromarray(astronaut).save(path, exif=exif)
    return path


def predict(client: Client, photo: Path, **options) -> tuple[dict, np.ndarray, np.ndarray, str, Path]:
    if "mask" in options:
        options["mask"] = handle_file(str(options["mask"]))
    numbers, result, mask, landmarks, bundle = client.predict(
        photo=handle_file(str(photo)), api_name="/cleft_inpainting", **options
    )
    return (
        numbers,
        np.array(Image.open(result)),
        np.array(Image.open(mask)) > 127,
        Path(landmarks).read_text(encoding="utf-8-sig"),
        Path(bundle),
    )


def test_result_has_the_photos_size_and_its_pixels_outside_the_mask(client: Client, photo: Path, astronaut: np.ndarray):
    numbers, result, mask, landmarks, bundle = predict(client, photo, extent="lips", feather=5.0, seed=3, case="P01")
    assert numbers["case"] == "P01" and ",P01," in landmarks
    assert numbers["photo"]["pixels_sha256"] == hashlib.sha256(astronaut.tobytes()).hexdigest()
    assert result.shape == astronaut.shape
    far = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > 6
    assert np.array_equal(result[far], astronaut[far])
    assert (result[mask] != astronaut[mask]).any()
    assert numbers["seed"] == 3 and numbers["mask"]["extent"] == "lips"
    assert len(numbers["landmarks"]) == 68 and landmarks.count("\n") == 69
    assert "P01-report.pdf" in zipfile.ZipFile(bundle).namelist()


def test_suggested_and_uploaded_mask_give_the_same_bits(client: Client, photo: Path, tmp_path: Path):
    _, suggested, mask, _, _ = predict(client, photo, extent="lips-to-nose")
    write_png(tmp_path / "mask.png", mask)
    _, uploaded, used, _, _ = predict(client, photo, mask=tmp_path / "mask.png")
    assert np.array_equal(used, mask)
    assert np.array_equal(uploaded, suggested)


def test_exports_carry_neither_place_nor_name(client: Client, photo: Path):
    data = photo.read_bytes()
    assert dict(Image.open(BytesIO(data)).getexif()), "the photo itself carries them"
    _, _, _, _, bundle = predict(client, photo)
    archive = zipfile.ZipFile(bundle)
    for name in archive.namelist():
        content = archive.read(name)
        assert b"Jane" not in content and b"Philtrum's camera" not in content, name
        if name.endswith(".png"):
            picture = Image.open(BytesIO(content))
            assert not picture.getexif() and not picture.info, name


def test_errors_are_sentences(client: Client, photo: Path, tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    write_png(tmp_path / "noise.png", noise)
    (tmp_path / "text.png").write_text("no picture")
    write_png(tmp_path / "small.png", np.ones((10, 10), bool))
    write_png(tmp_path / "black.png", np.zeros((512, 512), bool))
    for path, options, sentence in (
        (tmp_path / "noise.png", {}, "No face was found"),
        (tmp_path / "text.png", {}, "This file is not a picture"),
        (photo, {"mask": tmp_path / "small.png"}, "10 × 10 pixels and the photo 512 × 512"),
        (photo, {"mask": tmp_path / "black.png"}, "The mask is empty"),
        (photo, {"extent": "teeth"}, "The mask extent must be one of lips, lips-to-nose, lower-face."),
        (photo, {"face": 4}, "Face 5 was chosen"),
    ):
        with pytest.raises(AppError, match=sentence):
            predict(client, path, **options)


def test_scoring_gives_numbers_pictures_the_local_map_and_everything(client: Client, photo: Path):
    numbers, normalized, local, heat, raw, bundle = client.predict(
        photo=handle_file(str(photo)), region="upper-lip", searches=1, api_name="/anomaly_scoring"
    )
    assert numbers["basis"]["conditions"] == "1 search" and numbers["basis"]["region"] == "upper-lip"
    assert numbers["local"]["local_severity"] > 0 and numbers["asymmetry"]["asymmetry"] > 0
    assert numbers["score"]["normality"] == -numbers["score"]["severity"]
    values = np.load(raw)
    assert values.shape == np.array(Image.open(normalized)).shape[:2] == (256, 256)
    drawn = [np.array(Image.open(path)) for path in (local, heat)]
    assert drawn[0].shape == drawn[1].shape and (drawn[0] != drawn[1]).any()
    with zipfile.ZipFile(bundle) as archive:
        assert archive.read("local.npy") == Path(raw).read_bytes()
        assert archive.read("local.png") == Path(local).read_bytes()
        assert archive.read("heatmap.png") == Path(heat).read_bytes()


def test_scoring_off_lips_and_nose_has_no_local_map(client: Client, photo: Path, tmp_path: Path, astronaut: np.ndarray):
    forehead = np.zeros(astronaut.shape[:2], bool)
    forehead[72:84, 200:240] = True
    write_png(tmp_path / "forehead.png", forehead)
    mask = handle_file(str(tmp_path / "forehead.png"))
    numbers, _, local, heat, raw, bundle = client.predict(
        photo=handle_file(str(photo)), mask=mask, searches=1, api_name="/anomaly_scoring"
    )
    assert numbers["local"] is local is raw is None and numbers["basis"]["region"] == "painted"
    assert Path(heat).is_file() and "asymmetry.png" in zipfile.ZipFile(bundle).namelist()


def test_scoring_refuses_too_many_searches_in_words(client: Client, photo: Path):
    with pytest.raises(AppError, match="The number of searches must be a number from 1 to 10"):
        client.predict(photo=handle_file(str(photo)), searches=11, api_name="/anomaly_scoring")


def test_one_public_endpoint_a_job(client: Client):
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert list(named) == ["/cleft_inpainting", "/mask_removal", "/anomaly_scoring"]
    names = {path: [each["parameter_name"] for each in point["parameters"]] for path, point in named.items()}
    edge = ["grow", "feather", "seed", "case"]
    assert names["/cleft_inpainting"] == ["photo", "mask", "extent", "face", *edge]
    own = ["photo", "reference", "mask", "extent", "face", "reference_face", "points"]
    assert names["/mask_removal"] == [*own, *edge, "engine", "references"]
    comparison = ["region", "kind", "colour", "erosion", "formula"]
    steps = ["normalizer", "group", "searches", "steps", "adaptation_steps", "frames_until"]
    assert names["/anomaly_scoring"] == ["photo", "mask", *comparison, *steps, "face", "seed", "case"]


def test_files_of_another_folder_cannot_be_asked_for(client: Client, served: Served):
    secret = served.log
    forged = {"path": str(secret), "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError):
        client.predict(photo=forged, api_name="/cleft_inpainting")
    assert secret.exists()


@pytest.mark.slow
def test_closing_the_client_leaves_no_file_behind(served: Served, photo: Path, tmp_path: Path):
    before = set(served.files())
    client = Client(served.address, verbose=False, download_files=str(tmp_path / "downloads"))
    predict(client, photo)
    mine = set(served.files()) - before
    assert mine, "results wait to be fetched"
    assert not [path for path in served.files() if NAME in path.name], "uploads are removed as soon as they are read"
    client.close()
    deadline = time.monotonic() + 60
    while any(path.exists() for path in mine) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not [path for path in mine if path.exists()]


def test_log_names_nothing(client: Client, photo: Path, served: Served):
    numbers, *_ = predict(client, photo, case="Canary Zebedee")
    assert numbers["case"] == "Canary Zebedee"
    with pytest.raises(AppError):
        predict(client, photo, case="Canary Zebedee" * 9)
    log = served.log.read_text()
    assert f"open {served.address}" in log
    for word in ("Jane", ".png", str(served.cache), "Canary", "Zebedee"):
        assert word not in log


def test_no_socket_beyond_this_machine(client: Client, photo: Path, served: Served):
    predict(client, photo)
    events = [json.loads(line) for line in served.sockets.read_text().splitlines()]
    assert events, "gradio looks at its own port when it starts"
    for event, family, address in events:
        if "UNIX" in family:
            continue
        host = address if isinstance(address, str) or address is None else address[0]
        assert host in (None, "", "localhost") or ipaddress.ip_address(host).is_loopback, (event, address)
