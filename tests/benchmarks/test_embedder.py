"""The embedder that benchmarks are given."""

import numpy as np
import pytest
import torch

from benchmarks.embedder import SIZE, TorchScriptEmbedder
from pipelines.errors import WeightsCorrupt, WeightsMissing


class Mean(torch.nn.Module):
    """Knows only the mean colour."""

    def forward(self, aligned: torch.Tensor) -> torch.Tensor:
        assert aligned.shape[1:] == (3, 112, 112)
        return aligned.mean((2, 3))


def test_a_face_is_embedded_with_length_one(tmp_path, astronaut, face):
    assert SIZE == 112
    torch.jit.script(Mean()).save(tmp_path / "mean.pt")
    embedder = TorchScriptEmbedder(tmp_path / "mean.pt")
    found = embedder.embed(astronaut, face.points)
    assert np.linalg.norm(found) == pytest.approx(1) and found[0] > found[2], "skin is more red than blue"
    green = np.full_like(astronaut, (0, 255, 0))
    assert embedder.similarity(astronaut, face.points, green, face.points) == pytest.approx(found[1], abs=1e-3)


def test_a_file_that_is_no_embedder(tmp_path):
    with pytest.raises(WeightsMissing, match="does not exist"):
        TorchScriptEmbedder(tmp_path / "gone.pt")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(WeightsCorrupt, match="no TorchScript network"):
        TorchScriptEmbedder(tmp_path / "text.pt")
