"""Anomaly scoring with whichever normalizer is asked for, as the engine runs it."""

from typing import Any

from pipelines.anomaly_scoring.choices import DEFAULT, EVERYONE, KINDS, NORMALIZER_NAMES
from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.anomaly_scoring.study.study import settings_of
from pipelines.arrays import Pixels
from pipelines.devices import Precision
from pipelines.errors import WeightsMissing
from pipelines.jobs import FACE_GENERATOR
from pipelines.metrics.backbones import find_backbone
from pipelines.metrics.perceptual import LPIPS
from pipelines.models import store
from pipelines.results import AnomalyScoringResult, MapKind, NormalizerName


class Scorers:
    """One pipeline for every normalizer. The last one is kept; its networks lie in the store's cache in any case.

    Args:
        device: as in ``pipelines.devices.choose``.
        precision: as in ``pipelines.devices.choose``.
    """

    def __init__(self, device: str = "auto", precision: Precision = "auto"):
        self._processor: dict[str, Any] = {"device": device, "precision": precision}
        self._kept: tuple[tuple[Any, ...], AnomalyScoring] | None = None

    def scoring(self, normalizer: NormalizerName = DEFAULT, **own: Any) -> AnomalyScoring:
        """The pipeline with this normalizer.

        Args:
            normalizer: key of :data:`pipelines.anomaly_scoring.choices.NORMALIZER_NAMES`.
            **own: its own options.

        Raises:
            PhiltrumError: what :class:`~pipelines.anomaly_scoring.pipeline.AnomalyScoring` raises.
        """
        key = (normalizer, *sorted(own.items()))
        kept = self._kept  # looked at once: a run that was stopped may still end in another thread
        if kept is None or kept[0] != key:
            kept = self._kept = key, AnomalyScoring(normalizer, **self._processor, **own)
        return kept[1]

    def settings(
        self,
        *,
        normalizer: NormalizerName = DEFAULT,
        own: dict[str, Any] | None = None,
        group: str = EVERYONE,
        face: int = 0,
        **comparison: Any,
    ) -> dict[str, Any]:
        """What scores by these options are kept under, as the pipeline states it before it has seen a photo.

        Args:
            normalizer, own: as in a call.
            group: likewise.
            face: likewise.
            **comparison: region, kind, colour, erosion, formula and seed of the call.

        Raises:
            PhiltrumError: an option is wrong, or the weights cannot be loaded.
        """
        return settings_of(self.scoring(normalizer, **(own or {})).basis(**comparison), face=face, group=group)

    def __call__(
        self, photo: Pixels, *, normalizer: NormalizerName = DEFAULT, own: dict[str, Any] | None = None, **options: Any
    ) -> AnomalyScoringResult:
        """Scores a face.

        Args:
            photo: RGB ``uint8`` ``(H, W, 3)``.
            normalizer: as in :meth:`scoring`.
            own: the normalizer's own options.
            **options: of the pipeline's call.

        Raises:
            PhiltrumError: what the pipeline raises.
        """
        return self.scoring(normalizer, **(own or {}))(photo, **options)


def kinds_here() -> tuple[MapKind, ...]:
    """The kinds of heat map that this machine can make: LPIPS only where its network is."""
    try:
        find_backbone("alex")
    except WeightsMissing:
        return tuple(kind for kind in KINDS if kind != "lpips")
    return KINDS


def lpips_here() -> LPIPS | None:
    """The metric of a study's LPIPS rows; None where its network is not on this machine."""
    return LPIPS() if "lpips" in kinds_here() else None


def normalizers_here() -> tuple[NormalizerName, ...]:
    """The normalizers whose weights are on this machine."""
    known = [
        entry
        for entry in store.entries().values()
        if entry.job == FACE_GENERATOR and entry.default and all(path.is_file() for path in store.paths(entry))
    ]
    return tuple(name for name in NORMALIZER_NAMES if name != "stylegan2" or known)
