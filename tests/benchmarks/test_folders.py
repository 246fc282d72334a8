"""A folder in the page, on an app in this process and a real Chromium; and what counts as right."""

import json

import pytest

from benchmarks import folders
from benchmarks.folders import Outcome, as_markdown, drawn, main
from pipelines.faces.images import read_image
from pipelines.jobs import CLEFT_INPAINTING, MASK_REMOVAL
from tests.benchmarks.test_crowd import Here


@pytest.mark.slow
def test_a_folder_is_cancelled_goes_on_and_is_saved(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(folders, "App", Here)
    words = ["--photos", "4", "--jobs", CLEFT_INPAINTING, "--out", str(tmp_path)]
    assert main(words) == 0
    facts = json.loads((tmp_path / "folders.json").read_text())[CLEFT_INPAINTING]
    assert facts["rows"] == {"done": 4} and facts["saved"] == 4
    assert 0 < facts["cancelled"][0] == facts["cancelled"][1] < 4
    assert facts["seen"][-1] == 4 and len(facts["seen"]) == len(facts["memory"]) > 2
    assert "| Cleft inpainting | 4 |" in capsys.readouterr().out


def test_without_chromium_one_sentence(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(folders, "App", Here)
    monkeypatch.setattr(folders.shutil, "which", lambda name: None)
    assert main(["--photos", "1", "--jobs", CLEFT_INPAINTING, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("Chromium is missing")


def test_photos_differ_in_size_and_each_third_masked_face_has_a_reference(tmp_path):
    photos, references = drawn(MASK_REMOVAL, 4, tmp_path)
    assert [path.stem for path in photos] == ["P001", "P002", "P003", "P004"]
    assert [path.stem for path in references] == ["P001", "P004"]
    assert len({read_image(path).shape for path in photos}) == 4
    assert drawn(CLEFT_INPAINTING, 2, tmp_path)[1] == []


@pytest.mark.parametrize(
    ("changed", "right"),
    [
        ({}, True),
        ({"rows": {"done": 2, "failed": 1}}, False),
        ({"saved": 2}, False),
        ({"cancelled": (1, 0)}, False),
        ({"cancelled": (0, 0)}, False),
    ],
)
def test_what_is_right(changed, right):
    outcome = Outcome(**{"photos": 3, "rows": {"done": 3}, "saved": 3, "cancelled": (1, 1)} | changed)
    assert outcome.right is right


def test_the_table_says_what_was_held_and_when_it_was_not_seen():
    outcome = Outcome(6, seen=[0, 5], memory=[2**20, 7 * 2**20], rows={"done": 6}, saved=6, cancelled=(2, 2))
    assert as_markdown({CLEFT_INPAINTING: outcome}).splitlines()[4].split(" | ")[-2:] == ["7", "– |"]
