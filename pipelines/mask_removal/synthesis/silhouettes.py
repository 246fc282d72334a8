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

from pipelines.arrays import Mask
from pipelines.errors import DataUnreadable
from pipelines.training.augment import pixel_centres, some, uniform

_SIDE = 128  # px of a stored silhouette
_ANCHORS = (2, 14, 28, 8)  # of the 68 points: jaw on the image's left and right, bridge of the nose, chin
_BELOW = 0.06  # of the way from the bridge to the chin: masks end below the chin
_LEAST = 0.2  # of the picture that a silhouette must cover to be one
_BELOW_NOSE = -0.1, 0.35  # of the way from the base of the nose to the upper lip: where a sagging mask's hem lies
_LEAST_LIP = 0.01  # of the side: a shorter way is no measure
_SAG = 0.25  # of that way: most that the hem hangs or is drawn up at the cheeks


@dataclass(frozen=True)
class Silhouettes:
    """Mask shapes, each cut to its own bounding box.

    Attributes:
        shapes: ``float32`` ``(T, 1, 128, 128)`` in [0, 1].
    """

    shapes: Tensor

    def to(self, device: torch.device | str) -> "Silhouettes":
        """The same shapes on ``device``."""
        return Silhouettes(self.shapes.to(device))


def read_silhouettes(folder: str | Path) -> Silhouettes:
    """Reads every PNG of ``folder``; straps are taken off.

    Raises:
        DataUnreadable: the folder holds no picture with an alpha channel that shows a mask.
    """
    shapes = []
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
    if not shapes:
        raise DataUnreadable("The folder of mask templates holds no PNG picture of a mask with an alpha channel.")
    return Silhouettes(torch.from_numpy(np.stack(shapes))[:, None])


def draw_silhouettes(silhouettes: Silhouettes, points: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """One mask a face, worn a little higher or lower, wider or narrower, and askew.

    A mask's box reaches from the bridge of the nose to below the chin, and is as wide as the jaw. Worn so, the surgical
    masks of MaskTheFace overlap the labelled masks of 43 photos by an IoU of 0.80 on average.

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
    down = worn[:, 3:] - worn[:, 2:3]
    reach = uniform((n, 4, 1), -0.06, 0.06, generator).to(device)
    reach[:, 3] += _BELOW
    left, right, bridge, chin = (worn + reach * down + uniform((n, 4, 2), -0.02, 0.02, generator).to(device)).unbind(1)
    # How far a place lies along the jaw and down the face, both from the bridge: fractions of the box.
    inverse = torch.linalg.inv(torch.stack([right - left, chin - bridge], 2))
    middle = ((left + right) / 2 - bridge)[:, None] @ inverse.transpose(1, 2)
    at = (pixel_centres(size, device).view(1, -1, 2) - bridge[:, None]) @ inverse.transpose(1, 2)
    across, along = at[..., 0] - middle[..., 0] + 0.5, at[..., 1]
    grid = 2 * torch.stack([across, along], -1).view(n, size, size, 2) - 1
    drawn = F.grid_sample(silhouettes.shapes[which], grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return (drawn > 0.5).float()


def below_noses(holes: Tensor, points: Tensor, generator: torch.Generator, *, share: float) -> Tensor:
    """Some masks worn below the nose: nothing above a hem at its base is hidden.

    Args:
        holes: ``(N, 1, S, S)``, 1 = hidden by the mask.
        points: ``(N, 68, 2)``, fractions of the side.
        generator: source of randomness.
        share: of the masks that are worn so.

    Returns:
        The same shape; a hole of which nothing would be left stays.
    """
    n, device = len(holes), holes.device
    base, lip = points[:, None, None, 33], points[:, None, None, 51]
    # Level with the eyes: the way from nose to lip leans with a turned head and a smile.
    eyes = F.normalize(points[:, 42:48].mean(1) - points[:, 36:42].mean(1), dim=1).view(n, 1, 1, 2)
    down = torch.stack([-eyes[..., 1], eyes[..., 0]], -1)
    down = down * ((lip - base) * down).sum(-1, keepdim=True).clamp_min(_LEAST_LIP)
    height = uniform((n, 1, 1), *_BELOW_NOSE, generator).to(device)
    sag = uniform((n, 1, 1), -_SAG, _SAG, generator).to(device)
    off = pixel_centres(holes.shape[-1], device) - base
    wide = (points[:, 13] - points[:, 3]).norm(dim=1).view(n, 1, 1) / 2
    across = (off[..., 0] * down[..., 1] - off[..., 1] * down[..., 0]) / down.norm(dim=-1) / wide
    along = (off * down).sum(-1) / down.square().sum(-1)
    low = holes * (along > height + sag * across.square())[:, None]
    use = some(n, share, generator).to(device) * (low.sum((1, 2, 3), keepdim=True) > 0)
    return torch.where(use > 0, low, holes)


def _without_straps(solid: Mask) -> Mask:
    """The largest piece after everything narrower than a tenth of the picture is taken off."""
    width = max(3, round(0.1 * min(solid.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    opened = cv2.morphologyEx(solid.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if len(stats) < 2:
        return np.zeros_like(solid)
    return labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()
