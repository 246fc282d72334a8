"""The whole way of a photo to its score, with the built-in weights on a real face."""

import cv2
import numpy as np
import pytest
import skimage.data

from pipelines import store
from pipelines.anomaly_scoring import scale
from pipelines.anomaly_scoring.heatmaps import COLOURS, heat_map
from pipelines.anomaly_scoring.normalization import Normalized
from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.anomaly_scoring.regions import REGIONS, region
from pipelines.anomaly_scoring.scores import score
from pipelines.errors import (
    FaceIndexInvalid,
    ImageTooSmall,
    MaskEmpty,
    MaskMismatch,
    MaskOffFace,
    NoFaceFound,
    OptionInvalid,
    WeightsMissing,
)
from pipelines.faces.landmarks import find_crop_face
from pipelines.faces.masks import suggest_mask
from pipelines.metrics.backbones import VARIABLE
from pipelines.results import Percentile


@pytest.fixture(scope="module")
def scoring() -> AnomalyScoring:
    return AnomalyScoring(device="cpu", precision="float32")


@pytest.fixture(scope="module")
def result(scoring):
    return scoring(skimage.data.astronaut(), seed=5)


@pytest.fixture(scope="module")
def normalized(scoring, face) -> Normalized:
    return scoring.normalizer(skimage.data.astronaut(), face, seed=5)


@pytest.fixture
def comparing(normalized, monkeypatch) -> AnomalyScoring:
    """Scores the astronaut with a normalized face that is drawn once: for tests of what comes after the normalizer."""
    scoring = AnomalyScoring(device="cpu", precision="float32")
    monkeypatch.setattr(scoring, "normalizer", lambda photo, face, *, seed=0, progress=None: normalized)
    return scoring


# --- what comes back ----------------------------------------------------------------------------------------------


def test_result_holds_pictures_map_and_area_of_one_size(result, astronaut):
    assert result.photo is not None and np.array_equal(result.photo, astronaut)
    assert result.crop.shape == result.normalized.shape == (256, 256, 3)
    assert result.crop.dtype == result.normalized.dtype == np.uint8
    assert result.heat.shape == result.area.shape == result.repainted.shape == (256, 256)
    assert (result.heat.dtype, result.area.dtype, result.repainted.dtype) == (np.float32, bool, bool)
    assert (result.heat[~result.repainted] == 0).all() and result.heat.max() > 0
    assert np.array_equal(result.area, region(find_crop_face(result.crop), (256, 256)))


def test_result_names_what_made_it(result, face):
    assert (result.normalizer, result.region, result.device, result.seed) == (
        "inpainting",
        "mouth-nose",
        "CPU, float32",
        5,
    )
    assert (result.face, result.faces) == (0, 1)
    assert [used.name for used in result.weights] == ["cleft-inpainting"] and len(result.weights[0].sha256) == 12
    assert list(result.seconds) == ["landmarks", "normalizing", "comparing", "measurements"]
    assert all(seconds >= 0 for seconds in result.seconds.values())
    assert (result.conditions, result.perceptual, result.reappears, result.frames, result.losses) == (
        "",
        None,
        None,
        (),
        (),
    )
    assert np.array_equal(result.landmarks, face.points) and result.landmarks.shape == (68, 2)
    assert len(result.measurements) == 5
    assert (result.score.kind, result.score.colour, result.score.erosion) == ("pse", "ycbcr", True)


def test_the_score_is_that_of_the_map_over_the_area(result):
    heat = heat_map(result.crop, result.normalized)
    assert np.array_equal(heat, result.heat)
    assert result.score == score(heat, result.area)
    assert result.score.pixels == result.area.sum() and result.score.severity == -result.score.normality


def test_the_same_seed_gives_the_same_answer_and_the_photo_stays(scoring, result, astronaut):
    before = astronaut.copy()
    again = scoring(astronaut, seed=5)
    assert np.array_equal(again.normalized, result.normalized) and again.score == result.score
    assert np.array_equal(astronaut, before)


# --- how it is compared -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("erosion", [True, False])
@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("kind", ["pse", "ssim"])
@pytest.mark.parametrize("name", REGIONS)
def test_every_way_to_compare(comparing, normalized, astronaut, name, kind, colour, erosion):
    chosen = {"region": name, "kind": kind, "colour": colour, "erosion": erosion}
    equation = comparing(astronaut, **chosen)
    text = comparing(astronaut, **chosen, formula="text")
    heat = heat_map(normalized.crop, normalized.image, kind, colour, erosion)
    area = region(find_crop_face(normalized.crop), (256, 256), name)
    total, pixels = float(heat[area].sum(dtype=np.float64)), int(area.sum())
    assert equation.region == name and np.array_equal(equation.area, area)
    assert equation.score.severity == pytest.approx(np.log(np.sqrt(total) / pixels))
    assert text.score.severity == pytest.approx(np.log(total / pixels))
    assert (equation.score.formula, text.score.formula) == ("equation", "text")
    for one in (equation, text):
        assert (one.score.kind, one.score.colour, one.score.erosion) == (kind, colour, erosion)


def test_lpips_is_computed_and_named_where_its_network_is(comparing, astronaut, shared, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(shared / "weights"))
    result = comparing(astronaut, kind="lpips")
    assert result.score.kind == "lpips" and 0 < result.heat.max() < 5
    assert result.perceptual == "LPIPS, AlexNet"
    assert [used.name for used in result.weights] == ["cleft-inpainting", "alexnet"]
    monkeypatch.setenv(VARIABLE, "/nowhere")  # loaded once
    assert comparing(astronaut, kind="lpips").score == result.score


def test_lpips_without_its_network_is_one_sentence_before_any_work(comparing, astronaut, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    told = []
    with pytest.raises(WeightsMissing, match="run python -m pipelines weights get"):
        comparing(astronaut, kind="lpips", progress=lambda fraction, text: told.append(fraction))
    assert told == [0.0]


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"region": "ears"}, "The region must be one of mouth-nose, face"),
        ({"kind": "psnr"}, "The kind of heat map must be one of pse, ssim, lpips"),
        ({"colour": "lab"}, "The colour space must be one of ycbcr, rgb"),
        ({"formula": "7"}, "The formula must be one of equation, text"),
    ],
)
def test_options_that_do_not_exist(comparing, astronaut, chosen, sentence):
    with pytest.raises(OptionInvalid, match=sentence):
        comparing(astronaut, **chosen)


def test_normalizers_that_do_not_exist_and_options_of_another():
    with pytest.raises(OptionInvalid, match="The normalizer must be one of inpainting, stylegan2"):
        AnomalyScoring("pca", device="cpu")
    with pytest.raises(OptionInvalid, match="has no such option; leave it out"):
        AnomalyScoring("inpainting", device="cpu", steps=50)


# --- a painted region ---------------------------------------------------------------------------------------------


def test_a_painted_region_is_scored_instead(comparing, normalized, astronaut, face):
    mask = suggest_mask(face, astronaut.shape[:2], "lips")
    result = comparing(astronaut, mask=mask)
    assert result.region == "painted"
    assert np.array_equal(result.area, normalized.alignment.crop_mask(mask))
    assert result.score.pixels == result.area.sum() > 500
    assert result.score == score(result.heat, result.area)


@pytest.mark.parametrize(
    ("mask", "error", "sentence"),
    [
        (np.zeros((512, 512), bool), MaskEmpty, "The painted region is empty; paint over"),
        (np.ones((9, 11), bool), MaskMismatch, "The mask is 11 × 9 pixels and the photo 512 × 512"),
        (np.pad(np.ones((20, 20), bool), ((492, 0), (492, 0))), MaskOffFace, "away from the chosen face; paint over"),
    ],
)
def test_painted_regions_that_cannot_be_scored(comparing, astronaut, mask, error, sentence):
    with pytest.raises(error, match=sentence):
        comparing(astronaut, mask=mask)


# --- faces --------------------------------------------------------------------------------------------------------


def test_the_second_face_can_be_chosen(scoring, astronaut):
    both = np.full((512, 850, 3), 200, np.uint8)
    both[:, :512] = astronaut
    both[100:420, 520:840] = cv2.resize(astronaut, (320, 320), interpolation=cv2.INTER_AREA)
    second = scoring(both, face=1)
    assert (second.face, second.faces) == (1, 2)
    assert second.landmarks[:, 0].min() > 520
    with pytest.raises(FaceIndexInvalid, match="shows 2"):
        scoring(both, face=2)


def test_no_face_and_a_face_of_a_few_pixels(comparing, astronaut):
    with pytest.raises(NoFaceFound, match="No face was found"):
        comparing(np.full((300, 300, 3), 127, np.uint8))
    with pytest.raises((ImageTooSmall, NoFaceFound)):
        comparing(cv2.resize(astronaut, (96, 96), interpolation=cv2.INTER_AREA))


def test_a_wide_photo_of_many_pixels(scoring, result, astronaut):
    wide = np.full((1440, 2560, 3), 90, np.uint8)
    wide[:, 560:2000] = cv2.resize(astronaut, (1440, 1440), interpolation=cv2.INTER_CUBIC)
    large = scoring(wide, seed=5)
    assert large.photo.shape == wide.shape and large.crop.shape == (256, 256, 3)
    assert np.abs(large.crop.astype(float) - result.crop).mean() < 8  # the same face, aligned alike
    assert abs(large.score.severity - result.score.severity) < 0.5


def test_a_face_at_the_border(scoring, astronaut, face):
    left, _, right, _ = face.box
    photo = np.ascontiguousarray(astronaut[:, round(left + 0.12 * (right - left)) :])
    cut = scoring(photo)
    assert cut.landmarks[:, 0].min() < 0.05 * face.eye_distance
    assert cut.score.pixels > 1000 and np.isfinite(cut.score.severity)


# --- on the way ---------------------------------------------------------------------------------------------------


def test_progress_rises_from_0_to_1(scoring, astronaut):
    told = []
    scoring(astronaut, progress=lambda fraction, text: told.append((fraction, text)))
    fractions = [fraction for fraction, _ in told]
    assert (fractions[0], told[-1]) == (0.0, (1.0, "done"))
    assert fractions == sorted(fractions) and len(set(fractions)) > 5
    assert all(text for _, text in told)


@pytest.mark.parametrize("where", ["landmarks", "looking for what does not fit", "comparing"])
def test_what_progress_raises_stops_the_run(scoring, astronaut, where):
    class StopError(Exception):
        pass

    def stop(fraction, text):
        if text == where:
            raise StopError

    with pytest.raises(StopError):
        scoring(astronaut, progress=stop)


# --- beside other faces -------------------------------------------------------------------------------------------


def test_the_percentile_is_that_of_the_setting_and_the_group(comparing, normalized, astronaut, tmp_path, monkeypatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    severity = comparing(astronaut).score.severity
    weights = normalized.weights[0].sha256
    setting = scale.Setting("inpainting", weights, "", "mouth-nose", "pse", "ycbcr", True, "equation")
    children = scale.Setting(*list(vars(setting).values())[:-1], "0-8")
    scales = {setting: severity + np.linspace(-3, 1, 401), children: severity + np.linspace(-1, 1, 40)}
    (store.folder() / scale.FILE).write_bytes(scale.encode(scales))
    assert comparing(astronaut).percentile == Percentile(pytest.approx(75, abs=0.1), 401, "all")
    assert comparing(astronaut, group="0-8").percentile == Percentile(pytest.approx(50, abs=0.1), 40, "0-8")
    with pytest.raises(OptionInvalid, match=r"^The group to compare with must be one of all, 0-8\.$"):
        comparing(astronaut, group="9-17")
    assert comparing(astronaut, kind="ssim").percentile is None
    everything = np.ones(astronaut.shape[:2], bool)
    assert comparing(astronaut, mask=everything).percentile is None
