"""Who paints what a mask hides: an inpainter of the store whose drawing is refined, or the paper's two networks alone.

The paper's coarse network makes the draft that its refinement network works on (section 4.3). An inpainter that learned
longer draws a better one, and where there is no reference its drawing needs no refinement.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pipelines.arrays import Pixels
from pipelines.devices import Device
from pipelines.faces.blending.hole import Hole
from pipelines.faces.landmarks import find_crop_face
from pipelines.faces.points import Face
from pipelines.faces.subject import Subject
from pipelines.languages.translation import N_
from pipelines.mask_removal.covered import skin_beside
from pipelines.mask_removal.network import MaskRemovalNetwork, predict
from pipelines.mask_removal.references.gathering import FoundReferences, FusedReferences, fuse_references
from pipelines.models.inpainter import Inpainter
from pipelines.progress import Stages
from pipelines.tensors import ask, to_pixels

TEMPERED = 0.75
"""Weight of the paper's answer with a reference; the rest is its answer without one."""

SHARES = (0.3, 0.3)
"""Weights, where a reference is trusted, of the inpainter's drawing refined and of the paper's answer; the rest is the
drawing."""


class Painting(NamedTuple):
    """What was painted, in the frame of the crop.

    Attributes:
        draft, image: ``uint8`` ``(S, S, 3)``; only their holes are news.
        references: as they were laid onto the face, or None.
        alone: the crop as it was painted without them, ``uint8`` ``(S, S, 3)``, and the face in it; None where there
            were none, or no face is found.
    """

    draft: Pixels
    image: Pixels
    references: FusedReferences | None = None
    alone: tuple[Pixels, Face] | None = None


class Painted(NamedTuple):
    """A painter's answer.

    Attributes:
        coarse: ``(N, 3, H, W)`` in [-1, 1], the draft that was refined, or would have been.
        image: ``(N, 3, H, W)`` in [-1, 1]; only its hole is news.
    """

    coarse: Tensor
    image: Tensor


@dataclass(frozen=True)
class Painter:
    """The networks of a mask removal.

    Arguments of both methods: ``image`` ``(N, 3, H, W)`` in [-1, 1]; ``hole`` ``(N, 1, H, W)``, 1 = repaint; ``face``
    ``(N, 1, H, W)``, 1 = of the person (:func:`pipelines.mask_removal.covered.skin_beside`).

    Attributes:
        network: the paper's two networks.
        inpainter: makes the draft instead of the coarse network; None leaves all to the paper's.
    """

    network: MaskRemovalNetwork
    inpainter: Inpainter | None = None

    def alone(self, image: Tensor, hole: Tensor, face: Tensor, seed: int = 0) -> Painted:
        """The answer without a reference: the inpainter's, where there is one, who alone knows of seeds."""
        if self.inpainter is None:
            answer = predict(self.network, image, hole, face=face)
            return Painted(answer.coarse, answer.image)
        drawn = self.inpainter.predict(image, hole, face, seed).image
        return Painted(drawn, drawn)

    def guided(
        self, alone: Painted, image: Tensor, hole: Tensor, reference: Tensor, confidence: Tensor, face: Tensor
    ) -> Painted:
        """The answer with a reference, drawn back towards the one without.

        A reference shows another light and another expression, and the network takes over too much of both; without one
        nothing is known of the person. A mean of pictures is nearer to the hidden face than each of them: on the first
        48 LFW pairs LPIPS is 0.072 of the inpainter's drawing, 0.071 of that refined, 0.077 of the paper's answer and
        0.059 of the three by :data:`SHARES`, and a face embedder sees 0.64, 0.72, 0.74 and 0.72 of the person (cosine).
        Where the reference is not trusted, the drawing stays.

        Args:
            alone: of :meth:`alone`, for the same picture; the reference is warped onto it.
            image, hole, face: as everywhere.
            reference: ``(N, 3, H, W)`` in [-1, 1], warped onto the face.
            confidence: ``(N, 1, H, W)`` in [0, 1].
        """
        answer = partial(predict, self.network, image, hole, reference, confidence, face)
        if self.inpainter is None:
            own = answer()
            return Painted(torch.lerp(alone.coarse, own.coarse, TEMPERED), torch.lerp(alone.image, own.image, TEMPERED))
        draft = alone.image  # a reference shows the face alone: beyond it the drawing is all that is known
        own, refined = answer(beyond=draft), answer(draft=draft, beyond=draft)
        of_refined, of_own = SHARES
        change = of_refined * (refined.image - draft) + of_own * (own.image - draft)
        return Painted(draft, draft + confidence * change)


def paint(
    painter: Painter,
    subject: Subject,
    hole: Hole,
    references: FoundReferences | None,
    *,
    points: int,
    seed: int = 0,
    device: Device,
    stage: Stages,
) -> Painting:
    """What the hole hides, by the references where there are some.

    They are laid onto the face as it was drawn without them: FaceMesh finds a mouth on that better than under a mask.

    Args:
        painter: draws.
        subject: whose face.
        hole: what is hidden.
        references: None draws from the photo alone.
        points: control points of a reference's warp.
        seed: as for :meth:`pipelines.models.inpainter.Inpainter.predict`.
        device: where the networks run.
        stage: is told what is done, and what it raises stops the run.

    Raises:
        OptionInvalid, ReferenceUnusable: as :func:`~pipelines.mask_removal.references.gathering.fuse_references` does.
    """
    crop, hidden = subject.crop, hole.crop
    with stage(N_("network"), 0.5):
        skin = skin_beside(crop, hidden, subject.crop_face)
        answer = ask(partial(painter.alone, seed=seed), (crop, hidden, skin), device)
        laid = alone = None

    with stage(N_("reference"), 0.6):
        if references is not None:
            picture = np.where(hidden[..., None], to_pixels(answer.image), crop)
            drawn = find_crop_face(picture)
            alone = None if drawn is None else (picture, drawn)
            laid = fuse_references(references, subject, hidden, drawn, points)

    with stage(N_("network"), 0.7):
        if laid is not None:
            pictures = (crop, hidden, laid.fused.image, laid.fused.confidence, skin)
            answer = ask(partial(painter.guided, answer), pictures, device)
        return Painting(to_pixels(answer.coarse), to_pixels(answer.image), laid, alone)
