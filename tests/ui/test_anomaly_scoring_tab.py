"""What the tab of anomaly scoring tells of its results, and what it does with what it is given."""

import base64
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from pipelines.anomaly_scoring import scale
from pipelines.anomaly_scoring.colouring import SCALES, overlay
from pipelines.errors import WeightsMissing
from pipelines.faces.images import encode_png
from pipelines.faces.landmarks import find_faces
from pipelines.faces.measurements import measure
from pipelines.results import AdaptationFrame, AnomalyScoringResult, Percentile, Score, WeightsUsed
from ui import CACHE, cohort, drawn_anomalies, scorers
from ui.anomaly_scoring import ONE, TWO, AnomalyScoringTab, region_shown
from ui.cohort import CohortTab, figures_html, given_html
from ui.engine import ANOMALY_SCORING, Engine
from ui.heat_map import heat_maps_html
from ui.masks import editor_size, layer_url
from ui.repainting import mask_options
from ui.scoring_facts import GROUPS, adaptation_html, difference, nearest_frame, scores_html
from ui.scoring_files import FILES, write_files
from ui.scoring_settings import ScoringSettings
from ui.sessions import Photo, Sessions
from ui.time_left import duration, part_of, with_time_left
from ui.widgets import measurements_html

SETTINGS = ("mouth-nose", "pse", "inpainting", "all", "ycbcr", "equation", True, 0, 50, 50, 3)
REQUEST = SimpleNamespace(session_hash="page")


def result(photo: np.ndarray, severity: float = -1.5, **differing: Any) -> AnomalyScoringResult:
    """A result over a square of a photo of one face."""
    crop = cv2.resize(photo, (64, 64))
    area = np.zeros((64, 64), bool)
    area[20:50, 16:48] = True
    points = find_faces(photo)[0].points
    facts = {
        "photo": photo,
        "crop": crop,
        "normalized": crop[:, ::-1].copy(),
        "heat": np.linspace(0, 12_000, 4096, dtype=np.float32).reshape(64, 64),
        "area": area,
        "region": "mouth-nose",
        "score": Score(-severity, severity, int(area.sum()), "pse", "ycbcr", True, "equation"),
        "percentile": None,
        "normalizer": "inpainting",
        "repainted": None,
        "conditions": "",
        "perceptual": None,
        "frames": (),
        "reappears": None,
        "losses": (),
        "landmarks": points,
        "measurements": measure(points),
        "seconds": {"normalizing": 1.0},
        "weights": (WeightsUsed("toy", "0" * 12),),
        "device": "CPU",
        "seed": 3,
        "face": 0,
        "faces": 1,
    }
    return AnomalyScoringResult(**facts | differing)


@pytest.fixture
def scored(astronaut: np.ndarray) -> AnomalyScoringResult:
    return result(astronaut)


class Fake:
    """A pipeline whose severity is the number of its calls; remembers how it was called."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(self, photo: np.ndarray, *, progress=None, **options: Any) -> AnomalyScoringResult:
        self.calls.append(options)
        if progress is not None:
            progress(0.5, "normalizing")
        return result(photo, float(len(self.calls)))


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


def run(tab: AnomalyScoringTab, count: str, first: dict | None, second: dict | None = None, settings=SETTINGS) -> Any:
    return tab.score(REQUEST, count, first, second, 0, 0, 60, lambda fraction, desc: None, *settings)


def picture(html: str, number: int = 0) -> np.ndarray:
    urls = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    return cv2.imdecode(np.frombuffer(base64.b64decode(urls[number]), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


# --- words and pictures ---------------------------------------------------------------------------------------------


def test_percentile_is_a_sentence_and_so_is_that_there_is_none(scored: AnomalyScoringResult):
    alone = scores_html([scored])
    assert "−1.50" in alone and "1.50" in alone and "Mouth and nose, 960 px" in alone
    assert "No percentile: no open-set faces" in alone
    assert "More different" not in alone and "score-track" not in alone
    known = scores_html([replace(scored, percentile=Percentile(97.2, 1000, "all"))])
    assert "More different than <b>97 %</b> of 1,000 open-set faces" in known and "left:97.2%" in known
    assert "No percentile" not in known
    children = scores_html([replace(scored, percentile=Percentile(97.2, 108, "0-8"))])
    assert "of 108 open-set faces, 0 to 8 years<" in children
    assert "S = −ln(√(Σ h) / N)" in known


def test_difference_of_two_photos_is_said_by_the_numbers_on_the_screen(scored: AnomalyScoringResult):
    def at(severity: float, **more: Any) -> AnomalyScoringResult:
        return replace(scored, score=replace(scored.score, severity=severity, normality=-severity), **more)

    before = at(-1.114, percentile=Percentile(97.0, 1000, "all"))
    after = at(-1.736, percentile=Percentile(41.0, 1000, "all"))
    better = difference(before, after)
    assert "Closer to normal" in better and "fell by 0.63, from −1.11 to −1.74 (percentile 97 → 41)" in better
    assert "Farther from normal" in difference(after, before)
    assert "Hardly any difference" in difference(before, at(-1.13))
    assert "paint the same part" in difference(before, replace(after, region="painted"))
    both = scores_html([before, after])
    assert both.count("More different") == 2 and "Before surgery" in both and better in both


def test_heat_map_is_the_overlay_and_its_bar_never_depends_on_the_result(scored: AnomalyScoringResult):
    scale = SCALES["pse", "ycbcr"]
    for opacity in (0, 60, 100):
        shown = picture(heat_maps_html([scored], opacity))
        meant = overlay(scored.crop, scored.heat, scale, opacity / 100, scored.area)
        assert np.abs(shown.astype(int) - meant).mean() < 5, "but for JPEG"

    def bar(one: AnomalyScoringResult) -> str:
        return heat_maps_html([one], 60).partition('<div class="heat-bar"')[2]

    assert bar(scored) == bar(replace(scored, heat=scored.heat / 100)) != ""
    assert scale.label in bar(scored)
    for value in ("0", "400", "1,600", "3,600", "6,400", "≥ 10,000"):
        assert f">{value}</li>" in bar(scored)
    assert heat_maps_html([scored, scored]).count("<figure>") == 2
    assert "<figure>" not in heat_maps_html()


def test_heat_map_says_where_it_is_hottest(scored: AnomalyScoringResult):
    heat = np.zeros((64, 64), np.float32)
    heat[0, 0], heat[45, 20] = 9.0, 5.0  # the first lies outside the region
    assert "most in the lower left" in heat_maps_html([replace(scored, heat=heat)])


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


def test_drawn_notch_stays_at_the_lip(face):
    plain, notched = drawn_anomalies.photos("pair")
    changed = np.abs(plain.astype(int) - notched).max(2) > 8
    rows, columns = np.nonzero(changed)
    lip, unit = face.points[50], face.eye_distance
    assert 30 < changed.sum() < unit**2
    assert np.hypot(columns - lip[0], rows - lip[1]).max() < 0.6 * unit


def test_every_example_opens():
    shown = drawn_anomalies.gallery()
    assert [each["label"] for each in shown] == [
        "Drawn notch", "As it is", "Before, after", "Generated 1", "Generated 2",
    ]  # fmt: skip
    assert len({each["url"] for each in shown}) == len(shown)
    for each in shown:
        assert all(len(find_faces(photo)) == 1 for photo in drawn_anomalies.photos(each["key"]))


# --- settings and regions -------------------------------------------------------------------------------------------


def test_options_of_stylegan2_go_to_it_alone():
    fast = ScoringSettings.options(SETTINGS)
    assert fast["own"] == {} and fast["seed"] == 3 and fast["region"] == "mouth-nose" and fast["group"] == "all"
    slow = ScoringSettings.options(("face", "ssim", "stylegan2", "0-8", "rgb", "text", False, 300, 60, 20, None))
    assert slow["own"] == {"steps": 300, "adaptation_steps": 60, "frames_until": 60}
    assert (slow["kind"], slow["colour"], slow["formula"], slow["erosion"], slow["seed"]) == (
        "ssim", "rgb", "text", False, 0,
    )  # fmt: skip
    assert slow["group"] == "0-8"
    automatic = ScoringSettings.options(("face", "ssim", "stylegan2", "all", "rgb", "text", False, 0, 50, 100, 0))
    assert automatic["own"] == {"adaptation_steps": 50, "frames_until": 100}


def test_every_group_of_the_shipped_scale_has_a_name():
    assert scale.groups() == ("all", "0-8", "18 and older") and set(scale.groups()) <= set(GROUPS)
    offered = ScoringSettings("scoring", painted=True).offer(("pse",), ("inpainting",), scale.groups())
    assert offered[2].choices == [("All ages", "all"), ("0 to 8 years", "0-8"), ("18 and older", "18 and older")]


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
    before, after = map(cv2.imread, shown[0])
    assert before.shape == after.shape == (64, 64, 3) and shown[1] is None
    assert "Hardly" not in shown[3] and shown[6].interactive is False, "no frames, nothing to scrub through"
    again = tab.draw_heat(100, REQUEST)
    assert again != shown[2] and len(fake.calls) == 1, "another opacity runs nothing"


def test_two_photos_are_scored_alike_and_compared(tab: AnomalyScoringTab, fake: Fake, astronaut: np.ndarray):
    shown = run(tab, TWO, opened(tab, drawn_anomalies.notched()), opened(tab, astronaut, "second"))
    assert len(fake.calls) == 2 and fake.calls[0] == fake.calls[1]
    assert shown[0] != shown[1] and "severity rose by 1.00, from 1.00 to 2.00" in shown[3]
    assert '<th scope="col">Change</th>' in shown[4]
    made = tab.make_files(REQUEST)
    assert len(made) == 2 * len(FILES) and all(Path(button.value["path"]).is_file() for button in made)
    assert "philtrum-anomaly-after" in made[-1].value["path"]


def test_painted_region_is_sent_as_a_mask(tab: AnomalyScoringTab, fake: Fake, astronaut: np.ndarray):
    layer = np.zeros((512, 512), np.uint8)
    layer[130:160, 200:240] = 255
    value = opened(tab, astronaut) | {"base": None, "layer": layer_url(layer)}
    run(tab, ONE, value, settings=("painted", *SETTINGS[1:]))
    (call,) = fake.calls
    assert "region" not in call and np.array_equal(call["mask"], layer > 0)


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
    assert tab.draw_heat(50, REQUEST) != "", "there is still nothing to draw"
    assert tab.work(REQUEST).outcome is None


def test_files_hold_the_map_itself(scored: AnomalyScoringResult, tmp_path: Path):
    paths = write_files(scored, tmp_path, "stem")
    assert [path.name for path in paths] == [f"stem.{ending}" for ending in FILES]
    assert np.array_equal(np.load(paths[2]), scored.heat)


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
    _, said = tiny.take_photos(given, REQUEST)
    assert "4 photos" in said and not any(Path(path).exists() for path in given), "uploads do not stay where they were"
    (ratings,) = uploads({"ratings.csv": b"name,rating\nP0,7\nP1,5\nP2,1\nP9,3\n"})
    assert "with ratings" in tiny.take_ratings(ratings, REQUEST)

    told: list[str] = []
    rows, figures, plot, footer, *files = tiny.score(REQUEST, lambda fraction, desc: told.append(desc), *SETTINGS)
    assert [row[0] for row in rows] == ["P2.png", "P1.png", "P0.png", "broken.png"], "the most severe first"
    assert [row[1] for row in rows] == [3.0, 2.0, 1.0, None] and rows[0][3:5] == [1.0, 1.0]
    assert "not a picture" in rows[-1][-1]
    assert (
        "3 scored, 1 failed" in figures
        and "Pearson" in figures
        and "Spearman" in figures
        and "fits no photo" in figures
    )
    assert "weights toy 000000000000" in footer
    assert min(picture(plot).shape[:2]) > 300
    assert [Path(file.value["path"]).name for file in files] == ["scores.csv", "study.json", "study.pdf"]
    assert any("4 of 4 photos" in text for text in told)

    tiny.score(REQUEST, lambda fraction, desc: None, *SETTINGS)
    assert len(fake.calls) == 3, "kept scores are not computed again"
    folder = tiny.cohort(REQUEST).folder
    tiny.sessions.close(REQUEST.session_hash)
    assert not folder.exists(), "nothing of a patient stays"


def test_photos_can_be_added_and_all_removed(tiny: CohortTab, astronaut: np.ndarray):
    tiny.take_photos(uploads({"a.png": encode_png(astronaut)}), REQUEST)
    _, said = tiny.take_photos(uploads({"b.png": encode_png(astronaut)}), REQUEST)
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
    assert tiny.take_photos(given, REQUEST)[0] is None
    assert "python -m pipelines study" in toasts[0] and not any(Path(path).exists() for path in given)


def test_names_of_photos_are_shown_as_text():
    given = cohort.Cohort(Path(), {"<b>x</b>.png": Path()})
    assert "&lt;b&gt;" in given_html(given)
    assert "<dl>" not in figures_html()
