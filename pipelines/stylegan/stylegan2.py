"""StyleGAN2: mapping network, synthesis network, discriminator.

Source: Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN" (StyleGAN2), sections 2 to 4 and
appendix B, configuration F: skip generator, residual discriminator. Parameters and buffers carry the names and shapes
of NVIDIA's PyTorch networks, so that their state dicts load as they are.

Weights are drawn from N(0, 1) and scaled at run time (equalized learning rate). In which precision the convolutions run
is the caller's to say, by autocast, and no block's own: NVIDIA's networks run their finest blocks in float16 whatever
they are asked for, so a caller who wants float32 would not get it. The fully connected layers, the picture that the
generator adds up, and the discriminator's end stay at the weights' precision under autocast too.
"""

from collections.abc import Mapping, Sequence
from math import log2, sqrt
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.stylegan.ops import (
    Activation,
    bias_act,
    fir_filter,
    full_precision,
    minibatch_std,
    modulated_conv2d,
    normalize_second_moment,
    resampled_conv2d,
    upsample2d,
)

NoiseMode: TypeAlias = Literal["random", "const", "none"]
NOISE_MODES: tuple[NoiseMode, ...] = get_args(NoiseMode)
"""Where the generator's noise comes from: drawn anew, the stored maps, or nowhere."""

_MAPPING_RATE = 0.01  # learning rate of the mapping network, as a multiple of the others'
_AVERAGE_DECAY = 0.995  # of the running mean of w, per forward pass
_LOW_PRECISION_CLAMP = 256.0  # NVIDIA's, of blocks that were trained in float16


class FullyConnected(nn.Module):
    """A fully connected layer with equalized learning rate. Runs at its weight's precision, under autocast too.

    Args:
        inputs, outputs: features.
        activation: "linear" or "lrelu".
        rate: multiplies the learning rate.
        bias: what the bias starts at.
    """

    def __init__(
        self, inputs: int, outputs: int, activation: Activation = "linear", rate: float = 1.0, bias: float = 0.0
    ) -> None:
        super().__init__()
        self.activation = activation
        self.weight_gain, self.bias_gain = rate / sqrt(inputs), rate
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), float(bias)))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, inputs)`` → ``(N, outputs)`` of the weight's type."""
        with full_precision(x.device):
            x = F.linear(x.to(self.weight.dtype), self.weight * self.weight_gain)
            return bias_act(x, self.bias * self.bias_gain, self.activation)


class Convolution(nn.Module):
    """A convolution with equalized learning rate, optional downsampling, bias and activation.

    Args:
        inputs, outputs: channels.
        kernel: side of the kernel, odd.
        activation: "linear" or "lrelu".
        bias: whether there is one.
        down: factor of the downsampling.
        clamp: bound of the absolute value of the result at gain 1.
    """

    resample_filter: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        activation: Activation = "lrelu",
        *,
        bias: bool = True,
        down: int = 1,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.activation, self.down, self.clamp = activation, down, clamp
        self.weight_gain = 1 / sqrt(inputs * kernel**2)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.register_buffer("resample_filter", fir_filter())

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        """``(N, inputs, H, W)`` → ``(N, outputs, H / down, W / down)``, times ``gain``."""
        x = resampled_conv2d(x, self.weight * self.weight_gain, self.resample_filter, down=self.down)
        clamp = None if self.clamp is None else self.clamp * gain
        return bias_act(x, self.bias, self.activation, gain, clamp)


class MappingNetwork(nn.Module):
    """From the latent z, and a label where there is one, to w: the style of each layer.

    Args:
        z_dim: features of z; 0 where only the label counts.
        w_dim: features of w.
        num_ws: layers that w is repeated for. None gives one w, and keeps no average of it.
        c_dim: features of the label; 0 where there is none.
        num_layers: fully connected layers.
    """

    fc0: FullyConnected
    w_avg: Tensor

    def __init__(self, z_dim: int, w_dim: int, num_ws: int | None, c_dim: int = 0, num_layers: int = 8) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.num_ws, self.num_layers = z_dim, c_dim, num_ws, num_layers
        if c_dim:
            self.embed = FullyConnected(c_dim, w_dim)
        features = z_dim + (w_dim if c_dim else 0)
        for index in range(num_layers):
            self.add_module(f"fc{index}", FullyConnected(features, w_dim, "lrelu", _MAPPING_RATE))
            features = w_dim
        if num_ws is not None:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self,
        z: Tensor | None,
        c: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        track_average: bool = True,
    ) -> Tensor:
        """Maps latents to styles.

        Args:
            z: ``(N, z_dim)``, normally from N(0, 1); its length does not count. None where ``z_dim`` is 0.
            c: ``(N, c_dim)`` label; None where ``c_dim`` is 0.
            truncation_psi: 1 leaves w as it is, 0 gives the average w; between them a straight line.
            truncation_cutoff: how many layers, from the coarsest on, are truncated; all where None.
            track_average: whether w enters the running mean, which it does in training mode only.

        Returns:
            ``(N, num_ws, w_dim)``; ``(N, w_dim)`` where ``num_ws`` is None.

        Raises:
            ValueError: z or c is missing or has another number of features; or truncation without an average.
        """
        parts = []
        with full_precision(self.fc0.weight.device):
            for name, given, features in (("z", z, self.z_dim), ("c", c, self.c_dim)):
                if not features:
                    continue
                if given is None or given.ndim != 2 or given.shape[1] != features:
                    raise ValueError(f"{name} must be of shape (N, {features})")
                given = given.to(self.fc0.weight.dtype)
                parts.append(normalize_second_moment(given if name == "z" else self.embed(given)))
        w = torch.cat(parts, 1)
        for index in range(self.num_layers):
            w = self.get_submodule(f"fc{index}")(w)

        if self.num_ws is None:
            if truncation_psi != 1:
                raise ValueError("truncation needs the average of w, which this network does not keep")
            return w
        if self.training and track_average:
            with torch.no_grad():
                self.w_avg.copy_(w.mean(0).to(self.w_avg.dtype).lerp(self.w_avg, _AVERAGE_DECAY))
        ws = w[:, None].repeat(1, self.num_ws, 1)
        if truncation_psi == 1:
            return ws
        cutoff = self.num_ws if truncation_cutoff is None else truncation_cutoff
        return torch.cat([self.w_avg.to(w.dtype).lerp(ws[:, :cutoff], truncation_psi), ws[:, cutoff:]], 1)


class SynthesisLayer(nn.Module):
    """Modulated convolution, noise, bias, leaky ReLU.

    Args:
        inputs, outputs: channels.
        w_dim: features of w.
        resolution: side of the result in pixels.
        up: factor of the upsampling.
        clamp: bound of the absolute value of the result.
    """

    noise_const: Tensor
    resample_filter: Tensor

    def __init__(
        self, inputs: int, outputs: int, w_dim: int, resolution: int, up: int = 1, clamp: float | None = None
    ) -> None:
        super().__init__()
        self.resolution, self.up, self.clamp = resolution, up, clamp
        self.affine = FullyConnected(w_dim, inputs, bias=1)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.register_buffer("resample_filter", fir_filter())

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None, fused: bool) -> Tensor:
        """Runs the layer.

        Args:
            x: ``(N, inputs, H, W)`` with H = W = resolution / up.
            w: ``(N, w_dim)``.
            noise: ``(resolution, resolution)`` or ``(N, 1, resolution, resolution)``; None adds none.
            fused: see :func:`~pipelines.stylegan.ops.modulated_conv2d`.

        Returns:
            ``(N, outputs, resolution, resolution)``.
        """
        x = modulated_conv2d(x, self.weight, self.affine(w), self.resample_filter, up=self.up, fused=fused)
        if noise is not None:
            x = x + (noise * self.noise_strength).to(x.dtype)
        return bias_act(x, self.bias, clamp=self.clamp)

    def draw(self, count: int, generator: torch.Generator | None) -> Tensor:
        """New noise, ``(count, 1, resolution, resolution)`` from N(0, 1)."""
        shape = (count, 1, self.resolution, self.resolution)
        like = self.noise_const
        return torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)


class ToRGB(nn.Module):
    """From features to a picture: a modulated 1 x 1 convolution without demodulation, and a bias.

    Args:
        inputs: channels of the features.
        channels: channels of the picture.
        w_dim: features of w.
        clamp: bound of the absolute value of the result.
    """

    def __init__(self, inputs: int, channels: int, w_dim: int, clamp: float | None = None) -> None:
        super().__init__()
        self.clamp = clamp
        self.weight_gain = 1 / sqrt(inputs)
        self.affine = FullyConnected(w_dim, inputs, bias=1)
        self.weight = nn.Parameter(torch.randn(channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, w: Tensor, fused: bool) -> Tensor:
        """``(N, inputs, H, W)`` and ``(N, w_dim)`` → ``(N, channels, H, W)``."""
        styles = self.affine(w) * self.weight_gain
        x = modulated_conv2d(x, self.weight, styles, demodulate=False, fused=fused)
        return bias_act(x, self.bias, "linear", clamp=self.clamp)


class SynthesisBlock(nn.Module):
    """The layers of one resolution: a constant or an upsampling layer, a layer, and its share of the picture.

    Args:
        inputs: channels of the block before; 0 for the first block.
        outputs: channels.
        w_dim: features of w.
        resolution: side in pixels.
        image_channels: channels of the picture.
        clamp: bound of the layers' absolute values.
    """

    resample_filter: Tensor

    def __init__(
        self, inputs: int, outputs: int, w_dim: int, resolution: int, image_channels: int, clamp: float | None
    ) -> None:
        super().__init__()
        if inputs:
            self.conv0 = SynthesisLayer(inputs, outputs, w_dim, resolution, 2, clamp)
        else:
            self.const = nn.Parameter(torch.randn(outputs, resolution, resolution))
        self.conv1 = SynthesisLayer(outputs, outputs, w_dim, resolution, 1, clamp)
        self.torgb = ToRGB(outputs, image_channels, w_dim, clamp)
        self.register_buffer("resample_filter", fir_filter())

    @property
    def layers(self) -> dict[str, SynthesisLayer]:
        """Name → layer, in the order in which they run."""
        return {name: module for name, module in self.named_children() if isinstance(module, SynthesisLayer)}

    def forward(
        self, x: Tensor | None, image: Tensor | None, ws: Tensor, noise: Sequence[Tensor | None], fused: bool
    ) -> tuple[Tensor, Tensor]:
        """Runs the block.

        Args:
            x: ``(N, inputs, H, W)``; None in the first block.
            image: ``(N, image_channels, H, W)``; None in the first block.
            ws: ``(N, layers + 1, w_dim)``, the last for the picture.
            noise: one map a layer, or None.
            fused: see :func:`~pipelines.stylegan.ops.modulated_conv2d`.

        Returns:
            Features and picture, twice as large; 4 x 4 pixels in the first block.
        """
        x = self.const.expand(len(ws), -1, -1, -1) if x is None else x
        x = x.to(self.conv1.weight.dtype)
        for layer, w, given in zip(self.layers.values(), ws.unbind(1), noise, strict=False):
            x = layer(x, w, given, fused)
        drawn = self.torgb(x, ws[:, -1], fused).to(self.torgb.weight.dtype)
        return x, drawn if image is None else upsample2d(image, self.resample_filter) + drawn


class SynthesisNetwork(nn.Module):
    """From w to a picture: blocks of doubling resolution, whose shares of the picture are added up (skip generator).

    Args:
        w_dim: features of w.
        resolution: side of the picture in pixels, a power of two from 8 on.
        image_channels: channels of the picture.
        channel_base: channels of a block times its resolution; configuration F has 32768.
        channel_max: most channels of a block.
        low_precision_blocks: how many blocks, from the finest on, were trained in float16; never the 4 px block. Here
            it only bounds their values, see ``conv_clamp``.
        conv_clamp: bound of the layers' absolute values; None sets none, but for 256 in those blocks.

    Raises:
        ValueError: the resolution is no power of two from 8 on.
    """

    def __init__(
        self,
        w_dim: int = 512,
        resolution: int = 1024,
        image_channels: int = 3,
        channel_base: int = 32768,
        channel_max: int = 512,
        low_precision_blocks: int = 0,
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.w_dim, self.resolution, self.image_channels = w_dim, resolution, image_channels
        sides = _resolutions(resolution)
        inputs = 0
        for index, side in enumerate(sides):
            outputs = min(channel_base // side, channel_max)
            clamp = _clamp(conv_clamp, index >= max(1, len(sides) - low_precision_blocks))
            block = SynthesisBlock(inputs, outputs, w_dim, side, image_channels, clamp)
            self.add_module(f"b{side}", block)
            inputs = outputs
        self.num_ws = len(self._layers()) + 1

    def noise_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name of each noise buffer → its shape, in the order in which the layers run."""
        return {name: tuple(layer.noise_const.shape) for name, layer in self._layers().items()}

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "random",
        noise: Mapping[str, Tensor] | Sequence[Tensor] | None = None,
        generator: torch.Generator | None = None,
        fused: bool | None = None,
    ) -> Tensor:
        """Draws the pictures.

        Args:
            ws: ``(N, num_ws, w_dim)``. Different styles in different layers are mixed so.
            noise_mode: one of :data:`NOISE_MODES`, for the layers that ``noise`` does not name.
            noise: noise maps by the names of :meth:`noise_shapes`, or one a layer in their order; each ``(R, R)`` or
                ``(N, 1, R, R)``. They are weighted like the stored ones, and gradients reach them.
            generator: draws the random noise; on the network's device. PyTorch's own where None.
            fused: how the convolutions are modulated, see :func:`~pipelines.stylegan.ops.modulated_conv2d`; None fuses
                them where no gradients are taken.

        Returns:
            ``(N, image_channels, resolution, resolution)``, about [-1, 1] but not clipped.

        Raises:
            ValueError: ws or a noise map is of another shape, a name is unknown, a list has another length, or the
                noise mode is unknown.
        """
        if ws.ndim != 3 or ws.shape[1:] != (self.num_ws, self.w_dim):
            raise ValueError(f"ws must be of shape (N, {self.num_ws}, {self.w_dim})")
        if noise_mode not in NOISE_MODES:
            raise ValueError(f"noise_mode must be one of {', '.join(NOISE_MODES)}")
        given = self._named(noise, len(ws))
        fused = not torch.is_grad_enabled() if fused is None else fused

        x: Tensor | None = None
        image: Tensor | None = None
        start = 0
        for side in _resolutions(self.resolution):
            block = self._block(side)
            maps: list[Tensor | None] = []
            for name, layer in block.layers.items():
                name = f"b{side}.{name}.noise_const"
                if name in given:
                    maps.append(given[name])
                elif noise_mode == "random":
                    maps.append(layer.draw(len(ws), generator))
                else:
                    maps.append(layer.noise_const if noise_mode == "const" else None)
            # The w of a block's picture is also that of the next block's first layer.
            x, image = block(x, image, ws[:, start : start + len(maps) + 1], maps, fused)
            start += len(maps)
        assert image is not None  # the first block has drawn
        return image

    def _layers(self) -> dict[str, SynthesisLayer]:
        """Name of the noise buffer → layer, in the order in which they run."""
        return {
            f"b{side}.{name}.noise_const": layer
            for side in _resolutions(self.resolution)
            for name, layer in self._block(side).layers.items()
        }

    def _block(self, side: int) -> SynthesisBlock:
        block: SynthesisBlock = getattr(self, f"b{side}")
        return block

    def _named(self, noise: Mapping[str, Tensor] | Sequence[Tensor] | None, count: int) -> Mapping[str, Tensor]:
        """The noise maps given for ``count`` pictures, by name, checked."""
        shapes = self.noise_shapes()
        if noise is None:
            return {}
        if not isinstance(noise, Mapping):
            if len(noise) != len(shapes):
                raise ValueError(f"noise must hold {len(shapes)} maps, one a layer")
            noise = dict(zip(shapes, noise, strict=True))
        for name, values in noise.items():
            if name not in shapes:
                raise ValueError(f"no layer has noise of the name {name}")
            if values.shape not in (shapes[name], (1, 1, *shapes[name]), (count, 1, *shapes[name])):
                raise ValueError(f"the noise {name} must be of shape {shapes[name]} or {(count, 1, *shapes[name])}")
        return noise


class Generator(nn.Module):
    """Mapping network and synthesis network.

    Args:
        z_dim, w_dim: features of z and w.
        c_dim: features of the label; 0 where there is none.
        mapping_layers: fully connected layers of the mapping network.
        resolution, image_channels, channel_base, channel_max, low_precision_blocks, conv_clamp: see
            :class:`SynthesisNetwork`.

    Raises:
        ValueError: the resolution is no power of two from 8 on.
    """

    def __init__(
        self,
        z_dim: int = 512,
        c_dim: int = 0,
        w_dim: int = 512,
        resolution: int = 1024,
        image_channels: int = 3,
        channel_base: int = 32768,
        channel_max: int = 512,
        mapping_layers: int = 8,
        low_precision_blocks: int = 0,
        conv_clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim, self.resolution = z_dim, c_dim, w_dim, resolution
        self.synthesis = SynthesisNetwork(
            w_dim, resolution, image_channels, channel_base, channel_max, low_precision_blocks, conv_clamp
        )
        self.num_ws = self.synthesis.num_ws
        self.mapping = MappingNetwork(z_dim, w_dim, self.num_ws, c_dim, mapping_layers)

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        track_average: bool = True,
        noise_mode: NoiseMode = "random",
        noise: Mapping[str, Tensor] | Sequence[Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """``(N, z_dim)`` → ``(N, image_channels, resolution, resolution)``.

        The arguments, the answer and the errors are those of :meth:`MappingNetwork.forward` and
        :meth:`SynthesisNetwork.forward`.
        """
        ws = self.mapping(
            z, c, truncation_psi=truncation_psi, truncation_cutoff=truncation_cutoff, track_average=track_average
        )
        return self.synthesis(ws, noise_mode=noise_mode, noise=noise, generator=generator)


class DiscriminatorBlock(nn.Module):
    """Two convolutions beside a 1 x 1 one; halves the resolution.

    Args:
        inputs: channels of the block before; 0 for the first block, which reads the picture.
        width, outputs: channels of the first and of the second convolution.
        image_channels: channels of the picture.
        clamp: bound of the convolutions' absolute values.
    """

    def __init__(self, inputs: int, width: int, outputs: int, image_channels: int, clamp: float | None) -> None:
        super().__init__()
        self.fromrgb = None if inputs else Convolution(image_channels, width, 1, clamp=clamp)
        self.conv0 = Convolution(inputs or width, width, 3, clamp=clamp)
        self.conv1 = Convolution(width, outputs, 3, down=2, clamp=clamp)
        self.skip = Convolution(width, outputs, 1, "linear", bias=False, down=2)
        # Nothing reads it, but NVIDIA's state dicts hold it.
        self.register_buffer("resample_filter", fir_filter())

    def forward(self, x: Tensor) -> Tensor:
        """``(N, inputs or image_channels, H, W)`` → ``(N, outputs, H / 2, W / 2)``."""
        x = x.to(self.conv0.weight.dtype)
        if self.fromrgb is not None:
            x = self.fromrgb(x)
        gain = sqrt(0.5)  # keeps the variance of the sum
        return self.skip(x, gain) + self.conv1(self.conv0(x), gain)


class DiscriminatorEnd(nn.Module):
    """Minibatch standard deviation, a convolution, two fully connected layers, at the weights' precision.

    Args:
        channels: channels of the features.
        c_features: features of the mapped label; 0 where there is none.
        group: most pictures over which the standard deviation is taken.
        conv_clamp: bound of the convolution's absolute values.
    """

    def __init__(self, channels: int, c_features: int, group: int, conv_clamp: float | None) -> None:
        super().__init__()
        self.c_features, self.group = c_features, group
        self.conv = Convolution(channels + 1, channels, 3, clamp=conv_clamp)
        self.fc = FullyConnected(channels * 4**2, channels, "lrelu")
        self.out = FullyConnected(channels, c_features or 1)

    def forward(self, x: Tensor, label: Tensor | None) -> Tensor:
        """``(N, channels, 4, 4)`` and the mapped label ``(N, c_features)`` → ``(N, 1)``."""
        with full_precision(x.device):
            x = self.conv(minibatch_std(x.to(self.conv.weight.dtype), self.group))
        x = self.out(self.fc(x.flatten(1)))
        return x if label is None else (x * label).sum(1, keepdim=True) / sqrt(self.c_features)


class Discriminator(nn.Module):
    """Says of each picture whether it is real: residual blocks of halving resolution.

    Args:
        c_dim: features of the label; 0 where there is none.
        resolution, image_channels, channel_base, channel_max, low_precision_blocks, conv_clamp: see
            :class:`SynthesisNetwork`.
        group: most pictures over which the standard deviation of the minibatch is taken; configuration F has 4.
        mapping_layers: fully connected layers of the label's mapping network.

    Raises:
        ValueError: the resolution is no power of two from 8 on.
    """

    def __init__(
        self,
        c_dim: int = 0,
        resolution: int = 1024,
        image_channels: int = 3,
        channel_base: int = 32768,
        channel_max: int = 512,
        low_precision_blocks: int = 0,
        conv_clamp: float | None = None,
        group: int = 4,
        mapping_layers: int = 8,
    ) -> None:
        super().__init__()
        self.c_dim, self.resolution, self.image_channels = c_dim, resolution, image_channels
        sides = _resolutions(resolution)[::-1]
        inputs = 0
        for index, side in enumerate(sides[:-1]):
            width, outputs = (min(channel_base // s, channel_max) for s in (side, side // 2))
            clamp = _clamp(conv_clamp, index < low_precision_blocks)
            block = DiscriminatorBlock(inputs, width, outputs, image_channels, clamp)
            self.add_module(f"b{side}", block)
            inputs = outputs
        self.mapping = MappingNetwork(0, inputs, None, c_dim, mapping_layers) if c_dim else None
        self.b4 = DiscriminatorEnd(inputs, inputs if c_dim else 0, group, conv_clamp)

    def forward(self, image: Tensor, c: Tensor | None = None) -> Tensor:
        """Scores the pictures.

        Args:
            image: ``(N, image_channels, resolution, resolution)`` in [-1, 1].
            c: ``(N, c_dim)`` label; None where ``c_dim`` is 0.

        Returns:
            ``(N, 1)`` raw scores, the higher the more real.

        Raises:
            ValueError: the picture or the label is of another shape.
        """
        shape = (self.image_channels, self.resolution, self.resolution)
        if image.shape[1:] != shape:
            raise ValueError(f"the pictures must be of shape {('N', *shape)}")
        x = image
        for side in _resolutions(self.resolution)[:0:-1]:
            x = self.get_submodule(f"b{side}")(x)
        return self.b4(x, None if self.mapping is None else self.mapping(None, c))


def _resolutions(resolution: int) -> list[int]:
    """4, 8, ..., ``resolution``."""
    if resolution < 8 or resolution & (resolution - 1):
        raise ValueError("the resolution must be a power of two from 8 on")
    return [2**power for power in range(2, int(log2(resolution)) + 1)]


def _clamp(clamp: float | None, low_precision: bool) -> float | None:
    return _LOW_PRECISION_CLAMP if clamp is None and low_precision else clamp
