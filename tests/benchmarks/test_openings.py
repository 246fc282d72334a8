"""The benchmark of how far drawn mouths are open, with openings and painters whose answer is known."""

import numpy as np
import pytest
from scipy import stats

from benchmarks import cases as sets
from benchmarks.cases import val_cases
from benchmarks.methods import Filled, Method
from benchmarks.openings import Openings, drawn_by, gaps, main
from pipelines.faces.landmarks import find_crop_face
from pipelines.faces.measurements import lip_gap
from pipelines.training.data import FaceSet


@pytest.fixture
def val(faces, monkeypatch) -> None:
    """The four faces as the validation split."""

    def load(root, split, *, cache, most):
        return FaceSet(faces.names[:most], faces.images[:most], faces.meshes[:most])

    monkeypatch.setattr(sets, "load_faces", load)


def test_openings_that_follow_the_truth():
    hidden = np.array([0.0, 0.005, 0.1, 0.2, 0.3, np.nan])
    drawn = np.array([0.0, 0.0625, 0.05, 0.1, 0.15, 0.2])
    found = Openings.of(drawn, hidden)
    expected = stats.pearsonr(drawn[:5], hidden[:5])
    assert found.faces == 5 and found.correlation == pytest.approx(expected.statistic)
    assert found.low < found.correlation < found.high <= 1
    assert found.spread == pytest.approx(drawn[:5].std() / hidden[:5].std())
    assert (found.closed, found.opened) == (2, 0.5)
    perfect = Openings.of(hidden / 2, hidden)
    assert (perfect.correlation, perfect.spread, perfect.opened) == pytest.approx((1, 0.5, 0))


def test_one_mouth_for_all_follows_nothing():
    found = Openings.of(np.full(6, 0.1), np.linspace(0.02, 0.2, 6))
    assert np.isnan(found.correlation) and found.spread == pytest.approx(0)
    assert found.closed == 0 and np.isnan(found.opened)
    assert Openings.of(np.full(3, np.nan), np.zeros(3)).faces == 0


def test_gaps_are_those_of_the_face_that_is_found(faces):
    crops = faces.images.permute(0, 2, 3, 1).numpy()
    found = gaps(np.concatenate([crops[:1], np.full_like(crops[:1], 90)]))
    assert found[0] == pytest.approx(lip_gap(find_crop_face(np.ascontiguousarray(crops[0]))))
    assert found[0] > 0.05 and np.isnan(found[1])


@pytest.mark.usefixtures("val")
def test_references_go_to_methods_that_look_at_them():
    cases, seen = val_cases("nowhere", 0), []

    def fill(crops, *given):
        seen.append((len(crops), len(given)))
        return Filled(crops)

    for key in ("ours", "ours-self"):
        assert np.array_equal(drawn_by(Method(key, fill), cases, 3), cases.all.crop)
    assert seen == [(3, 1), (1, 1), (3, 3), (1, 3)]


@pytest.mark.usefixtures("val")
def test_the_table_has_a_row_a_method(tmp_path, capsys):
    words = ["--data", "nowhere", "--sets", "val", "--methods", "telea", "paste", "--out", str(tmp_path)]
    assert main([*words, "--device", "cpu", "--workers", "1"]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines == (tmp_path / "openings.md").read_text().strip().splitlines()
    assert len(lines) == 4 and lines[0].startswith("| Set | Method | Faces")
    assert [line.split(" | ")[1] for line in lines[2:]] == ["OpenCV Telea", "Reference pasted over Telea"]
    assert [line.split(" | ")[2] for line in lines[2:]] == ["4", "4"] and lines[2].endswith("| – |")


def test_data_that_is_not_there(tmp_path, capsys):
    words = ["--data", str(tmp_path / "none"), "--methods", "telea", "--out", str(tmp_path), "--device", "cpu"]
    assert main(words) == 2
    assert "data folder does not exist" in capsys.readouterr().err
