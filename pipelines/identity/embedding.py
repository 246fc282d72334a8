"""Face embeddings: how like two faces are."""

from collections.abc import Sequence

import numpy as np
import torch
from skimage.transform import SimilarityTransform

from pipelines.arrays import Floats, Pixels, Points
from pipelines.errors import WeightsUnknown
from pipelines.faces.alignment import Alignment
from pipelines.identity.chips import SIZE, TEMPLATE
from pipelines.jobs import FACE_EMBEDDER
from pipelines.models import loading


class FaceEmbedder:
    """A face embedding network on the processor; loaded by the first call, and shared from then on.

    Args:
        weights: name in ``weights/manifest.toml``; None takes the built-in ones.

    Attributes:
        model: the network and what the manifest says of it.

    Raises:
        WeightsUnknown, WeightsMissing, WeightsCorrupt: the weights cannot be loaded.
    """

    def __init__(self, weights: str | None = None) -> None:
        # Always in float32 on the processor: two small pictures, and a figure that hangs on no device.
        self.model = loading.load(weights, job=FACE_EMBEDDER)

    @torch.inference_mode()
    def embed(self, photo: Pixels, points: Points) -> Floats:
        """The embedding of a face: the mean of those of the picture and of its mirror image.

        Args:
            photo: RGB ``uint8`` ``(H, W, 3)``.
            points: the face's 68 landmarks, ``(68, 2)``, in pixels of the photo.

        Returns:
            ``float32`` ``(128,)`` of length 1.
        """
        face = align_face(photo, points)
        both = torch.from_numpy(np.stack([face, face[:, ::-1]])).permute(0, 3, 1, 2).float()
        mean = self.model.network(both).mean(0)
        embedding: Floats = (mean / mean.norm()).numpy()
        return embedding

    def similarity(self, photo: Pixels, points: Points, other: Pixels, other_points: Points) -> float:
        """Cosine similarity, -1 to 1, of a face in ``photo`` and one in ``other``.

        Faces of two people are far above 0; :mod:`pipelines.identity.likeness` says what a figure means.
        """
        return float(self.embed(photo, points) @ self.embed(other, other_points))


def find_embedder() -> FaceEmbedder | None:
    """The built-in embedder; None where a person's own weights folder names none.

    Raises:
        WeightsMissing, WeightsCorrupt: it cannot be loaded.
    """
    try:
        return FaceEmbedder()
    except WeightsUnknown:
        return None


def align_face(photo: Pixels, points: Points) -> Pixels:
    """The face as the network has learned to see it: upright, five points as near as can be to a mean face's.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        points: 68 landmarks, ``(68, 2)``, in pixels of the photo.

    Returns:
        RGB ``uint8`` ``(150, 150, 3)``.
    """
    return cut_face(photo, points, nose=33, template=TEMPLATE, size=SIZE)


def cut_face(photo: Pixels, points: Points, *, nose: int, template: Sequence[tuple[float, float]], size: int) -> Pixels:
    """A face, upright, cut by the similarity that takes five points nearest to a template.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        points: 68 landmarks, ``(68, 2)``, in pixels of the photo.
        nose: which of them is the nose's.
        template: where eye centres, nose and corners of the mouth go, image-left first, in pixels.
        size: side of what is cut.

    Returns:
        RGB ``uint8`` ``(size, size, 3)``.
    """
    five = np.stack([points[36:42].mean(0), points[42:48].mean(0), points[nose], points[48], points[54]])
    fitted = SimilarityTransform.from_estimate(five, np.array(template))
    return Alignment(fitted.params[:2], size, photo.shape[:2]).crop(photo)
