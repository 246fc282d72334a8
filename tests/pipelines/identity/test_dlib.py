"""dlib's file becomes our network, and nothing else does."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional

from pipelines.errors import OptionInvalid, WeightsCorrupt
from pipelines.identity.dlib import read_face_recognition
from pipelines.identity.network import FaceRecognition
from pipelines.models import loading, store
from tests.pipelines.identity.dlib_files import BLOCKS, DIMENSIONS, WIDTHS, DlibNetwork, integer, text

MEAN = torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)


def answer(written: DlibNetwork, image: torch.Tensor) -> torch.Tensor:
    """What dlib computes, layer by layer: convolution, scale and shift, sums of unlike sizes continued with zeros."""
    left = iter(written.convolutions)

    def convolved(features: torch.Tensor, stride: int, padding: int) -> torch.Tensor:
        weights, biases, factors, shifts = map(torch.from_numpy, next(left))
        found = functional.conv2d(features, weights, biases, stride, padding)
        return found * factors.view(1, -1, 1, 1) + shifts.view(1, -1, 1, 1)

    features = functional.max_pool2d(convolved((image - MEAN) / 256, 2, 0).relu(), 3, 2)
    for stage, count in enumerate(BLOCKS):
        for number in range(count):
            halving = stage > 0 and number == 0
            drawn = convolved(convolved(features, *((2, 0) if halving else (1, 1))).relu(), 1, 1)
            kept = functional.avg_pool2d(features, 2) if halving else features
            total = torch.zeros(len(image), *(max(pair) for pair in zip(drawn.shape[1:], kept.shape[1:], strict=True)))
            for part in (drawn, kept):
                total[:, : part.shape[1], : part.shape[2], : part.shape[3]] += part
            features = total.relu()
    return features.mean((2, 3)) @ torch.from_numpy(written.head)


@pytest.mark.parametrize("side", [150, 142])  # the halved features have an odd side, and an even one
def test_the_network_answers_as_the_layers_of_the_file_do(tmp_path, side):
    written = DlibNetwork()
    network = FaceRecognition(WIDTHS, BLOCKS, DIMENSIONS).eval()
    network.load_state_dict(read_face_recognition(written.write(tmp_path / "net.dat")), strict=True)
    image = 255 * torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = answer(written, image)
        torch.testing.assert_close(network(image), expected, rtol=1e-4, atol=1e-4)
    assert expected.std() > 0.05, "the numbers say something"


def test_a_file_that_ends_early_or_goes_on_is_refused(tmp_path):
    content = DlibNetwork().content()
    for number, damaged in enumerate([b"", content[:9], content[: len(content) // 2], content[:-1], content + b"\0"]):
        path = tmp_path / f"{number}.dat"
        path.write_bytes(damaged)
        with pytest.raises(WeightsCorrupt, match="damaged, or holds no face recognition network"):
            read_face_recognition(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (text("loss_metric_2"), text("loss_multiclass_log_")),  # another loss: another network
        (text("input_rgb_image_sized"), text("input_rgb_image_sizzd")),
        (text("relu_"), text("tanh_")),  # a layer that nobody knows
        (text("relu_"), text("add_prev_")),  # one that is known, at another place
        (integer(4) + integer(7), integer(3) + integer(7)),  # filters that the parameters do not make up
    ],
)
def test_another_network_is_refused(tmp_path, old, new):
    content = DlibNetwork().content()
    assert old in content
    (tmp_path / "net.dat").write_bytes(content.replace(old, new, 1))
    with pytest.raises(WeightsCorrupt, match="no face recognition network"):
        read_face_recognition(tmp_path / "net.dat")


def test_a_tensor_that_claims_more_than_the_file_has_fills_no_memory(tmp_path):
    content = DlibNetwork().content()
    at = content.index(text("con_4")) + len(text("con_4"))
    huge = content[:at] + integer(2) + b"".join(integer(2**31 - 1) for _ in range(4)) + content[at + 15 :]
    (tmp_path / "net.dat").write_bytes(huge)
    with pytest.raises(WeightsCorrupt):
        read_face_recognition(tmp_path / "net.dat")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(OptionInvalid, match="cannot be read"):
        read_face_recognition(tmp_path / "gone.dat")


def test_floats_are_copied(tmp_path):
    """What is read is our own memory, which may be written to."""
    tensors = read_face_recognition(DlibNetwork().write(tmp_path / "net.dat"))
    for value in tensors.values():
        value += 1
    assert all(np.isfinite(value.numpy()).all() for value in tensors.values())


def test_the_command_imports_it(tmp_path, monkeypatch, capsys):
    from pipelines.__main__ import main

    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path / "weights"))
    loading.clear()
    source = DlibNetwork().write(tmp_path / "net.DAT")
    settings = {"widths": list(WIDTHS), "blocks": list(BLOCKS), "dimensions": DIMENSIONS}
    words = ["weights", "import", str(source), "small", "--licence", "CC0 1.0", "--network", "face-recognition"]
    architecture = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
    assert main([*words, "--default", "--architecture", *architecture]) == 0
    assert capsys.readouterr().out == f"small: imported, SHA-256 {store.find('small').sha256}\n"
    network = loading.load(job="face-embedder").network
    expected = read_face_recognition(source)
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())
    words[3] = "again"
    assert main(words) == 2, "it does not fit the network of the usual size"
    assert "do not fit" in capsys.readouterr().err and "again" not in store.entries()
    loading.clear()
