"""The whole way of a photo, with the built-in weights on real faces."""

import cv2
import numpy as np
import pytest
from skimage import data

from pipelines.cleft_inpainting.pipeline import CleftInpainting
from pipelines.errors import (
    ArrayInvalid,
    FaceIndexInvalid,
    ImageTooSmall,
    MaskEmpty,
    MaskMismatch,
    MaskOffFace,
    MaskTooLarge,
    NoFaceFound,
    OptionInvalid,
)
from pipelines.faces.landmarks import find_face
from pipelines.faces.masks import EXTENTS, clean, suggest_mask
from pipelines.faces.measurements import measure

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pipeline():
    return CleftInpainting(device="cpu", precision="float32")


@pytest.fixture(scope="module")
def result(pipeline):
    return pipeline(data.astronaut())


def test_result_has_the_photo_s_size_and_is_the_photo_outside_the_blend(result, astronaut):
    assert result.image.shape == astronaut.shape
    assert result.image.dtype == np.uint8
    outside = result.alpha == 0
    assert outside.mean() > 0.9
    assert np.array_equal(result.image[outside], astronaut[outside])


def test_mask_is_repainted(result, astronaut):
    changed = np.abs(result.image.astype(int) - astronaut)[result.mask].max(axis=1) > 0
    assert changed.mean() > 0.8
    assert (result.alpha[result.mask] == 1).all()


def test_repainted_mouth_resembles_the_true_one_more_than_a_flat_patch(result, astronaut):
    inside = result.mask
    truth = astronaut[inside].astype(float)
    flat = np.abs(truth - truth.mean(0)).mean()
    assert np.abs(result.image[inside] - truth).mean() < flat


def test_what_lies_under_the_mask_does_not_matter(pipeline, astronaut):
    mask = suggest_mask(find_face(astronaut), astronaut.shape[:2], "lips")
    scribbled = astronaut.copy()
    painted = pipeline(astronaut, mask=mask)
    # A change under the mask that leaves the landmarks, and so the alignment, nearly as they were.
    noise = np.random.default_rng(0).integers(-12, 13, astronaut.shape)
    scribbled[mask] = np.clip(astronaut + noise, 0, 255).astype(np.uint8)[mask]
    again = pipeline(scribbled, mask=mask)
    difference = np.abs(painted.image.astype(int) - again.image)[mask]
    assert difference.mean() < np.abs(noise[mask]).mean()


def test_predicted_landmarks_lie_on_the_face(result, astronaut):
    face = find_face(astronaut)
    error = np.linalg.norm(result.landmarks - face.points, axis=1).mean() / face.eye_distance
    assert result.landmarks.shape == (68, 2)
    assert error < 0.12


def test_predicted_landmarks_lie_on_the_drawn_mouth_and_the_rest_on_the_photo(result, astronaut):
    before, drawn = find_face(astronaut).points, find_face(result.image).points
    column, row = np.floor(before).astype(int).T
    inside = result.mask[row, column]
    assert inside[48:].all(), "the mouth is repainted"
    assert np.array_equal(result.landmarks_before, before)
    assert np.array_equal(result.landmarks[inside], drawn[inside])
    assert np.array_equal(result.landmarks[~inside], before[~inside])


def test_measures_are_those_of_the_points_that_every_job_finds(result, astronaut):
    assert result.measurements_before == measure(find_face(astronaut).points), "as anomaly scoring takes them"
    assert result.measurements == measure(result.landmarks)


def test_two_calls_give_the_same_picture(pipeline, result, astronaut):
    again = pipeline(astronaut)
    assert np.array_equal(again.image, result.image)
    assert np.array_equal(again.landmarks, result.landmarks)


def test_suggested_and_given_mask_are_one_path(pipeline, result, astronaut):
    given = pipeline(astronaut, mask=suggest_mask(find_face(astronaut), astronaut.shape[:2], "lips-to-nose"))
    assert np.array_equal(given.image, result.image)
    assert (given.extent, result.extent) == (None, "lips-to-nose")


@pytest.mark.parametrize("extent", EXTENTS)
def test_every_extent_runs(pipeline, astronaut, extent):
    assert pipeline(astronaut, extent=extent).extent == extent


def test_result_names_stages_weights_device_and_seed(result):
    assert list(result.seconds) == [
        "loading",
        "landmarks",
        "alignment",
        "mask",
        "network",
        "compositing",
        "measurements",
    ]
    assert result.weights[0].name == "cleft-inpainting"
    assert len(result.weights[0].sha256) == 12
    assert result.device == "CPU, float32"
    assert len(result.measurements) == len(result.measurements_before) > 0


def test_a_seed_draws_another_mouth_and_the_same_one_again(pipeline, result, astronaut):
    one, same = (pipeline(astronaut, seed=3) for _ in range(2))
    assert one.seed == 3 and np.array_equal(one.image, same.image)
    apart = np.abs(one.crop.astype(int) - result.crop)
    outside = result.alpha == 0
    assert apart.max() > 16, "more than grain, of which a photo of this size gets none"
    assert np.array_equal(one.image[outside], astronaut[outside])


def test_grow_widens_the_mask(pipeline, result, astronaut):
    grown = pipeline(astronaut, grow=8)
    assert (grown.mask & result.mask).sum() == result.mask.sum()
    assert grown.mask.sum() > result.mask.sum()


def test_second_face_can_be_chosen(pipeline, astronaut):
    small = cv2.resize(astronaut, (320, 320), interpolation=cv2.INTER_AREA)
    both = np.full((512, 850, 3), 200, np.uint8)
    both[:, :512], both[100:420, 520:840] = astronaut, small
    first, second = pipeline(both, face=0), pipeline(both, face=1)
    assert first.faces == second.faces == 2
    assert np.flatnonzero(first.mask.any(0)).max() < 512 < np.flatnonzero(second.mask.any(0)).min()
    with pytest.raises(FaceIndexInvalid, match="shows 2"):
        pipeline(both, face=2)


def test_progress_is_told_and_may_stop_the_run(pipeline, astronaut):
    told = []
    pipeline(astronaut, progress=lambda fraction, text: told.append((fraction, text)))
    assert told[-1] == (1.0, "done")
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)

    class StopError(Exception):
        pass

    def stop(fraction, text):
        if text == "network":
            raise StopError

    with pytest.raises(StopError):
        pipeline(astronaut, progress=stop)


def test_photo_is_not_changed(pipeline, astronaut):
    before = astronaut.copy()
    pipeline(astronaut)
    assert np.array_equal(astronaut, before)


@pytest.mark.parametrize(
    ("make_mask", "error", "sentence"),
    [
        (lambda shape, face: np.zeros(shape, bool), MaskEmpty, "mask is empty"),
        (lambda shape, face: np.ones(shape, bool), MaskTooLarge, "covers most of the face"),
        (lambda shape, face: np.ones((9, 9), bool), MaskMismatch, "photo's size"),
        (
            lambda shape, face: np.pad(np.ones((30, 30), bool), ((shape[0] - 30, 0), (shape[1] - 30, 0))),
            MaskOffFace,
            "away",
        ),
    ],
)
def test_bad_masks_get_one_clear_sentence(pipeline, astronaut, make_mask, error, sentence):
    mask = make_mask(astronaut.shape[:2], find_face(astronaut))
    with pytest.raises(error, match=sentence):
        pipeline(astronaut, mask=mask)


def test_a_mask_painted_far_below_the_crop_is_repainted_to_its_end(pipeline, astronaut):
    face = find_face(astronaut)
    mask = suggest_mask(face, astronaut.shape[:2], "lips")
    x = int(face.points[8, 0])
    mask[int(face.points[57, 1]) :, x - 12 : x + 12] = True  # over chin, neck and suit to the photo's lower edge
    photo = astronaut.copy()
    photo[mask] = photo[mask] // 2 + np.uint8([0, 100, 0])  # of another colour than all around
    result = pipeline(photo, mask=mask)
    assert np.array_equal(result.mask, clean(mask)) and (result.alpha[result.mask] == 1).all()
    assert np.array_equal(result.image[result.alpha == 0], photo[result.alpha == 0])
    changed = np.abs(result.image.astype(int) - photo)[result.mask].max(1) > 3
    assert changed.mean() > 0.9


def test_one_pixel_mask_is_repainted_and_nothing_else(pipeline, astronaut):
    x, y = find_face(astronaut).points[62].astype(int)
    mask = np.zeros(astronaut.shape[:2], bool)
    mask[y, x] = True
    result = pipeline(astronaut, mask=mask, feather=0)
    assert result.mask.sum() == 1
    changed = (result.image != astronaut).any(2)
    assert not changed[~mask].any()


def test_arrays_that_are_no_photo_or_may_mean_two_masks(pipeline, astronaut):
    with pytest.raises(ArrayInvalid, match="The photo is an array of 512 × 512 × 3 float64 values"):
        pipeline(astronaut / 255)
    with pytest.raises(ArrayInvalid, match="which do not say what is marked"):
        pipeline(astronaut, mask=astronaut[..., 0] % 7)
    with pytest.raises(TypeError):
        pipeline(astronaut, np.ones((512, 512), bool))  # by position it might be taken for something else


def test_no_face_and_bad_options(pipeline, astronaut):
    with pytest.raises(NoFaceFound, match="No face was found"):
        pipeline(np.full((300, 300, 3), 127, np.uint8))
    with pytest.raises(OptionInvalid, match="feather"):
        pipeline(astronaut, feather=-1)
    with pytest.raises(OptionInvalid, match="extent"):
        pipeline(astronaut, extent="ears")
    with pytest.raises(MaskEmpty, match="narrowing"):
        pipeline(astronaut, grow=-500)


def test_face_of_a_few_pixels_is_refused(pipeline, astronaut):
    tiny = cv2.resize(astronaut, (96, 96), interpolation=cv2.INTER_AREA)
    with pytest.raises((ImageTooSmall, NoFaceFound)):
        pipeline(tiny)


def test_twelve_megapixels_come_back_as_twelve_megapixels(pipeline, astronaut):
    photo = cv2.resize(astronaut, (3464, 3464), interpolation=cv2.INTER_CUBIC)
    result = pipeline(photo)
    assert result.image.shape == photo.shape
    outside = result.alpha == 0
    assert np.array_equal(result.image[outside], photo[outside])


def test_cleft_photo_gets_a_repainted_lip(pipeline, shared):
    from pipelines.faces.images import read_image

    photo = read_image(shared / "examples" / "cleft_synthetic.png")
    result = pipeline(photo)
    assert np.abs(result.image.astype(int) - photo)[result.mask].mean() > 5


def test_a_grey_photo_gets_a_grey_mouth(pipeline, astronaut):
    grey = np.repeat(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    result = pipeline(cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))  # large enough to get grain
    assert np.ptp(result.image, axis=2).max() == 0
    assert np.ptp(result.crop, axis=2).max() == 0
    assert (result.image != result.photo).any()
