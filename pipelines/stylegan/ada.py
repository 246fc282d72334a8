"""Adaptive discriminator augmentation: what the discriminator sees is changed as often as it overfits.

Source: Karras et al. 2020, "Training generative adversarial networks with limited data", sections 2 and 3, appendix B:
pixel blitting, general geometric and colour transformations, each applied to each picture with probability p, and the
controller of p. The filters and corruptions, which the paper found useless or harmful, are left out.

All random numbers come from a generator on the CPU, so that a resumed run repeats them on every device.
"""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from pipelines.errors import OptionInvalid

GROUPS = {"b": "blit", "g": "geometry", "c": "colour"}
"""Letter → group of transformations."""

SHIFT = 0.125
"""Of the side: largest integer translation either way, and standard deviation of the fractional one."""

SCALE, CONTRAST, SATURATION = 0.2, 0.5, 1.0
"""Standard deviations of factors, in octaves."""

BRIGHTNESS = 0.2
"""Standard deviation of what is added to colours in [-1, 1]."""

# Low-pass filter of the orthogonal wavelet Symlet 6 (Daubechies 1992): pictures enlarged by it and reduced by it again
# are what they were, so that only what is moved between pixels is resampled.
_SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
_CENTRE = sum(k * tap for k, tap in enumerate(_SYM6)) / sum(_SYM6)  # where in the filter a pixel comes to lie
_MARGIN = len(_SYM6) // 2  # pixels added on each side, whose enlargement the filter needs


class AdaptiveAugment:
    """The augmentation and the controller of its probability.

    Args:
        groups: letters of :data:`GROUPS`; an empty text augments nothing.
        target: what the mean sign of the discriminator's scores of real pictures shall be (the paper's r_t).
        images: pictures shown over which p can rise from 0 to 1.
        interval: steps between two changes of p.

    Raises:
        OptionInvalid: there is no such group.

    Attributes:
        p: probability of each transformation.
    """

    def __init__(self, groups: str = "bgc", target: float = 0.6, images: float = 500_000, interval: int = 4) -> None:
        if set(groups) - set(GROUPS):
            raise OptionInvalid(f"The augmentation must be made of the letters {', '.join(GROUPS)}.")
        self.groups, self.target, self.images, self.interval = groups, target, images, interval
        self.p = 0.0
        self.signs: list[float | Tensor] = []

    def __call__(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Augments ``(N, 3, S, S)`` in [-1, 1]; the answer may leave that range. Differentiable twice.

        Args:
            images: the pictures.
            random: source of randomness, on the CPU.
        """
        if self.p == 0 or not self.groups:
            return images
        n, side, device = len(images), images.shape[-1], images.device
        images = images.float()
        with torch.autocast(device.type, enabled=False):
            if "b" in self.groups:
                images = blit(images, *draw_blit(n, side, self.p, random))
            if "g" in self.groups:
                images = transform(images, draw_geometry(n, side, self.p, random).to(device))
            if "c" in self.groups:
                images = recolour(images, draw_colours(n, self.p, random).to(device))
        return images

    def update(self, mean_sign: Tensor, batch: int) -> None:
        """Counts a step, and at every ``interval``-th moves p towards where the target is met.

        Args:
            mean_sign: mean sign of the discriminator's scores of the step's real pictures, augmented.
            batch: pictures of the step.
        """
        if not self.groups:
            return
        self.signs.append(mean_sign.detach())
        if len(self.signs) < self.interval:
            return
        found = sum(map(float, self.signs)) / len(self.signs)
        change = len(self.signs) * batch / self.images
        self.p = min(1.0, max(0.0, self.p + (change if found > self.target else -change)))
        self.signs = []

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"p": self.p, "signs": [float(sign) for sign in self.signs]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes a state back."""
        self.p, self.signs = state["p"], list(state["signs"])


# --- what is drawn --------------------------------------------------------------------------------------------------


def draw_blit(n: int, side: int, p: float, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draws mirroring, quarter turns and integer translation.

    Returns:
        bool ``(N,)``, whole numbers ``(N,)`` from 0 to 3, and pixels ``(N, 2)`` along x and y.
    """
    mirrored = _some(torch.randint(2, (n,), generator=random), 0, p, random) > 0
    turns = _some(torch.randint(4, (n,), generator=random), 0, p, random)
    shift = ((torch.rand(n, 2, generator=random) * 2 - 1) * SHIFT * side).round().long()
    return mirrored, turns, _some(shift, 0, p, random)


def draw_geometry(n: int, side: int, p: float, random: torch.Generator) -> Tensor:
    """Draws isotropic scale, rotation, anisotropic scale, a further rotation, and fractional translation.

    Returns:
        of :func:`geometry_matrices`.
    """
    normal = torch.randn(n, 4, generator=random)
    scale = _some(torch.exp2(normal[:, 0] * SCALE), 1, p, random)
    stretch = _some(torch.exp2(normal[:, 1] * SCALE), 1, p, random)
    each = 1 - sqrt(1 - p)  # so that one or both of two rotations happen with probability p
    before, after = (_some(_turn(n, random), 0, each, random) for _ in range(2))
    shift = _some(normal[:, 2:] * SHIFT * side, 0, p, random)
    return geometry_matrices(scale, before, stretch, after, shift)


def draw_colours(n: int, p: float, random: torch.Generator) -> Tensor:
    """Draws brightness, contrast, luma flip, hue and saturation.

    Returns:
        of :func:`colour_matrices`.
    """
    normal = torch.randn(n, 3, generator=random)
    brightness = _some(normal[:, 0] * BRIGHTNESS, 0, p, random)
    contrast = _some(torch.exp2(normal[:, 1] * CONTRAST), 1, p, random)
    flipped = _some(torch.randint(2, (n,), generator=random), 0, p, random) > 0
    hue = _some(_turn(n, random), 0, p, random)
    saturation = _some(torch.exp2(normal[:, 2] * SATURATION), 1, p, random)
    return colour_matrices(brightness, contrast, flipped, hue, saturation)


def _turn(n: int, random: torch.Generator) -> Tensor:
    """``(n,)`` angles in radians, any equally likely."""
    return (torch.rand(n, generator=random) * 2 - 1) * torch.pi


def _some(values: Tensor, neutral: float, p: float, random: torch.Generator) -> Tensor:
    """``(N, ...)``: the values of the rows that happen, the neutral one elsewhere."""
    happens = torch.rand(len(values), generator=random) < p
    return torch.where(happens.view(-1, *(1,) * (values.ndim - 1)), values, torch.full_like(values, neutral))


# --- what is done ---------------------------------------------------------------------------------------------------


def blit(images: Tensor, mirrored: Tensor, turns: Tensor, shift: Tensor) -> Tensor:
    """Mirrors, turns by quarters against the clock, then shifts; what comes in from outside is a reflection.

    Args:
        images: ``(N, C, S, S)``.
        mirrored, turns, shift: of :func:`draw_blit`.
    """
    n, channels, side, _ = images.shape
    line = torch.arange(side)
    # Backwards, from where a pixel comes to lie to where it was.
    columns = _reflected(line - shift[:, :1], side)[:, None].expand(n, side, side)
    rows = _reflected(line - shift[:, 1:], side)[..., None].expand(n, side, side)
    for turn in range(1, 4):
        turned = (turns >= turn).view(n, 1, 1)
        rows, columns = torch.where(turned, columns, rows), torch.where(turned, side - 1 - rows, columns)
    columns = torch.where(mirrored.view(n, 1, 1), side - 1 - columns, columns)
    source = (rows * side + columns).view(n, 1, -1).to(images.device)
    return images.flatten(2).gather(2, source.expand(-1, channels, -1)).view(images.shape)


def _reflected(index: Tensor, side: int) -> Tensor:
    """Indices less than a side outside, reflected at the first and last pixel."""
    index = index.abs()
    return side - 1 - (side - 1 - index).abs()


def geometry_matrices(scale: Tensor, before: Tensor, stretch: Tensor, after: Tensor, shift: Tensor) -> Tensor:
    """Scaling, rotation, stretching, a further rotation, translation, in this order, about the centre.

    Args:
        scale: ``(N,)``, more than 1 enlarges.
        before, after: ``(N,)``, angles in radians, from x towards y.
        stretch: ``(N,)``: factor of x, whose inverse is the factor of y.
        shift: ``(N, 2)`` pixels along x and y.

    Returns:
        ``(N, 2, 3)``: where, from the centre and in pixels, a point goes to.
    """
    diagonal = torch.diag_embed(torch.stack([stretch, 1 / stretch], 1))
    linear = _rotation(after) @ diagonal @ _rotation(before) * scale[:, None, None]
    return torch.cat([linear, shift[..., None]], 2)


def _rotation(angle: Tensor) -> Tensor:
    """``(N,)`` in radians → ``(N, 2, 2)``."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos, -sin, sin, cos], 1).view(-1, 2, 2)


def transform(images: Tensor, matrices: Tensor) -> Tensor:
    """Moves pictures by an affine map; what comes in from outside is a reflection.

    Pictures are enlarged to twice their size, sampled there, and reduced again, by an orthogonal wavelet's filter
    (appendix B.1 of the paper).

    Args:
        images: ``(N, C, S, S)``.
        matrices: of :func:`geometry_matrices`.
    """
    side = images.shape[-1]
    padded = F.pad(images, (_MARGIN,) * 4, mode="reflect")
    enlarged = _enlarged(padded)
    large = enlarged.shape[-1]

    # Pixels of the enlarged picture, as far as the reduction needs them, in the picture's pixels from its centre.
    taps = len(_SYM6)
    line = (torch.arange(2 * (side - 1) + taps, device=images.device) - _CENTRE) / 2 - (side - 1) / 2
    places = torch.stack(torch.meshgrid(line, line, indexing="xy"), 2).view(-1, 2)
    inverse = torch.linalg.inv(matrices[..., :2])
    sources = (places - matrices[:, None, :, 2]) @ inverse.transpose(1, 2)
    index = 2 * (sources + (side - 1) / 2 + _MARGIN) + _CENTRE
    # Reflected where the picture ends; the margin, a reflection already, is only for the reduction's filter.
    first, last = 2.0 * _MARGIN + _CENTRE, 2.0 * (_MARGIN + side - 1) + _CENTRE
    beyond = (index < first - taps / 2 - 0.5) | (index > last + taps / 2 + 0.5)
    index = torch.where(beyond, first + _folded(index - first, last - first), index)
    grid = ((2 * index + 1) / large - 1).view(len(images), len(line), len(line), 2)
    return _reduced(_Sampled.apply(enlarged, grid))


def _folded(x: Tensor, length: float) -> Tensor:
    """Reflected into [0, length], however far outside."""
    x = x.remainder(2 * length)
    return length - (length - x).abs()


def _enlarged(images: Tensor) -> Tensor:
    """``(N, C, H, W)`` → ``(N, C, 2 H + 10, 2 W + 10)``, filtered along both axes."""
    n, channels = images.shape[:2]
    taps = images.new_tensor(_SYM6)
    flat = images.reshape(n * channels, 1, *images.shape[2:])
    flat = F.conv_transpose2d(flat, taps.view(1, 1, 1, -1), stride=(1, 2))
    flat = F.conv_transpose2d(flat, taps.view(1, 1, -1, 1), stride=(2, 1))
    return flat.view(n, channels, *flat.shape[2:])


def _reduced(images: Tensor) -> Tensor:
    """The transpose of :func:`_enlarged`, which is its inverse too."""
    n, channels = images.shape[:2]
    taps = images.new_tensor(_SYM6)
    flat = images.reshape(n * channels, 1, *images.shape[2:])
    flat = F.conv2d(flat, taps.view(1, 1, 1, -1), stride=(1, 2))
    flat = F.conv2d(flat, taps.view(1, 1, -1, 1), stride=(2, 1))
    return flat.view(n, channels, *flat.shape[2:])


class _Sampled(torch.autograd.Function):
    """Bilinear sampling at fixed places: linear in the picture, so its second derivative is sampling once more.

    PyTorch's own has no second derivative.
    """

    @staticmethod
    def forward(ctx: Any, images: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = images.shape
        return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _Spread.apply(gradient, grid, ctx.shape), None


class _Spread(torch.autograd.Function):
    """The transpose of :class:`_Sampled`."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        with torch.enable_grad():
            images = values.new_zeros(shape).requires_grad_()
            sampled = F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
            return torch.autograd.grad(sampled, images, values)[0]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Sampled.apply(gradient, grid), None, None


def colour_matrices(brightness: Tensor, contrast: Tensor, flipped: Tensor, hue: Tensor, saturation: Tensor) -> Tensor:
    """Brightness, contrast, luma flip, hue, saturation, in this order.

    Args:
        brightness: ``(N,)``, added to colours in [-1, 1].
        contrast: ``(N,)``, a factor.
        flipped: bool ``(N,)``: grey changes its sign, colour does not.
        hue: ``(N,)``: angle about the axis of grey, in radians.
        saturation: ``(N,)``, factor of what is not grey.

    Returns:
        ``(N, 3, 4)``: factors on red, green and blue, and what is added.
    """
    # What lies along the axis of grey is kept or flipped, what lies across it is turned (Rodrigues) and stretched.
    along = torch.full((3, 3), 1 / 3)
    across = torch.eye(3) - along
    around = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / sqrt(3)
    brightness, contrast, luma, cos, sin, saturation = (
        value.view(-1, 1, 1) for value in (brightness, contrast, 1.0 - 2 * flipped, hue.cos(), hue.sin(), saturation)
    )
    factors = contrast * (luma * along + saturation * (cos * across + sin * around))
    return torch.cat([factors, factors.sum(2, keepdim=True) * brightness], 2)


def recolour(images: Tensor, matrices: Tensor) -> Tensor:
    """Changes the colours ``(N, 3, H, W)`` by the matrices of :func:`colour_matrices`."""
    moved = torch.einsum("nij,njhw->nihw", matrices[..., :3], images)
    return moved + matrices[..., 3, None, None]
