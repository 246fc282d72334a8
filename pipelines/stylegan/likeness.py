"""How unlike two pictures are, as inversion and adaptation see it: deep features, or a pyramid of pixels.

No network's weights come with the project, so there is an order of choice: LPIPS on VGG16, AlexNet or SqueezeNet 1.1,
whose file is here; else the features of the discriminator that was trained beside the generator; else
pixels, which need no weights.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from pipelines.devices import Device
from pipelines.errors import OptionInvalid, WeightsMissing, WeightsUnknown
from pipelines.files import sha256_of
from pipelines.jobs import FACE_DISCRIMINATOR
from pipelines.languages.translation import N_
from pipelines.metrics.backbones import Backbone, find_backbone
from pipelines.metrics.perceptual import LPIPS
from pipelines.models import loading
from pipelines.results import WeightsUsed
from pipelines.stylegan.faces import check_discriminator
from pipelines.stylegan.ops import full_precision
from pipelines.stylegan.stylegan2 import Discriminator, DiscriminatorBlock

Distance = Callable[[Tensor], Tensor]
"""Pictures ``(N, 3, R, R)`` in [-1, 1] → their mean distance from a target, float32 ``()``, 0 where all equal it.
Gradients reach the pictures."""

Compared: TypeAlias = Literal["auto", "vgg", "alex", "squeeze", "discriminator", "pyramid"]
CHOICES: tuple[Compared, ...] = get_args(Compared)
"""What can be compared; ``"auto"`` takes the first of the others whose weights are here (:func:`automatic_order`)."""

_LPIPS: dict[Backbone, tuple[str, str]] = {
    "vgg": ("VGG16", "vgg16"),
    "alex": ("AlexNet", "alexnet"),
    "squeeze": ("SqueezeNet 1.1", "squeezenet1_1"),
}
_SIDE = 256  # px that LPIPS' networks are shown, as in NVIDIA's projector
_COARSEST = 4  # px a side of the pyramid's top


@dataclass(frozen=True)
class Likeness:
    """A measure of how unlike pictures are.

    Attributes:
        name: for people, as in ``"LPIPS, AlexNet"``.
        weights: every weights file that it needs.
        to: target ``(1, 3, R, R)`` in [-1, 1] → the distance from it.
    """

    name: str
    weights: tuple[WeightsUsed, ...]
    to: Callable[[Tensor], Distance]


def choose_likeness(choice: Compared, device: Device) -> Likeness:
    """The measure of that name, on the device.

    Args:
        choice: one of :data:`CHOICES`.
        device: where its network shall lie.

    Raises:
        OptionInvalid: there is no such measure.
        WeightsMissing, WeightsUnknown: its weights are not here (``"auto"`` goes on to the next instead).
        WeightsCorrupt: its weights are damaged.
    """
    if choice not in CHOICES:
        raise OptionInvalid(f"The perceptual network must be one of {', '.join(CHOICES)}.")
    if choice == "auto":
        for name in automatic_order(device.torch_device.type):
            try:
                return choose_likeness(name, device)
            except (WeightsMissing, WeightsUnknown):
                continue
        return pyramid_likeness()
    if choice in _LPIPS:
        return lpips_likeness(choice, device)
    return discriminator_likeness(device) if choice == "discriminator" else pyramid_likeness()


def automatic_order(device_type: str) -> tuple[Compared, ...]:
    """What ``"auto"`` tries in turn, before pixels.

    VGG16 first, as in the paper; on the CPU, where a step with it would take several times as long, after the others.

    Args:
        device_type: ``"cuda"``, ``"cpu"`` or ``"mps"``.
    """
    vgg, *others, discriminator = CHOICES[1:-1]
    return (*others, vgg, discriminator) if device_type == "cpu" else (vgg, *others, discriminator)


def lpips_likeness(network: Backbone, device: Device) -> Likeness:
    """LPIPS at 256 px: larger pictures are averaged by area, as by NVIDIA's projector, smaller enlarged bilinearly.

    Of 64 px AlexNet's last layers would see 3 x 3 places. Of a picture that a random 64 px generator drew, 200 steps of
    inversion with AlexNet left 60 % of the mean face's squared error when it was shown at 64 px, 39 % at 128, 20 % at
    256, for a half more time a step.

    Args:
        network: ``"vgg"``, ``"alex"`` or ``"squeeze"``.
        device: where it shall lie.

    Raises:
        WeightsMissing, WeightsCorrupt: as :class:`~pipelines.metrics.perceptual.LPIPS`.
    """
    file = find_backbone(network)
    metric = LPIPS(network).to(device.torch_device).metric
    label, name = _LPIPS[network]
    weights = [linear.model[-1].weight.detach() for linear in metric.lins]

    def features(image: Tensor) -> list[Tensor]:
        return list(metric.net(metric.scaling_layer(_resized(image, _SIDE))))

    used = WeightsUsed(name, sha256_of(file)[:12])
    return Likeness(f"LPIPS, {label}", (used,), lambda target: _feature_distance(features, weights, target))


def discriminator_likeness(device: Device) -> Likeness:
    """Features after each block of the manifest's discriminator, compared as LPIPS does without its linear weights.

    Pictures are shown at the discriminator's resolution.

    Raises:
        WeightsUnknown: the manifest has no discriminator.
        WeightsMissing, WeightsCorrupt: it cannot be loaded.
        OptionInvalid: it does not look at colour.
    """
    model: loading.LoadedModel[Discriminator] = loading.load(device=device.torch_device, job=FACE_DISCRIMINATOR)
    check_discriminator(model.entry.architecture)
    network = model.network
    blocks = [module for module in network.children() if isinstance(module, DiscriminatorBlock)]

    def features(image: Tensor) -> list[Tensor]:
        x, found = _resized(image, network.resolution), []
        for block in blocks:
            x = block(x)
            found.append(x)
        return found

    used = WeightsUsed(model.name, model.sha256[:12])
    return Likeness(N_("discriminator's features"), (used,), lambda target: _feature_distance(features, None, target))


def pyramid_likeness() -> Likeness:
    """Squared error in a Laplacian pyramid: the mean of each level, summed, so that every octave counts alike.

    Source: Burt & Adelson 1983, "The Laplacian pyramid as a compact image code", with means of 2 x 2 for Gaussians.
    """
    return Likeness(N_("no network: squared error, Laplacian pyramid"), (), _pyramid_distance)


def _pyramid_distance(target: Tensor) -> Distance:
    def distance(image: Tensor) -> Tensor:
        # The pyramid is linear: that of the difference is the difference of the pyramids.
        rest, levels = image.float() - target, []
        with full_precision(image.device):
            while rest.shape[-1] > _COARSEST:
                coarser = F.avg_pool2d(rest, 2)
                levels.append((rest - F.interpolate(coarser, scale_factor=2, mode="bilinear")).square().mean())
                rest = coarser
            return reduce(torch.add, [*levels, rest.square().mean()])

    return distance


def _feature_distance(
    features: Callable[[Tensor], list[Tensor]], weights: Sequence[Tensor] | None, target: Tensor
) -> Distance:
    """Zhang et al. 2018, equation 1: unit-length features, squared differences weighted by
    channel, mean over the places, sum over the layers; the target's features are computed once.

    Args:
        features: of pictures, a layer each ``(N, C, H, W)``.
        weights: ``(1, C, 1, 1)`` a layer; 1 where None.
        target: ``(1, 3, R, R)``.
    """
    with torch.no_grad():
        wanted = [_unit(layer) for layer in features(target)]

    def distance(image: Tensor) -> Tensor:
        layers = []
        for index, layer in enumerate(features(image)):
            difference = (_unit(layer) - wanted[index]).square()
            layers.append((difference if weights is None else difference * weights[index]).sum(1).mean())
        return reduce(torch.add, layers)

    return distance


def _unit(layer: Tensor) -> Tensor:
    """Features of length 1 at each place, float32. Where none is active they stay 0 and so does their gradient, which
    in the ``lpips`` package is no number."""
    return F.normalize(layer.float(), dim=1, eps=1e-10)


def _resized(image: Tensor, side: int) -> Tensor:
    """``(N, 3, side, side)``: by area where that is coarser, else bilinearly."""
    if image.shape[-1] == side:
        return image
    return F.interpolate(image, size=side, mode="area" if image.shape[-1] > side else "bilinear")
