"""Coarse-to-fine network that draws a face without its surgical mask, with a warped reference photo where there is one.

Source: Lumetti et al., "Mask inpainting with a GAN network", section 4.3. Deviations, each with its reason:

* both networks see the warped reference and its confidence beside picture and hole, so they harmonize the reference
  with the photo instead of trusting a paste;
* the hole is filled with the colour around the eyes, and the last layer sees the picture itself, because instance norm
  takes the absolute skin colour out of the features;
* gates and features share one convolution, as in the paper's code (its equations 11-13 use two);
* ``medium`` has norms between the refinement network's scales and on its attention's queries and keys, without which it
  did not survive its training (docs/training.md).
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple, TypeAlias, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.layers.blocks.gated import GatedConv2d
from pipelines.layers.blocks.pyramid import PyramidDilationBlock
from pipelines.layers.blocks.self_attention import SelfAttention
from pipelines.layers.fold import start_alike
from pipelines.layers.view import blend, narrowed

CONFIGURATIONS = {
    "paper": {"coarse_width": 32, "width": 64, "coarse_blocks": 4, "blocks": 6, "fold": 1},
    "medium": {"coarse_width": 24, "width": 56, "coarse_blocks": 4, "blocks": 6, "fold": 2, "normalized": True},
    "compact": {"coarse_width": 16, "width": 32, "coarse_blocks": 3, "blocks": 4, "fold": 2},
}
"""Named arguments of :class:`MaskRemovalNetwork`: the paper's, one for a graphics card whose file is below 16 MiB, and
one that trains in hours on a processor."""

Initialization: TypeAlias = Literal["kaiming", "normal", "xavier", "orthogonal"]
INITIALIZATIONS: tuple[Initialization, ...] = get_args(Initialization)
"""How weights can start; the paper's default is the first (section 4)."""

_INPUTS = 8  # picture, hole, reference, confidence
_AROUND_EYES = ((0.42, 0.10), (0.5, 0.16))  # where, and how far around: fractions of height and of width
_ANYWHERE = 1e-3  # weight of the rest of the picture: counts only where all around the eyes is hidden
_COARSE_DILATIONS = (1, 2, 3, 4, 6, 8, 12, 16)
_DILATIONS = (1, 2, 4, 8)


class MaskRemoval(NamedTuple):
    """The network's answer.

    Attributes:
        coarse: ``(N, 3, H, W)`` in [-1, 1], the coarse network's picture, or the draft in its place.
        image: ``(N, 3, H, W)`` in [-1, 1], the refinement network's picture; only its hole is news.
        embedding: ``(N, 8 * width)``, the refinement network's deepest features, averaged over the picture. The
            contrastive loss compares them.
    """

    coarse: Tensor
    image: Tensor
    embedding: Tensor


class MaskRemovalNetwork(nn.Module):
    """Coarse network, then refinement network.

    Args:
        coarse_width: channels of the coarse network at full resolution. The paper's code has 32.
        width: channels of the refinement network at full resolution. 64 gives the paper's 512-channel features.
        coarse_blocks, blocks: pyramid blocks of each network. The paper's code has 4 and 6.
        fold: pixels a side that are folded into channels before the first convolution and unfolded after the last. 1
            is the paper's; 2 quarters the cost at the same picture size.
        normalized: norms follow the refinement network's convolutions between scales, and its attention's queries and
            keys. The paper's code has none there; without them features grow from scale to scale, and a network of
            ``medium``'s width was lost within 900 steps at a rate of 6e-4.
    """

    def __init__(
        self,
        coarse_width: int = 32,
        width: int = 64,
        coarse_blocks: int = 4,
        blocks: int = 6,
        fold: int = 1,
        normalized: bool = False,
    ) -> None:
        super().__init__()
        self.coarse = CoarseNetwork(coarse_width, coarse_blocks, fold)
        self.refine = RefinementNetwork(width, blocks, fold, normalized)

    def forward(
        self, image: Tensor, hole: Tensor, reference: Tensor, confidence: Tensor, draft: Tensor | None = None
    ) -> MaskRemoval:
        """Draws what the hole hides.

        Args:
            image: ``(N, 3, H, W)`` in [-1, 1], H = W a multiple of 32. What lies under the hole is not looked at.
            hole: ``(N, 1, H, W)``, 1 = repaint.
            reference: ``(N, 3, H, W)`` in [-1, 1], the reference warped onto the face.
            confidence: ``(N, 1, H, W)`` in [0, 1]; 0 everywhere where there is no reference. What lies where it is 0
                is not looked at.
            draft: ``(N, 3, H, W)`` in [-1, 1], what another network drew in the hole, which is refined in place of the
                coarse network's picture; None has that draw.
        """
        hole, confidence = hole.to(image.dtype), confidence.to(image.dtype)
        known = 1 - hole
        hint = torch.cat([reference * confidence, confidence], 1)
        if draft is None:
            draft = self.coarse(torch.cat([image * known + skin_colour(image, known) * hole, hole, hint], 1))
        refined, embedding = self.refine(torch.cat([image * known + draft * hole, hole, hint], 1))
        return MaskRemoval(draft, refined, embedding)


def skin_colour(image: Tensor, known: Tensor) -> Tensor:
    """Mean colour around the eyes of an aligned face: skin, where the mean of the whole picture is half background.

    Args:
        image: ``(N, 3, H, W)``.
        known: ``(N, 1, H, W)``, 0 where the picture is not to be looked at.

    Returns:
        ``(N, 3, 1, 1)``; of the rest of the picture where nothing there is known, and 0 where nothing is.
    """
    near = []
    for side, (centre, spread) in zip(image.shape[2:], _AROUND_EYES, strict=True):
        at = (torch.arange(side, device=image.device) + 0.5) / side
        near.append(torch.exp(-((at - centre) ** 2) / (2 * spread**2)))
    weight = known * (near[0][:, None] * near[1] + _ANYWHERE).to(image.dtype)
    return (image * weight).mean((2, 3), keepdim=True) / weight.mean((2, 3), keepdim=True).clamp_min(1e-6)


def predict(
    network: Callable[..., MaskRemoval],
    image: Tensor,
    hole: Tensor,
    reference: Tensor | None = None,
    confidence: Tensor | None = None,
    face: Tensor | None = None,
    draft: Tensor | None = None,
    beyond: Tensor | None = None,
) -> MaskRemoval:
    """The network's answer, averaged over a picture and its mirror image, so that it favours no side of a face.

    Args:
        network: draws.
        image, hole, reference, confidence: as for :meth:`MaskRemovalNetwork.forward`; without a reference and the
            confidence in it, grey is shown that nobody trusts.
        face: ``(N, 1, H, W)``, 1 = of the person (:func:`pipelines.faces.blending.skin.visible_face`): what of the hole
            lies there is drawn from a look at the face alone, which no wall behind it tints. None shows all of the
            picture.
        draft: as for :meth:`MaskRemovalNetwork.forward`.
        beyond: ``(N, 3, H, W)`` in [-1, 1], what the hole hides beyond the face, where that is drawn already: the look
            at all of the picture, which is for that alone, is saved. Of use with ``face`` only.
    """
    other = torch.zeros_like(image) if reference is None else reference
    trust = torch.zeros_like(hole) if confidence is None else confidence
    given = (other, trust) if draft is None else (other, trust, draft)
    if face is None:
        return _mirrored(network, image, hole, *given)
    near = _mirrored(network, *narrowed(image, hole, face), *given)
    far = _mirrored(network, image, hole, *given)[:2] if beyond is None else (beyond, beyond)
    coarse, drawn = (blend(*both, hole, face) for both in zip(near[:2], far, strict=True))
    return MaskRemoval(coarse, drawn, near.embedding)


def _mirrored(network: Callable[..., MaskRemoval], *given: Tensor) -> MaskRemoval:
    both = network(*(torch.cat([one, one.flip(3)]) for one in given))
    coarse, drawn = ((one + other.flip(3)) / 2 for one, other in (both.coarse.chunk(2), both.image.chunk(2)))
    embedding, mirrored = both.embedding.chunk(2)
    return MaskRemoval(coarse, drawn, (embedding + mirrored) / 2)


class CoarseNetwork(nn.Module):
    """Gated encoder and decoder around a dilated pyramid (section 4.3.1)."""

    def __init__(self, width: int, blocks: int, fold: int) -> None:
        super().__init__()
        self.fold, self.inputs = fold, _INPUTS * fold**2
        w1, w2, w4 = width, 2 * width, 4 * width
        self.encode1 = GatedConv2d(self.inputs, w1)
        self.encode2 = GatedConv2d(w1, w2, kernel=4, stride=2)
        self.encode3 = GatedConv2d(w2, w4, kernel=4, stride=2)
        self.pyramid = nn.Sequential(*(PyramidDilationBlock(w4, _COARSE_DILATIONS) for _ in range(blocks)))
        self.decode2 = GatedConv2d(w4, w2, upsample=True)
        self.decode1 = GatedConv2d(w2, w1, upsample=True)
        self.paint = nn.Conv2d(w1 + self.inputs, 3 * fold**2, 3, padding=1)

    def forward(self, given: Tensor) -> Tensor:
        """``(N, 8, H, W)`` → ``(N, 3, H, W)`` in [-1, 1]."""
        folded = F.pixel_unshuffle(given, self.fold)
        deep = self.pyramid(self.encode3(self.encode2(self.encode1(folded))))
        drawn = torch.cat([self.decode1(self.decode2(deep)), folded], 1)
        return torch.tanh(F.pixel_shuffle(self.paint(drawn).float(), self.fold))


class RefinementNetwork(nn.Module):
    """Gated encoder, pyramid blocks, self-attention at three scales, gated decoder (section 4.3.2).

    The scales are a quarter, an eighth and a sixteenth of a 256 px picture's side: 64, 32 and 16.
    """

    def __init__(self, width: int, blocks: int, fold: int, normalized: bool = False) -> None:
        super().__init__()
        if fold not in (1, 2):
            raise ValueError("fold must be 1 or 2")
        norm = partial(nn.InstanceNorm2d, affine=True) if normalized else nn.Identity
        self.fold, self.inputs = fold, _INPUTS * fold**2
        w1, w2, w4, w8 = width, 2 * width, 4 * width, 8 * width
        self.encode1 = GatedConv2d(self.inputs, w1)
        self.encode2 = GatedConv2d(w1, w2, kernel=4, stride=2)
        # Folded pictures begin at half the side, and reach the first scale one halving earlier.
        self.encode3 = GatedConv2d(w2, w4, kernel=4, stride=2) if fold == 1 else GatedConv2d(w2, w4, kernel=1)
        self.blocks = nn.Sequential(*(PyramidDilationBlock(w4, _DILATIONS) for _ in range(blocks)))
        self.attention64 = SelfAttention(w4, normalized)
        self.down32 = nn.Sequential(nn.Conv2d(w4, w4, 4, 2, padding=1), norm(w4), nn.LeakyReLU(0.2))
        self.attention32 = SelfAttention(w4, normalized)
        self.down16 = nn.Sequential(nn.Conv2d(w4, w8, 4, 2, padding=1), norm(w8), nn.LeakyReLU(0.2))
        self.attention16 = SelfAttention(w8, normalized)
        self.up32, self.norm32 = nn.Conv2d(w8, w4, 1), norm(w4)
        self.up64, self.norm64 = nn.Conv2d(w4, w4, 1), norm(w4)
        self.decode2 = GatedConv2d(w4, w2, upsample=fold == 1)
        self.fuse2 = nn.Conv2d(2 * w2, w2, 1)
        self.decode1 = GatedConv2d(w2, w1, upsample=True)
        self.fuse1 = nn.Conv2d(2 * w1, w1, 1)
        self.paint = nn.Conv2d(w1 + self.inputs, 3 * fold**2, 3, padding=1)

    def forward(self, draft: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, 8, H, W)`` → picture ``(N, 3, H, W)`` in [-1, 1] and embedding ``(N, 8 * width)``."""
        folded = F.pixel_unshuffle(draft, self.fold)
        e1 = self.encode1(folded)
        e2 = self.encode2(e1)
        x64 = self.attention64(self.blocks(self.encode3(e2)))
        x32 = self.attention32(self.down32(x64))
        x16 = self.attention16(self.down16(x32))
        x32 = x32 + F.interpolate(self.norm32(self.up32(x16)), scale_factor=2, mode="bilinear")
        x64 = x64 + F.interpolate(self.norm64(self.up64(x32)), scale_factor=2, mode="bilinear")
        d2 = F.relu(self.fuse2(torch.cat([self.decode2(x64), e2], 1)))
        d1 = F.relu(self.fuse1(torch.cat([self.decode1(d2), e1], 1)))
        painted = self.paint(torch.cat([d1, folded], 1)).float()
        return torch.tanh(F.pixel_shuffle(painted, self.fold)), x16.mean((2, 3)).float()


def initialize(network: MaskRemovalNetwork, how: Initialization) -> None:
    """Draws the weights of every convolution anew.

    Args:
        network: whose convolutions.
        how: one of :data:`INITIALIZATIONS`; normal has a standard deviation of 0.02.

    Raises:
        ValueError: there is no such initialization.
    """
    draw = {
        "kaiming": lambda weight: nn.init.kaiming_normal_(weight, a=0.2),
        "normal": lambda weight: nn.init.normal_(weight, 0, 0.02),
        "xavier": lambda weight: nn.init.xavier_normal_(weight),
        "orthogonal": lambda weight: nn.init.orthogonal_(weight),
    }.get(how)
    if draw is None:
        raise ValueError(f"the initialization must be one of {', '.join(INITIALIZATIONS)}")
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            draw(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for part in (network.coarse, network.refine):
        start_alike(part.paint, part.fold)
