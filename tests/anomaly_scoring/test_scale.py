"""The reference scale: what is written is what a score is compared with."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from pipelines import store
from pipelines.anomaly_scoring.normalization import Normalized
from pipelines.anomaly_scoring.scale import EVERYONE, FILE, Setting, encode, groups, percentile, setting_of
from pipelines.anomaly_scoring.scores import score
from pipelines.errors import WeightsCorrupt
from pipelines.results import Score, WeightsUsed

SETTING = Setting("inpainting", "0123456789ab", "", "mouth-nose", "pse", "ycbcr", True, "equation")
SEVERITIES = np.random.default_rng(0).normal(-2, 0.5, 500)


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Where the file of scales lies in a weights folder of its own."""
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    return tmp_path / FILE


def of(severity: float) -> Score:
    return Score(-severity, severity, 100, "pse", "ycbcr", True, "equation")


def broken(**changes) -> bytes:
    (row,) = json.loads(encode({SETTING: SEVERITIES}))
    return json.dumps([{**row, **changes}]).encode()


def test_the_percentile_is_the_share_of_faces_that_score_lower(file):
    file.write_bytes(encode({SETTING: SEVERITIES}))
    for severity in (-3.0, -2.4, -2.0, -1.7, -1.0):
        found = percentile(of(severity), SETTING)
        assert found.value == pytest.approx(100 * (severity > SEVERITIES).mean(), abs=0.5)
        assert (found.faces, found.group) == (500, EVERYONE)


def test_it_rises_with_the_severity_from_0_to_100(file):
    file.write_bytes(encode({SETTING: SEVERITIES}))
    values = [percentile(of(severity), SETTING).value for severity in np.linspace(-6, 2, 81)]
    assert values == sorted(values) and len(set(values)) > 20
    assert values[0] == 0 and values[-1] == 100


@pytest.mark.parametrize(
    "other",
    [
        {"normalizer": "stylegan2"},
        {"weights": "ba9876543210"},
        {"conditions": "200 + 50 steps, LPIPS, AlexNet"},
        {"region": "face"},
        {"kind": "ssim"},
        {"colour": "rgb"},
        {"erosion": False},
        {"formula": "text"},
        {"group": "0-8"},
    ],
)
def test_scores_of_another_setting_do_not_compare(file, other):
    file.write_bytes(encode({SETTING: SEVERITIES}))
    assert percentile(of(-2), replace(SETTING, **other)) is None


def test_without_a_file_there_is_no_percentile(file):
    assert percentile(of(-2), SETTING) is None and groups() == (EVERYONE,)


def test_the_setting_of_a_score():
    found = score(np.ones((4, 4), np.float32), np.ones((4, 4), bool), "text", kind="ssim", colour="rgb", erosion=False)
    weights = (WeightsUsed("generator", "0123456789ab"), WeightsUsed("alexnet", "ba9876543210"))
    empty = np.empty(0)
    normalized = Normalized(alignment=None, crop=empty, image=empty, weights=weights, conditions="1 + 2 steps")
    assert setting_of(found, "stylegan2", normalized, "face", "0-8") == Setting(
        "stylegan2", "0123456789ab+ba9876543210", "1 + 2 steps", "face", "ssim", "rgb", False, "text", "0-8"
    )


def test_the_groups_that_were_measured(file):
    children, face = replace(SETTING, group="0-8"), replace(SETTING, region="face", group="9-17")
    file.write_bytes(encode({children: SEVERITIES[:40] + 1, face: SEVERITIES, SETTING: SEVERITIES}))
    assert groups() == (EVERYONE, "0-8", "9-17")
    assert percentile(of(-1.5), children).value < percentile(of(-1.5), SETTING).value
    assert percentile(of(-1.5), children).faces == 40


def test_a_changed_file_is_read_anew(file):
    file.write_bytes(encode({SETTING: SEVERITIES}))
    before = percentile(of(-2), SETTING).value
    file.write_bytes(encode({SETTING: SEVERITIES + 1}))
    stamp = file.stat().st_mtime_ns + 1_000_000
    os.utime(file, ns=(stamp, stamp))  # a clock may be too coarse to tell the two apart
    assert percentile(of(-2), SETTING).value < before
    file.unlink()
    assert percentile(of(-2), SETTING) is None


@pytest.mark.parametrize("other", [{"normalizer": "stylegan2"}, {"normalizer": "stylegan2", "conditions": "1 step"}])
def test_what_the_file_holds_of_other_normalizers_and_conditions_stays(other):
    other = replace(SETTING, **other)
    both = encode({SETTING: SEVERITIES}, encode({other: SEVERITIES[:30], SETTING: SEVERITIES[:7]}))
    assert [(row["normalizer"], row["faces"]) for row in json.loads(both)] == [("stylegan2", 30), ("inpainting", 500)]
    assert both == encode({SETTING: SEVERITIES}, both)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[",
        b"7",
        b"{}{}",
        b'{"a": 1}',
        b"[1]",
        b"[{}]",
        broken(severities=[1.0, 2.0]),
        broken(severities=[float(value) for value in range(101, 0, -1)]),
        broken(severities=[float("nan")] * 101),
        broken(severities="many"),
        broken(faces="many"),
        broken(unknown=1),
        broken(region=["face"]),
    ],
)
def test_a_damaged_file_is_one_sentence(file, content):
    file.write_bytes(content)
    for ask in (lambda: percentile(of(-2), SETTING), groups):
        with pytest.raises(WeightsCorrupt, match="reference scale of scores is damaged; restore the weights folder"):
            ask()


def test_the_shipped_scales_are_those_of_the_shipped_weights(monkeypatch):
    monkeypatch.delenv("PHILTRUM_WEIGHTS", raising=False)
    rows = json.loads((store.folder() / FILE).read_text())
    drawn_by = {row["normalizer"]: row["weights"].split("+") for row in rows}
    jobs = {"inpainting": ["cleft-inpainting"], "stylegan2": ["face-generator", "face-discriminator"]}
    assert drawn_by == {name: [store.find(job=job).sha256[:12] for job in used] for name, used in jobs.items()}
    assert {(row["conditions"], row["faces"]) for row in rows if row["normalizer"] == "inpainting"} == {
        ("", 1000), ("", 108), ("", 137),
    }  # fmt: skip
