"""Each operation equals a plain reference written out here, in every direction that a recipe differentiates it."""

from itertools import product
from math import sqrt

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from pipelines.stylegan.ops import (
    bias_act,
    fir_filter,
    minibatch_std,
    modulated_conv2d,
    normalize_second_moment,
    resampled_conv2d,
    upfirdn2d,
    upsample2d,
)

FIR = fir_filter().double()
LOPSIDED = torch.tensor([[1.0, 2, 3, 4], [0, -1, 2, 5], [7, 1, 0, 2], [3, 3, 1, -2]], dtype=torch.float64)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain_upfirdn(x: Tensor, fir: Tensor, up=1, down=1, padding=(0, 0, 0, 0), gain=1.0) -> Tensor:
    """The definition, a channel at a time: zeros in, padding, convolution, every ``down``-th pixel."""
    left, right, top, bottom = padding
    count, channels, height, width = x.shape
    rows = []
    for n, c in product(range(count), range(channels)):
        enlarged = np.zeros((height * up, width * up))
        enlarged[::up, ::up] = x[n, c].numpy()
        enlarged = np.pad(enlarged, ((max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))))
        enlarged = enlarged[max(-top, 0) : len(enlarged) - max(-bottom, 0)]
        enlarged = enlarged[:, max(-left, 0) : enlarged.shape[1] - max(-right, 0)]
        rows.append(gain * convolve2d(enlarged, fir.numpy(), "valid")[::down, ::down])
    return torch.from_numpy(np.stack(rows)).view(count, channels, *rows[0].shape)


def plain_conv(x: Tensor, weight: Tensor, fir: Tensor, up=1, down=1) -> Tensor:
    """Resample, then convolve: the order of the paper, not that of the fast way."""
    same, taps = weight.shape[-1] // 2, fir.shape[-1]
    before, after = same, same
    if up > 1:
        before, after = same + (taps + up - 1) // 2, same + (taps - up) // 2
        weight = weight.flip(2, 3)  # stored for a transposed convolution
    elif down > 1:
        before, after = same + (taps - down + 1) // 2, same + (taps - down) // 2
    else:
        fir = torch.ones(1, 1, dtype=torch.float64)
    x = plain_upfirdn(x, fir, up, 1, (before, after, before, after), up**2)
    return F.conv2d(x, weight, stride=down)


def plain_modulated(x: Tensor, weight: Tensor, styles: Tensor, fir: Tensor, up=1, demodulate=True) -> Tensor:
    """Equations 1 to 3 of the paper, a picture and a filter at a time."""
    pictures = []
    for picture, style in zip(x, styles, strict=True):
        scaled = torch.stack([torch.stack([style[i] * one[i] for i in range(len(style))]) for one in weight])
        if demodulate:
            scaled = torch.stack([one / (one.square().sum() + 1e-8).sqrt() for one in scaled])
        pictures.append(plain_conv(picture[None], scaled, fir, up))
    return torch.cat(pictures)


def test_the_filter_is_binomial_and_keeps_brightness():
    line = torch.tensor([1.0, 3, 3, 1]) / 8
    assert torch.equal(fir_filter(), line[:, None] * line)
    assert fir_filter().dtype == torch.float32
    assert fir_filter().sum() == 1


@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (4, 1)])
@pytest.mark.parametrize(
    "padding", [(0, 0, 0, 0), (2, 1, 2, 1), (1, 1, 1, 1), (5, 0, 1, 6), (-1, 2, 3, -2), (-1, -1, -1, -1)]
)
def test_upfirdn2d(up, down, padding):
    x = normal(2, 3, 6, 7)
    result = upfirdn2d(x, LOPSIDED, up, down, padding, gain=1.5)
    torch.testing.assert_close(result, plain_upfirdn(x, LOPSIDED, up, down, padding, 1.5))


@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2), (2, 3)])
def test_upfirdn2d_runs_a_line_along_both_axes(up, down):
    x, line = normal(1, 2, 8, 9), normal(6, seed=1)
    result = upfirdn2d(x, line, up, down, (3, 2, -1, 4), gain=4)
    torch.testing.assert_close(result, plain_upfirdn(x, torch.outer(line, line), up, down, (3, 2, -1, 4), 4))


def test_upsampling_keeps_brightness_and_place():
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    result = upsample2d(ramp, fir_filter())
    assert result.shape == (1, 1, 16, 16)
    centres = (torch.arange(16) + 0.5) / 2 - 0.5
    torch.testing.assert_close(result[0, 0, 8, 2:-2], centres[2:-2])


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2)])
def test_resampled_conv2d(kernel, up, down):
    x, weight = normal(2, 3, 6, 8), normal(4, 3, kernel, kernel, seed=1)
    result = resampled_conv2d(x, weight, LOPSIDED, up, down)
    assert result.shape == (2, 4, 6 * up // down, 8 * up // down)
    torch.testing.assert_close(result, plain_conv(x, weight, LOPSIDED, up, down))


@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2)])
def test_groups_of_a_convolution_do_not_see_one_another(up, down):
    x, weight = normal(2, 6, 4, 4), normal(4, 3, 3, 3, seed=1)
    apart = [resampled_conv2d(x[:, 3 * g :][:, :3], weight[2 * g :][:2], FIR, up, down) for g in range(2)]
    torch.testing.assert_close(resampled_conv2d(x, weight, FIR, up, down, groups=2), torch.cat(apart, 1))


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("up", [1, 2])
def test_modulated_conv2d(fused, demodulate, up):
    x, weight, styles = normal(3, 4, 5, 5), normal(2, 4, 3, 3, seed=1), normal(3, 4, seed=2)
    result = modulated_conv2d(x, weight, styles, FIR, up=up, demodulate=demodulate, fused=fused)
    torch.testing.assert_close(result, plain_modulated(x, weight, styles, FIR, up, demodulate))


def test_demodulation_gives_unit_variance():
    x, weight = normal(4, 64, 32, 32), normal(8, 64, 3, 3, seed=1)
    result = modulated_conv2d(x, weight, 1 + 50 * normal(4, 64, seed=2).abs())[..., 1:-1, 1:-1]
    assert result.std((2, 3)).sub(1).abs().max() < 0.1


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float16, 0.005), (torch.bfloat16, 0.03)])
def test_modulation_survives_low_precision(fused, dtype, bound):
    x, weight, styles = 200 * normal(2, 64, 8, 8), 300 * normal(4, 64, 3, 3, seed=1), 500 * normal(2, 64, seed=2)
    exact = modulated_conv2d(x, weight, styles, fused=False)
    result = modulated_conv2d(x.to(dtype), weight.float(), styles.float(), fused=fused)
    assert result.dtype == dtype
    assert (result.double() - exact).abs().max() < bound * exact.abs().max()
    with torch.autocast("cpu", dtype):
        automatic = modulated_conv2d(x.float(), weight.float(), styles.float(), fused=fused)
    assert (automatic.double() - exact).abs().max() < bound * exact.abs().max()


@pytest.mark.parametrize("fused", [True, False])
def test_modulation_with_dead_styles_and_weights_is_finite(fused):
    x, weight, styles = (
        value.requires_grad_() for value in (torch.ones(2, 3, 4, 4), torch.zeros(2, 3, 3, 3), torch.zeros(2, 3))
    )
    result = modulated_conv2d(x, weight, styles, fused=fused)
    result.sum().backward()
    assert not result.any()
    assert all(torch.isfinite(value.grad).all() for value in (x, weight, styles))


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5)])
@pytest.mark.parametrize("activation", ["linear", "lrelu"])
@pytest.mark.parametrize("clamp", [None, 0.7])
def test_bias_act(shape, activation, clamp):
    x, bias = normal(*shape), normal(3, seed=1)
    expected = np.empty(shape)
    for at in np.ndindex(shape):
        value = float(x[at] + bias[at[1]])
        if activation == "lrelu":
            value = sqrt(2) * (value if value > 0 else 0.2 * value)
        expected[at] = value * 0.5 if clamp is None else np.clip(value * 0.5, -clamp, clamp)
    result = bias_act(x, bias, activation, 0.5, clamp)
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-12)
    assert bias_act(x.bfloat16(), bias.float(), activation, 0.5, clamp).dtype == torch.bfloat16


def test_bias_act_without_a_bias():
    x = torch.tensor([[-1.0, 2.0]])
    torch.testing.assert_close(bias_act(x), torch.tensor([[-0.2, 2.0]]) * sqrt(2))


def test_normalize_second_moment():
    x = 7 * normal(5, 9)
    for row, given in zip(normalize_second_moment(x), x, strict=True):
        torch.testing.assert_close(row, given / (given @ given / 9).sqrt())


@pytest.mark.parametrize(("count", "group", "size"), [(8, 4, 4), (4, 4, 4), (2, 4, 2), (6, 4, 3), (5, 4, 1), (3, 8, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_minibatch_std(count, group, size, channels):
    x = normal(count, 6, 2, 3)
    expected = np.empty((count, channels, 2, 3))
    groups, width = count // size, 6 // channels
    for n, c in product(range(count), range(channels)):
        members = x[n % groups :: groups, c * width : (c + 1) * width].numpy()
        assert len(members) == size
        expected[n, c] = np.sqrt(members.var(0) + 1e-8).mean()
    result = minibatch_std(x, group, channels)
    assert torch.equal(result[:, :6], x)
    np.testing.assert_allclose(result[:, 6:].numpy(), expected, rtol=1e-12)


def test_minibatch_std_is_taken_in_float32():
    x = 100 + normal(4, 8, 4, 4).half() / 8
    appended = minibatch_std(x.half())[:, 8:]
    assert appended.dtype == torch.float16
    torch.testing.assert_close(appended.double(), minibatch_std(x.double())[:, 8:], rtol=1e-3, atol=0)


def twice_differentiable(function, *inputs: Tensor) -> bool:
    inputs = tuple(value.requires_grad_() for value in inputs)
    return gradcheck(function, inputs, fast_mode=True) and gradgradcheck(function, inputs, fast_mode=True)


@pytest.mark.parametrize(("up", "down"), [(2, 1), (1, 2), (1, 1)])
def test_upfirdn2d_has_gradients_of_gradients(up, down):
    assert twice_differentiable(lambda x: upfirdn2d(x, LOPSIDED, up, down, (2, 1, 1, 2)) ** 2, normal(1, 2, 3, 3))


@pytest.mark.parametrize(("up", "down"), [(2, 1), (1, 2)])
def test_resampled_conv2d_has_gradients_of_gradients(up, down):
    x, weight = normal(1, 2, 4, 4), normal(1, 2, 3, 3, seed=1)
    assert twice_differentiable(lambda x, w: resampled_conv2d(x, w, FIR, up, down), x, weight)


@pytest.mark.slow
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("up", [1, 2])
def test_modulated_conv2d_has_gradients_of_gradients(fused, up):
    x, weight, styles = normal(2, 2, 2, 2), normal(1, 2, 3, 3, seed=1), normal(2, 2, seed=2)
    assert twice_differentiable(lambda *given: modulated_conv2d(*given, FIR, up=up, fused=fused), x, weight, styles)


def test_the_others_have_gradients_of_gradients():
    x, bias = normal(4, 3, 1, 2), normal(3, seed=1)
    assert twice_differentiable(lambda x, b: bias_act(x, b, clamp=1.5) ** 2, x, bias)
    assert twice_differentiable(lambda x: minibatch_std(x)[:, 3:], x)
    assert twice_differentiable(normalize_second_moment, normal(2, 3))
