"""Normalizers: from a face to the same face without its anomaly. One interface, chosen by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pipelines.anomaly_scoring.choices import DEFAULT
from pipelines.arrays import Floats, Mask, Pixels
from pipelines.devices import Device
from pipelines.errors import OptionInvalid
from pipelines.faces.alignment import Alignment
from pipelines.faces.points import Face
from pipelines.jobs import resolve
from pipelines.languages.translation import _
from pipelines.progress import Progress
from pipelines.results import NormalizerName, WeightsUsed

NORMALIZERS: Mapping[NormalizerName, str] = {
    DEFAULT: "pipelines.anomaly_scoring.normalizers.inpainting:InpaintingNormalizer",
    "stylegan2": "pipelines.anomaly_scoring.normalizers.inversion:InversionNormalizer",
}
"""Name → class. As text, so that nothing is imported that is not used."""


@dataclass(frozen=True)
class Statement:
    """What a normalizer says of itself before it has seen a photo: all that its pictures depend on beside the seed.

    Attributes:
        weights: every weights file used.
        conditions: what else was chosen, for people; empty where nothing can be chosen.
        perceptual: the network whose features the loss compares, or None.
    """

    weights: tuple[WeightsUsed, ...]
    conditions: str = ""
    perceptual: str | None = None


@dataclass(frozen=True, kw_only=True)
class Normalized:
    """What a normalizer gives back; S is the side of its crop.

    Attributes:
        alignment: from the photo to the crop.
        face: the face, in pixels of the crop.
        crop: ``uint8`` ``(S, S, 3)``, the aligned face as it is.
        image: ``uint8`` ``(S, S, 3)``, the aligned face as it would be without the anomaly.
        residual: ``float32`` ``(S, S)``, how unlike the crop the face is that the normalizer would draw, in grey levels
            as :func:`pipelines.anomaly_scoring.scoring.heatmaps.unlikeness` counts them.
        searched: ``bool`` ``(S, S)``, where that is known.
        repainted: ``bool`` ``(S, S)``, what was repainted, or None.
        frames: steps of adaptation and the picture after them, in order; none without adaptation.
        losses: of the inversion, one a step; none without inversion.
    """

    alignment: Alignment
    face: Face
    crop: Pixels
    image: Pixels
    residual: Floats
    searched: Mask
    repainted: Mask | None = None
    frames: tuple[tuple[int, Pixels], ...] = ()
    losses: tuple[float, ...] = ()


class Normalizer(Protocol):
    """Draws the normalized face. One object serves many photos; no photo changes what another gets."""

    def state(self) -> Statement:
        """Loads what draws, from the cache where it is loaded already, and says what it is.

        Raises:
            WeightsMissing, WeightsCorrupt, WeightsUnknown: the weights cannot be loaded.
        """

    def __call__(self, photo: Pixels, face: Face, *, seed: int = 0, progress: Progress | None = None) -> Normalized:
        """Normalizes a face.

        Args:
            photo: RGB ``uint8`` ``(H, W, 3)``.
            face: the face, in pixels of the photo.
            seed: of all randomness.
            progress: called with a fraction, 0-1, and a text; what it raises stops the run.

        Raises:
            WeightsMissing, WeightsCorrupt, WeightsUnknown: the weights cannot be loaded.
        """


def make_normalizer(name: NormalizerName, weights: str | None, device: Device, **options: Any) -> Normalizer:
    """The normalizer of that name.

    Args:
        name: a key of :data:`NORMALIZERS`.
        weights: name in ``weights/manifest.toml``; None takes the normalizer's default.
        device: where it runs.
        **options: the normalizer's own, such as the steps of ``"stylegan2"``.

    Raises:
        OptionInvalid: there is no such normalizer, or it has no such option.
    """
    if name not in NORMALIZERS:
        raise OptionInvalid(_("The normalizer must be one of {choices}.").format(choices=", ".join(NORMALIZERS)))
    build: Callable[..., Normalizer] = resolve(NORMALIZERS[name])
    try:
        return build(weights, device, **options)
    except TypeError as error:
        raise OptionInvalid(_("The normalizer {name} has no such option; leave it out.").format(name=name)) from error
