"""Foreign layouts of StyleGAN2's weights, renamed to that of :mod:`pipelines.stylegan.stylegan2`.

Three are known: that of NVIDIA's PyTorch networks, whose names are ours; that of NVIDIA's TensorFlow networks; and that
of the common ``.pt`` files. TensorFlow stores a kernel as height, width, inputs, outputs, a matrix as inputs, outputs,
a style's bias without its 1, and the kernel of an upsampling convolution mirrored against ours.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipelines.arrays import Numbers
from pipelines.stylegan.foreign.pickles import Record
from pipelines.stylegan.ops import fir_filter

_DEPTH = 8  # most modules inside one another
_MODULES = 4096  # most of them; shared ones count each time
_TAPS = 32  # most of a filter
_MAPPING_RATE = 0.01

WHOLE_BATCH = 2**16
"""Group of the minibatch standard deviation that no minibatch exceeds."""


class OtherNetwork(Exception):
    """The weights are of no network that ours can be."""


@dataclass(frozen=True)
class Layout:
    """A network's weights by our names, and what their shapes do not tell.

    Attributes:
        tensors: by the names of our networks; filters and noise maps may be missing.
        conv_clamp, low_precision_blocks: as of :class:`~pipelines.stylegan.stylegan2.SynthesisNetwork`.
        group: as of :class:`~pipelines.stylegan.stylegan2.Discriminator`.
        fir: filter of the resampling that ``tensors`` does not hold.
        mapping_rate: multiplier of the learning rate of the mapping's layers.
    """

    tensors: dict[str, Tensor]
    conv_clamp: float | None = None
    low_precision_blocks: int = 0
    group: int = 4
    fir: Tensor = field(default_factory=fir_filter)
    mapping_rate: float = _MAPPING_RATE

    def at_rate(self) -> dict[str, Tensor]:
        """The tensors with the mapping's layers scaled to the rate of ours, which changes no result."""
        scale = self.mapping_rate / _MAPPING_RATE
        return {
            name: value * scale if scale != 1 and re.match(r"mapping\.fc\d", name) else value
            for name, value in self.tensors.items()
        }


def pytorch_layout(network: Record, architecture: str, room: int) -> Layout:
    """The layout of a network of NVIDIA's PyTorch repositories.

    Args:
        network: as :func:`~pipelines.stylegan.foreign.pickles.read_pickle` gives it.
        architecture: "skip" for a generator, "resnet" for a discriminator.
        room: most bytes that the weights may have: those of the file. A file that names one array many times, or says
            that it is repeated, could else fill the memory.

    Raises:
        OtherNetwork: the network is built another way than ours.
    """
    modules = dict(_modules(network))
    tensors = {
        f"{path}{name}": value
        for path, attributes in modules.items()
        for stored in ("_parameters", "_buffers")
        for name, value in attributes[stored].items()
        if value is not None
    }
    _check_room(tensors.values(), room)

    def at(pattern: str) -> list[dict[str, Any]]:
        return [attributes for path, attributes in modules.items() if re.fullmatch(pattern, path)]

    blocks = at(r"(synthesis\.)?b\d+\.")
    layers = at(r"(synthesis\.)?b\d+\.(conv\d?|fromrgb|fc)\.")
    mapped = at(r"mapping\.fc\d+\.")
    if any(found["architecture"] != architecture for found in blocks if "architecture" in found):
        raise OtherNetwork
    if any(found["activation"] != "lrelu" for found in layers + mapped):
        raise OtherNetwork
    clamps = {_clamp(found["conv_clamp"]) for found in layers if "conv_clamp" in found}
    rates = {float(found["bias_gain"]) for found in mapped}
    if len(clamps) != 1 or len(rates) > 1:
        raise OtherNetwork
    spread = modules.get("b4.mbstd.", {})
    if spread.get("num_channels", 1) != 1:
        raise OtherNetwork
    return Layout(
        tensors,
        clamps.pop(),
        sum(bool(found.get("use_fp16")) for found in blocks),
        _group(spread.get("group_size", 4)),
        mapping_rate=rates.pop() if rates else _MAPPING_RATE,
    )


def _modules(network: Record) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path → attributes of a module and of those inside it. A path ends with a dot."""
    left = _MODULES

    def walk(module: Record, path: str, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
        nonlocal left
        left -= 1
        if not depth or not left:
            raise OtherNetwork("modules without end")
        yield path, module.attributes
        for name, child in module.attributes["_modules"].items():
            if child is not None:
                yield from walk(child, f"{path}{name}.", depth - 1)

    yield from walk(network, "", _DEPTH)


def tensorflow_generator(network: Record, room: int) -> Layout:
    """The layout of a generator of NVIDIA's TensorFlow repositories.

    Args, raises: as :func:`pytorch_layout`.
    """
    return _tensorflow(network, room, _tensorflow_generator_name, 4, _MAPPING_RATE)


def tensorflow_discriminator(network: Record, room: int) -> Layout:
    """The layout of a discriminator of NVIDIA's TensorFlow repositories.

    Args, raises: as :func:`pytorch_layout`.
    """
    # The second repository's network takes the whole minibatch where it is not told otherwise.
    group = None if network.attributes["build_func_name"] == "D_main" else 4
    return _tensorflow(network, room, _tensorflow_discriminator_name, group, 0.1)


def _tensorflow(
    network: Record, room: int, rename: Callable[[str], str | None], group: int | None, rate: float
) -> Layout:
    told = network.attributes["static_kwargs"]
    ways = {
        "architecture": ("skip", "resnet"),
        "nonlinearity": ("lrelu",),
        "mapping_nonlinearity": ("lrelu",),
        "normalize_latents": (True,),
        "mbstd_num_features": (1,),
    }
    if network.attributes["version"] < 4 or any(told.get(name, good[0]) not in good for name, good in ways.items()):
        raise OtherNetwork
    variables = list(_variables(network))
    if not all(isinstance(value, np.ndarray | float) for _, value in variables):
        raise OtherNetwork
    _check_room((value for _, value in variables if isinstance(value, np.ndarray)), room)
    tensors = {}
    for name, value in variables:
        if name.rsplit("/", 1)[-1] == "lod":
            continue
        ours = rename(name)
        if ours is None:
            raise OtherNetwork
        value = torch.from_numpy(np.array(value, np.float32))
        if value.ndim == 4 and ours.endswith(".weight"):
            value = value.permute(3, 2, 0, 1)
            value = value.flip(2, 3) if "/Conv0_up/" in name else value
        elif value.ndim == 4:
            value = value[0, 0] if ours.endswith("noise_const") else value[0]
        elif value.ndim == 2:
            value = value.T
        tensors[ours] = value + 1 if name.endswith("/mod_bias") else value
    return Layout(
        tensors,
        _clamp(told.get("conv_clamp")),
        int(told.get("num_fp16_res", 0)),
        _group(told.get("mbstd_group_size", group)),
        fir_filter(tuple(float(tap) for tap in (told.get("resample_kernel") or (1, 3, 3, 1))[:_TAPS])),
        float(told.get("mapping_lrmul", rate)),
    )


def _variables(network: Record) -> Iterator[tuple[str, Any]]:
    yield from network.attributes["variables"]
    for name, part in network.attributes["components"].items():
        yield from ((f"{name}/{inner}", value) for inner, value in part.attributes["variables"])


_TENSORFLOW_LAYERS = {
    "Conv": "conv1",
    "Conv0_up": "conv0",
    "Conv1": "conv1",
    "ToRGB": "torgb",
    "FromRGB": "fromrgb",
    "Conv0": "conv0",
    "Conv1_down": "conv1",
    "Skip": "skip",
}
_TENSORFLOW_PARTS = {
    "weight": "weight",
    "bias": "bias",
    "noise_strength": "noise_strength",
    "mod_weight": "affine.weight",
    "mod_bias": "affine.bias",
}


def _tensorflow_generator_name(name: str) -> str | None:
    if name == "dlatent_avg":
        return "mapping.w_avg"
    if name == "synthesis/4x4/Const/const":
        return "synthesis.b4.const"
    if found := re.fullmatch(r"mapping/(?:Dense(\d{1,3})|LabelEmbed)/(weight|bias)", name):
        return f"mapping.{f'fc{found[1]}' if found[1] else 'embed'}.{found[2]}"
    if found := re.fullmatch(r"synthesis/noise(\d{1,2})", name):
        return f"synthesis.{_nth_layer(int(found[1]))}.noise_const"
    if found := re.fullmatch(r"synthesis/(\d{1,5})x\1/(Conv|Conv0_up|Conv1|ToRGB)/(\w+)", name):
        part = _TENSORFLOW_PARTS.get(found[3])
        return part and f"synthesis.b{found[1]}.{_TENSORFLOW_LAYERS[found[2]]}.{part}"
    return None


def _tensorflow_discriminator_name(name: str) -> str | None:
    ends = {"4x4/Conv": "b4.conv", "4x4/Dense0": "b4.fc", "Output": "b4.out", "LabelEmbed": "mapping.embed"}
    layer, _, part = name.rpartition("/")
    if part not in ("weight", "bias"):
        return None
    if layer in ends:
        return f"{ends[layer]}.{part}"
    if found := re.fullmatch(r"Mapping(\d{1,3})", layer):
        return f"mapping.fc{found[1]}.{part}"
    if found := re.fullmatch(r"(\d{1,5})x\1/(FromRGB|Conv0|Conv1_down|Skip)", layer):
        return f"b{found[1]}.{_TENSORFLOW_LAYERS[found[2]]}.{part}"
    return None


def _nth_layer(index: int) -> str:
    """Where the generator's layer lies that runs as number ``index``."""
    return f"b{4 << (index + 1) // 2}.conv{(index + 1) % 2}"


def common_generator(tensors: Mapping[str, Tensor], average: Tensor | None, room: int) -> Layout:
    """The layout of a generator of the common ``.pt`` files.

    Args:
        tensors: its state dict.
        average: the mean of w, where the file has one.
        room: as of :func:`pytorch_layout`.

    Raises:
        OtherNetwork: the network is built another way than ours.
    """
    tensors = dict(tensors) if average is None else {**tensors, "latent_avg": average}
    return _common(tensors, room, _common_generator_name, "upsample.kernel")


def common_discriminator(tensors: Mapping[str, Tensor], room: int) -> Layout:
    """The layout of a discriminator of the common ``.pt`` files.

    Args, raises: as :func:`common_generator`.
    """
    sides = [int(found[1]) for name in tensors if (found := re.fullmatch(r"convs\.(\d{1,2})\.skip\.1\.weight", name))]
    return _common(tensors, room, lambda name: _common_discriminator_name(name, max(sides)), ".kernel")


def _common(tensors: Mapping[str, Tensor], room: int, rename: Callable[[str], str | None], fir_ending: str) -> Layout:
    _check_room(tensors.values(), room)
    renamed, fir = {}, fir_filter()
    for name, value in tensors.items():
        if name.endswith(".kernel"):
            if name.endswith(fir_ending):
                fir = value / value.sum()  # upsampling ones are stored with their gain
            continue
        ours = rename(name)
        if ours is None:
            raise OtherNetwork
        if ours.endswith("noise_strength"):
            value = value.reshape(())
        elif ours.endswith("noise_const"):
            value = value[0, 0]
        elif value.ndim == 5 or ours.endswith("const"):
            value = value[0]
        elif ours.endswith((".bias", "w_avg")):
            value = value.reshape(-1)
        renamed[ours] = value
    return Layout(renamed, fir=fir)


_COMMON_PARTS = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
    "bias": "bias",
}


def _common_generator_name(name: str) -> str | None:
    if name in ("input.input", "latent_avg"):
        return {"input.input": "synthesis.b4.const", "latent_avg": "mapping.w_avg"}[name]
    if found := re.fullmatch(r"style\.(\d{1,3})\.(weight|bias)", name):
        return f"mapping.fc{int(found[1]) - 1}.{found[2]}"
    if found := re.fullmatch(r"noises\.noise_(\d{1,2})", name):
        return f"synthesis.{_nth_layer(int(found[1]))}.noise_const"
    if found := re.fullmatch(r"(?:conv1|convs\.(\d{1,2}))\.(.+)", name):
        layer = _nth_layer(int(found[1]) + 1 if found[1] else 0)
        part = _COMMON_PARTS.get(found[2])
        return part and f"synthesis.{layer}.{part}"
    if found := re.fullmatch(r"(?:to_rgb1|to_rgbs\.(\d{1,2}))\.(.+)", name):
        side = 8 << int(found[1]) if found[1] else 4
        part = _COMMON_PARTS.get(found[2])
        return part and f"synthesis.b{side}.torgb.{part}"
    return None


def _common_discriminator_name(name: str, blocks: int) -> str | None:
    ends = {
        "convs.0.0.weight": f"b{4 << blocks}.fromrgb.weight",
        "convs.0.1.bias": f"b{4 << blocks}.fromrgb.bias",
        "final_conv.0.weight": "b4.conv.weight",
        "final_conv.1.bias": "b4.conv.bias",
        "final_linear.0.weight": "b4.fc.weight",
        "final_linear.0.bias": "b4.fc.bias",
        "final_linear.1.weight": "b4.out.weight",
        "final_linear.1.bias": "b4.out.bias",
    }
    parts = {
        "conv1.0.weight": "conv0.weight",
        "conv1.1.bias": "conv0.bias",
        "conv2.1.weight": "conv1.weight",
        "conv2.2.bias": "conv1.bias",
        "skip.1.weight": "skip.weight",
    }
    if name in ends:
        return ends[name]
    found = re.fullmatch(r"convs\.(\d{1,2})\.(.+)", name)
    if not found or found[2] not in parts:
        return None
    return f"b{4 << (blocks - int(found[1]) + 1)}.{parts[found[2]]}"


def _check_room(values: Iterable[Tensor | Numbers], room: int) -> None:
    if sum(value.nbytes for value in values) > room:
        raise OtherNetwork("more than the file has bytes")


def _clamp(value: Any) -> float | None:
    return None if value is None else float(value)


def _group(value: int | None) -> int:
    return WHOLE_BATCH if value is None else int(value)
