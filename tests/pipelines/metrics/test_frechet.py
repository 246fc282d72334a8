"""The Frechet distance between Gaussians whose distance has a closed form."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn
from torchvision.models import alexnet

from pipelines.errors import WeightsCorrupt
from pipelines.metrics.frechet import AlexNetFeatures, FrechetDistance


class Pixels(nn.Module):
    """The picture's own numbers as features."""

    num_features = 6

    def forward(self, pictures):
        return pictures.flatten(1)


def sample(mean, covariance, count=200, seed=0):
    """``(count, 6, 1, 1)`` numbers whose mean and covariance are exactly these, not only in expectation."""
    raw = np.random.default_rng(seed).normal(size=(count, 6))
    raw -= raw.mean(0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T))).T
    return torch.from_numpy(white @ np.linalg.cholesky(covariance).T + mean).view(count, 6, 1, 1)


def distance(real, drawn):
    frechet = FrechetDistance(Pixels())
    for start in range(0, len(real), 64):
        frechet.add(real[start : start + 64], real=True)
    frechet.add(drawn, real=False)
    return frechet.compute()


def test_a_shift_alone_costs_its_square():
    mean = np.array([1.0, 2, 0, 0, 0, -2])
    assert distance(sample(0, np.eye(6)), sample(mean, np.eye(6), seed=1)) == pytest.approx(9, rel=1e-6)


def test_a_wider_spread_costs_the_difference_of_the_deviations_squared():
    assert distance(sample(0, 4 * np.eye(6)), sample(0, np.eye(6), seed=1)) == pytest.approx(6 * (2 - 1) ** 2, rel=1e-6)


def test_full_covariances_follow_the_formula():
    rng = np.random.default_rng(2)
    a, b = (m @ m.T + np.eye(6) for m in rng.normal(size=(2, 6, 6)))
    mean = rng.normal(size=6)
    expected = mean @ mean + np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
    assert distance(sample(0, a), sample(mean, b, seed=1)) == pytest.approx(expected, rel=1e-5)


def test_equal_sets_have_no_distance():
    same = sample(0, np.eye(6))
    assert 0 <= distance(same, same) < 1e-6


@pytest.mark.slow
def test_alexnet_features_are_torchvisions(backbones):
    pictures = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    network = alexnet(weights=None).eval()
    state = torch.load(backbones / "alexnet_features.pth", weights_only=True)
    network.features.load_state_dict({key.removeprefix("features."): value for key, value in state.items()})
    normal = (pictures / 2 + 0.5 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(3, 1, 1)
    with torch.no_grad():
        expected = network.features[:12](normal).mean((2, 3))
    torch.testing.assert_close(AlexNetFeatures(backbones)(pictures), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_pictures_of_another_kind_are_farther_than_more_of_the_same(backbones):
    def noise(seed, blur):
        pictures = torch.rand(24, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) * 2 - 1
        return nn.functional.avg_pool2d(pictures, blur, 1, blur // 2)

    features = AlexNetFeatures(backbones)
    same, other = FrechetDistance(features), FrechetDistance(features)
    for frechet, drawn in ((same, noise(1, 1)), (other, noise(1, 5))):
        frechet.add(noise(0, 1), real=True)
        frechet.add(drawn, real=False)
    assert 0 < same.compute() < other.compute()


def test_weights_of_another_network_are_said(backbones, tmp_path):
    (tmp_path / "alexnet_features.pth").write_bytes((backbones / "squeezenet1_1_features.pth").read_bytes())
    with pytest.raises(WeightsCorrupt, match="holds another network"):
        AlexNetFeatures(tmp_path)
