"""What one job may ask of another's network that repaints faces: the store loads it, and nobody imports its class."""

from typing import Protocol

from torch import Tensor


class Painted(Protocol):
    """An inpainter's answer; it may hold more."""

    @property
    def image(self) -> Tensor:
        """``(N, 3, S, S)`` in [-1, 1], the whole face; only its hole is news."""


class Inpainter(Protocol):
    """A network that repaints aligned faces, such as :class:`pipelines.cleft_inpainting.network.INCLG`.

    Arguments of both methods: ``image`` ``(N, 3, S, S)`` in [-1, 1]; ``hole`` ``(N, 1, S, S)``, 1 = repaint, under
    which nothing is looked at; ``face`` ``(N, 1, S, S)``, 1 = to be seen in a look at the face alone
    (:func:`pipelines.faces.blending.skin.visible_face`).
    """

    def look(self, image: Tensor, hole: Tensor, face: Tensor) -> Painted:
        """One pass that no surroundings colour."""

    def predict(self, image: Tensor, hole: Tensor, face: Tensor | None = None, seed: int = 0) -> Painted:
        """The answer as it is used, which favours no side of a face; without ``face`` from the whole picture.

        ``seed`` 0 gives the network's own answer, every other number another one, which is hardly less likely.
        """
