"""The benchmark that measures the reference scale: on toy faces, with a narrow random network."""

import json
import shutil

import numpy as np
import pytest

from benchmarks import anomaly_scale
from benchmarks.anomaly_scale import LEAST_FACES, Plan, main, read_ages, scales_of, score_crop, ways_here
from benchmarks.scores import Scores
from pipelines import store
from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.anomaly_scoring.scale import EVERYONE, FILE, Setting, encode
from pipelines.errors import DataUnreadable
from pipelines.metrics.backbones import VARIABLE
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
    rows = ["val-0.png,utkface,7", "val-1.png,utkface,30", "val-2.png,ffhq256,", "val-3.png,ffhq256,"]
    (folder / "val.csv").write_text("\n".join(["name,source,age", *rows, ""]))
    return folder


def run(data, toy_cache, tmp_path, *more) -> int:
    fixed = ("--device", "cpu", "--precision", "float32", "--workers", "1", "--cache", str(toy_cache))
    return main(["--data", str(data), "--out", str(tmp_path / "out"), *fixed, *more])


def rows_of() -> list[dict]:
    return json.loads((store.folder() / FILE).read_text())


def plan_of(ways) -> Plan:
    return Plan("inpainting", tuple(ways), 0, None, "cpu", "float32")


@pytest.mark.usefixtures("weights")
def test_the_scale_is_that_of_the_app_s_own_scores(data, toy_cache, tmp_path, capsys):
    assert run(data, toy_cache, tmp_path) == 0
    said = capsys.readouterr().out
    assert "32 ways to score; left out: 1 without a face." in said and "all 3." in said and "val-" not in said
    rows = rows_of()
    assert len(rows) == 32 and {row["faces"] for row in rows} == {3} and {row["group"] for row in rows} == {EVERYONE}
    faces = load_faces(data, "val", cache=toy_cache)
    scoring = AnomalyScoring(device="cpu", precision="float32")
    for chosen in ({}, {"region": "face", "kind": "ssim", "colour": "rgb", "erosion": False, "formula": "text"}):
        results = [scoring(np.ascontiguousarray(one.permute(1, 2, 0).numpy()), **chosen) for one in faces.images]
        severities = sorted(result.score.severity for result in results)
        first = results[0].score
        wanted = {
            "normalizer": "inpainting",
            "weights": results[0].weights[0].sha256,
            "conditions": "",
            "region": results[0].region,
            "kind": first.kind,
            "colour": first.colour,
            "erosion": first.erosion,
            "formula": first.formula,
        }
        (row,) = (row for row in rows if row | wanted == row)
        assert [row["severities"][at] for at in (0, 50, 100)] == pytest.approx(severities, abs=1e-4)
        assert results[0].percentile.faces == 3  # and the app finds it


@pytest.mark.usefixtures("weights")
def test_a_run_goes_on_where_it_stopped_and_other_normalizers_stay(data, toy_cache, tmp_path, monkeypatch):
    other = Setting("stylegan2", "ba9876543210", "1 + 2 steps", "face", "pse", "ycbcr", True, "equation")
    (store.folder() / FILE).write_bytes(encode({other: np.arange(40.0)}))
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
    assert [row["normalizer"] for row in rows_of()] == ["stylegan2"] + ["inpainting"] * 32
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
    assert {way.kind for way in with_it} == {"pse", "ssim", "lpips"} and len(with_it) == len(set(with_it)) == 48
    assert without == tuple(way for way in with_it if way.kind != "lpips")


@pytest.mark.usefixtures("weights")
def test_lpips_scores_come_from_the_folder_that_was_named(loss_weights, astronaut):
    ways = [way for way in ways_here(str(loss_weights)) if way.kind == "lpips"][:2]
    values = score_crop(astronaut, plan_of(ways)._replace(weights_dir=str(loss_weights))).values
    assert values["severity"].shape == (2,) and np.isfinite(values["severity"]).all()


@pytest.mark.usefixtures("weights")
def test_a_picture_without_a_face_has_no_scores():
    values = score_crop(np.full((256, 256, 3), 127, np.uint8), plan_of(ways_here(None))).values
    assert values["severity"].shape == (0,) and str(values["weights"]) == ""


def made(severities) -> Scores:
    texts = {"weights": np.array("0123456789ab"), "conditions": np.array("1 + 2 steps")}
    return Scores({"severity": np.array(severities), **texts}, np.empty(0))


def test_age_groups_are_those_with_enough_faces_of_known_age():
    ways = ways_here(None)[:2]
    ages = {f"{number}": float(age) for number, age in enumerate([8] * LEAST_FACES + [9] * 29 + [18] * 20 + [90] * 20)}
    scores = {f"{number}": made([number, -number]) for number in range(120)}
    scores["7"] = made([])  # no face: thirty young ones become 29
    scales = scales_of(scores, plan_of(ways), ages)
    assert {setting.group: len(found) for setting, found in scales.items()} == {EVERYONE: 119, "18 and older": 40}
    assert {(setting.weights, setting.conditions) for setting in scales} == {("0123456789ab", "1 + 2 steps")}
    scores["7"] = made([7, -7])
    scales = scales_of(scores, plan_of(ways), ages)
    assert {setting.group: len(found) for setting, found in scales.items()} == {
        EVERYONE: 120,
        "0-8": 30,
        "18 and older": 40,
    }
    children = [found.tolist() for setting, found in scales.items() if setting.group == "0-8"]
    assert children == [list(range(30)), [-number for number in range(30)]]
    assert {(one.kind, one.colour, one.erosion, one.region, one.formula) for one in scales} == set(ways)


def test_nothing_to_measure():
    with pytest.raises(DataUnreadable, match="No face was found in any picture"):
        scales_of({"a": made([])}, plan_of(ways_here(None)), {})


def test_ages_are_those_of_one_source(data):
    assert read_ages(data) == ({"val-0.png": 7.0, "val-1.png": 30.0}, 4)


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("table", [None, "name,age\na.png,3\n", "name,source,age\na.png,utkface,old\n"])
def test_without_the_table_one_sentence(data, toy_cache, tmp_path, capsys, table):
    (data / "val.csv").unlink()
    if table:
        (data / "val.csv").write_text(table)
    assert run(data, toy_cache, tmp_path) == 2
    assert "needs the table val.csv with the columns name, source and age" in capsys.readouterr().err
    assert not (store.folder() / FILE).exists() and not (tmp_path / "out").exists()
