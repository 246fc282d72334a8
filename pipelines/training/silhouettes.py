"""Surgical masks as holes: silhouettes of mask pictures, laid over faces on the device.

A folder of PNG pictures of masks with an alpha channel (such as the templates of MaskTheFace) gives the shapes; their
colours are not used, because a network never sees what lies under the hole.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pipelines.errors import DataUnreadable
from pipelines.training.augment import uniform

_SIDE = 128  # px of a stored silhouette
_ANCHORS = (2, 14, 28, 8)  # of the 68 points: jaw on the image's left and right, bridge of the nose, chin
_LEAST = 0.2  # of the picture that a silhouette must cover to be one


@dataclass(frozen=True)
class Silhouettes:
    """Mask shapes, each cut to its own bounding box.

    Attributes:
        shapes: ``float32`` ``(T, 1, 128, 128)`` in [0, 1].
        anchors: ``float32`` ``(T, 4, 2)``, fractions of the box: where the shape ends left, right, above and below.
    """

    shapes: Tensor
    anchors: Tensor

    def to(self, device: torch.device | str) -> "Silhouettes":
        """The same shapes on ``device``."""
        return Silhouettes(self.shapes.to(device), self.anchors.to(device))


def read_silhouettes(folder: str | Path) -> Silhouettes:
    """Reads every PNG of ``folder``; straps are taken off.

    Raises:
        DataUnreadable: the folder holds no picture with an alpha channel that shows a mask.
    """
    shapes, anchors = [], []
    for path in sorted(Path(folder).glob("*.png")):
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
            continue
        solid = _without_straps(picture[..., 3] > 127)
        if solid.mean() < _LEAST:
            continue
        rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
        box = solid[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        shapes.append(cv2.resize(box.astype(np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA))
        anchors.append(_ends(box))
    if not shapes:
        raise DataUnreadable("The folder of mask templates holds no PNG picture of a mask with an alpha channel.")
    return Silhouettes(torch.from_numpy(np.stack(shapes))[:, None], torch.from_numpy(np.stack(anchors)).float())


def draw_silhouettes(silhouettes: Silhouettes, points: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """One mask a face, worn a little higher or lower, wider or narrower, and askew.

    Args:
        silhouettes: on the faces' device.
        points: ``(N, 68, 2)``, fractions of the side.
        size: side in pixels.
        generator: source of randomness.

    Returns:
        ``float32`` ``(N, 1, size, size)``, 1 = hidden by the mask.
    """
    n, device = len(points), points.device
    which = torch.randint(len(silhouettes.shapes), (n,), generator=generator).to(device)
    worn = points[:, list(_ANCHORS)]
    down = worn[:, 3:] - worn[:, 2:3]  # from the bridge to the chin
    reach = uniform((n, 4, 1), -0.06, 0.06, generator).to(device)
    reach[:, 3] += 0.06  # masks end below the chin
    worn = worn + reach * down + uniform((n, 4, 2), -0.02, 0.02, generator).to(device)
    # The affine map from the face to the silhouette's box that fits the four ends best.
    face = torch.cat([worn, torch.ones_like(worn[..., :1])], 2)
    affine = torch.linalg.lstsq(face.cpu(), silhouettes.anchors[which].cpu()).solution.to(device)  # (N, 3, 2)
    centres = (torch.arange(size, device=device) + 0.5) / size
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    at = torch.stack([x, y, torch.ones_like(x)], -1).view(1, -1, 3) @ affine
    grid = (2 * at - 1).view(n, size, size, 2)
    drawn = F.grid_sample(silhouettes.shapes[which], grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return (drawn > 0.5).float()


def _without_straps(solid: np.ndarray) -> np.ndarray:
    """The largest piece after everything narrower than a tenth of the picture is taken off."""
    width = max(3, round(0.1 * min(solid.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    opened = cv2.morphologyEx(solid.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if len(stats) < 2:
        return np.zeros_like(solid)
    return labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()


def _ends(box: np.ndarray) -> np.ndarray:
    """Where a shape touches its box left, right, above and below: the middle of each touch, as fractions."""
    height, width = box.shape

    def middle(line: np.ndarray) -> float:
        return (np.flatnonzero(line).mean() + 0.5) / len(line)

    return np.array(
        [
            (0.5 / width, middle(box[:, 0])),
            (1 - 0.5 / width, middle(box[:, -1])),
            (middle(box[0]), 0.5 / height),
            (middle(box[-1]), 1 - 0.5 / height),
        ]
    )
