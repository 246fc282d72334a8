"""What the tab of anomaly scoring tells of its results, and what it does with what it is given."""

import base64
import hashlib
import json
import re
import threading
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import gradio as gr
import numpy as np
import pytest
import torch

from benchmarks.anomaly_scale import AGES
from pipelines.anomaly_scoring import choices as scoring_choices
from pipelines.anomaly_scoring import pipeline
from pipelines.anomaly_scoring.choices import ASYMMETRY_PEAK, CLINIC, EVERYONE, LOCAL_PEAK, MAPS
from pipelines.anomaly_scoring.drawing.colouring import ASYMMETRY_SCALE, LOCAL_SCALE, SCALES
from pipelines.anomaly_scoring.drawing.maps import around, severity_of_100, shown_map
from pipelines.anomaly_scoring.normalizers.inpainting import MOST_SEARCHES, SEARCHES
from pipelines.anomaly_scoring.scoring.regions import REGIONS
from pipelines.anomaly_scoring.study.ratings import TIMES
from pipelines.anomaly_scoring.study.study import settings_of
from pipelines.cases.case import Case
from pipelines.cleft_inpainting.network import INCLG
from pipelines.errors import WeightsMissing
from pipelines.faces.images import encode_png
from pipelines.faces.landmarks import find_faces
from pipelines.faces.measurements import measure
from pipelines.faces.points import MESH_TO_68
from pipelines.identity.likeness import question_of_photos
from pipelines.jobs import ANOMALY_SCORING
from pipelines.models import registering
from pipelines.results import AdaptationFrame, AnomalyScoringResult, Basis, Finding, Percentile, Score, WeightsUsed
from ui import CACHE
from ui.examples import drawn_anomalies
from ui.parts.scores import facts as scoring_facts
from ui.parts.scores.adaptation import adaptation_html, nearest_frame
from ui.parts.scores.facts import GROUPS, difference, lead_html, scores_html, verdict_html
from ui.parts.scores.heat_map import heat_maps
from ui.parts.settings import ScoringSettings
from ui.parts.widgets import measurements_html
from ui.pictures.masks import editor_size, layer_url
from ui.server import scorers
from ui.server.engine import Engine
from ui.server.scorers import Scorers
from ui.server.sessions import Sessions
from ui.server.time_left import duration, part_of, with_time_left
from ui.server.turns import WAITING
from ui.session.kept import Photo
from ui.session.runs import Told
from ui.tabs import cohort
from ui.tabs.anomaly_scoring import ONE, TWO, AnomalyScoringTab, region_shown
from ui.tabs.base import no_files
from ui.tabs.cohort import COLUMNS, CohortTab, figures_html, given_html
from ui.tabs.repainting import mask_options
from ui.tabs.scoring_files import FILES, write_files

pytestmark = pytest.mark.slow

SETTINGS = ("mouth-nose", "pse", "inpainting", "all", 4, "ycbcr", "equation", True, 0, 50, 50, 3)
REQUEST = SimpleNamespace(session_hash="page")
BASIS = Basis(
    normalizer="inpainting",
    weights="0" * 12,
    conditions="4 searches",
    perceptual=None,
    region="mouth-nose",
    kind="pse",
    colour="ycbcr",
    erosion=True,
    formula="equation",
    version=2,
    precision="float32",
    seed=3,
)
SIDE = 64
TOY = {"width": 8, "blocks": 1, "landmark_width": 16, "fold": 2}


def result(
    photo: np.ndarray, severity: float = -1.5, local: float | None = 30.0, asymmetry: float = 12.0, **differing: Any
) -> AnomalyScoringResult:
    """A result over a square of a photo of one face."""
    crop = cv2.resize(photo, (SIDE, SIDE))
    area = np.zeros((SIDE, SIDE), bool)
    area[20:50, 16:48] = True
    face = find_faces(photo)[0]
    rising = np.linspace(0, 1, SIDE**2, dtype=np.float32).reshape(SIDE, SIDE)
    facts = {
        "photo": photo,
        "crop": crop,
        "normalized": crop[:, ::-1].copy(),
        "heat": 12_000 * rising,
        "area": area,
        "score": Score(-severity, severity, int(area.sum()), "pse", "ycbcr", True, "equation"),
        "percentile": None,
        "local": None if local is None else Finding(100 * rising.T, area, local, None),
        "asymmetry": Finding(60 * rising[::-1], area, asymmetry, None),
        "basis": BASIS,
        "repainted": None,
        "frames": (),
        "reappears": None,
        "losses": (),
        "mesh": face.mesh * SIDE / len(photo),
        "landmarks": face.points,
        "measurements": measure(face.points),
        "seconds": {"normalizing": 1.0},
        "weights": (WeightsUsed("toy", "0" * 12),),
        "device": "CPU",
        "face": 0,
        "faces": 1,
    }
    return AnomalyScoringResult(**facts | differing)


def among(one: AnomalyScoringResult, value: float, faces: int = 1000, group: str = "all") -> AnomalyScoringResult:
    """The result with a percentile of its local severity."""
    return replace(one, local=replace(one.local, percentile=Percentile(value, faces, group)))


def over(one: AnomalyScoringResult, region: str) -> AnomalyScoringResult:
    """The result over another region."""
    return replace(one, basis=replace(one.basis, region=region))


@pytest.fixture
def scored(astronaut: np.ndarray) -> AnomalyScoringResult:
    return result(astronaut)


class Fake:
    """A pipeline whose severity is the number of its calls, and whose local severity falls by ten with each; remembers
    how it was called.
    """

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.basis = BASIS

    def __call__(self, photo: np.ndarray, *, progress=None, **options: Any) -> AnomalyScoringResult:
        self.calls.append(options)
        if progress is not None:
            progress(0.5, "normalizing")
        return result(photo, float(len(self.calls)), 90.0 - 10 * len(self.calls))

    def settings(self, *, normalizer: str, own: dict[str, Any], group: str, **comparison: Any) -> dict[str, Any]:
        return settings_of(self.basis, group=group, face=0)


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def engine(fake: Fake) -> Engine:
    return Engine("cpu", pipelines={ANOMALY_SCORING: fake})


@pytest.fixture
def tab(engine: Engine, tmp_path: Path) -> AnomalyScoringTab:
    return AnomalyScoringTab(engine, Sessions(tmp_path))


@pytest.fixture
def toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr("gradio.Warning", lambda text, **options: said.append(text))
    return said


def opened(tab: AnomalyScoringTab, photo: np.ndarray, what: str = "photo") -> dict[str, Any]:
    """What the editor sends of a photo that was opened."""
    work = tab.work(REQUEST)
    return {"photo": work.take_photo(photo, find_faces(photo), editor_size(photo.shape), what).key}


def run(
    tab: AnomalyScoringTab, count: str, first: dict | None, second: dict | None = None, settings=SETTINGS, name="local",
    case=None,
) -> Any:  # fmt: skip
    tab.sessions.get(REQUEST.session_hash).case = case
    return tab.score(REQUEST, count, first, second, 0, 0, name, lambda fraction, desc: None, *settings)


def picture(html: str, number: int = 0) -> np.ndarray:
    urls = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    return cv2.imdecode(np.frombuffer(base64.b64decode(urls[number]), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


# --- words and pictures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (
            0.2,
            "<b>Nothing on lips or nose stands out more than usual:</b> in 99 of 100 faces without a cleft something",
        ),
        (
            40.4,
            "<b>Nothing on lips or nose stands out more than usual:</b> in 60 of 100 faces without a cleft something",
        ),
        (
            74.4,
            "<b>Nothing on lips or nose stands out more than usual:</b> in 26 of 100 faces without a cleft something",
        ),
        (75.0, "<b>Something on lips or nose stands out a little:</b> more than in 75 of 100 faces without a cleft"),
        (94.4, "<b>Something on lips or nose stands out a little:</b> more than in 94 of 100 faces without a cleft"),
        (94.6, "<b>Something on lips or nose stands out more than in 95 of 100</b> faces without a cleft"),
        (100.0, "<b>Something on lips or nose stands out more than in 99 of 100</b> faces without a cleft"),
    ],
)
def test_page_leads_with_the_local_percentile_as_a_sentence(scored: AnomalyScoringResult, value, sentence):
    said = lead_html(among(scored, value))
    assert sentence in said and "(compared with 1,000 faces)" in said and f"left:{value:.1f}%" in said
    assert verdict_html([among(scored, value)]) == (
        f'<div class="verdict" data-count="1" data-said><section>{said}</section></div>'
    )


def test_sentence_names_the_faces_and_the_region(scored: AnomalyScoringResult):
    assert "(compared with 108 faces, 0 to 8 years)" in lead_html(among(scored, 97, 108, "0-8"))
    assert "(compared with 400 faces, photographed as in a clinic)" in lead_html(among(scored, 97, 400, "clinic"))
    assert "Something on the upper lip or nostril sill stands out" in lead_html(over(among(scored, 97), "upper-lip"))
    whole = over(among(scored, 97), "face")
    assert "Something in the face stands out" in lead_html(whole)
    searched = scored.area.copy()
    searched[:30] = False
    partly = replace(whole, local=replace(whole.local, area=searched))
    assert "Something on lips or nose stands out" in lead_html(partly), "that is all that was searched"
    painted = over(replace(partly, local=replace(partly.local, percentile=None)), "painted")
    assert "<b>Local severity 30 grey levels</b> where the painted region lies on lips or nose." in lead_html(painted)


def test_sentence_without_a_percentile_says_why(scored: AnomalyScoringResult):
    said = lead_html(scored)
    assert "<b>Local severity 30 grey levels</b> on lips or nose." in said
    assert "No percentile: no open-set faces were scored with these settings." in said and "score-track" not in said
    assert "in the painted region. No percentile: no open-set faces were scored over what is painted." in lead_html(
        over(scored, "painted")
    )


def test_painted_region_off_lips_and_nose_leads_with_the_asymmetry(astronaut: np.ndarray):
    off = over(result(astronaut, local=None, asymmetry=23.4), "painted")
    said = lead_html(off)
    assert "<b>Left and right differ by up to 23 % of light</b> in the painted region." in said
    assert "so there is no local severity" in said
    assert "<dt>Local severity</dt><dd>none</dd>" in scores_html([off])


def test_every_figure_stands_beside_its_percentile_with_its_meaning_and_formula(scored: AnomalyScoringResult):
    alone = scores_html([scored])
    assert "<dd>30 grey levels</dd>" in alone and "<dd>12 % of light</dd>" in alone
    of_100 = f"{severity_of_100(scored):.0f} of 100"
    assert (
        f"<dt>Severity</dt><dd>−1.50 <small>· {of_100}</small></dd>" in alone
        and "<dt>Normality</dt><dd>1.50</dd>" in alone
    )
    assert "Mouth and nose, 960 px" in alone and "percentile " not in alone
    known = replace(
        among(scored, 97.4),
        percentile=Percentile(100.0, 1000, "all"),
        asymmetry=replace(scored.asymmetry, percentile=Percentile(88.0, 1000, "all")),
    )
    shown = scores_html([known])
    for figure in (
        "30 grey levels<span>percentile 97",
        "12 % of light<span>percentile 88",
        f"−1.50 <small>· {of_100}</small><span>percentile 99",
    ):
        assert f"<dd>{figure}</span></dd>" in shown
    folded = shown[shown.index("<details") :]
    for formula in (f"Percentile {LOCAL_PEAK:g} of r · w / u", f"Percentile {ASYMMETRY_PEAK:g} of |ln l − ln l′|"):
        assert formula in folded and shown.count(formula) == 2, "on hover and folded"
    assert "S = −ln(√(Σ h) / N)" in folded and "Fast repainting (4 searches)" in folded
    mean = replace(scored, score=replace(scored.score, formula="text"))
    assert "S = −ln(Σ h / N)" in scores_html([mean]) and "√" not in scores_html([mean])


def test_difference_of_two_photos_is_said_of_the_local_severity_first(astronaut: np.ndarray):
    before = replace(among(result(astronaut, -1.114, 91.6), 99.0), percentile=Percentile(97.0, 1000, "all"))
    after = replace(among(result(astronaut, -1.736, 31.2), 40.0), percentile=Percentile(41.0, 1000, "all"))
    better = difference(before, after)
    assert better == (
        "<b>Closer to normal after surgery:</b> local severity fell from 92 to 31 (percentile 99 → 40); "
        "the paper's severity fell from −1.11 to −1.74 (percentile 97 → 41)."
    )
    worse = difference(after, before)
    assert "Farther from normal" in worse and "rose from 31 to 92 (percentile 40 → 99)" in worse
    assert (
        scores_html([before, after]).count("Severity from 0 to 100:</b> 0 is a face like its normalized version") == 1
    )
    both = verdict_html([before, after])
    assert both.count("stands out") >= 2 and "Before surgery" in both
    assert both.index(better) < both.index("<section"), "what two photos are compared for comes first"


def test_difference_below_half_a_step_is_hardly_any(astronaut: np.ndarray):
    first = result(astronaut, -1.5, 40.0)
    assert difference(first, result(astronaut, -1.53, 47.0)) == (
        "<b>Hardly any difference:</b> local severity hardly changed, from 40 to 47; the paper's severity hardly "
        "changed, from −1.50 to −1.53."
    )
    assert "Farther from normal" in difference(first, result(astronaut, -1.9, 48.0)), "whatever the paper's says"
    assert "Closer to normal" in difference(first, result(astronaut, -1.5, 32.0))


def test_difference_without_a_local_severity_is_the_papers(astronaut: np.ndarray):
    off, other = (over(result(astronaut, severity, None), "painted") for severity in (-1.5, -1.0))
    said = difference(off, other)
    assert "Farther from normal after surgery:</b> the paper's severity rose from −1.50 to −1.00" in said
    assert "local severity" not in said and "paint the same part on both" in said
    assert "local severity" not in difference(off, result(astronaut))


def read_map(one: dict[str, Any]) -> np.ndarray:
    """The values of a map that the page gets, ``(S, S)``."""
    return np.frombuffer(base64.b64decode(one["values"]), "<f4").reshape(one["side"], one["side"])


@pytest.mark.parametrize("name", MAPS)
def test_map_is_the_pipelines_and_its_scale_never_depends_on_the_result(scored: AnomalyScoringResult, name: str):
    told = heat_maps([scored], name)
    (one,), shown = told["maps"], shown_map(scored, name)
    values, part = read_map(one), around(shown.area)
    inside = shown.area[part]
    np.testing.assert_array_equal(values[inside], shown.values[part][inside])
    assert np.isnan(values[~inside]).all()
    for line in one["outline"]:
        columns, rows = (np.array(line) * one["side"]).T.astype(int).clip(0, one["side"] - 1)
        near = cv2.dilate(inside.astype(np.uint8), np.ones((5, 5))) - cv2.erode(
            inside.astype(np.uint8), np.ones((5, 5))
        )
        assert near[rows, columns].mean() > 0.95, "along the region's border"
    fainter = replace(
        scored,
        heat=scored.heat / 100,
        local=replace(scored.local, map=scored.local.map / 100),
        asymmetry=replace(scored.asymmetry, map=scored.asymmetry.map / 100),
    )
    fixed = {"local": LOCAL_SCALE, "asymmetry": ASYMMETRY_SCALE, "heat": SCALES["pse", "ycbcr"]}[name]
    scale = told["scale"]
    assert scale == heat_maps([fainter], name)["scale"] and scale["label"] == fixed.label
    assert scale["ticks"][-1] == [1.0, f"{fixed.upper:,}"] and scale["upper"] == fixed.upper
    assert json.loads(json.dumps(told)) == told
    assert [one["photo"] for one in heat_maps([scored, scored], name)["maps"]] == ["Before surgery", "After surgery"]


def test_map_of_what_does_not_fit_opens_first(scored: AnomalyScoringResult):
    assert heat_maps([scored]) == heat_maps([scored], "local")


def test_missing_map_is_said_in_its_place(scored: AnomalyScoringResult, astronaut: np.ndarray):
    off = result(astronaut, local=None)
    both = heat_maps([scored, off])
    assert "face" in both["maps"][0] and both["scale"] is not None
    assert "lies off lips and nose" in both["maps"][1]["none"] and "face" not in both["maps"][1]
    alone = heat_maps([off])
    assert "face" not in alone["maps"][0] and alone["scale"] is None
    assert "face" in heat_maps([off], "asymmetry")["maps"][0]


@pytest.mark.parametrize(
    ("point", "said"),
    [
        (50, "What does not fit, photo: highest at the upper lip, on the left of the picture."),
        (57, "What does not fit, photo: highest at the lower lip, in the middle."),
        (35, "What does not fit, photo: highest at the nostrils, on the right of the picture."),
    ],
)
def test_map_says_where_it_peaks_inside_its_region(scored: AnomalyScoringResult, point: int, said: str):
    crop, mesh = scored.photo, scored.mesh * len(scored.photo) / SIDE
    column, row = mesh[MESH_TO_68[point]].astype(int)
    values, area = np.zeros(crop.shape[:2], np.float32), np.zeros(crop.shape[:2], bool)
    values[0, 0], values[row, column] = 9.0, 5.0  # the first lies outside the region
    area[row - 3 : row + 4, column - 3 : column + 4] = True
    there = replace(scored, crop=crop, mesh=mesh, local=replace(scored.local, map=values, area=area))
    assert heat_maps([there])["maps"][0]["said"] == said


def test_adaptation_shows_the_nearest_step_and_when_the_anomaly_reappears(scored: AnomalyScoringResult):
    images = [np.full((8, 8, 3), 25 * number, np.uint8) for number in range(5)]
    frames = tuple(AdaptationFrame(10 * number, image, -1.0 - number) for number, image in enumerate(images))
    assert nearest_frame(frames, 24).step == 20
    adapted = replace(scored, frames=frames, reappears=30)
    html = adaptation_html([adapted], 21)
    assert "after 20 steps: severity <b>−3.00</b>" in html and "reappears after <b>30</b> steps" in html
    assert abs(float(picture(html).mean()) - 50) < 3
    assert "after 40 steps" in adaptation_html([adapted]), "the last one to begin with"
    assert "before adaptation" in adaptation_html([adapted], 0)
    assert "does not reappear" in adaptation_html([replace(adapted, reappears=None)])
    assert "<figure>" not in adaptation_html([scored]) and "<figure>" not in adaptation_html()


def test_measurements_of_one_photo_have_one_column(scored: AnomalyScoringResult):
    table = measurements_html(scored.measurements)
    assert '<th scope="col">Value</th>' in table and "Change" not in table
    assert table.count('<th scope="row">') == len(scored.measurements)


def test_time_left_is_what_the_rest_takes_at_the_speed_so_far():
    now, said = [0.0], []
    report = with_time_left(lambda fraction, text: said.append((fraction, text)), clock=lambda: now[0])
    for now[0], fraction in ((1.0, 0.5), (10.0, 0.01), (10.0, 0.25), (10.0, 1.0)):
        report(fraction, "adapting")
    assert [text for _, text in said] == ["adapting", "adapting", "adapting, about 30 s left", "adapting"]
    assert [duration(seconds) for seconds in (0.2, 59.1, 150)] == ["1 s", "60 s", "3 min"]


def test_runs_one_after_another_report_as_one():
    said = []
    part_of(lambda fraction, text: said.append((fraction, text)), 1, 2, "After surgery")(0.5, "normalizing")
    part_of(lambda fraction, text: said.append((fraction, text)), 0, 1)(0.5, "normalizing")
    assert said == [(0.75, "After surgery: normalizing"), (0.5, "normalizing")]


# --- settings and regions -------------------------------------------------------------------------------------------


def test_a_normalizers_own_options_go_to_it_alone():
    fast = ScoringSettings.options(SETTINGS)
    assert fast["own"] == {"searches": 4} and fast["seed"] == 3
    assert fast["region"] == "mouth-nose" and fast["group"] == "all"
    slow = ScoringSettings.options(("face", "ssim", "stylegan2", "0-8", 4, "rgb", "text", False, 300, 60, 20, None))
    assert slow["own"] == {"steps": 300, "adaptation_steps": 60, "frames_until": 60}
    assert (slow["kind"], slow["colour"], slow["formula"], slow["erosion"], slow["seed"]) == (
        "ssim", "rgb", "text", False, 0,
    )  # fmt: skip
    assert slow["group"] == "0-8"
    automatic = ScoringSettings.options(("face", "ssim", "stylegan2", "all", 4, "rgb", "text", False, 0, 50, 100, 0))
    assert automatic["own"] == {"adaptation_steps": 50, "frames_until": 100}


def test_searches_begin_and_end_as_the_normalizers():
    settings = ScoringSettings("scoring", painted=True)
    with gr.Blocks():
        settings.build()
        settings.build_advanced()
    slider = settings.searches
    assert (slider.minimum, slider.value, slider.maximum) == (1, SEARCHES, MOST_SEARCHES)
    assert (settings.adaptation_steps.value, settings.frames_until.value) == (scoring_choices.ADAPTATION_STEPS, 50)
    assert len(settings.components) == len(SETTINGS) and settings.components[4] is slider


def test_every_region_and_group_has_a_name():
    assert set(scoring_facts.REGIONS) == {*REGIONS, scoring_choices.PAINTED}
    assert set(GROUPS) == {EVERYONE, CLINIC, *AGES}
    offered = ScoringSettings("scoring", painted=True).offer(("pse",), ("inpainting",), ("all", "0-8", "clinic"))
    assert offered[2].choices == [
        ("All faces", "all"), ("Like a clinic's photo", "clinic"), ("0 to 8 years", "0-8"),
    ]  # fmt: skip


def test_only_what_this_machine_has_is_offered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("PHILTRUM_LOSS_WEIGHTS", str(tmp_path))
    assert scorers.kinds_here() == ("pse", "ssim")
    assert scorers.normalizers_here() == ("inpainting",)
    (tmp_path / "alexnet_features.pth").write_bytes(b"")
    assert scorers.kinds_here() == ("pse", "ssim", "lpips")
    (tmp_path / "manifest.toml").write_text(
        '[toy]\njob = "face-generator"\ndefault = true\nnetwork = "stylegan2"\nfile = "toy.safetensors"\n'
        f'sha256 = "{"0" * 64}"\nbytes = 1\nlicence = "none"\narchitecture = {{ resolution = 8 }}\n'
    )
    assert scorers.normalizers_here() == ("inpainting",), "its file is not there"
    (tmp_path / "toy.safetensors").write_bytes(b"0")
    assert scorers.normalizers_here() == ("inpainting", "stylegan2")


def test_region_on_the_photo_is_the_pipelines_until_it_is_painted_over(astronaut: np.ndarray):
    photo = Photo("key", astronaut, find_faces(astronaut), editor_size(astronaut.shape))
    shown = region_shown(photo, 0, "mouth-nose")
    assert shown["fixed"] is True and shown["base"]["said"] == "Mouth and nose is scored."
    base = photo.bases[shown["base"]["key"]]
    column, row = photo.faces[0].points[30].astype(int)  # the tip of the nose
    assert base.mask[row, column] and not base.mask[60, 223]
    sent = {"base": shown["base"]["key"], "layer": shown["base"]["url"]}
    assert mask_options(sent, photo, 0) == {"face": 0, "region": "mouth-nose"}
    layer = base.layer.copy()
    layer[300:310, 300:310] = 255
    assert set(mask_options(sent | {"layer": layer_url(layer)}, photo, 0)) == {"mask"}
    assert region_shown(photo, 0, "painted") == {"fixed": False}


# --- run ------------------------------------------------------------------------------------------------------------


def test_one_photo_is_scored_and_shown(tab: AnomalyScoringTab, fake: Fake, astronaut: np.ndarray):
    shown = run(tab, ONE, opened(tab, astronaut))
    assert fake.calls == [ScoringSettings.options(SETTINGS) | {"face": 0}]
    before, after = (cv2.imread(file["path"]) for file in shown[0])
    assert before.shape == after.shape == (64, 64, 3) and shown[1] is None
    assert "Hardly" not in shown[2] and shown[7].interactive is False, "no frames, nothing to scrub through"


def test_maps_of_both_photos_are_switched_without_a_new_run(tab: AnomalyScoringTab, fake: Fake, astronaut: np.ndarray):
    heat = run(tab, TWO, opened(tab, astronaut), opened(tab, astronaut, "second"))[3]
    results = tab.work(REQUEST).outcome.result
    assert heat == heat_maps(results, "local")
    for name in MAPS:
        assert tab.draw_heat(name, 0, REQUEST) == heat_maps(results, name)
    assert len(fake.calls) == 2
    again = run(tab, ONE, opened(tab, astronaut), name="asymmetry")[3]
    assert again["scale"]["label"] == "left unlike right (% of light)", (
        "the map that was chosen stays over the next run"
    )


def test_two_photos_are_scored_alike_and_compared(tab: AnomalyScoringTab, fake: Fake, astronaut: np.ndarray):
    shown = run(tab, TWO, opened(tab, astronaut), opened(tab, astronaut, "second"))
    assert len(fake.calls) == 2 and fake.calls[0] == fake.calls[1]
    assert shown[0] != shown[1] and "local severity fell from 80 to 70" in shown[2]
    assert '<th scope="col">Change</th>' in shown[5]
    made = tab.make_files(REQUEST)
    assert len(made) == 2 * len(FILES) + 1 and all(Path(button.value["path"]).is_file() for button in made)
    assert "philtrum-anomaly-after" in made[-2].value["path"]


def test_painted_region_is_sent_as_a_mask(tab: AnomalyScoringTab, fake: Fake, astronaut: np.ndarray):
    layer = np.zeros((512, 512), np.uint8)
    layer[130:160, 200:240] = 255
    value = opened(tab, astronaut) | {"base": None, "layer": layer_url(layer)}
    run(tab, ONE, value, settings=("painted", *SETTINGS[1:]))
    (call,) = fake.calls
    assert "region" not in call and np.array_equal(call["mask"], layer > 0)


def test_scrubber_moves_slider_and_map_and_begins_at_the_normalized_face(tab, fake: Fake, astronaut: np.ndarray):
    crop = cv2.resize(astronaut, (SIDE, SIDE))
    images = [np.clip(crop.astype(int) + 40 - 2 * step, 0, 255).astype(np.uint8) for step in range(0, 21, 10)]
    frames = tuple(AdaptationFrame(10 * number, image, -1.0 - number) for number, image in enumerate(images))

    class Adapted(Fake):
        def __call__(self, photo, **options):
            scored = result(photo, frames=frames, normalized=images[1])
            return replace(scored, asymmetry=replace(scored.asymmetry, map=np.zeros((SIDE, SIDE), np.float32)))

    tab.engine._pipelines[ANOMALY_SCORING] = Adapted()
    shown = run(tab, ONE, opened(tab, astronaut))
    assert shown[7].value == 10 and shown[7].interactive and "after 10 steps" in shown[6]
    assert np.array_equal(cv2.imread(shown[0][1]["path"])[..., ::-1], images[1])
    first, second, heat, frame = tab.draw_frame(20, "heat", REQUEST)
    assert second is None and "after 20 steps" in frame
    assert first[0] == shown[0][0] and np.array_equal(cv2.imread(first[1]["path"])[..., ::-1], images[2])
    assert heat == tab.draw_heat("heat", 20, REQUEST) != tab.draw_heat("heat", 0, REQUEST)
    assert tab.draw_frame(20, "local", REQUEST)[2] != tab.draw_frame(0, "local", REQUEST)[2]
    assert tab.draw_frame(10, "local", REQUEST)[:2] == shown[:2]


def test_photo_that_is_replaced_during_the_run_leaves_no_result(tab: AnomalyScoringTab, fake: Fake, astronaut):
    value = opened(tab, astronaut)
    score = fake.__class__.__call__

    class Replacing(Fake):
        def __call__(self, photo, **options):
            opened(tab, astronaut[:, ::-1].copy())
            return score(fake, photo, **options)

    tab.engine._pipelines[ANOMALY_SCORING] = Replacing()
    run(tab, ONE, value)
    assert tab.work(REQUEST).outcome is None
    assert tab.draw_heat("local", 0, REQUEST) == gr.skip() == tab.make_files(REQUEST)


def test_case_is_in_every_file_and_can_be_changed_after_the_run(tab: AnomalyScoringTab, fake: Fake, astronaut):
    run(tab, ONE, opened(tab, astronaut), case=Case("P 01"))
    (scored,) = tab.work(REQUEST).outcome.result
    assert scored.case == Case("P 01")
    files = dict(zip(FILES, tab.make_files(REQUEST), strict=False))
    facts = json.loads(Path(files["json"].value["path"]).read_text(encoding="utf-8"))
    assert facts["case"] == "P 01"
    assert facts["photo"]["pixels_sha256"] == hashlib.sha256(astronaut.tobytes()).hexdigest()
    assert tab.rewrite(REQUEST) == [gr.skip()] * len(tab.buttons), "they bear the case already"
    tab.sessions.get(REQUEST.session_hash).case = Case("P02")
    assert tab.outdated(REQUEST) == no_files(len(tab.buttons))
    files = dict(zip(FILES, tab.rewrite(REQUEST), strict=False))
    assert Path(files["zip"].value["path"]).name == "P02-philtrum-anomaly.zip"
    with zipfile.ZipFile(files["zip"].value["path"]) as archive:
        assert json.loads(archive.read("P02-score.json"))["case"] == "P02"
        assert b"P02" in archive.read("P02-measurements.csv")


@pytest.mark.parametrize(
    ("count", "given", "sentence"),
    [
        (ONE, False, "There is no photo yet, or it was forgotten after an hour; choose a photo first."),
        (TWO, True, "There is no second photo yet"),
    ],
)
def test_missing_photos_are_sentences(tab, fake: Fake, astronaut: np.ndarray, toasts, count, given, sentence):
    run(tab, count, opened(tab, astronaut) if given else None)
    assert len(toasts) == 1 and sentence in toasts[0] and "Not run." in toasts[0]
    assert fake.calls == [], "nothing is scored by halves"


def test_errors_of_the_pipeline_are_sentences(tmp_path: Path, astronaut: np.ndarray, toasts: list[str]):
    def broken(photo: np.ndarray, **options: Any) -> AnomalyScoringResult:
        raise WeightsMissing("The network is not on this machine; fetch it.")

    tab = AnomalyScoringTab(Engine("cpu", pipelines={ANOMALY_SCORING: broken}), Sessions(tmp_path))
    run(tab, ONE, opened(tab, astronaut))
    assert "Not run.</b> The network is not on this machine; fetch it." in toasts[0]
    assert "heat" not in str(tab.draw_heat("local", 0, REQUEST)), "there is still nothing to draw"
    assert tab.work(REQUEST).outcome is None


@pytest.mark.parametrize("key", drawn_anomalies.EXAMPLES)
def test_example_opens_one_photo_or_both(tab: AnomalyScoringTab, key: str):
    opened = tab.open_example("mouth-nose", SimpleNamespace(example=key), REQUEST)
    pictures = drawn_anomalies.photos(key)
    assert opened[4] == (TWO if len(pictures) == 2 else ONE)
    photos = tab.work(REQUEST).photos
    assert list(photos) == ["photo", "second"][: len(pictures)]
    for photo, meant, editor in zip(photos.values(), pictures, opened, strict=False):
        assert np.array_equal(photo.pixels, meant) and editor.props["photo"]["key"] == photo.key
        assert len(photo.bases) == 1, "its region is shown"


def test_files_hold_the_maps_themselves(scored: AnomalyScoringResult, tmp_path: Path):
    paths = write_files(scored, tmp_path, "stem")
    assert set(FILES) < set(paths) and all(path.name == f"stem.{ending}" for ending, path in paths.items())
    assert np.array_equal(np.load(paths["local.npy"]), scored.local.map)
    assert np.array_equal(np.load(paths["npy"]), scored.heat)
    with zipfile.ZipFile(paths["zip"]) as archive:
        whole = {"local.png", "local.npy", "asymmetry.png", "asymmetry.npy", "heatmap.png", "heatmap.npy", "report.pdf"}
        assert whole <= set(archive.namelist()), "what has no button"


def test_two_photos_have_a_page_together_in_each_zip_and_behind_a_button(tab, fake: Fake, astronaut: np.ndarray):
    values = opened(tab, astronaut), opened(tab, astronaut[:, ::-1].copy(), "second")
    run(tab, TWO, *values, case=Case("P 01"))
    made = tab.make_files(REQUEST)
    assert len(made) == 2 * len(FILES) + 1
    path = Path(made[-1].value["path"])
    assert path.name == "P_01-philtrum-anomaly-before-after.pdf" and path.read_bytes().startswith(b"%PDF")
    for update in made[:-1]:
        if (file := Path(update.value["path"])).suffix == ".zip":
            with zipfile.ZipFile(file) as archive:
                assert archive.read("P_01-before-after.pdf") == path.read_bytes()
                assert "P_01-report.pdf" in archive.namelist()
    run(tab, ONE, values[0])
    assert "value" not in tab.make_files(REQUEST)[-1], "of one photo there is none"


def test_button_of_a_missing_map_stays_off(tab: AnomalyScoringTab, astronaut: np.ndarray):
    work = tab.work(REQUEST)
    opened(tab, astronaut)
    work.take_result((result(astronaut, local=None),), work.start(), {}, {}, Told("", "", 0.0))
    made = dict(zip(FILES, tab.make_files(REQUEST), strict=False))
    assert "value" not in made["local.png"], "nothing is told to the button, which a run turns off"
    assert all(made[ending].interactive for ending in FILES if ending != "local.png")


# --- cohort ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny(engine: Engine, tmp_path: Path) -> CohortTab:
    return CohortTab(engine, Sessions(tmp_path / "sessions"))


def uploads(photos: dict[str, bytes]) -> list[str]:
    folder = Path(CACHE) / "upload"
    folder.mkdir(exist_ok=True)
    for name, content in photos.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in photos]


def test_cohort_is_scored_ranked_and_compared_with_ratings(tiny: CohortTab, fake: Fake, astronaut: np.ndarray):
    pictures = {f"P{number}.png": encode_png(astronaut[:, : 512 - number]) for number in range(3)}
    given = uploads(pictures | {"broken.png": b"no picture"})
    _, said = tiny.take_photos(given, None, REQUEST)
    assert "4 photos" in said and not any(Path(path).exists() for path in given), "uploads do not stay where they were"
    (ratings,) = uploads({"ratings.csv": b"name,rating\nP0,7\nP1,5\nP2,1\nP9,3\n"})
    assert "with ratings" in tiny.take_ratings(ratings, REQUEST)

    told: list[str] = []
    rows, figures, plot, footer, *files = tiny.score(REQUEST, lambda fraction, desc: told.append(desc), *SETTINGS)
    table = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    assert [row["Photo"] for row in table] == ["P0.png", "P1.png", "P2.png", "broken.png"], "by local severity"
    assert [row["Local severity"] for row in table] == [80.0, 70.0, 60.0, None]
    assert [row["Severity"] for row in table] == [1.0, 2.0, 3.0, None], "whose order is another"
    assert [row["Rank"] for row in table] == [1.0, 2.0, 3.0, None]
    assert table[0]["Asymmetry"] == 12.0 and table[0]["Rating"] == 7.0 and table[0]["Local percentile"] is None
    assert "not a picture" in table[-1]["What went wrong"]
    said = [f"{method}, {figure}" for method in ("Pearson", "Spearman") for figure in ("normality", "local severity")]
    assert all(text in figures for text in [*said, "3 scored, 1 failed", "fits no photo", "local severity falls"])
    assert "toy, SHA-256 000000000000" in footer
    assert min(picture(plot).shape[:2]) > 300
    assert [Path(file.value["path"]).name for file in files] == ["scores.csv", "study.json", "study.pdf"]
    assert any("4 of 4 photos" in text for text in told)

    tiny.score(REQUEST, lambda fraction, desc: None, *SETTINGS)
    assert len(fake.calls) == 3, "kept scores are not computed again"
    fake.basis = replace(BASIS, precision="bfloat16")
    tiny.score(REQUEST, lambda fraction, desc: None, *SETTINGS)
    assert len(fake.calls) == 6, "unless the pipeline says that they depend on something else"
    folder = tiny.cohort(REQUEST).folder
    tiny.sessions.close(REQUEST.session_hash)
    assert not folder.exists(), "nothing of a patient stays"


def test_a_cohort_that_waits_for_another_job_says_so(tiny: CohortTab, engine: Engine, astronaut: np.ndarray):
    tiny.take_photos(uploads({"P0.png": encode_png(astronaut)}), None, REQUEST)
    told: list[str] = []
    waits = threading.Event()

    def progress(fraction: float, desc: str) -> None:
        told.append(desc)
        if WAITING in desc:
            waits.set()

    with engine._turns.turn("another", False, lambda fraction, text: None):
        run = threading.Thread(target=tiny.score, args=(REQUEST, progress, *SETTINGS))
        run.start()
        assert waits.wait(20)
    run.join(20)
    assert not run.is_alive()
    assert any(text.startswith("0 of 1 photos, waiting for one other job, about ") for text in told)
    assert any(text.startswith("1 of 1 photos") for text in told)


def test_change_after_surgery_is_told_of_both_figures(tiny: CohortTab, astronaut: np.ndarray):
    pictures = {
        f"P{n}_{time}.png": astronaut[:, : 512 - 2 * n - late] for n in (1, 2) for late, time in enumerate(TIMES)
    }
    tiny.take_photos(uploads({name: encode_png(photo) for name, photo in pictures.items()}), None, REQUEST)
    _, figures, *_ = tiny.score(REQUEST, lambda fraction, desc: None, *SETTINGS)
    assert "<dt>Change, local severity</dt><dd>−10.00" in figures and "<dt>Change, severity</dt><dd>+1.00" in figures
    assert "Pearson" not in figures and "local severity falls" not in figures, "there are no ratings"


def test_scores_of_a_cohort_are_kept_under_all_that_they_depend_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Whatever of them is another makes other scores."""
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))

    def draw(seed: int) -> None:
        torch.manual_seed(seed)
        about = {"job": "cleft-inpainting", "network": "inclg", "licence": "none", "default": True}
        registering.save("toy", INCLG(**TOY).state_dict(), architecture=TOY, **about)

    def settings(precision: str = "float32", **changed: Any) -> dict[str, Any]:
        options = ScoringSettings.options(SETTINGS) | changed
        return Scorers("cpu", precision).settings(**options)

    draw(0)
    before = settings()
    assert before == settings() and before["conditions"] == "4 searches" and before["face"] == 0
    assert json.loads(json.dumps(before)) == before
    others = [settings("bfloat16"), settings(own={"searches": 5}), settings(region="upper-lip"), settings(group="0-8")]
    monkeypatch.setattr(pipeline, "VERSION", pipeline.VERSION + 1)
    others.append(settings())
    monkeypatch.undo()
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    draw(1)
    others.append(settings())
    for changed, name in zip(others, ("precision", "conditions", "region", "group", "version", "weights"), strict=True):
        assert {key for key in before if changed[key] != before[key]} == {name}


def test_weights_that_cannot_be_loaded_are_a_sentence_of_the_cohort(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, astronaut: np.ndarray, toasts: list[str]
):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    tab = CohortTab(Engine("cpu", pipelines={ANOMALY_SCORING: Scorers("cpu")}), Sessions(tmp_path / "sessions"))
    tab.take_photos(uploads({"a.png": encode_png(astronaut)}), None, REQUEST)
    tab.score(REQUEST, lambda fraction, desc: None, *SETTINGS)
    assert len(toasts) == 1 and "Not run.</b>" in toasts[0] and "went wrong" not in toasts[0]


def test_photos_can_be_added_and_all_removed(tiny: CohortTab, astronaut: np.ndarray):
    tiny.take_photos(uploads({"a.png": encode_png(astronaut)}), None, REQUEST)
    _, said = tiny.take_photos(uploads({"b.png": encode_png(astronaut)}), None, REQUEST)
    assert "2 photos" in said
    folder = tiny.cohort(REQUEST).folder
    assert tiny.forget(REQUEST) == given_html() and not folder.exists()
    assert tiny.cohort(REQUEST).photos == {}


def test_wrong_ratings_and_an_empty_cohort_are_sentences(tiny: CohortTab, fake: Fake, toasts: list[str]):
    (wrong,) = uploads({"ratings.csv": b"photo,rating\na,1\n"})
    tiny.take_ratings(wrong, REQUEST)
    assert "one of them called name" in toasts[0] and tiny.cohort(REQUEST).ratings is None
    tiny.score(REQUEST, lambda fraction, desc: None, *SETTINGS)
    assert "The cohort has no photos yet" in toasts[1] and fake.calls == []


def test_too_many_photos_are_refused_in_words(tiny: CohortTab, toasts: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cohort, "_MOST", 1)
    given = uploads({"a.png": b"1", "b.png": b"2"})
    assert tiny.take_photos(given, None, REQUEST)[0] is None
    assert "python -m pipelines study" in toasts[0] and not any(Path(path).exists() for path in given)


def test_names_of_photos_are_shown_as_text():
    given = cohort.Cohort(Path(), {"<b>x</b>.png": Path()})
    assert "&lt;b&gt;" in given_html(given)
    assert "<dl>" not in figures_html()


# --- one person -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("likeness", "asked"), [(0.85, True), (0.95, False), (None, False)])
def test_two_photos_that_hardly_show_one_person_are_asked_about(tab, astronaut, toasts, monkeypatch, likeness, asked):
    stub = None if likeness is None else SimpleNamespace(similarity=lambda *given: likeness)
    monkeypatch.setattr("pipelines.identity.embedding.find_embedder", lambda: stub)
    first, second = opened(tab, astronaut), opened(tab, np.ascontiguousarray(astronaut[:, ::-1]), "second")
    assert len(run(tab, TWO, first, second)) > 1, "a question holds nothing up"
    assert toasts == ([f"<b>A question.</b> {question_of_photos(likeness)}"] if asked else [])
    toasts.clear()
    run(tab, ONE, first)
    assert toasts == []


def test_two_photos_that_cannot_be_compared_are_shown_all_the_same(tab, astronaut, toasts, monkeypatch):
    def find() -> None:
        raise WeightsMissing("The face embedder is not there.")

    monkeypatch.setattr("pipelines.identity.embedding.find_embedder", find)
    shown = run(tab, TWO, opened(tab, astronaut), opened(tab, astronaut, "second"))
    assert len(shown) > 1 and tab.work(REQUEST).outcome is not None
    assert toasts == ["<b>Photos not compared.</b> The face embedder is not there."]
