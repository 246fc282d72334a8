"""The benchmark that measures the reference scale: on toy faces, with a narrow random network."""

import json
import shutil

import numpy as np
import pytest

from benchmarks import anomaly_scale
from benchmarks.anomaly_scale import (
    LEAST_FACES,
    MOST_GAP,
    MOST_SIDE_LIGHT,
    MOST_YAW,
    Person,
    Plan,
    main,
    read_people,
    scales_of,
    score_crop,
    ways_here,
)
from benchmarks.scores import Scores
from pipelines.anomaly_scoring.choices import CLINIC, EVERYONE
from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.anomaly_scoring.scoring.regions import REGIONS
from pipelines.anomaly_scoring.scoring.scale import FIGURES, FILE, Key, encode
from pipelines.errors import DataUnreadable
from pipelines.metrics.backbones import VARIABLE
from pipelines.models import places
from pipelines.training.data import load_faces


@pytest.fixture(autouse=True)
def no_loss_network(tmp_path, monkeypatch):
    """Loss networks lie where a test says, and nowhere else."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    anomaly_scale._scorer.cache_clear()
    yield
    anomaly_scale._scorer.cache_clear()


@pytest.fixture
def data(toy_set, tmp_path):
    """The toy set with a table beside it: three faces, and a fourth photo in which none was found."""
    folder = tmp_path / "data"
    shutil.copytree(toy_set, folder)
    rows = [
        "val-0.png,utkface,7_0_0_2017.jpg,7,2.5",
        "val-1.png,utkface,30_1_2_2017.jpg,30,-9",
        "val-2.png,ffhq256,00022.jpg,,0",
        "val-3.png,ffhq256,00023.jpg,,0",
    ]
    (folder / "val.csv").write_text("\n".join(["name,source,source_name,age,yaw_degrees", *rows, ""]))
    return folder


def run(data, toy_cache, tmp_path, *more) -> int:
    fixed = ("--device", "cpu", "--precision", "float32", "--workers", "1", "--cache", str(toy_cache))
    return main(["--data", str(data), "--out", str(tmp_path / "out"), *fixed, *more])


def rows_of() -> list[dict]:
    return json.loads((places.folder() / FILE).read_text())


def plan_of(ways) -> Plan:
    return Plan("inpainting", tuple(ways), 0, None, "cpu", "float32")


@pytest.mark.slow
@pytest.mark.usefixtures("weights")
def test_the_scale_is_that_of_the_app_s_own_figures(data, toy_cache, tmp_path, capsys):
    assert run(data, toy_cache, tmp_path) == 0
    said = capsys.readouterr().out
    assert "48 ways to score; left out: 1 without a face." in said and "all 3." in said and "val-" not in said
    assert "| local | men | women |" not in said, "nobody of these three is a grown man"
    rows = rows_of()
    assert len(rows) == 48 + 2 * len(REGIONS)
    assert {row["faces"] for row in rows} == {3} and {row["group"] for row in rows} == {EVERYONE}
    faces = load_faces(data, "val", cache=toy_cache)
    scoring = AnomalyScoring(device="cpu", precision="float32")
    for chosen in ({}, {"region": "face", "kind": "ssim", "colour": "rgb", "erosion": False, "formula": "text"}):
        results = [scoring(np.ascontiguousarray(one.permute(1, 2, 0).numpy()), **chosen) for one in faces.images]
        values = {
            "severity": [result.score.severity for result in results],
            "local": [result.local.value for result in results],
            "asymmetry": [result.asymmetry.value for result in results],
        }
        for figure in FIGURES:
            wanted = {
                name: value for name, value in vars(Key.of(figure, results[0].basis)).items() if value is not None
            }
            (row,) = (row for row in rows if row | wanted == row and len(row) == len(wanted) + 2)
            assert [row["values"][at] for at in (0, 50, 100)] == pytest.approx(sorted(values[figure]), abs=1e-3)
        assert results[0].percentile.faces == results[0].local.percentile.faces == 3  # and the app finds them


@pytest.mark.usefixtures("weights")
def test_a_run_goes_on_where_it_stopped_and_other_normalizers_stay(data, toy_cache, tmp_path, monkeypatch):
    other = Key(figure="local", normalizer="stylegan2", weights="ba9876543210", region="face", version=1)
    (places.folder() / FILE).write_bytes(encode({other: np.arange(40.0)}))
    calls = []
    real = anomaly_scale.score_crop

    def stopped(crop, plan):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(crop, plan)

    monkeypatch.setattr(anomaly_scale, "score_crop", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(data, toy_cache, tmp_path)
    assert [row["normalizer"] for row in rows_of()] == ["stylegan2"]
    assert run(data, toy_cache, tmp_path) == 0
    assert len(calls) == 4  # two, the one that stopped, and that one again
    assert [row["normalizer"] for row in rows_of()] == ["stylegan2"] + ["inpainting"] * (48 + 2 * len(REGIONS))
    before = rows_of()
    assert run(data, toy_cache, tmp_path) == 0 and len(calls) == 4
    assert rows_of() == before


@pytest.mark.usefixtures("weights")
def test_most_takes_the_first_faces_alone(data, toy_cache, tmp_path, capsys):
    assert run(data, toy_cache, tmp_path, "--most", "2") == 0
    assert "left out: 0 " in capsys.readouterr().out
    assert {row["faces"] for row in rows_of()} == {2}


def test_lpips_is_a_way_where_its_network_is(loss_weights):
    with_it, without = ways_here(str(loss_weights)), ways_here(None)
    assert {way.kind for way in with_it} == {"pse", "ssim", "lpips"} and len(with_it) == len(set(with_it)) == 72
    assert without == tuple(way for way in with_it if way.kind != "lpips")


@pytest.mark.usefixtures("weights")
def test_lpips_scores_come_from_the_folder_that_was_named(loss_weights, astronaut):
    ways = [way for way in ways_here(str(loss_weights)) if way.kind == "lpips"][:2]
    values = score_crop(astronaut, plan_of(ways)._replace(weights_dir=str(loss_weights))).values
    assert values["severity"].shape == (2,) and np.isfinite(values["severity"]).all()


@pytest.mark.usefixtures("weights")
def test_a_picture_without_a_face_has_no_scores():
    values = score_crop(np.full((256, 256, 3), 127, np.uint8), plan_of(ways_here(None))).values
    assert {len(one) for one in values.values()} == {0}


def made(number: float, gap: float = 0.2, side_light: float = 0.0) -> Scores:
    """Figures that all are ``number``, or minus it in the second way."""
    figures = {"severity": [number, -number], "local": [number] * len(REGIONS), "asymmetry": [number] * len(REGIONS)}
    values = {**figures, "gap": [gap], "side_light": [side_light]}
    return Scores({name: np.array(value, float) for name, value in values.items()}, np.empty(0))


NOBODY = Scores({name: np.empty(0) for name in (*FIGURES, "gap", "side_light")}, np.empty(0))


@pytest.mark.usefixtures("weights")
def test_age_groups_are_those_with_enough_faces_of_known_age():
    ways = ways_here(None)[:2]
    years = [8] * LEAST_FACES + [9] * 29 + [18] * 20 + [90] * 20
    people = {f"{number}": Person(float(age), 0.0) for number, age in enumerate(years)}
    people |= {f"{number}": Person(np.nan, 0.0) for number in range(len(years), 120)}
    scores = {f"{number}": made(number) for number in range(120)}
    scores["7"] = NOBODY  # thirty young ones become 29
    scales = scales_of(scores, plan_of(ways), people)
    assert {key.group: len(found) for key, found in scales.items()} == {EVERYONE: 119, "18 and older": 40}
    scores["7"] = made(7)
    scales = scales_of(scores, plan_of(ways), people)
    assert {key.group: len(found) for key, found in scales.items()} == {EVERYONE: 120, "0-8": 30, "18 and older": 40}
    children = {key: found.tolist() for key, found in scales.items() if key.group == "0-8"}
    assert len(children) == 2 + 2 * len(REGIONS) and {key.figure for key in children} == set(FIGURES)
    assert sorted(map(sum, children.values())) == [-sum(range(30))] + [sum(range(30))] * (len(children) - 1)


@pytest.mark.usefixtures("weights")
def test_a_clinic_s_photos_are_frontal_with_closed_lips_in_even_light():
    scores = {f"{number}": made(number, 0.9 * MOST_GAP, 0.9 * MOST_SIDE_LIGHT) for number in range(LEAST_FACES + 3)}
    people = dict.fromkeys(scores, Person(np.nan, -0.9 * MOST_YAW))
    first, second, third = (f"{LEAST_FACES + number}" for number in range(3))
    people[first] = Person(np.nan, -1.1 * MOST_YAW)
    scores[second], scores[third] = made(0, 1.1 * MOST_GAP), made(0, 0.0, 1.1 * MOST_SIDE_LIGHT)
    scales = scales_of(scores, plan_of(ways_here(None)[:2]), people)
    clinic = [found for key, found in scales.items() if key.group == CLINIC]
    assert clinic and all(len(found) == LEAST_FACES for found in clinic)


@pytest.mark.usefixtures("weights")
def test_nothing_to_measure():
    with pytest.raises(DataUnreadable, match="No face was found in any picture"):
        scales_of({"a": NOBODY}, plan_of(ways_here(None)), {})


def test_ages_and_sexes_are_those_of_one_source(data):
    people = read_people(data)
    assert people["val-0.png"] == Person(7.0, 2.5, "men") and people["val-1.png"] == Person(30.0, -9.0, "women")
    assert np.isnan(people["val-2.png"].age) and people["val-2.png"][1:] == (0.0, "") and len(people) == 4


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize(
    "table", [None, "name,age\na.png,3\n", "name,source,source_name,age,yaw_degrees\na.png,utkface,1_0_0,old,3\n"]
)
def test_without_the_table_one_sentence(data, toy_cache, tmp_path, capsys, table):
    (data / "val.csv").unlink()
    if table:
        (data / "val.csv").write_text(table)
    assert run(data, toy_cache, tmp_path) == 2
    assert (
        "needs the table val.csv with the columns name, source, source_name, age and yaw_degrees"
        in capsys.readouterr().err
    )
    assert not (places.folder() / FILE).exists() and not (tmp_path / "out").exists()
