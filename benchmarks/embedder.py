"""A face embedder that is not the product's own, so that figures of likeness do not hang on the network that is shown.

What is understood is a TorchScript file in the way of InsightFace's: five landmarks aligned to a 112 x 112 picture, RGB
0-255 in, one embedding out. Such a file is a program: take only one you trust.
"""

from pathlib import Path

import torch

from pipelines.arrays import Floats, Pixels, Points
from pipelines.errors import WeightsCorrupt, WeightsMissing
from pipelines.identity.embedding import cut_face

SIZE = 112
"""Side of the aligned picture in pixels."""

_TEMPLATE = ((38.29, 51.7), (73.53, 51.5), (56.03, 71.74), (41.55, 92.37), (70.73, 92.2))
# InsightFace's five points in the 112 px picture: eye centres, tip of the nose, corners of the mouth; image-left first.


class TorchScriptEmbedder:
    """A face embedding network of others.

    Args:
        file: the TorchScript file.

    Raises:
        WeightsMissing: it does not exist.
        WeightsCorrupt: it is no TorchScript.
    """

    def __init__(self, file: str | Path) -> None:
        if not Path(file).is_file():
            raise WeightsMissing("The face embedder's file does not exist; check the path given for it.")
        try:
            network = torch.jit.load(str(file), map_location="cpu")  # type: ignore[no-untyped-call]  # torch has no type
            self.network = network.eval()
        except (RuntimeError, ValueError) as error:
            raise WeightsCorrupt("The face embedder's file is no TorchScript network; choose another file.") from error

    @torch.inference_mode()
    def embed(self, photo: Pixels, points: Points) -> Floats:
        """The embedding of a face.

        Args:
            photo: RGB ``uint8`` ``(H, W, 3)``.
            points: the face's 68 landmarks, ``(68, 2)``, in pixels of the photo.

        Returns:
            ``float32`` ``(D,)`` of length 1.
        """
        aligned = cut_face(photo, points, nose=30, template=_TEMPLATE, size=SIZE)
        found = self.network(torch.from_numpy(aligned).permute(2, 0, 1)[None].float())[0]
        embedding: Floats = (found / found.norm()).numpy()
        return embedding

    def similarity(self, photo: Pixels, points: Points, other: Pixels, other_points: Points) -> float:
        """Cosine similarity, -1 to 1, of a face in ``photo`` and one in ``other``."""
        return float(self.embed(photo, points) @ self.embed(other, other_points))
