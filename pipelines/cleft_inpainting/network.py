"""INCLG: one network that predicts the non-cleft face and its 68 landmarks together.

Source: Chen et al., "INCLG: Inpainting for Non-Cleft Lip Generation with a Multi-Task Image Processing Network",
section 2.1 and figure 1. Names in quotes are the paper's. Deviations, each with its reason:

* the hole is an input channel and is filled with the mean colour, so a white mask is no lip colour;
* landmark maps are Gaussian splats (see :mod:`pipelines.layers.splats`), so gradients reach the landmark predictor;
* the landmark predictor averages over 4 x 4 cells and sees two coordinate channels, because a global average forgets
  where a feature was, and instance norm has taken most of what a global average could tell;
* the last fusion sees the photo itself, because instance norm takes the absolute skin colour out of the skips;
* with ``view="joined"`` colours come from a look at the face without what is around it (:mod:`pipelines.layers.view`),
  because instance norm and the mean colour let a wall tint the lips;
* with ``grid_stop``, or with ``finish``, a last layer at full resolution (:mod:`pipelines.layers.finish`), the grid of
  folding is weaker, or gone.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.faces.points import MIRROR_68
from pipelines.layers.blocks.attention import ShortLongTermAttention
from pipelines.layers.blocks.gated import GatedConv2d
from pipelines.layers.blocks.residual import DilatedResidualBlock
from pipelines.layers.finish import Finish, without_grid
from pipelines.layers.fold import start_alike
from pipelines.layers.splats import landmark_maps
from pipelines.layers.view import blend, joined, narrowed

LANDMARKS = 68

_MEDIUM = {"width": 48, "blocks": 7, "attention_pool": 1, "landmark_width": 480, "fold": 2}

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "paper": {"width": 64, "blocks": 7, "attention_pool": 1, "landmark_width": 1280, "fold": 1},
    "medium": _MEDIUM,
    "medium-joined": {**_MEDIUM, "view": "joined", "grid_stop": 0.2},
    "medium-finish": {**_MEDIUM, "view": "joined", "finish": 16},
    "compact": {"width": 32, "blocks": 7, "attention_pool": 1, "landmark_width": 320, "fold": 2},
}
"""Named arguments of :class:`INCLG`: the paper's; one whose file stays below 16 MiB; the same with two looks joined,
that of the built-in weights; the same with a last layer at full resolution; and one that trains in hours on a
processor."""

_CELLS = 4
_VARIETY = 0.6  # standard deviation of a seed's gains: with 1 what is drawn begins to look like no photo
_DILATIONS = (1, 2, 4, 8, 4, 2, 1)


class Inpainting(NamedTuple):
    """The network's answer.

    Attributes:
        image: ``(N, 3, H, W)`` in [-1, 1], the whole face; only its hole is news.
        landmarks: ``(N, 68, 2)``, x and y as a fraction of the side.
    """

    image: Tensor
    landmarks: Tensor


class INCLG(nn.Module):
    """The multi-task network.

    Args:
        width: channels at full resolution, doubled at each of the two halvings. The paper's is 64.
        blocks: dilated residual blocks. The paper's is 7.
        attention_pool: pooling of attention keys; 1 is the paper's.
        landmark_width: channels of "V", the widest feature of the landmark predictor. The paper's is 1280.
        fold: pixels a side that are folded into channels before the first convolution and unfolded after the last
            (Shi et al. 2016, sub-pixel convolution). 1 is the paper's; 2 quarters the cost at the same picture size.
        view: what the network is shown: the whole ``"crop"``, which is the paper's, or ``"joined"``, that and the face
            alone.
        finish: channels of a last layer at full resolution; 0, the paper's, has none.
        grid_stop: how much of the grid of two pixels is taken out of what :meth:`predict` draws, 0-1.
    """

    def __init__(
        self,
        width: int = 64,
        blocks: int = 7,
        attention_pool: int = 1,
        landmark_width: int = 1280,
        fold: int = 1,
        view: Literal["crop", "joined"] = "crop",
        finish: int = 0,
        grid_stop: float = 0.0,
    ) -> None:
        super().__init__()
        self.fold, self.view, self.grid_stop = fold, view, grid_stop
        w1, w2, w4 = width, 2 * width, 4 * width
        self.encode1 = GatedConv2d(4 * fold**2, w1, kernel=5)
        self.encode2 = GatedConv2d(w1, w2, kernel=4, stride=2)
        self.encode3 = GatedConv2d(w2, w4, kernel=4, stride=2)
        self.residual = nn.Sequential(
            *(DilatedResidualBlock(w4, _DILATIONS[i % len(_DILATIONS)]) for i in range(blocks))
        )
        self.attention = ShortLongTermAttention(w4, attention_pool)
        self.share = nn.Conv2d(2 * w4, w4, 1)
        self.decode2 = GatedConv2d(w4, w2, upsample=True)
        self.fuse1 = nn.Conv2d(2 * w2, w2, 1)  # "F1": decoder and skip
        self.landmarks = LandmarkPredictor(w4, w2, landmark_width)
        self.fuse2 = nn.Conv2d(w2 + LANDMARKS, w2, 1)  # "F2": image and landmarks
        self.decode1 = GatedConv2d(w2, w1, upsample=True)
        self.fuse3 = nn.Conv2d(2 * w1 + 4 * fold**2, w1, 1)  # "F3": decoder, skip and the photo
        self.paint = nn.Conv2d(w1, 3 * fold**2, 5, padding=2)
        start_alike(self.paint, fold)
        self.finish = Finish(4, finish) if finish else None

    def forward(self, image: Tensor, hole: Tensor, gains: Tensor | None = None) -> Inpainting:
        """Predicts the face.

        Args:
            image: ``(N, 3, H, W)`` in [-1, 1], H = W a multiple of ``4 * fold * attention_pool``.
                What lies under the hole is not looked at.
            hole: ``(N, 1, H, W)``, 1 = repaint.
            gains: of each channel of "f_share" (:meth:`gains`); None leaves them as they are.
        """
        hole = hole.to(image.dtype)
        known = 1 - hole
        known_share = known.mean((2, 3), keepdim=True).clamp_min(1e-3)
        mean = (image * known).mean((2, 3), keepdim=True) / known_share
        shown = torch.cat([image * known + mean * hole, hole], 1)
        given = F.pixel_unshuffle(shown, self.fold)
        e1 = self.encode1(given)
        # Under autocast features are narrower than the picture, and one wide factor would widen what it meets.
        given = given.to(e1.dtype)
        # A cell is known as far as its pixels are.
        known1, known2, known4 = (F.avg_pool2d(known, self.fold * side).to(e1.dtype) for side in (1, 2, 4))

        e2 = self.encode2(e1)
        e3 = self.encode3(e2)
        attended = self.attention(self.residual(e3), e3, 1 - known4)
        shared = F.relu(self.share(torch.cat([attended, e3 * known4], 1)))  # "f_share"
        if gains is not None:
            shared = shared * gains.to(shared)

        f1 = F.relu(self.fuse1(torch.cat([self.decode2(shared), e2 * known2], 1)))
        landmarks = self.landmarks(shared, f1)
        maps = landmark_maps(landmarks, f1.shape[-1]).to(f1.dtype)
        f2 = F.relu(self.fuse2(torch.cat([f1, maps], 1)))
        f3 = F.relu(self.fuse3(torch.cat([self.decode1(f2), e1 * known1, given], 1)))
        painted = F.pixel_shuffle(self.paint(f3).float(), self.fold)
        if self.finish is not None:
            painted = self.finish(painted, shown)
        return Inpainting(torch.tanh(painted), landmarks)

    def look(self, image: Tensor, hole: Tensor, face: Tensor) -> Inpainting:
        """One pass that no surroundings colour: over the face alone, where the network joins that look with another.

        Args:
            image, hole, face: as for :meth:`predict`.
        """
        return self(image, hole) if self.view == "crop" else self(*narrowed(image, hole, face))

    def gains(self, seed: int) -> Tensor | None:
        """Gains of the deepest features, ``(1, C, 1, 1)``, with which another mouth is drawn that it could be, too.

        Each channel has one for the whole picture, so what is drawn stays in one piece and favours no side. On 40
        validation faces with the lower face hidden four seeds are 0.008 to 0.009 LPIPS from the network's own answer,
        0.014 from each other, and 0.049 to 0.050 from the truth, of which the own answer is 0.047 away.

        Args:
            seed: draws them; 0 changes nothing, None is returned, and the answer is the network's own.
        """
        if not seed:
            return None
        drawn = torch.randn(self.share.out_channels, generator=torch.Generator().manual_seed(seed))
        return (1 + _VARIETY * drawn).clamp_min(0).view(1, -1, 1, 1)

    def predict(self, image: Tensor, hole: Tensor, face: Tensor | None = None, seed: int = 0) -> Inpainting:
        """The network's answer as it is used: averaged over picture and mirror image, and joined from two looks.

        Args:
            image, hole: as for :meth:`forward`.
            face: ``(N, 1, H, W)``, 1 = to be seen in the look at the face alone
                (:func:`pipelines.faces.blending.skin.visible_face`); None leaves it at one look, and the grid in the
                picture.
            seed: 0 gives the network's own answer, every other number another one (:meth:`gains`).
        """
        network = partial(self, gains=self.gains(seed))
        far = predict(network, image, hole)
        if face is None:
            return far
        if self.view == "crop":
            return far._replace(image=self._without_grid(far.image))
        near = predict(network, *narrowed(image, hole, face))
        drawn = joined(blend(near.image, far.image, hole, face), far.image, hole)
        return Inpainting(self._without_grid(drawn), (near.landmarks + far.landmarks) / 2)

    def _without_grid(self, drawn: Tensor) -> Tensor:
        return without_grid(drawn, self.grid_stop) if self.grid_stop else drawn


def predict(network: Callable[[Tensor, Tensor], Inpainting], image: Tensor, hole: Tensor) -> Inpainting:
    """The network's answer, averaged over a picture and its mirror image.

    A face and its mirror image deserve mirrored answers; a network that has not seen enough faces gives others, and
    draws one half of a mouth higher than the other. The average has no such preference. Arguments and answer are those
    of :meth:`INCLG.forward`; the work is that of two pictures.
    """
    both = network(torch.cat([image, image.flip(3)]), torch.cat([hole, hole.flip(3)]))
    (drawn, mirrored), (points, swapped) = both.image.chunk(2), both.landmarks.chunk(2)
    swapped = swapped[:, _mirror(swapped.device)]
    swapped = torch.stack([1 - swapped[..., 0], swapped[..., 1]], -1)
    return Inpainting((drawn + mirrored.flip(3)) / 2, (points + swapped) / 2)


@cache
def _mirror(device: torch.device) -> Tensor:
    """Where a mirrored face's points are; brought to a device once, and also fit for training if not made there."""
    with torch.inference_mode(False):
        return torch.tensor(MIRROR_68, device=device)


class LandmarkPredictor(nn.Module):
    """1 x 1 convolutions of growing width, averaged over cells, fused with the image feature (equation 1).

    Args:
        shared: channels of "f_share".
        image: channels of "f_1".
        widest: channels of "V".
    """

    def __init__(self, shared: int, image: int, widest: int) -> None:
        super().__init__()
        self.narrow1 = nn.Sequential(nn.Conv2d(shared + 2, 64, 1), nn.ReLU(inplace=True))
        self.narrow2 = nn.Sequential(nn.Conv2d(64, 64, 1), nn.ReLU(inplace=True))
        self.wide = nn.Sequential(nn.Conv2d(64, widest, 1), nn.PReLU(widest), nn.Conv2d(widest, 128, 1))
        self.gather = nn.Linear(256 * _CELLS**2, 256)  # "f_lmk"
        self.image = nn.Linear(image, 256)
        self.gamma = nn.Parameter(torch.zeros(1))
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(256, 2 * LANDMARKS))

    def forward(self, shared: Tensor, image: Tensor) -> Tensor:
        """``(N, shared, H, W)`` and ``(N, image, H', W')`` → ``(N, 68, 2)`` float32, fractions of the side."""
        n, _, h, w = shared.shape
        y = torch.linspace(-1, 1, h, device=shared.device, dtype=shared.dtype).view(1, 1, h, 1).expand(n, 1, h, w)
        x = torch.linspace(-1, 1, w, device=shared.device, dtype=shared.dtype).view(1, 1, 1, w).expand(n, 1, h, w)
        first = self.narrow1(torch.cat([shared, x, y], 1))
        second = self.narrow2(first)
        cells = F.adaptive_avg_pool2d(torch.cat([first, second, self.wide(second)], 1), _CELLS)
        fused = self.gather(cells.flatten(1)) + self.gamma * self.image(image.mean((2, 3)))
        # Landmarks are positions: half precision would round them to whole pixels.
        with torch.autocast(shared.device.type, enabled=False):
            return self.head(fused.float()).view(n, LANDMARKS, 2)

    @torch.no_grad()
    def start_at(self, mean_shape: Tensor) -> None:
        """Starts the predictions near ``mean_shape`` ``(68, 2)``, the training set's mean face."""
        weight, bias = self.head[-1].parameters()
        weight.mul_(0.1)
        bias.copy_(mean_shape.flatten())
