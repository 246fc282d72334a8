"""The whole way of a photo to its score, with the built-in weights on a real face."""

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from pipelines.anomaly_scoring.choices import PAINTED
from pipelines.anomaly_scoring.normalizers.base import Normalized, Statement
from pipelines.anomaly_scoring.pipeline import VERSION, AnomalyScoring, area_of
from pipelines.anomaly_scoring.scoring import scale
from pipelines.anomaly_scoring.scoring.asymmetry import asymmetry_map
from pipelines.anomaly_scoring.scoring.heatmaps import COLOURS, heat_map
from pipelines.anomaly_scoring.scoring.local import local_map
from pipelines.anomaly_scoring.scoring.regions import REGIONS, region
from pipelines.anomaly_scoring.scoring.scores import score
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
from pipelines.faces.masks import hull_mask, suggest_mask
from pipelines.faces.points import Face
from pipelines.faces.subject import Subject
from pipelines.faces.symmetry import even_face
from pipelines.metrics.backbones import VARIABLE, fingerprint
from pipelines.models import places, store
from pipelines.results import Basis, Percentile
from pipelines.tensors import to_network, to_pixels

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scoring() -> AnomalyScoring:
    return AnomalyScoring(device="cpu", precision="float32")


@pytest.fixture(scope="module")
def result(scoring):
    return scoring(skimage.data.astronaut(), seed=5)


@pytest.fixture(scope="module")
def quick() -> AnomalyScoring:
    """Searches once instead of three times: for tests of whose figures nobody asks."""
    return AnomalyScoring(device="cpu", precision="float32", searches=1)


@pytest.fixture(scope="module")
def normalized(quick, face) -> Normalized:
    return quick.normalize(Subject(skimage.data.astronaut(), (face,), 0), seed=5)


class Drawn:
    """A normalizer that has drawn already."""

    def __init__(self, normalized: Normalized, stated: Statement) -> None:
        self.normalized, self.stated = normalized, stated

    def state(self) -> Statement:
        return self.stated

    def __call__(self, photo, face, *, seed=0, progress=None) -> Normalized:
        return self.normalized


@pytest.fixture
def comparing(quick, normalized, monkeypatch) -> AnomalyScoring:
    """Scores the astronaut with a normalized face that is drawn once: for tests of what comes after the normalizer."""
    scoring = AnomalyScoring(device="cpu", precision="float32", searches=1)
    monkeypatch.setattr(scoring, "normalizer", Drawn(normalized, quick.normalizer.state()))
    return scoring


# --- what comes back ----------------------------------------------------------------------------------------------


def test_result_holds_pictures_map_and_area_of_one_size(result, astronaut):
    assert result.photo is not None and np.array_equal(result.photo, astronaut)
    assert result.crop.shape == result.normalized.shape == (256, 256, 3)
    assert result.crop.dtype == result.normalized.dtype == np.uint8
    assert result.heat.shape == result.area.shape == result.repainted.shape == (256, 256)
    assert (result.heat.dtype, result.area.dtype, result.repainted.dtype) == (np.float32, bool, bool)
    assert (result.heat[~result.repainted] == 0).all() and result.heat.max() > 0
    assert np.array_equal(result.area, region(Face(result.mesh), (256, 256)))
    for finding in (result.local, result.asymmetry):
        assert (finding.map.shape, finding.area.shape) == ((256, 256), (256, 256))
        assert (finding.map.dtype, finding.area.dtype, type(finding.value)) == (np.float32, bool, float)


def test_the_points_of_the_crop_favour_no_side(result, normalized, astronaut, face):
    assert np.array_equal(result.mesh, normalized.face.mesh) and result.mesh.shape == (478, 2)
    even = normalized.alignment.face_in_crop(even_face(astronaut, face))
    assert np.array_equal(result.mesh, even.mesh)
    assert not np.array_equal(result.mesh, normalized.alignment.face_in_crop(face).mesh)
    away = np.linalg.norm(find_crop_face(result.crop).mesh - result.mesh, axis=1)
    assert away.mean() < 0.02 * even.eye_distance


def test_result_names_what_made_it(result, face):
    assert result.basis == Basis(
        normalizer="inpainting",
        weights=store.find(job="cleft-inpainting").sha256[:12],
        conditions="3 searches",
        perceptual=None,
        region="mouth-nose",
        kind="pse",
        colour="ycbcr",
        erosion=True,
        formula="equation",
        version=VERSION,
        precision="float32",
        seed=5,
    )
    assert (result.device, result.seed, result.face, result.faces) == ("CPU, float32", 5, 0, 1)
    assert [used.name for used in result.weights] == ["cleft-inpainting"] and len(result.weights[0].sha256) == 12
    assert list(result.seconds) == ["landmarks", "normalizing", "comparing", "measurements"]
    assert all(seconds >= 0 for seconds in result.seconds.values())
    assert (result.reappears, result.frames, result.losses) == (None, (), ())
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
    assert np.array_equal(again.local.map, result.local.map) and again.local.value == result.local.value
    assert np.array_equal(again.asymmetry.map, result.asymmetry.map)
    assert np.array_equal(astronaut, before)


def test_a_mirrored_photo_scores_alike(scoring, result, astronaut):
    mirrored = scoring(np.ascontiguousarray(astronaut[:, ::-1]), seed=5)
    assert mirrored.local.value == pytest.approx(result.local.value, rel=0.02)
    assert mirrored.asymmetry.value == pytest.approx(result.asymmetry.value, rel=0.03)
    assert mirrored.local.value > 5 and mirrored.asymmetry.value > 5


# --- what a score depends on --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"region": "upper-lip", "seed": 7},
        {"region": "face", "kind": "ssim", "colour": "rgb", "erosion": False, "formula": "text"},
    ],
)
def test_the_basis_is_known_before_the_run(comparing, astronaut, chosen):
    before = comparing.basis(**chosen)
    assert comparing(astronaut, **chosen).basis == before
    standard = {"region": "mouth-nose", "kind": "pse", "colour": "ycbcr", "erosion": True, "formula": "equation"}
    expected = standard | {"seed": 0, "precision": "float32", "conditions": "1 search"} | chosen
    assert {name: getattr(before, name) for name in expected} == expected


def test_the_basis_of_a_whole_run_and_of_a_painted_region(scoring, comparing, result, astronaut, face):
    assert result.basis == scoring.basis(seed=5)
    mask = suggest_mask(face, astronaut.shape[:2], "lips")
    painted = comparing(astronaut, mask=mask, region="face").basis
    assert painted == comparing.basis(region=PAINTED) != comparing.basis(region="face")


def test_the_basis_names_the_precision_and_the_network_of_the_map(comparing, shared, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(shared / "weights"))
    half = AnomalyScoring(device="cpu", precision="bfloat16", searches=1).basis()
    assert half.precision == "bfloat16"
    assert half.perceptual is None
    assert comparing.basis(kind="lpips").perceptual == f"LPIPS, AlexNet {fingerprint('alex')}"
    monkeypatch.setenv(VARIABLE, "/nowhere")
    with pytest.raises(WeightsMissing):
        AnomalyScoring(device="cpu", searches=1).basis(kind="lpips")


def test_the_number_of_searches_is_a_condition():
    conditions = [AnomalyScoring(device="cpu", searches=number).basis().conditions for number in (1, 3, 10)]
    assert conditions[1] == AnomalyScoring(device="cpu").basis().conditions == "3 searches"
    assert len(set(conditions)) == 3


@pytest.mark.parametrize("number", [0, 11])
def test_a_number_of_searches_out_of_range_is_said(number):
    with pytest.raises(OptionInvalid, match=r"^The number of searches must be a number from 1 to 10\.$"):
        AnomalyScoring(device="cpu", searches=number)


# --- what is found ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REGIONS)
def test_findings_are_the_peaks_of_their_maps(comparing, normalized, astronaut, name):
    result = comparing(astronaut, region=name)
    unlike_mirror = asymmetry_map(normalized.crop, normalized.face)
    unfitting = local_map(normalized.residual, unlike_mirror, normalized.crop, normalized.face)
    area = area_of(normalized, name)
    assert np.array_equal(area, region(normalized.face, (256, 256), name))
    for finding, values, counted, percentile in (
        (result.local, unfitting, area & normalized.searched, 99.5),
        (result.asymmetry, unlike_mirror, area, 98),
    ):
        assert np.array_equal(finding.map, values) and np.array_equal(finding.area, counted)
        assert finding.value == pytest.approx(np.percentile(values[counted], percentile), rel=1e-6)
        assert 0 < finding.value < values.max() + 1e-3
    assert (name == "face") == (result.local.area.sum() < 0.9 * area.sum())


def test_what_is_painted_off_lips_and_nose_has_no_local_severity(comparing, normalized, astronaut, face):
    shape = astronaut.shape[:2]
    forehead = hull_mask(face.points[17:27] - (0, 0.3 * face.eye_distance), 0, shape)
    off = comparing(astronaut, mask=forehead)
    assert off.local is None
    assert np.array_equal(off.asymmetry.area, off.area) and off.asymmetry.value > 0
    assert np.isfinite(off.score.severity)
    both = comparing(astronaut, mask=forehead | suggest_mask(face, shape, "lips"))
    assert np.array_equal(both.local.area, both.area & normalized.searched)
    assert 0 < both.local.area.sum() < both.area.sum()


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
    area = region(normalized.face, (256, 256), name)
    total, pixels = float(heat[area].sum(dtype=np.float64)), int(area.sum())
    assert equation.basis.region == name and np.array_equal(equation.area, area)
    assert equation.score.severity == pytest.approx(np.log(np.sqrt(total) / pixels))
    assert text.score.severity == pytest.approx(np.log(total / pixels))
    assert (equation.score.formula, text.score.formula) == ("equation", "text")
    for one in (equation, text):
        assert (one.score.kind, one.score.colour, one.score.erosion) == (kind, colour, erosion)


def test_lpips_is_computed_and_named_where_its_network_is(comparing, astronaut, shared, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(shared / "weights"))
    result = comparing(astronaut, kind="lpips")
    assert result.score.kind == "lpips" and 0 < result.heat.max() < 5
    assert result.basis == comparing.basis(kind="lpips")
    assert result.basis.perceptual == f"LPIPS, AlexNet {fingerprint('alex')}"
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
        ({"region": "ears"}, "The region must be one of mouth-nose, upper-lip, face, painted"),
        ({"kind": "psnr"}, "The kind of heat map must be one of pse, ssim, lpips"),
        ({"colour": "lab"}, "The colour space must be one of ycbcr, rgb"),
        ({"formula": "7"}, "The formula must be one of equation, text"),
    ],
)
def test_options_that_do_not_exist(comparing, astronaut, chosen, sentence):
    for attempt in (comparing.basis, lambda **options: comparing(astronaut, **options)):
        with pytest.raises(OptionInvalid, match=sentence):
            attempt(**chosen)


def test_normalizers_that_do_not_exist_and_options_of_another():
    with pytest.raises(OptionInvalid, match="The normalizer must be one of inpainting, stylegan2"):
        AnomalyScoring("pca", device="cpu")
    with pytest.raises(OptionInvalid, match="has no such option; leave it out"):
        AnomalyScoring("inpainting", device="cpu", steps=50)


# --- a painted region ---------------------------------------------------------------------------------------------


def test_a_painted_region_is_scored_instead(comparing, normalized, astronaut, face):
    mask = suggest_mask(face, astronaut.shape[:2], "lips")
    result = comparing(astronaut, mask=mask)
    assert result.basis.region == "painted"
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


def test_the_second_face_can_be_chosen(quick, astronaut):
    both = np.full((512, 850, 3), 200, np.uint8)
    both[:, :512] = astronaut
    both[100:420, 520:840] = cv2.resize(astronaut, (320, 320), interpolation=cv2.INTER_AREA)
    second = quick(both, face=1)
    assert (second.face, second.faces) == (1, 2)
    assert second.landmarks[:, 0].min() > 520
    with pytest.raises(FaceIndexInvalid, match="shows 2"):
        quick(both, face=2)


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
    assert large.local.value == pytest.approx(result.local.value, rel=0.25)
    assert large.asymmetry.value == pytest.approx(result.asymmetry.value, rel=0.25)


def test_a_face_at_the_border(quick, astronaut, face):
    left, _, right, _ = face.box
    photo = np.ascontiguousarray(astronaut[:, round(left + 0.12 * (right - left)) :])
    cut = quick(photo)
    assert cut.landmarks[:, 0].min() < 0.05 * face.eye_distance
    assert cut.score.pixels > 1000
    assert np.isfinite([cut.score.severity, cut.local.value, cut.asymmetry.value]).all()


# --- on the way ---------------------------------------------------------------------------------------------------


def test_progress_rises_from_0_to_1(scoring, astronaut):
    told = []
    scoring(astronaut, progress=lambda fraction, text: told.append((fraction, text)))
    fractions = [fraction for fraction, _ in told]
    assert (fractions[0], told[-1]) == (0.0, (1.0, "done"))
    assert fractions == sorted(fractions) and len(set(fractions)) > 5
    assert all(text for _, text in told)


@pytest.mark.parametrize("where", ["landmarks", "looking for what does not fit", "comparing"])
def test_what_progress_raises_stops_the_run(quick, astronaut, where):
    class StopError(Exception):
        pass

    def stop(fraction, text):
        if text == where:
            raise StopError

    with pytest.raises(StopError):
        quick(astronaut, progress=stop)


# --- beside other faces -------------------------------------------------------------------------------------------


def test_percentiles_are_those_of_the_basis_and_the_group(comparing, astronaut, tmp_path, monkeypatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    alone, basis = comparing(astronaut), comparing.basis()
    assert (alone.percentile, alone.local.percentile, alone.asymmetry.percentile) == (None, None, None)
    figures = {"severity": alone.score.severity, "local": alone.local.value, "asymmetry": alone.asymmetry.value}
    shares = {"severity": 75, "local": 50, "asymmetry": 25}  # of the faces that have less, in the group of everyone
    scales = {}
    for figure, value in figures.items():
        low = value - 4 * shares[figure] / 100
        scales[scale.Key.of(figure, basis)] = np.linspace(low, low + 4, 401)
        scales[scale.Key.of(figure, basis, "0-8")] = value + np.linspace(-1, 1, 40)
    (places.folder() / scale.FILE).write_bytes(scale.encode(scales))

    def percentiles(**options):
        result = comparing(astronaut, **options)
        return result.percentile, result.local.percentile, result.asymmetry.percentile

    whole = [Percentile(pytest.approx(share, abs=0.1), 401, "all") for share in shares.values()]
    assert percentiles() == tuple(whole)
    assert percentiles(group="0-8") == (Percentile(pytest.approx(50, abs=0.1), 40, "0-8"),) * 3
    with pytest.raises(OptionInvalid, match=r"^The group to compare with must be one of all, 0-8\.$"):
        comparing(astronaut, group="9-17")
    assert percentiles(kind="ssim") == (None, *whole[1:])  # the map is the paper's alone
    assert percentiles(region="upper-lip") == (None, None, None)
    assert percentiles(mask=np.ones(astronaut.shape[:2], bool)) == (None, None, None)


def test_of_a_grey_photo_no_colour_is_counted(quick, astronaut, face):
    """The network draws red lips into a grey face: what it draws is compared, and shown, without them."""
    grey = np.repeat(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    result = quick(grey)
    assert np.ptp(result.normalized, axis=2).max() == 0
    assert (result.normalized != result.crop)[result.repainted].any()
    network = quick.normalizer._load().network
    hole = to_network(result.repainted, quick.device)
    drawn = network.predict(to_network(result.crop, quick.device), hole, torch.ones_like(hole)).image
    assert np.ptp(to_pixels(drawn), axis=2)[result.repainted].max() > 3, "it must draw colour into a grey face"
