"""The reference scale: what is written is what a figure is compared with, and nothing else is."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from pipelines.anomaly_scoring.choices import CLINIC, EVERYONE
from pipelines.anomaly_scoring.pipeline import VERSION, AnomalyScoring
from pipelines.anomaly_scoring.scoring.regions import REGIONS
from pipelines.anomaly_scoring.scoring.scale import (
    FIGURES,
    FILE,
    Key,
    check_group,
    count,
    digest,
    encode,
    groups,
    percentile,
)
from pipelines.errors import WeightsCorrupt, WeightsMissing
from pipelines.metrics.backbones import VARIABLE
from pipelines.models import places
from pipelines.results import Basis

BASIS = Basis(
    normalizer="inpainting",
    weights="0123456789ab",
    conditions="3 searches",
    perceptual=None,
    region="mouth-nose",
    kind="pse",
    colour="ycbcr",
    erosion=True,
    formula="equation",
    version=2,
    precision="bfloat16",
    seed=0,
)
KEY = Key.of("severity", BASIS)
VALUES = np.random.default_rng(0).normal(-2, 0.5, 500)
MOVES_ALL = {"normalizer": "stylegan2", "weights": "ba9876543210", "region": "face", "version": 1}
MOVES_WHAT_IS_DRAWN = {"conditions": "1 searches"}
MOVES_THE_PAPER_S = {
    "kind": "ssim",
    "colour": "rgb",
    "erosion": False,
    "formula": "text",
    "perceptual": "LPIPS, AlexNet",
}


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Where the file of scales lies in a weights folder of its own."""
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    return tmp_path / FILE


def broken(**changes) -> bytes:
    (row,) = json.loads(encode({KEY: VALUES}))
    return json.dumps([{**row, **changes}]).encode()


def test_the_percentile_is_the_share_of_faces_that_score_lower(file):
    file.write_bytes(encode({KEY: VALUES}))
    for value in (-3.0, -2.4, -2.0, -1.7, -1.0):
        found = percentile("severity", value, BASIS)
        assert found.value == pytest.approx(100 * (value > VALUES).mean(), abs=0.5)
        assert (found.faces, found.group) == (500, EVERYONE)


def test_it_rises_with_the_figure_from_0_to_100(file):
    file.write_bytes(encode({KEY: VALUES}))
    values = [percentile("severity", value, BASIS).value for value in np.linspace(-6, 2, 81)]
    assert values == sorted(values) and len(set(values)) > 20
    assert values[0] == 0 and values[-1] == 100


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    ("changes", "moved"),
    [
        (MOVES_ALL, FIGURES),
        (MOVES_WHAT_IS_DRAWN, ("severity", "local")),
        (MOVES_THE_PAPER_S, ("severity",)),
        ({"precision": "float32", "seed": 7}, ()),
    ],
    ids=["all", "what is drawn", "the paper's", "rounding"],
)
def test_a_figure_compares_only_where_all_agrees_that_moves_it(file, figure, changes, moved):
    file.write_bytes(encode({Key.of(figure, BASIS): VALUES}))
    assert percentile(figure, -2, BASIS) is not None
    for name, value in changes.items():
        found = percentile(figure, -2, replace(BASIS, **{name: value}))
        assert (found is None) == (figure in moved), name


def test_figures_and_groups_do_not_take_each_other_s_scale(file):
    file.write_bytes(encode({KEY: VALUES, Key.of("local", BASIS, CLINIC): VALUES + 40}))
    assert percentile("local", 38, BASIS) is None and percentile("severity", -2, BASIS, CLINIC) is None
    found = percentile("local", 38, BASIS, CLINIC)
    assert (found.group, found.faces) == (CLINIC, 500) and 40 < found.value < 60


def test_every_field_of_a_basis_is_in_a_key_or_known_to_move_nothing():
    """Whoever adds one must say which figures it moves."""
    kept = {name for name, value in vars(replace(KEY, perceptual="x")).items() if value is not None}
    assert set(vars(BASIS)) == kept - {"figure", "group"} | {"precision", "seed"}


def test_a_weights_folder_of_ones_own_needs_no_scale(file):
    assert percentile("severity", -2, BASIS) is None and groups() == (EVERYONE,) and count() == 0
    assert digest() is None


def test_the_scale_that_comes_with_philtrum_is_missed(file, monkeypatch):
    """Where the folder is Philtrum's own, by whichever name it is called."""
    monkeypatch.setattr(places, "SHIPPED", file.parent.resolve())
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(file.parent / "elsewhere" / ".."))
    (file.parent / "elsewhere").mkdir()
    for attempt in (lambda: percentile("severity", -2, BASIS), groups, count, digest, lambda: check_group(EVERYONE)):
        with pytest.raises(WeightsMissing, match="is not on this machine; restore the weights folder"):
            attempt()
    file.write_bytes(encode({KEY: VALUES}))
    assert percentile("local", 40, BASIS) is None, "settings of which none was measured"
    assert count() == 1
    monkeypatch.undo()
    assert places.folder().resolve() == places.SHIPPED


def test_groups_are_those_that_were_measured_and_all_first(file):
    other = Key.of("severity", BASIS, "0-8")
    file.write_bytes(encode({other: VALUES, KEY: VALUES, Key.of("local", BASIS, CLINIC): VALUES}))
    assert groups() == (EVERYONE, "0-8", CLINIC)


def test_new_scales_take_the_place_of_their_normalizer_s_alone(file):
    others = {Key.of("severity", replace(BASIS, normalizer="stylegan2")): VALUES}
    before = encode({KEY: VALUES, **others})
    file.write_bytes(encode({Key.of("severity", replace(BASIS, weights="ba9876543210")): VALUES[:40]}, before))
    assert percentile("severity", -2, BASIS) is None
    assert percentile("severity", -2, replace(BASIS, weights="ba9876543210")).faces == 40
    assert percentile("severity", -2, replace(BASIS, normalizer="stylegan2")).faces == 500


def test_a_file_that_changes_is_read_anew(file):
    file.write_bytes(encode({KEY: VALUES}))
    assert percentile("severity", -2, BASIS).faces == 500
    file.write_bytes(encode({KEY: VALUES[:100]}))
    os.utime(file, ns=(1, 1))
    assert percentile("severity", -2, BASIS).faces == 100


@pytest.mark.parametrize(
    "content",
    [
        b"not json",
        b'{"faces": 3}',
        b"[1]",
        b"\xff\xfe",
        broken(values=[1.0, 2.0]),
        broken(values=[float(-n) for n in range(101)]),
        broken(values=[float("nan")] * 101),
        broken(faces="many"),
        broken(eyes=2),
    ],
)
def test_a_damaged_file_is_one_sentence(file, content):
    file.write_bytes(content)
    with pytest.raises(WeightsCorrupt, match="The reference scale of scores is damaged; restore the weights folder"):
        percentile("severity", -2, BASIS)


def test_a_damaged_file_is_not_built_on(file):
    with pytest.raises(WeightsCorrupt, match="damaged"):
        encode({KEY: VALUES}, b'[{"faces": 3}]')


# --- the shipped one ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("normalizer", ["inpainting", "stylegan2"])
def test_the_shipped_scales_are_those_of_the_shipped_weights_and_code(normalizer):
    """Of every figure over every region, for everyone; who changes weights or code measures anew."""
    scoring = AnomalyScoring(normalizer, device="cpu")
    rows = [row for row in json.loads((places.folder() / FILE).read_text()) if row["normalizer"] == normalizer]
    assert {(row["weights"], row["version"]) for row in rows} == {(scoring.basis().weights, VERSION)}
    for region in REGIONS:
        for figure, value in (("severity", -2.0), ("local", 40.0), ("asymmetry", 20.0)):
            found = percentile(figure, value, scoring.basis(region=region))
            assert found is not None and found.faces >= 200, (figure, region)


def test_the_shipped_scale_of_lpips_maps_is_of_the_network_that_it_was_measured_with(shared, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(shared / "weights"))
    found = percentile("severity", -2.0, AnomalyScoring(device="cpu").basis(kind="lpips"))
    assert found is not None and found.faces == 1000


def test_the_shipped_groups_of_the_fast_normalizer():
    assert {EVERYONE, CLINIC, "0-8", "18 and older"} <= set(groups())
    basis = AnomalyScoring(device="cpu").basis()
    everyone, clinic = (percentile("local", 60.0, basis, group) for group in (EVERYONE, CLINIC))
    assert everyone.faces == 1000 and clinic.faces > 100
    assert clinic.value > everyone.value, "even light and closed lips make a peak rarer"
