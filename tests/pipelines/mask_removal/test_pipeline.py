from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipelines.errors import (
    ArrayInvalid,
    Cancelled,
    FaceIndexInvalid,
    ImageTooSmall,
    MaskEmpty,
    MaskMismatch,
    MaskOffFace,
    MaskTooLarge,
    NoFaceFound,
    OptionInvalid,
    ReferenceUnusable,
    SurgicalMaskNotFound,
    WeightsCorrupt,
    WeightsMissing,
    WeightsUnknown,
)
from pipelines.faces.alignment import align
from pipelines.faces.landmarks import find_crop_face, find_face
from pipelines.faces.masks import suggest_mask
from pipelines.faces.points import Face
from pipelines.identity.embedding import FaceEmbedder
from pipelines.mask_removal import painting
from pipelines.mask_removal.pipeline import MaskRemoval
from pipelines.mask_removal.references import gathering
from pipelines.mask_removal.references.warping import warp_reference
from pipelines.models import loading, manifest, registering
from pipelines.models.places import SHIPPED

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("untrained")]

STAGES = ["loading", "landmarks", "segmentation", "alignment", "network", "reference", "compositing", "result"]


@pytest.fixture
def job() -> MaskRemoval:
    return MaskRemoval(device="cpu", precision="float32")


def same_outside(result) -> bool:
    untouched = result.alpha == 0
    return np.array_equal(result.image[untouched], result.photo[untouched])


def test_a_masked_photo_with_a_reference(job, masked, astronaut):
    photo, truth = masked
    said = []
    result = job(photo, reference=astronaut, progress=lambda fraction, text: said.append((fraction, text)))
    assert result.image.shape == photo.shape and result.image.dtype == np.uint8
    assert same_outside(result) and (result.image != photo).any()
    assert result.mask_source == "found" and result.extent is None
    assert (result.found & truth).sum() > 0.9 * truth.sum()
    assert (result.mask & ~result.found).any(), "a found mask is widened: its hem and shadow belong to it"
    assert (result.alpha[result.mask] == 1).all()
    crops = (result.crop_before, result.crop, result.coarse, result.refined, result.warped)
    assert all(picture.shape == (256, 256, 3) and picture.dtype == np.uint8 for picture in crops)
    assert result.hole.shape == result.confidence.shape == (256, 256)
    assert np.array_equal(result.crop[result.hole], result.refined[result.hole])
    assert np.array_equal(result.crop[~result.hole], result.crop_before[~result.hole])
    assert result.reference is astronaut and result.reference_points.shape == (30, 2)
    assert abs(result.reference_yaw) < 30
    assert result.landmarks.shape == result.landmarks_before.shape == (68, 2)
    assert result.measurements == () and result.identity is None
    assert list(result.seconds) == STAGES
    told = [text for _, text in said[:-1]]
    assert told == [*STAGES[:6], "network", *STAGES[6:]], (
        "the face is drawn before the reference is laid onto it, and after"
    )
    assert [fraction for fraction, _ in said] == sorted(fraction for fraction, _ in said)
    assert said[-1] == (1.0, "done")
    assert result.weights[0].name == "small" and len(result.weights[0].sha256) == 12
    assert result.face == 0 and result.faces == 1


def test_without_a_reference(job, masked):
    result = job(masked[0])
    assert same_outside(result)
    assert result.reference is result.warped is result.confidence is result.reference_yaw is None


def test_the_reference_reaches_the_network(job, masked, astronaut):
    photo = masked[0]
    alone, helped = job(photo), job(photo, reference=astronaut)
    darker = job(photo, reference=cv2.GaussianBlur(astronaut, (0, 0), 3))
    assert not np.array_equal(alone.refined, helped.refined)
    assert not np.array_equal(darker.refined, helped.refined)


def test_of_several_references_each_place_comes_from_the_best(job, masked, astronaut):
    photo, soft = masked[0], cv2.GaussianBlur(astronaut, (0, 0), 4)
    one, several = job(photo, reference=astronaut), job(photo, reference=(soft, astronaut))
    assert [used.number for used in one.references] == [1] and one.references[0].share == 1
    assert np.array_equal(one.references[0].warped, one.warped) and (one.references[0].weight == 1).all()
    assert [used.number for used in several.references] == [1, 2] and several.left_out == ()
    assert several.reference is astronaut, "the sharp one is used most"
    assert several.reference_yaw == one.reference_yaw and several.references[1].share > 0.9
    assert np.array_equal(several.reference_points, one.reference_points)
    assert np.abs(several.warped.astype(int) - one.warped)[several.hole].mean() < 1
    in_a_list = job(photo, reference=[astronaut])
    assert np.array_equal(in_a_list.image, one.image) and np.array_equal(in_a_list.confidence, one.confidence)


def test_a_reference_that_cannot_be_used_is_left_out_and_told(job, masked, astronaut):
    blank = np.full((300, 300, 3), 128, np.uint8)
    one, several = job(masked[0], reference=astronaut), job(masked[0], reference=[blank, astronaut])
    assert [used.number for used in several.references] == [2]
    assert len(several.left_out) == 1 and several.left_out[0].startswith("Reference 1: No face was found")
    assert np.array_equal(several.image, one.image)
    with pytest.raises(NoFaceFound, match=r"The reference photo cannot be used\. No face was found"):
        job(masked[0], reference=[blank, blank])
    with pytest.raises(OptionInvalid, match="At most 5 reference photos"):
        job(masked[0], reference=[astronaut] * 6)


def test_no_references_are_none(job, masked):
    alone, none = job(masked[0]), job(masked[0], reference=[])
    assert none.references == alone.references == () and none.reference is None
    assert [used.name for used in none.weights] == [used.name for used in alone.weights]
    assert np.array_equal(none.image, alone.image)


def test_the_face_drawn_alone_guides_the_warp(job, masked, astronaut, monkeypatch):
    photo, given = masked[0], []

    def warp(*arguments, **named):
        given.append(named["drawn"])
        return warp_reference(*arguments, **named)

    monkeypatch.setattr(gathering, "warp_reference", warp)
    alone, helped = job(photo), job(photo, reference=astronaut)
    (drawn,) = given
    assert drawn is not None
    assert np.array_equal(drawn.mesh, find_crop_face(alone.crop).mesh)
    monkeypatch.setattr(painting, "find_crop_face", lambda crop: None)
    assert not np.array_equal(job(photo, reference=astronaut).warped, helped.warped)
    assert given[-1] is None, "a face lost in the repainted crop is no error"


def test_an_inpainter_draws_and_a_reference_refines(job, masked, astronaut):
    alone, helped = job(masked[0]), job(masked[0], reference=astronaut)
    assert alone.engine == helped.engine == "inpainter"
    assert [used.name for used in alone.weights] == ["drafts"]
    assert [used.name for used in helped.weights] == ["small", "drafts"]
    assert np.array_equal(alone.coarse, alone.refined), "its drawing is the answer"
    assert np.array_equal(helped.coarse, alone.coarse), "and the draft that is refined"
    assert not np.array_equal(helped.refined, alone.refined)


def test_the_papers_networks_draw_by_themselves(job, masked, astronaut):
    alone, helped = (job(masked[0], reference=one, engine="paper") for one in (None, astronaut))
    assert alone.engine == "paper" and [used.name for used in alone.weights] == ["small"]
    assert not np.array_equal(alone.coarse, alone.refined)
    assert not np.array_equal(helped.coarse, alone.coarse), "the coarse network sees the reference, too"
    assert not np.array_equal(alone.refined, job(masked[0]).refined)
    with pytest.raises(OptionInvalid, match="engine must be one of inpainter, paper"):
        job(masked[0], engine="other")


def test_what_lies_under_the_mask_does_not_matter(job, masked, astronaut):
    photo, truth = masked
    wide = cv2.dilate(truth.astype(np.uint8), np.ones((15, 15))).astype(bool)
    other = photo.copy()
    other[truth] = (40, 200, 90)
    one, two = (job(picture, reference=astronaut, mask=wide) for picture in (photo, other))
    # FaceMesh may place the points a little differently, which moves the crop.
    assert np.abs(one.image.astype(int) - two.image).mean() < 3


def test_given_and_suggested_masks(job, astronaut, face):
    suggested = job(astronaut, extent="lower-face")
    given = job(astronaut, mask=suggest_mask(face, astronaut.shape[:2], "lower-face"))
    assert (suggested.mask_source, given.mask_source) == ("suggested", "given")
    assert suggested.found is given.found is None
    assert np.array_equal(suggested.mask, given.mask) and np.array_equal(suggested.image, given.image)


def test_a_given_mask_is_neither_looked_for_nor_widened(job, masked):
    photo, truth = masked
    result = job(photo, mask=truth)
    assert np.array_equal(result.mask, truth)
    wider = job(photo, mask=truth, grow=5).mask
    assert wider.sum() > truth.sum() and wider[truth].all()


def test_what_hangs_below_the_crop_is_smoothed_over(job, astronaut, face):
    alignment = align(astronaut, face)
    crop_rows = alignment.to_crop(np.stack(np.mgrid[:512, :512][::-1], -1).reshape(-1, 2) + 0.5)[:, 1].reshape(512, 512)
    lower = suggest_mask(face, astronaut.shape[:2], "lower-face")
    tip = (crop_rows > 200) & (crop_rows < 268) & (np.abs(np.arange(512) - face.mesh[152, 0]) < 12)
    photo = astronaut.copy()
    photo[tip] = (0, 0, 255)
    result = job(photo, mask=lower | tip)
    below = tip & (crop_rows > 256)
    assert below.sum() > 50 and result.mask[below].all()
    assert same_outside(result)
    blue = result.image[tip].astype(int) @ (-1, -1, 2)
    assert blue.max() < 300 < (photo[tip].astype(int) @ (-1, -1, 2)).min(), "no blue is left, at the border neither"


def test_the_same_twice_and_by_seed(job, masked, astronaut):
    photo = cv2.resize(masked[0], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    one, same, other = (job(photo, reference=astronaut, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.image, same.image)
    assert one.seed == 3 and not np.array_equal(one.coarse, other.coarse), "the seed is the drawing's and the grain's"


def test_large_photos_come_back_large(job, masked, astronaut):
    photo = cv2.resize(masked[0], (2400, 2400), interpolation=cv2.INTER_CUBIC)
    reference = cv2.resize(astronaut, (1500, 1500), interpolation=cv2.INTER_CUBIC)
    result = job(photo, reference=reference)
    assert result.image.shape == photo.shape and same_outside(result)
    assert result.mask.sum() > 0.8 * 16 * masked[1].sum()


def test_no_mask_on_the_face(job, astronaut):
    with pytest.raises(SurgicalMaskNotFound, match="paint one with the brush, or use the suggested region"):
        job(astronaut)


def test_photos_without_a_face(job, masked, astronaut):
    blank = np.full((300, 300, 3), 128, np.uint8)
    with pytest.raises(NoFaceFound):
        job(blank)
    with pytest.raises(NoFaceFound, match=r"The reference photo cannot be used\. No face was found"):
        job(masked[0], reference=blank)
    with pytest.raises(FaceIndexInvalid):
        job(masked[0], reference=astronaut, face=1)
    with pytest.raises(ArrayInvalid, match=r"The reference photo cannot be used\. The photo is an array"):
        job(masked[0], reference=astronaut[..., 0])
    with pytest.raises(FaceIndexInvalid, match="The reference photo cannot be used"):
        job(masked[0], reference=astronaut, reference_face=1)


def test_faces_that_are_too_small(job, masked, astronaut):
    small = cv2.resize(astronaut, None, fx=0.13, fy=0.13, interpolation=cv2.INTER_AREA)
    with pytest.raises((ImageTooSmall, NoFaceFound), match="The reference photo cannot be used"):
        job(masked[0], reference=small)


def test_references_that_cannot_be_warped(job, masked, astronaut, monkeypatch):
    from pipelines.mask_removal.references import warping

    monkeypatch.setattr(warping, "yaw", lambda face: 70.0 if face.eye_distance > 1.2 * 77 else 0.0)
    with pytest.raises(ReferenceUnusable, match="too different a side"):
        job(masked[0], reference=cv2.resize(astronaut, None, fx=3, fy=3))


@pytest.mark.parametrize(
    ("mask", "error"),
    [
        (np.zeros((512, 512), bool), MaskEmpty),
        (np.ones((512, 512), bool), MaskTooLarge),
        (np.ones((10, 10), bool), MaskMismatch),
        (np.eye(512, dtype=bool) & (np.arange(512) > 505), MaskOffFace),
    ],
)
def test_masks_that_do_not_fit(job, masked, mask, error):
    with pytest.raises(error):
        job(masked[0], mask=mask)


def test_options_out_of_range(job, masked, astronaut):
    with pytest.raises(OptionInvalid, match="feather"):
        job(masked[0], feather=-1)
    with pytest.raises(OptionInvalid, match="extent"):
        job(masked[0], extent="chin")
    with pytest.raises(OptionInvalid, match="control points"):
        job(masked[0], reference=astronaut, points=3)


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_can_be_stopped_before_every_stage(job, masked, astronaut, stage):
    def stop(fraction, text):
        if text == stage:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        job(masked[0], reference=astronaut, progress=stop)


def test_weights_that_are_not_there(masked, untrained):
    with pytest.raises(WeightsUnknown):
        MaskRemoval("other", "cpu")(masked[0])
    loading.clear()
    (untrained / "small.safetensors").unlink()
    with pytest.raises(WeightsMissing):
        MaskRemoval(device="cpu")(masked[0])


@pytest.fixture
def with_embedder(untrained) -> Path:
    """The weights folder, with the built-in face embedder in it too."""
    entry = manifest.read_tables(SHIPPED / "manifest.toml")["face-embedder"]
    about = {key: entry[key] for key in ("job", "network", "licence", "default")}
    registering.register("face-embedder", SHIPPED / entry["file"], **about)
    return untrained


def test_a_reference_says_how_like_it_the_result_is(job, masked, astronaut, with_embedder, monkeypatch):
    photo, truth = masked
    drawn = []

    def find(crop: np.ndarray) -> Face:
        """That of the bare crop: what an untrained network draws need not be a face."""
        drawn.append((crop, find_crop_face(align(astronaut, find_face(astronaut), 256).crop(astronaut))))
        return drawn[0][1]

    monkeypatch.setattr(painting, "find_crop_face", find)
    result = job(photo, reference=astronaut, mask=truth)
    assert [used.name for used in result.weights] == ["small", "drafts", "face-embedder"]
    found = find_face(astronaut).points
    told = FaceEmbedder().similarity(result.image, result.landmarks, astronaut, found)
    assert result.identity == pytest.approx(told, abs=1e-6) and -1 <= result.identity < 1
    untouched = FaceEmbedder().similarity(astronaut, found, astronaut, found)
    assert untouched > result.identity, "an untrained network draws nobody"
    ((alone, face),) = drawn
    told = FaceEmbedder().similarity(alone, face.points, astronaut, found)
    assert result.identity_alone == pytest.approx(told, abs=1e-6) and result.identity_alone != result.identity
    assert np.array_equal(alone[~result.hole], result.crop_before[~result.hole])
    monkeypatch.setattr(painting, "find_crop_face", lambda crop: None)
    assert job(photo, reference=astronaut, mask=truth).identity_alone is None


def test_without_a_reference_no_embedder_is_loaded(job, masked, with_embedder):
    (with_embedder / "face-embedder.safetensors").unlink()
    result = job(masked[0])
    assert result.identity is None and [used.name for used in result.weights] == ["drafts"]


def test_an_embedder_that_is_damaged_is_said_before_anything_is_drawn(job, masked, astronaut, with_embedder):
    said = []
    (with_embedder / "face-embedder.safetensors").write_bytes(b"?")
    with pytest.raises(WeightsCorrupt, match="“face-embedder” differ"):
        job(masked[0], reference=astronaut, progress=lambda fraction, text: said.append(text))
    assert said == ["loading"]


def test_results_are_frozen_and_the_network_is_shared_unchanged(job, masked):
    result = job(masked[0])
    with pytest.raises(AttributeError):
        result.image = None
    assert replace(result, seed=5).seed == 5
    network = loading.load(job="mask-removal").network
    before = {name: value.clone() for name, value in network.state_dict().items()}
    job(masked[0])
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_grey_photo_gets_a_grey_face_whatever_the_references_colours(job, masked, astronaut):
    photo, truth = masked
    grey = np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    result = job(grey, reference=astronaut, mask=truth)
    for picture in (result.image, result.refined, result.coarse):
        assert np.ptp(picture, axis=2).max() == 0
    assert (result.image != grey).any()
