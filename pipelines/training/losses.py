"""Losses that recipes share.

Every loss is a mean over samples, so that devices' gradients average exactly; but for the contrastive one, whose
negatives are those of the same device.
"""

import warnings
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.errors import OptionInvalid, WeightsCorrupt
from pipelines.identity.chips import face_chips
from pipelines.jobs import FACE_EMBEDDER
from pipelines.metrics.backbones import find_features
from pipelines.models import loading
from pipelines.models.checkpoints import read_tensors

LossNetworkName: TypeAlias = Literal["vgg19", "vgg16", "alexnet", "squeezenet"]
LOSS_NETWORKS: tuple[LossNetworkName, ...] = get_args(LossNetworkName)

# Names of torchvision's and the store's.
_FILES: dict[LossNetworkName, str] = {
    "vgg19": "vgg19",
    "vgg16": "vgg16",
    "alexnet": "alexnet",
    "squeezenet": "squeezenet1_1",
}
# Layers of torchvision's `features` after which features are taken: of VGG19 the papers' (relu1_1 ... relu5_1 and
# relu2_2, 3_4, 4_4, 5_2), of VGG16 those of LPIPS (relu1_2, 2_2, 3_3, 4_3, 5_3; style, as Johnson et al., the first
# four), of the others every stage.
_PERCEPTUAL = {
    "vgg19": (1, 6, 11, 20, 29),
    "vgg16": (3, 8, 15, 22, 29),
    "alexnet": (1, 4, 7, 9, 11),
    "squeezenet": (1, 4, 7, 9, 10, 11, 12),
}
_STYLE = {"vgg19": (8, 17, 26, 31), "vgg16": (3, 8, 15, 22), "alexnet": (1, 4, 7, 9), "squeezenet": (1, 4, 7, 9)}
_LPIPS_NAMES = {"vgg16": "vgg", "alexnet": "alex", "squeezenet": "squeeze"}


def pixel_loss(output: Tensor, target: Tensor, hole: Tensor) -> Tensor:
    """Mean absolute difference over the picture, divided by the hole's share of it (Nazeri et al. 2019)."""
    share = hole.mean((1, 2, 3)).clamp_min(1e-3)
    return ((output - target).abs().mean((1, 2, 3)) / share).mean()


def reconstruction_loss(output: Tensor, target: Tensor, hole: Tensor, hole_weight: float) -> Tensor:
    """Mean absolute difference inside the hole, times ``hole_weight``, plus that outside (Lumetti et al., eq. 4)."""
    difference = (output - target).abs().mean(1, keepdim=True)

    def mean(region: Tensor) -> Tensor:
        return (difference * region).sum((1, 2, 3)) / region.sum((1, 2, 3)).clamp_min(1)

    return (hole_weight * mean(hole) + mean(1 - hole)).mean()


def contrastive_loss(embeddings: Tensor, others: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding each embedding's own partner among all.

    Source: Lumetti et al., eq. 8; van den Oord et al. 2018.

    Args:
        embeddings: ``(N, D)``.
        others: ``(N, D)``, of the same pictures transformed, in the same order.
        temperature: divides the cosine similarities.
    """
    similarity = F.normalize(embeddings, dim=1) @ F.normalize(others, dim=1).T / temperature
    own = torch.arange(len(embeddings), device=embeddings.device)
    return F.cross_entropy(similarity, own)


def landmark_loss(predicted: Tensor, target: Tensor, side: float) -> Tensor:
    """Euclidean norm of the 136 coordinate differences in pixels, points given as fractions of the ``side``."""
    return ((predicted - target) * side).flatten(1).norm(dim=1).mean()


def total_variation(image: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels, both directions added."""
    return (image.diff(dim=2)).abs().mean() + (image.diff(dim=3)).abs().mean()


def least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Least-squares GAN (Mao et al. 2017), discriminator's side, from raw scores."""
    return 0.5 * ((real - 1).square().mean() + fake.square().mean())


def least_squares_generator(fake: Tensor) -> Tensor:
    """Least-squares GAN, generator's side."""
    return (fake - 1).square().mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge GAN (Lim & Ye 2017), discriminator's side, from raw scores."""
    return 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())


def hinge_generator(fake: Tensor) -> Tensor:
    """Hinge GAN, generator's side."""
    return -fake.mean()


Gan: TypeAlias = Literal["least-squares", "hinge"]
ADVERSARIAL: dict[Gan, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "least-squares": (least_squares_discriminator, least_squares_generator),
    "hinge": (hinge_discriminator, hinge_generator),
}
"""Name → (discriminator's loss, generator's loss)."""


class LossNetwork(nn.Module):
    """Features of a network trained on ImageNet, for the perceptual, style and LPIPS losses.

    Args:
        name: one of :data:`LOSS_NETWORKS`; VGG19 is the papers'.
        folder: where the torchvision state dict lies: the convolutional part alone (``vgg19_features.pth``,
            ``vgg16_features.pth``, ``alexnet_features.pth``, ``squeezenet1_1_features.pth``), or torchvision's own
            file, whose name ends in its hash. None leaves the weights random, for tests.

    Raises:
        OptionInvalid: there is no such network.
        WeightsMissing: the folder has no such file.
        WeightsCorrupt: the file does not hold this network's weights.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, name: LossNetworkName, folder: str | Path | None) -> None:
        super().__init__()
        if name not in LOSS_NETWORKS:
            raise OptionInvalid(f"The loss network must be one of {', '.join(LOSS_NETWORKS)}.")
        import torchvision.models as models

        with torch.device("meta"):  # no memory and no random start for the classifier, which nobody needs
            features = models.get_model(_FILES[name], weights=None).features
        if folder is not None:
            features.load_state_dict(_read(name, features, Path(folder)), assign=True)
        else:
            features.to_empty(device="cpu")
            for layer in features.modules():
                if isinstance(layer, nn.Conv2d):
                    layer.reset_parameters()
        self.name = name
        self.taken = sorted({*_PERCEPTUAL[name], *_STYLE[name]})
        self.layers = features[: self.taken[-1] + 1]
        for layer in self.layers:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False  # an in-place ReLU would change features already taken
        mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 1, 3, 1, 1)
        self.register_buffer("scale", 0.5 / deviation)
        self.register_buffer("shift", (0.5 - mean) / deviation)
        self.requires_grad_(False).eval()

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        """``(N, 3, H, W)`` in [-1, 1] → features by layer number.

        Scaled as torchvision's networks expect; LPIPS' own scaling layer holds the same numbers.
        """
        x = torch.addcmul(self.shift, image, self.scale)
        taken = {}
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index in self.taken:
                taken[index] = x
        return taken

    def perceptual(self, output: Mapping[int, Tensor], target: Mapping[int, Tensor]) -> Tensor:
        """Mean absolute feature difference, summed over layers (Johnson et al. 2016)."""
        return reduce(torch.add, ((output[i] - target[i]).abs().mean() for i in _PERCEPTUAL[self.name]))

    def style(self, output: Mapping[int, Tensor], target: Mapping[int, Tensor], hole: Tensor) -> Tensor:
        """Mean absolute difference of the hole's Gram matrices, summed over layers (Gatys et al. 2016)."""
        of_layers = ((_gram(output[i], hole) - _gram(target[i], hole)).abs().mean() for i in _STYLE[self.name])
        return reduce(torch.add, of_layers)


class LPIPSHead(nn.Module):
    """LPIPS' learned weighting of a :class:`LossNetwork`'s features (Zhang et al. 2018).

    The linear weights come with the ``lpips`` package.

    Raises:
        OptionInvalid: LPIPS has no weights for that network.
    """

    def __init__(self, network: LossNetwork) -> None:
        super().__init__()
        if network.name not in _LPIPS_NAMES:
            raise OptionInvalid(f"The LPIPS loss needs the loss network {' or '.join(_LPIPS_NAMES)}.")
        import lpips  # here, because only this loss needs it

        # The package first draws a random backbone; the caller's random numbers must not depend on that.
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it calls torchvision by an older signature
            model = lpips.LPIPS(net=_LPIPS_NAMES[network.name], pnet_rand=True, verbose=False)
        self.layers = _PERCEPTUAL[network.name]
        self.weights = nn.ParameterList(
            nn.Parameter(lin.model[-1].weight.detach().clone(), requires_grad=False) for lin in model.lins
        )

    def forward(self, output: Mapping[int, Tensor], target: Mapping[int, Tensor]) -> Tensor:
        """Mean LPIPS distance of two dictionaries of features."""
        of_layers = []
        for index, weight in zip(self.layers, self.weights, strict=True):
            difference = (_unit(output[index]) - _unit(target[index])).square()
            of_layers.append(F.conv2d(difference, weight.to(difference.dtype)).mean())
        return reduce(torch.add, of_layers)


class IdentityLoss:
    """How far the built-in face embedder sees another person in what was drawn.

    In full precision: cosines of two people differ in the second digit.

    Args:
        device: where it is computed.

    Raises:
        WeightsUnknown, WeightsMissing, WeightsCorrupt: the embedder cannot be loaded.
    """

    def __init__(self, device: torch.device) -> None:
        self.network = loading.load(device=device, job=FACE_EMBEDDER).network

    def __call__(self, output: Tensor, target: Tensor, points: Tensor) -> Tensor:
        """One less the mean cosine of the embeddings of two batches.

        Args:
            output: ``(N, 3, S, S)`` in [-1, 1].
            target: the photos.
            points: the photos' landmarks, ``(N, 68, 2)``, fractions of the side; they align both.
        """
        with torch.autocast(output.device.type, enabled=False):
            found = self.network(face_chips(output.float(), points))
            with torch.no_grad():
                wanted = self.network(face_chips(target.float(), points))
            return 1 - F.cosine_similarity(found, wanted).mean()


def _read(name: LossNetworkName, features: nn.Module, folder: Path) -> dict[str, Tensor]:
    """The state dict of ``features``."""
    tensors = read_tensors(find_features(_FILES[name], folder))
    state = {key.removeprefix("features."): value for key, value in tensors.items()}
    wanted = features.state_dict()
    if any(key not in state or state[key].shape != value.shape for key, value in wanted.items()):
        raise WeightsCorrupt(f"The file of the loss network {name} holds another network; fetch or copy it again.")
    return {key: state[key] for key in wanted}


def _unit(features: Tensor) -> Tensor:
    # Never divided by 0, and the slope of a norm of 0 is 0: a feature of zeros must not yield NaN.
    return features / torch.linalg.vector_norm(features, dim=1, keepdim=True).clamp_min(1e-6)


def _gram(features: Tensor, hole: Tensor) -> Tensor:
    _, c, h, w = features.shape
    # Gram matrices are subtracted from one another, and autocast would multiply them in half precision.
    with torch.autocast(features.device.type, enabled=False):
        inside = F.interpolate(hole.float(), size=(h, w), mode="area")
        flat = (features.float() * inside).flatten(2)
        return flat @ flat.transpose(1, 2) / (c * h * w)
