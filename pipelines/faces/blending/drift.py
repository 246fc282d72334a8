"""The drift of a drawing's colours: by how much a network draws the same face lighter, redder or greyer than the photo.

Beside the mask the photo is the truth, and the drift is known. Into the hole it is carried as a smooth field, each
place taking it over from the places of the border that are near and look alike: skin from skin, cloth from cloth. What
a wall or a scarf beside a jaw is off by is nothing to the jaw.
"""

import cv2
import numpy as np

from pipelines.arrays import Floats, Mask, Pixels, Points
from pipelines.faces.alignment import Alignment

_HOLE = 0.95  # of the blend; with less of it the photo itself is seen
_RING = 16.0  # crop px of 256 around the hole in which photo and drawing are compared
_BLUR = 2.0  # crop px; a difference of low frequency is drift, one of high frequency is texture
_MISFIT = 16.0  # levels; a larger difference is an edge drawn elsewhere and weighs little
_MOST = 16.0  # levels; a larger correction would smear one side of an edge over the other
_ALIKE = 16.0  # levels of RGB by which places of one thing differ: standard deviation of a Gaussian
_NEAR = 4.0  # crop px; nearer places of the border count alike
_FALL = 3.0  # power of the distance by which a place of the border counts less
_COARSE, _FINE = 4, 2  # crop px a cell: of the border that is known, and of the field
_LEAST = 1e-3  # weight below which a cell of the border tells nothing


def drift(before: Pixels, drawn: Pixels, alpha: Floats, alignment: Alignment) -> Floats:
    """What to add to a drawing so that its colours meet the photo's.

    Inverse distance weighting (Shepard 1968) of the drift that is known beside the hole, with the range weight of a
    joint bilateral filter (Petschnigg et al. 2004): a place of the border counts by how near it is to the place in
    question, and by how alike the drawing there is to what drawing and photo show at the border.

    Args:
        before: RGB ``uint8`` ``(S, S, 3)``, the aligned face.
        drawn: RGB ``uint8`` ``(S, S, 3)``, the same as the network drew it, also outside the hole.
        alpha: ``float32`` ``(H, W)`` in [0, 1], the blend in the photo.
        alignment: takes the photo to the crop.

    Returns:
        ``float32`` ``(S, S, 3)``, at most 16 grey levels up or down, smooth but where the drawing has an edge; 0 where
        nothing is blended, and everywhere if nothing is known beside the hole.
    """
    unit = alignment.size / 256
    blend = alignment.sample(alpha, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
    known, weight = _beside(before, drawn, blend > _HOLE, unit)
    shown, looks = (_blurred(picture.astype(np.float32), unit) for picture in (before, drawn))
    cells = _shrunk(weight, _COARSE)
    border = cells > _LEAST
    if not border.any():
        return np.zeros_like(known)
    told = _shrunk(np.dstack([known, looks, shown]) * weight[..., None], _COARSE)[border] / cells[border][:, None]
    values, as_drawn, as_shown = np.split(told, 3, 1)
    blended = _shrunk(blend, _FINE) > 0
    wanted = cv2.dilate(blended.astype(np.uint8), np.ones((3, 3))).astype(bool)  # enlarging reaches a cell farther
    away = _squared(_centres(wanted, _FINE / unit), _centres(border, _COARSE / unit))
    asked = _shrunk(looks, _FINE)[wanted]
    unlike = (_squared(asked, as_drawn) + _squared(asked, as_shown)) / (4 * _ALIKE**2)
    # Where nothing is alike, what is least unlike counts: lips take the drift of skin.
    share = np.exp(unlike.min(1, keepdims=True) - unlike) * (away + _NEAR**2) ** (-_FALL / 2) * cells[border]
    field = np.zeros((*wanted.shape, 3), np.float32)
    field[wanted] = share @ values / share.sum(1, keepdims=True)
    spread: Floats = cv2.resize(field, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return _MOST * np.tanh(spread / _MOST)


def _beside(before: Pixels, drawn: Pixels, hole: Mask, unit: float) -> tuple[Floats, Floats]:
    """The drift beside a hole, ``(S, S, 3)``, and how much each place of it tells, ``(S, S)``."""
    away = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # The nearest pixels count most: what is blended in the feather is what would show as a seam.
    near = (np.clip(1 - away / (_RING * unit), 0, 1) ** 2 * ~hole * hole.any()).astype(np.float32)
    off = _blurred((before.astype(np.float32) - drawn) * near[..., None], unit)
    off /= _blurred(near, unit)[..., None] + 1e-6
    return off, near / (1 + (np.abs(off).max(2) / _MISFIT) ** 4)


def _blurred(picture: Floats, unit: float) -> Floats:
    blurred: Floats = cv2.GaussianBlur(picture, (0, 0), _BLUR * unit)
    return blurred


def _shrunk(picture: Floats, cell: int) -> Floats:
    """Means over cells of ``cell`` × ``cell`` pixels."""
    height, width = (max(1, side // cell) for side in picture.shape[:2])
    means: Floats = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return means


def _centres(cells: Mask, side: float) -> Points:
    """Centres of cells, ``(N, 2)`` float32, in crop pixels of 256."""
    rows, columns = np.nonzero(cells)
    return ((np.stack([columns, rows], 1) + 0.5) * side).astype(np.float32)


def _squared(these: Floats, others: Floats) -> Floats:
    """Squared distances between points of any space, ``(N, D)`` and ``(M, D)`` → ``(N, M)``."""
    distances: Floats = (these**2).sum(1)[:, None] + (others**2).sum(1) - 2 * these @ others.T
    return np.maximum(distances, 0)
