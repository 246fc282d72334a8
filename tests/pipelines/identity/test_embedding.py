"""How like two faces are, by the built-in weights."""

import tarfile

import cv2
import numpy as np
import pytest

from pipelines.errors import WeightsUnknown
from pipelines.faces.images import read_image
from pipelines.faces.landmarks import find_face
from pipelines.identity.embedding import SIZE, FaceEmbedder, align_face
from pipelines.identity.likeness import ONE_PERSON, TWO_PEOPLE
from pipelines.models import loading


@pytest.fixture(scope="module")
def embedder() -> FaceEmbedder:
    return FaceEmbedder()


def turned(photo: np.ndarray, points: np.ndarray, degrees: float, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """The photo turned about its middle and scaled, and where the points are then."""
    matrix = cv2.getRotationMatrix2D((256, 256), degrees, scale)
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return cv2.warpAffine(photo, matrix, (512, 512), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT), moved


def test_an_embedding_has_length_one_and_is_the_same_again(embedder, astronaut, face):
    found = embedder.embed(astronaut, face.points)
    assert found.shape == (128,) and found.dtype == np.float32
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(found, embedder.embed(astronaut, face.points))


def test_a_face_is_as_like_itself_as_can_be(embedder, astronaut, face):
    assert embedder.similarity(astronaut, face.points, astronaut, face.points) == pytest.approx(1, abs=1e-5)


def test_a_mirror_image_is_the_same_face(embedder, astronaut, face):
    mirrored = np.ascontiguousarray(astronaut[:, ::-1])
    found = find_face(mirrored).points
    assert embedder.similarity(astronaut, face.points, mirrored, found) > 0.99


def test_place_and_size_in_the_photo_hardly_matter(embedder, astronaut, face):
    other = turned(astronaut, face.points, 20, 0.8)
    assert embedder.similarity(astronaut, face.points, *other) > ONE_PERSON


def test_the_aligned_face_is_upright_and_where_dlib_puts_it(astronaut, face):
    for degrees in (0, 30):
        photo, points = turned(astronaut, face.points, degrees, 0.8)
        aligned = align_face(photo, points.astype(np.float32))
        assert aligned.shape == (SIZE, SIZE, 3) and aligned.dtype == np.uint8
        left, right = find_face(cv2.resize(aligned, (600, 600), interpolation=cv2.INTER_CUBIC)).eyes / 4
        # All five points are fitted at once, so the eyes lie where those of a mean face do only roughly.
        assert left == pytest.approx([47.5, 46.6], abs=6) and right == pytest.approx([100.5, 46.6], abs=6)
        assert left[1] == pytest.approx(right[1], abs=2), "upright"


def test_people_are_told_apart(embedder, shared):
    """A few of the people that the limits were measured on; none of them is in the network's training data."""
    with tarfile.open(shared / "faces" / "pairs.tar") as archive:
        first, second = (
            [read_image(archive.extractfile(f"pair-{number:03d}-{side}.jpg").read())
             for number in range(6)]
            for side in "ab"
        )  # fmt: skip
    rows, columns = (
        np.stack([embedder.embed(photo, find_face(photo).points) for photo in photos]) for photos in (first, second)
    )
    likeness, same = rows @ columns.T, np.eye(6, dtype=bool)
    assert likeness[same].min() > likeness[~same].max()
    assert np.median(likeness[same]) > ONE_PERSON > TWO_PEOPLE > np.median(likeness[~same])


def test_weights_of_another_folder_and_another_job(tmp_path, monkeypatch):
    with pytest.raises(WeightsUnknown, match="another job"):
        FaceEmbedder("cleft-inpainting")
    loading.clear()
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsUnknown):
        FaceEmbedder()
