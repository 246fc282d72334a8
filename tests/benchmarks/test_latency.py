"""The speed benchmark: that it runs what it says and reports it. No time is asserted."""

import re

import numpy as np
import pytest
import torch

from benchmarks import latency
from benchmarks.latency import compare_batches, interleave, large_photo, main, runner
from pipelines.devices import choose
from pipelines.faces.landmarks import find_face
from pipelines.models import loading, registering

CPU = choose("cpu", "float32")


def cells(text, title):
    """Rows of the table under a heading that starts with ``title``."""
    part = text.partition(f"## {title}")[2].partition("\n##")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    return rows[2:]


def test_the_photo_has_twelve_megapixels_and_a_face():
    photo = large_photo()
    assert photo.shape == (3000, 4000, 3) and photo.dtype == np.uint8
    assert find_face(photo).eye_distance > 200


def test_every_part_is_reported(weights, network, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(latency, "SIDE", 64)  # the paper-width network takes seconds at its own size
    command = ["--device", "cpu", "--precision", "float32", "--repeats", "1", "--batches", "1", "--megapixels", "0.12"]
    assert main([*command, "--out", str(tmp_path / "new" / "latency.md")]) == 0
    text = capsys.readouterr().out
    assert (tmp_path / "new" / "latency.md").read_text() == text.removesuffix("\n")
    stages = cells(text, "The whole job, 400 × 300 pixels")
    assert [row[0] for row in stages][-1] == "all" and {"landmarks", "network", "compositing"} <= {r[0] for r in stages}
    assert float(stages[-1][1]) >= max(float(row[1]) for row in stages[:-1])
    networks = cells(text, "The network alone")
    assert [row[0] for row in networks][-1].startswith("paper width") and networks[-1][-1] == "1.00"
    millions = sum(weight.numel() for weight in network.parameters()) / 1e6
    assert float(networks[0][1]) == pytest.approx(millions, abs=0.01) and float(networks[-1][1]) > 5 * millions
    assert [row[:2] for row in cells(text, "Batches")] == [["1", "eager"]]
    assert torch.__version__ in text and re.search(r"most memory held by the process: \d+ MB", text)


def test_mask_removal_is_timed_with_a_reference(weights, removal, removal_architecture, monkeypatch, capsys):
    about = {"licence": "none: random numbers", "default": True, "architecture": removal_architecture}
    registering.save("removal", removal.state_dict(), job="mask-removal", network="mask-removal", **about)
    monkeypatch.setattr(latency, "SIDE", 64)
    command = ["--job", "mask-removal", "--device", "cpu", "--precision", "float32", "--repeats", "1"]
    assert main([*command, "--batches", "2", "--megapixels", "0.12"]) == 0
    text = capsys.readouterr().out
    stages = [row[0] for row in cells(text, "The whole job, 400 × 300 pixels")]
    assert {"segmentation", "reference", "network", "compositing"} <= set(stages)
    networks = cells(text, "The network alone")
    assert float(networks[-1][1]) == pytest.approx(11.05, abs=0.01)
    assert [row[:2] for row in cells(text, "Batches")] == [["2", "eager"]]


def test_the_soak_reports_the_marks(weights, monkeypatch, capsys):
    held = iter([500_000_000, 500_000_000, 512_000_000])
    monkeypatch.setattr(latency, "process_memory", lambda: next(held))
    assert main(["--device", "cpu", "--precision", "float32", "--soak", "4", "--megapixels", "0.12"]) == 0
    rows = cells(capsys.readouterr().out, "Memory over 4 runs")
    assert rows == [["1", "500", "+0"], ["2", "500", "+0"], ["4", "512", "+12"]]


def test_runs_are_interleaved_and_warmed():
    order = []
    seconds = interleave({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, CPU, 3)
    assert "".join(order) == "ab" * 5
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3}


def test_a_runner_is_the_network_on_its_batch(network):
    drawn = runner(network, CPU, batch=2)()
    assert drawn.image.shape == (2, 3, 256, 256) and drawn.landmarks.shape == (2, 68, 2)
    assert torch.equal(drawn.image, runner(network, CPU, batch=2, plain=True)().image)


def test_the_compiled_network_is_timed_beside_the_eager_one(network, monkeypatch):
    monkeypatch.setattr(latency, "SIDE", 64)
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda module, **options: compiled.append(module) or module)
    lines = compare_batches("cleft-inpainting", network, CPU, [1], 1, True)
    assert len(compiled) == 1 and [row[1] for row in cells("\n".join(lines), "Batches")] == ["eager", "compiled"]


def test_missing_weights_are_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    loading.clear()
    assert main(["--device", "cpu"]) == 2
    assert "weights" in capsys.readouterr().err
    assert main(["--device", "cuda:99"]) == 2


@pytest.mark.parametrize("wrong", [["--repeats", "0"], ["--soak", "-1"], ["--batches", "0"], ["--megapixels", "0"]])
def test_counts_below_one_are_refused(wrong, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(wrong)
    assert stopped.value.code == 2 and "must be" in capsys.readouterr().err
