"""The operations of StyleGAN2's networks, in plain PyTorch: any device, any float type, differentiable twice.

Source: Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN", sections 2 and 4 and appendix B.
Pictures and features are NCHW; the four sides of a padding are left, right, top, bottom, and a negative one crops.
"""

from contextlib import AbstractContextManager, nullcontext
from math import sqrt
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

Activation: TypeAlias = Literal["linear", "lrelu"]
GAINS: dict[Activation, float] = {"linear": 1.0, "lrelu": sqrt(2)}
"""Activation → the gain after it that keeps the second moment of its input."""

_SLOPE = 0.2  # of the leaky ReLU below 0
_EPSILON = 1e-8

Padding = tuple[int, int, int, int]


def fir_filter(taps: tuple[float, ...] = (1, 3, 3, 1)) -> Tensor:
    """The separable low-pass filter of resampling: ``(T, T)`` float32, the taps' outer product, with sum 1."""
    line = torch.tensor(taps, dtype=torch.float32)
    return torch.outer(line, line) / line.sum() ** 2


def full_precision(device: torch.device) -> AbstractContextManager:
    """A context in which autocast leaves the arithmetic on ``device`` alone."""
    available = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if available else nullcontext()


def upfirdn2d(
    x: Tensor, fir: Tensor, up: int = 1, down: int = 1, padding: Padding = (0, 0, 0, 0), gain: float = 1.0
) -> Tensor:
    """Inserts zeros, pads, filters, and keeps every ``down``-th pixel.

    Autocast does not reach it: it computes in the type of ``x``.

    Args:
        x: ``(N, C, H, W)``.
        fir: filter of all channels, convolved (mirrored), not correlated: ``(T, T)``, or ``(T,)`` for one that is run
            along the rows and then along the columns. Two runs of four taps take longer than one of 4 x 4; a line
            pays from about eight taps.
        up: each pixel is followed by ``up - 1`` zeros, along both axes.
        down: every how many pixels one is kept, from the first on.
        padding: zeros added to the enlarged picture.
        gain: factor of the result. ``up ** 2`` keeps the brightness that the zeros would take.

    Returns:
        ``(N, C, H', W')`` with ``H' = ceil((up H + top + bottom - T + 1) / down)``, W' likewise.
    """
    left, right, top, bottom = padding
    fir = fir.to(x.dtype)
    with full_precision(x.device):
        if fir.ndim == 2:
            return _filtered(x, fir * gain, (up, up), (down, down), padding)
        x = _filtered(x, fir[None] * gain, (1, up), (1, down), (left, right, 0, 0))
        return _filtered(x, fir[:, None], (up, 1), (down, 1), (0, 0, top, bottom))


def _filtered(x: Tensor, fir: Tensor, up: tuple[int, int], down: tuple[int, int], padding: Padding) -> Tensor:
    """:func:`upfirdn2d` with a factor an axis, rows first, and a filter ``(Th, Tw)``."""
    left, right, top, bottom = padding
    channels, (height, width) = x.shape[1], fir.shape
    if up == (1, 1):
        before, after = (top, left), (bottom, right)
        weight = fir.flip(0, 1).expand(channels, 1, height, width)
        x, rest = _padded(x, before, after)
        return F.conv2d(x, weight, stride=down, padding=rest, groups=channels)
    # A transposed convolution is zero insertion and convolution in one: its result is the full one, without what the
    # zeros after the last pixel add.
    before = height - 1 - top, width - 1 - left
    after = height - up[0] - bottom, width - up[1] - right
    cut = max(0, min(before[0], after[0])), max(0, min(before[1], after[1]))
    weight = fir.expand(channels, 1, height, width)
    x = F.conv_transpose2d(x, weight, stride=up, padding=cut, groups=channels)
    sides = (cut[1] - before[1], cut[1] - after[1], cut[0] - before[0], cut[0] - after[0])
    return (F.pad(x, sides) if any(sides) else x)[:, :, :: down[0], :: down[1]]


def _padded(x: Tensor, before: tuple[int, int], after: tuple[int, int]) -> tuple[Tensor, tuple[int, int]]:
    """``x``, and the padding that the convolution can add itself; where that cannot do it all, ``x`` has it already."""
    if before == after and min(before) >= 0:
        return x, before
    return F.pad(x, (before[1], after[1], before[0], after[0])), (0, 0)


def upsample2d(x: Tensor, fir: Tensor) -> Tensor:
    """``(N, C, H, W)`` → ``(N, C, 2 H, 2 W)``, filtered by ``fir`` ``(T, T)`` with T even; pixels stay centred."""
    taps = fir.shape[-1]
    before, after = (taps + 1) // 2, (taps - 2) // 2
    return upfirdn2d(x, fir, up=2, padding=(before, after, before, after), gain=4)


def resampled_conv2d(
    x: Tensor, weight: Tensor, fir: Tensor | None = None, up: int = 1, down: int = 1, groups: int = 1
) -> Tensor:
    """A convolution with "same" padding, after an upsampling or before a downsampling, both low-pass filtered.

    StyleGAN2's weights are stored for the two convolutions that compute it: without upsampling they are correlated,
    as by ``conv2d``; with it they are convolved (mirrored), as by ``conv_transpose2d``.

    Args:
        x: ``(N, C, H, W)``.
        weight: ``(O, C / groups, K, K)`` with K odd; cast to the type of ``x``.
        fir: ``(T, T)`` filter of the resampling; None where there is none.
        up, down: factors, of which one is 1. Upsampling keeps the brightness.
        groups: groups of channels that do not see one another.

    Returns:
        ``(N, O, up H / down, up W / down)``.

    Raises:
        ValueError: a factor is not 1, and there is no filter.
    """
    weight = weight.to(x.dtype)
    kernel = weight.shape[-1]
    same = kernel // 2
    if up == down == 1:
        return F.conv2d(x, weight, padding=same, groups=groups)
    if fir is None:
        raise ValueError("resampling needs a filter")
    taps = fir.shape[-1]
    if up > 1:
        mixed = F.conv_transpose2d(x, _transposed(weight, groups), stride=up, groups=groups)
        before = same + (taps + up - 1) // 2 - (kernel - 1)
        after = same + (taps - up) // 2 - (kernel - up)
        return upfirdn2d(mixed, fir, padding=(before, after, before, after), gain=up**2)
    before, after = same + (taps - down + 1) // 2, same + (taps - down) // 2
    padding = (before, after, before, after)
    if kernel == 1:
        return F.conv2d(upfirdn2d(x, fir, down=down, padding=padding), weight, groups=groups)
    return F.conv2d(upfirdn2d(x, fir, padding=padding), weight, stride=down, groups=groups)


def _transposed(weight: Tensor, groups: int) -> Tensor:
    """``(O, C / groups, K, K)`` → ``(C, O / groups, K, K)``, as ``conv_transpose2d`` wants it."""
    outputs, inputs, height, width = weight.shape
    split = weight.view(groups, outputs // groups, inputs, height, width)
    return split.transpose(1, 2).reshape(groups * inputs, outputs // groups, height, width)


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    fir: Tensor | None = None,
    *,
    up: int = 1,
    demodulate: bool = True,
    fused: bool = True,
) -> Tensor:
    """A convolution whose input channels are scaled by each picture's style (section 2.2, equations 1 to 3).

    Demodulation divides each output channel by the norm of its scaled weights, computed in float32 or better. In
    float16 nothing overflows while ``|x|`` stays below some hundred: what reaches the convolution is normalized first.

    Args:
        x: ``(N, C, H, W)``.
        weight: ``(O, C, K, K)``.
        styles: ``(N, C)``.
        fir: filter of the upsampling; see :func:`resampled_conv2d`.
        up: factor of the upsampling.
        demodulate: whether to divide by the norm.
        fused: scale the weights, and run all pictures as groups of one convolution: least memory, but a gradient to
            the styles costs one to the scaled weights. Else scale the features before and after one plain convolution.

    Returns:
        ``(N, O, up H, up W)`` of the type of ``x``, or of autocast's.
    """
    count, inputs = styles.shape
    outputs, _, kernel, _ = weight.shape
    accurate = torch.promote_types(weight.dtype, torch.float32)
    weight, styles = weight.to(accurate), styles.to(accurate)
    scale = styles.new_ones(count, outputs)
    if demodulate:
        power = weight.square().sum((2, 3)) * styles.square()[:, None]  # (N, O, C)
        scale = (power.sum(2) + _EPSILON).rsqrt()

    if fused:
        weight = weight * (scale[:, :, None] * styles[:, None])[..., None, None]
        weight = weight.reshape(count * outputs, inputs, kernel, kernel)
        x = resampled_conv2d(x.reshape(1, -1, *x.shape[2:]), weight, fir, up, groups=count)
        return x.reshape(count, outputs, *x.shape[2:])

    if demodulate:
        # Constants that cancel: the gradient need not know of them.
        largest_style = styles.detach().abs().amax(1, keepdim=True).clamp_min(_EPSILON)
        largest_weight = weight.detach().abs().amax((1, 2, 3)).clamp_min(_EPSILON) * sqrt(inputs * kernel**2)
        styles, weight = styles / largest_style, weight / largest_weight[:, None, None, None]
        scale = scale * largest_style * largest_weight
    x = resampled_conv2d(x * styles.to(x.dtype)[..., None, None], weight, fir, up)
    return x * scale.to(x.dtype)[..., None, None]


def bias_act(
    x: Tensor,
    bias: Tensor | None = None,
    activation: Activation = "lrelu",
    gain: float = 1.0,
    clamp: float | None = None,
) -> Tensor:
    """Bias, then activation and its gain (:data:`GAINS`), then clamp.

    Args:
        x: ``(N, C, ...)``.
        bias: ``(C,)``; cast to the type of ``x``.
        activation: a key of :data:`GAINS`.
        gain: a further factor.
        clamp: bound of the absolute value of the result.
    """
    if bias is not None:
        x = x + bias.to(x.dtype).view(-1, *(1,) * (x.ndim - 2))
    if activation == "lrelu":
        x = F.leaky_relu(x, _SLOPE)
    gain = gain * GAINS[activation]
    if gain != 1:
        x = x * gain
    return x if clamp is None else x.clamp(-clamp, clamp)


def normalize_second_moment(x: Tensor) -> Tensor:
    """``(N, C)``, each row scaled to a mean square of 1."""
    return x * (x.square().mean(1, keepdim=True) + _EPSILON).rsqrt()


def minibatch_std(x: Tensor, group: int = 4, channels: int = 1) -> Tensor:
    """Appends to the features how much they differ within groups of pictures.

    Source: Karras et al. 2018, "Progressive growing of GANs", section 3. Picture n belongs to the group n modulo the
    number of groups. Float32 or better inside.

    Args:
        x: ``(N, C, H, W)``.
        group: most pictures a group. Where N is not a multiple, groups are as large as N's divisors allow.
        channels: into how many sets the C channels are split; each gives one new channel, constant over the picture.

    Returns:
        ``(N, C + channels, H, W)`` of the type of ``x``.
    """
    count, _, height, width = x.shape
    size = max(divisor for divisor in range(1, min(group, count) + 1) if count % divisor == 0)
    grouped = x.to(torch.promote_types(x.dtype, torch.float32)).reshape(size, count // size, channels, -1)
    deviation = (grouped.var(0, unbiased=False) + _EPSILON).sqrt().mean(2)  # (groups, channels)
    appended = deviation.repeat(size, 1)[..., None, None].expand(-1, -1, height, width)
    return torch.cat([x, appended.to(x.dtype)], 1)
