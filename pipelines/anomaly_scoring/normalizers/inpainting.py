"""The fast normalizer: repaints once what does not fit the face around it.

Source: the follow-ups of Hayajneh et al. 2022 that normalize by inpainting (docs/methods.md, anomaly scoring): no
optimization, the cleft-inpainting network in place of the generator. Where the network disagrees with the photo
(:mod:`pipelines.anomaly_scoring.normalizers.disagreement`), the face is repainted.
"""

import numpy as np

from pipelines.anomaly_scoring.choices import MOST_SEARCHES, SEARCHES
from pipelines.anomaly_scoring.normalizers.base import Normalized, Statement
from pipelines.anomaly_scoring.normalizers.disagreement import Disagreement, find_disagreement
from pipelines.arrays import Mask, Pixels
from pipelines.devices import Device
from pipelines.errors import OptionInvalid
from pipelines.faces import masks
from pipelines.faces.alignment import align
from pipelines.faces.blending.skin import visible_face
from pipelines.faces.blending.tone import IN_COLOUR, Tone, find_tone
from pipelines.faces.points import Face
from pipelines.jobs import CLEFT_INPAINTING
from pipelines.languages.translation import _
from pipelines.models import loading
from pipelines.models.inpainter import Inpainter
from pipelines.progress import Progress
from pipelines.results import WeightsUsed
from pipelines.tensors import ask, to_pixels

_LEVEL = 35.0  # grey levels of the disagreement that is repainted
_LEAST = 0.03  # share of the searched area that is repainted at least
_CLOSE = 0.15  # eye distances: gaps of up to twice this are repainted too, because scraps of a face spoil its repaint
_GROW = 0.06  # eye distances
_SPECK = 0.02  # share of the repainted area below which a piece of it is dropped
_EDGE = 0.02  # eye distances: blend inside the repainted area's border


class InpaintingNormalizer:
    """Repaints what does not fit the face around it.

    Of a mirrored photo it makes the mirrored picture, but for what the landmarks differ. Nothing in it is random.

    Args:
        weights: of the cleft-inpainting network; None takes that job's default.
        device: where it runs.
        searches: how often lips and nose are searched, 1 to 10: more find what is small more surely, and take longer.

    Raises:
        OptionInvalid: the number of searches is out of its range.
    """

    def __init__(self, weights: str | None, device: Device, *, searches: int = SEARCHES) -> None:
        if not 1 <= searches <= MOST_SEARCHES:
            raise OptionInvalid(
                _("The number of searches must be a number from 1 to {most_searches}.").format(
                    most_searches=MOST_SEARCHES
                )
            )
        self.weights, self.device, self.searches = weights, device, searches

    def state(self) -> Statement:
        """See :class:`~pipelines.anomaly_scoring.normalizers.base.Normalizer`."""
        model = self._load()
        return Statement(
            (WeightsUsed(model.name, model.sha256[:12]),), f"{self.searches} search{'' if self.searches == 1 else 'es'}"
        )

    def __call__(self, photo: Pixels, face: Face, *, seed: int = 0, progress: Progress | None = None) -> Normalized:
        """See :class:`~pipelines.anomaly_scoring.normalizers.base.Normalizer`."""
        tell = progress or (lambda fraction, text: None)
        tell(0.0, "aligning")
        network = self._load().network
        alignment = align(photo, face)
        crop = alignment.crop(photo)
        there, tone = alignment.face_in_crop(face), find_tone(crop)
        found = find_disagreement(
            network,
            crop,
            there,
            self.device,
            self.searches,
            tone,
            lambda share: tell(0.1 + 0.8 * share, _("looking for what does not fit")),
        )
        tell(0.9, _("repainting it"))
        hole = to_repaint(found, there.eye_distance)
        image = repaint(network, crop, hole, there, self.device, tone)
        return Normalized(
            alignment=alignment,
            face=there,
            crop=crop,
            image=image,
            residual=found.low,
            searched=found.area,
            repainted=hole,
        )

    def _load(self) -> loading.LoadedModel[Inpainter]:
        return loading.load(self.weights, self.device.torch_device, job=CLEFT_INPAINTING)


def to_repaint(found: Disagreement, unit: float) -> Mask:
    """What is repainted, ``bool`` ``(S, S)``: where the disagreement is high, gaps closed, with a margin.

    Args:
        found: of the face.
        unit: its eye distance in pixels.
    """
    level = min(_LEVEL, float(np.quantile(found.mean[found.area], 1 - _LEAST)))
    high = masks.clean(found.area & (found.mean >= level), _SPECK)
    return masks.grow(masks.grow(high, _CLOSE * unit), (_GROW - _CLOSE) * unit)


def repaint(
    network: Inpainter,
    crop: Pixels,
    hole: Mask,
    face: Face,
    device: Device,
    tone: Tone = IN_COLOUR,
) -> Pixels:
    """The crop repainted in ``hole``, blended inside its border; ``uint8`` ``(S, S, 3)``."""
    answer = ask(network.predict, (crop, hole, visible_face(crop, face, hole)), device)
    drawn = tone(to_pixels(answer.image))
    edge = _EDGE * face.eye_distance
    alpha = masks.feather(masks.grow(hole, -edge), edge)[..., None] * hole[..., None]
    return np.round(crop + (drawn - crop.astype(np.float32)) * alpha).astype(np.uint8)
