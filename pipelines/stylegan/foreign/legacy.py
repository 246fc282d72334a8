"""StyleGAN2 weights of other people's making, as state dicts of our networks. No code of a file is ever run.

Read are pickles of NVIDIA's repositories (TensorFlow: stylegan2, stylegan2-ada; PyTorch: stylegan2-ada-pytorch, and the
StyleGAN2 networks of stylegan3), and the common ``.pt`` files that hold a state dict ``g_ema``. Read is what
configuration F or a smaller one of the same build wrote: skip generator, residual discriminator, leaky ReLU.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipelines.errors import WeightsCorrupt
from pipelines.models.checkpoints import read_content
from pipelines.stylegan.foreign.layouts import (
    Layout,
    OtherNetwork,
    common_discriminator,
    common_generator,
    pytorch_layout,
    tensorflow_discriminator,
    tensorflow_generator,
)
from pipelines.stylegan.foreign.pickles import Record, read_pickle
from pipelines.stylegan.stylegan2 import Discriminator, Generator, MappingNetwork

_LARGEST = 4096  # pixels; what a file leaves out is made here, so its size must have a bound
_DRAWS = 4096  # latents from which a missing mean of w is taken

_OTHER = (
    "These weights are of no StyleGAN2 network that can be read; give a StyleGAN2 pickle of NVIDIA's, "
    "or a .pt file with g_ema, of the usual build (skip generator, residual discriminator)."
)


@dataclass(frozen=True)
class LegacyStyleGAN2:
    """Weights read from a foreign file.

    Attributes:
        generator_state: float32 state dict of :class:`~pipelines.stylegan.stylegan2.Generator`: the running average of
            the weights where the file has one.
        generator_arguments: keyword arguments of that class.
        discriminator_state: the same of :class:`~pipelines.stylegan.stylegan2.Discriminator`; None where the file has
            no discriminator, or one of another build.
        discriminator_arguments: keyword arguments of that class, or None.
        source: "tensorflow", "pytorch" or "common": the layout of the file.
    """

    generator_state: dict[str, Tensor]
    generator_arguments: dict[str, Any]
    discriminator_state: dict[str, Tensor] | None
    discriminator_arguments: dict[str, Any] | None
    source: str


def read_stylegan2(path: str | Path) -> LegacyStyleGAN2:
    """Reads a pickle (``.pkl``) of NVIDIA's, or a common ``.pt`` or ``.pth`` file.

    Noise maps that a file leaves out are drawn with a fixed seed; so is the mean of w, over 4096 latents.

    Raises:
        OptionInvalid: there is no such file, or it is of another kind.
        WeightsCorrupt: the file is damaged, would run code, or holds no StyleGAN2 generator of the usual build.
    """
    path = Path(path)
    content = read_pickle(path) if _is_pickle(path) else read_content(path)
    try:
        source, generator, discriminator = _layouts(content, path.stat().st_size)
        generator_state, generator_arguments = _generator(generator())
    except _FOREIGN as error:
        raise WeightsCorrupt(_OTHER) from error
    discriminator_state: dict[str, Tensor] | None = None
    discriminator_arguments: dict[str, Any] | None = None
    with suppress(*_FOREIGN):
        discriminator_state, discriminator_arguments = _discriminator(discriminator())
    return LegacyStyleGAN2(generator_state, generator_arguments, discriminator_state, discriminator_arguments, source)


# What reading a layout raises where the file has no such thing in that place, or another thing there.
_FOREIGN = (OtherNetwork, LookupError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError)


def _is_pickle(path: Path) -> bool:
    """Whether NVIDIA's pickles are called so, and the file is not an archive of ``torch.save``."""
    if path.suffix.lower() != ".pkl" or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) != b"PK\3\4"


_Reader = Callable[[], Layout]


def _layouts(content: Any, room: int) -> tuple[str, _Reader, _Reader]:
    """Source of what a file holds, and readers of its generator and its discriminator.

    Args:
        content: all of it.
        room: bytes of the file.
    """
    if isinstance(content, Record):
        content = (None, None, content)  # the averaged generator alone
    if isinstance(content, tuple | list) and len(content) == 3:
        return (
            "tensorflow",
            lambda: tensorflow_generator(content[2], room),
            lambda: tensorflow_discriminator(content[1], room),
        )
    if isinstance(content, Mapping) and "G_ema" in content:
        return (
            "pytorch",
            lambda: pytorch_layout(content["G_ema"], "skip", room),
            lambda: pytorch_layout(content["D"], "resnet", room),
        )
    if isinstance(content, Mapping) and "g_ema" in content:
        return (
            "common",
            lambda: common_generator(content["g_ema"], content.get("latent_avg"), room),
            lambda: common_discriminator(content["d"], room),
        )
    raise OtherNetwork


def _generator(layout: Layout) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors = layout.at_rate()
    widths = _widths(tensors, r"synthesis\.b(\d+)\.conv1\.weight")
    layers = _count(tensors, r"mapping\.fc\d+\.weight")
    w_dim = len(tensors[f"mapping.fc{layers - 1}.weight"])
    c_dim = tensors["mapping.embed.weight"].shape[1] if "mapping.embed.weight" in tensors else 0
    arguments = {
        "z_dim": tensors["mapping.fc0.weight"].shape[1] - (w_dim if c_dim else 0),
        "c_dim": c_dim,
        "w_dim": w_dim,
        "image_channels": len(tensors["synthesis.b4.torgb.weight"]),
        "mapping_layers": layers,
        **_sizes(widths, layout),
    }
    if "mapping.w_avg" not in tensors and not c_dim:
        tensors["mapping.w_avg"] = _mean_style(tensors, arguments)
    return _fitted(Generator, arguments, tensors, layout.fir), arguments


def _discriminator(layout: Layout) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors = layout.at_rate()
    widths = _widths(tensors, r"b(\d+)\.conv0?\.weight")
    labels = {}
    if "mapping.embed.weight" in tensors:
        labels = {
            "c_dim": tensors["mapping.embed.weight"].shape[1],
            "mapping_layers": _count(tensors, r"mapping\.fc\d+\.weight"),
        }
    side = max(widths)
    arguments = {
        "image_channels": tensors[f"b{side}.fromrgb.weight"].shape[1],
        "group": layout.group,
        **labels,
        **_sizes(widths, layout),
    }
    return _fitted(Discriminator, arguments, tensors, layout.fir), arguments


def _widths(tensors: Mapping[str, Tensor], pattern: str) -> dict[int, int]:
    """Side of a block in pixels → its channels."""
    return {int(found[1]): len(value) for name, value in tensors.items() if (found := re.fullmatch(pattern, name))}


def _count(tensors: Mapping[str, Tensor], pattern: str) -> int:
    found = sum(bool(re.fullmatch(pattern, name)) for name in tensors)
    if not found:
        raise OtherNetwork
    return found


def _sizes(widths: Mapping[int, int], layout: Layout) -> dict[str, Any]:
    """The arguments that both networks have."""
    if max(widths) > _LARGEST:
        raise OtherNetwork
    return {
        "resolution": max(widths),
        # The least that gives these widths; whether it gives all of them shows when the weights are fitted.
        "channel_base": max(side * width for side, width in widths.items()),
        "channel_max": max(widths.values()),
        "low_precision_blocks": layout.low_precision_blocks,
        "conv_clamp": layout.conv_clamp,
    }


def _fitted(
    network: type[nn.Module], arguments: Mapping[str, Any], tensors: Mapping[str, Tensor], fir: Tensor
) -> dict[str, Tensor]:
    """``tensors`` as the state dict of ``network``, in its order, with what foreign files leave out."""
    with torch.device("meta"):
        expected = {name: value.shape for name, value in network(**arguments).state_dict().items()}
    noise = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in expected.items():
        if name in tensors:
            value = tensors[name]
        elif name.endswith("resample_filter"):
            value = fir
        elif name.endswith("noise_const"):
            value = torch.randn(shape, generator=noise)
        elif name.endswith("noise_strength"):
            value = torch.zeros(shape)  # a network without noise
        else:
            raise OtherNetwork
        if value.shape != shape or not value.is_floating_point():
            raise OtherNetwork
        state[name] = value.detach().to(torch.float32, memory_format=torch.contiguous_format, copy=True)
    if not tensors.keys() <= state.keys():
        raise OtherNetwork
    return state


def _mean_style(tensors: Mapping[str, Tensor], arguments: Mapping[str, Any]) -> Tensor:
    with torch.random.fork_rng(devices=[]):  # initial values are thrown away
        mapping = MappingNetwork(arguments["z_dim"], arguments["w_dim"], None, 0, arguments["mapping_layers"])
    prefix = "mapping."
    mapping.load_state_dict({name.removeprefix(prefix): value for name, value in tensors.items() if prefix in name})
    with torch.no_grad():
        return mapping(torch.randn(_DRAWS, arguments["z_dim"], generator=torch.Generator().manual_seed(0))).mean(0)
