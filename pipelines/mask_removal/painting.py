"""Who paints what a mask hides: an inpainter of the store whose drawing is refined, or the paper's two networks alone.

The paper's coarse network makes the draft that its refinement network works on (section 4.3). An inpainter that learned
longer draws a better one, and where there is no reference its drawing needs no refinement.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pipelines.mask_removal.network import MaskRemovalNetwork, predict
from pipelines.models.inpainter import Inpainter

TEMPERED = 0.75
"""Weight of the paper's answer with a reference; the rest is its answer without one."""

SHARES = (0.3, 0.3)
"""Weights, where a reference is trusted, of the inpainter's drawing refined and of the paper's answer; the rest is the
drawing."""


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

    def alone(self, image: Tensor, hole: Tensor, face: Tensor) -> Painted:
        """The answer without a reference: the inpainter's, where there is one."""
        if self.inpainter is None:
            answer = predict(self.network, image, hole, face=face)
            return Painted(answer.coarse, answer.image)
        drawn = self.inpainter.predict(image, hole, face).image
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
        own = predict(self.network, image, hole, reference, confidence, face)
        if self.inpainter is None:
            return Painted(torch.lerp(alone.coarse, own.coarse, TEMPERED), torch.lerp(alone.image, own.image, TEMPERED))
        draft = alone.image
        refined = predict(self.network, image, hole, reference, confidence, face, draft)
        of_refined, of_own = SHARES
        change = of_refined * (refined.image - draft) + of_own * (own.image - draft)
        return Painted(draft, draft + confidence * change)
