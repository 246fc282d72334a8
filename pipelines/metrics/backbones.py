"""Files of the image-classification networks whose features perceptual losses and metrics compare.

They come from a folder that the caller names, else from the one in the environment variable ``PHILTRUM_LOSS_WEIGHTS``,
else from the weights folder, where the store puts what it fetches. Nothing is downloaded here.
"""

import hashlib
import os
from pathlib import Path
from typing import Literal, TypeAlias

from torch import Tensor

from pipelines.errors import OptionInvalid, WeightsMissing
from pipelines.languages.translation import _
from pipelines.models import places
from pipelines.models.checkpoints import read_tensors

VARIABLE = "PHILTRUM_LOSS_WEIGHTS"
"""Environment variable that names the folder."""

Backbone: TypeAlias = Literal["alex", "squeeze", "vgg"]
"""LPIPS' networks, by its own names."""

_NAMES: dict[Backbone, str] = {"alex": "alexnet", "squeeze": "squeezenet1_1", "vgg": "vgg16"}  # the manifest's


def find_features(name: str, folder: str | Path | None = None) -> Path:
    """The file of a network that the manifest and torchvision call ``name``, such as ``squeezenet1_1`` or ``vgg19``.

    It holds the convolutional part alone (``alexnet_features.pth``), or is torchvision's own, whose name ends in its
    hash (``alexnet-owt-7be5be79.pth``).

    Args:
        name: which network.
        folder: where to look; None looks where the environment variable says, or in the weights folder.

    Raises:
        WeightsMissing: the file is not there.
    """
    named = folder or os.environ.get(VARIABLE)
    place = Path(named) if named else places.folder()
    for pattern in (f"{name}_features.pth", f"{name}-*.pth"):
        if found := sorted(place.glob(pattern)):
            return found[0]
    raise WeightsMissing(
        _(
            "The loss network {name} is not on this machine; run python -m pipelines weights get "
            "{name}, or name the folder that holds its file in the environment variable {variable}."
        ).format(name=name, variable=VARIABLE)
    )


def find_backbone(network: Backbone, folder: str | Path | None = None) -> Path:
    """The file of LPIPS' backbone ``alex`` (AlexNet), ``squeeze`` (SqueezeNet 1.1) or ``vgg`` (VGG16).

    Raises:
        OptionInvalid: there is no such backbone.
        WeightsMissing: the file is not there.
    """
    if network not in _NAMES:
        raise OptionInvalid(_("The perceptual network must be one of {choices}.").format(choices=", ".join(_NAMES)))
    return find_features(_NAMES[network], folder)


def read_backbone(network: Backbone, folder: str | Path | None = None) -> dict[str, Tensor]:
    """Weights of a backbone's convolutional part, keyed as torchvision keys them (``features.0.weight``).

    Raises:
        OptionInvalid: there is no such backbone.
        WeightsMissing: the file is not there.
        WeightsCorrupt: the file cannot be read as weights.
    """
    tensors = read_tensors(find_backbone(network, folder))
    return {key: value.float() for key, value in tensors.items() if key.startswith("features.")}


def fingerprint(network: Backbone, folder: str | Path | None = None) -> str:
    """The first 12 digits of a SHA-256 over a backbone's weights: the same for torchvision's file and for one that
    holds the convolutional part alone.

    Raises:
        OptionInvalid, WeightsMissing, WeightsCorrupt: as :func:`read_backbone`.
    """
    digest = hashlib.sha256()
    for key, value in sorted(read_backbone(network, folder).items()):
        digest.update(f"{key} {tuple(value.shape)}".encode())
        digest.update(value.numpy().astype("<f4").tobytes())
    return digest.hexdigest()[:12]
