from typing import NamedTuple

import pytest
import torch

from pipelines.mask_removal import painting
from pipelines.mask_removal.network import MaskRemovalNetwork, predict
from pipelines.mask_removal.painting import SHARES, TEMPERED, Painter

SIDE = 64


class Drawing(NamedTuple):
    image: torch.Tensor


class Inpainter:
    """Draws the mirror image, as dark as the seed says."""

    def predict(self, image, hole, face=None, seed=0):
        return Drawing(image.flip(3) * 0.5 ** (1 + seed))


@pytest.fixture(scope="module")
def network() -> MaskRemovalNetwork:
    torch.manual_seed(0)
    return MaskRemovalNetwork(coarse_width=8, width=8, coarse_blocks=1, blocks=1, fold=2).eval()


@pytest.fixture(scope="module")
def given() -> tuple[torch.Tensor, ...]:
    """Picture, hole, reference, confidence and face."""
    random = torch.Generator().manual_seed(1)
    image, reference = (torch.rand((2, 3, SIDE, SIDE), generator=random) * 2 - 1 for _ in range(2))
    hole = torch.zeros(2, 1, SIDE, SIDE)
    hole[:, :, 30:50, 16:48] = 1
    return image, hole, reference, torch.full_like(hole, 0.75), torch.ones_like(hole)


@torch.inference_mode()
def painted(painter: Painter, given, confidence: float | None = None):
    image, hole, reference, trust, face = given
    alone = painter.alone(image, hole, face)
    trust = trust if confidence is None else torch.full_like(trust, confidence)
    return alone, painter.guided(alone, image, hole, reference, trust, face)


def test_the_papers_answer_with_a_reference_is_drawn_back(network, given):
    image, hole, reference, confidence, face = given
    alone, guided = painted(Painter(network), given)
    with torch.inference_mode():
        without = predict(network, image, hole, face=face)
        own = predict(network, image, hole, reference, confidence, face)
    for name in ("coarse", "image"):
        one, two, mean = getattr(without, name), getattr(own, name), getattr(guided, name)
        assert torch.equal(getattr(alone, name), one) and not torch.equal(one, two)
        assert torch.allclose(mean, one + TEMPERED * (two - one), atol=1e-5)


def test_an_inpainters_drawing_is_refined_where_the_reference_is_trusted(network, given):
    image, hole, reference, confidence, face = given
    alone, guided = painted(Painter(network, Inpainter()), given)
    draft = image.flip(3) * 0.5
    assert torch.equal(alone.image, draft) and torch.equal(alone.coarse, draft)
    assert torch.equal(guided.coarse, draft), "what was drawn without the reference is shown as the draft"
    with torch.inference_mode():
        given = (network, image, hole, reference, confidence, face)
        refined, own = (predict(*given, draft=one, beyond=draft).image for one in (draft, None))
    changed = SHARES[0] * (refined - draft) + SHARES[1] * (own - draft)
    assert torch.allclose(guided.image, draft + confidence * changed, atol=1e-5)
    assert 0 < sum(SHARES) < 1, "the draft has a part in it everywhere"


def test_where_no_reference_is_trusted_nothing_of_an_inpainters_drawing_changes(network, given):
    alone, guided = painted(Painter(network, Inpainter()), given, confidence=0.0)
    assert torch.equal(alone.image, guided.image)


def test_the_refinement_sees_the_draft(network, given, monkeypatch):
    seen = []

    def spy(*arguments, **drawn):
        seen.append(drawn)
        return predict(*arguments, **drawn)

    monkeypatch.setattr(painting, "predict", spy)
    alone, _ = painted(Painter(network, Inpainter()), given)
    own, refined = seen
    assert set(own) == {"beyond"} and torch.equal(refined["draft"], alone.image)
    assert torch.equal(own["beyond"], alone.image), "the look at all of the picture is saved"


@torch.inference_mode()
def test_a_seed_is_the_inpainters(network, given):
    image, hole, _, _, face = given
    painter, paper = Painter(network, Inpainter()), Painter(network)
    assert torch.equal(painter.alone(image, hole, face, seed=2).image, image.flip(3) * 0.125)
    assert torch.equal(paper.alone(image, hole, face, seed=2).image, paper.alone(image, hole, face).image)
