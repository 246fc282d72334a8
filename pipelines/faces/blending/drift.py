"""The drift of a drawing's colours: by how much a network draws the same face lighter, redder or greyer than the photo.

Beside the mask the photo is the truth, and the drift is known. Into the hole it is carried as a membrane is stretched
over a frame (Pérez et al., Poisson Image Editing, 2003), but one that tears where the drawing has an edge (Farbman et
al., Edge-Preserving Decompositions, 2008): what a wall or a scarf beside a jaw is off by is nothing to the jaw.
"""

import cv2
import numpy as np
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import splu

from pipelines.arrays import Floats, Integers, Mask, Pixels
from pipelines.faces.alignment import Alignment

_HOLE = 0.95  # of the blend; with less of it the photo itself is seen
_RING = 16.0  # crop px of 256 around the hole in which photo and drawing are compared
_MISFIT = 16.0  # levels; a larger difference is an edge drawn elsewhere and weighs little
_MOST = 16.0  # levels; a larger correction would smear one side of an edge over the other
_CELL = 2.0  # crop px of 256 a node of the membrane
_SMOOTH = 1.5  # crop px of 256; a finer difference is texture, or an edge that is drawn softer than it is
_BLUR = 0.7  # crop px of 256; grain of the drawing is no edge
_EDGE = 8.0  # levels of RGB from node to node, from which the membrane begins to tear
_STIFF = 0.3  # how firmly a node holds on to each neighbour, where 1 is to what is known at its own place
_LEAST = 1e-5  # of a whole membrane is left of a torn one, so that every place hangs on some other
_LOOSE = 1e-9  # what holds a place that hangs on nothing known: it gets no correction


def drift(before: Pixels, drawn: Pixels, alpha: Floats, alignment: Alignment) -> Floats:
    """What to add to a drawing so that its colours meet the photo's.

    Args:
        before: RGB ``uint8`` ``(S, S, 3)``, the aligned face.
        drawn: RGB ``uint8`` ``(S, S, 3)``, the same as the network drew it, also outside the hole.
        alpha: ``float32`` ``(H, W)`` in [0, 1], the blend in the photo.
        alignment: takes the photo to the crop.

    Returns:
        ``float32`` ``(S, S, 3)``, at most 16 grey levels up or down, smooth but where the drawing has an edge; 0 far
        from the hole, and everywhere if nothing is known beside it.
    """
    unit = alignment.size / 256
    cell = max(1, round(_CELL * unit))
    blend = alignment.sample(alpha, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
    known = _known(blend > _HOLE, unit)
    weight = _shrunk(known, cell)
    off = _shrunk((before.astype(np.float32) - drawn) * known[..., None], cell) / np.maximum(weight, 1e-6)[..., None]
    weight /= 1 + (np.abs(off).max(2) / _MISFIT) ** 4
    off = _smooth(off, weight, _SMOOTH * unit / cell)
    if weight.sum() * cell**2 < 1:
        return np.zeros(drawn.shape, np.float32)
    looks = _shrunk(cv2.GaussianBlur(drawn.astype(np.float32), (0, 0), _BLUR * unit), cell)
    blended = (_shrunk(blend, cell) > 0).astype(np.uint8)
    nodes = cv2.dilate(blended, np.ones((3, 3))).astype(bool) | (weight > 0)  # enlarging reaches a node farther
    field: Floats = np.zeros_like(off)
    field[nodes] = _membrane(off[nodes], weight[nodes], *_springs(looks, nodes))
    spread: Floats = cv2.resize(field, drawn.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    bounded: Floats = _MOST * np.tanh(spread / _MOST)
    return bounded


def _known(hole: Mask, unit: float) -> Floats:
    """How much each pixel beside a hole tells, ``(S, S)`` in [0, 1]; the nearest most, where a seam would show."""
    away = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    known: Floats = np.clip(1 - away / (_RING * unit), 0, 1) ** 2 * ~hole * hole.any()
    return known.astype(np.float32)


def _smooth(off: Floats, weight: Floats, deviation: float) -> Floats:
    """Differences ``(H, W, 3)``, averaged by a Gaussian as each weighs."""
    spread = cv2.GaussianBlur(weight, (0, 0), deviation)[..., None] + 1e-6
    smooth: Floats = cv2.GaussianBlur(off * weight[..., None], (0, 0), deviation) / spread
    return smooth


def _springs(looks: Floats, nodes: Mask) -> tuple[Integers, Integers, Floats]:
    """Pairs of neighbouring nodes, ``(P,)`` and ``(P,)``, and how firmly each holds together, ``(P,)``."""
    number = np.cumsum(nodes).reshape(nodes.shape) - 1
    found = []
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        both = nodes[here] & nodes[there]
        edge = ((looks[here] - looks[there])[both] ** 2).sum(1) / _EDGE**2
        found.append((number[here][both], number[there][both], _STIFF * ((1 + edge) ** -2 + _LEAST)))
    one, other, firm = map(np.concatenate, zip(*found, strict=True))
    return one, other, firm.astype(np.float64)


def _membrane(off: Floats, weight: Floats, one: Integers, other: Integers, firm: Floats) -> Floats:
    """The field ``(N, C)`` that minimizes the weighted squares of its distance to ``off`` and of its own steps."""
    count = len(weight)
    pull = weight.astype(np.float64)
    total = pull + _LOOSE + np.bincount(one, firm, count) + np.bincount(other, firm, count)
    every = np.arange(count)
    values = np.concatenate([total, -firm, -firm])
    places = np.concatenate([every, one, other]), np.concatenate([every, other, one])
    laplacian = csc_array(coo_array((values, places), shape=(count, count)))
    solved: Floats = splu(laplacian, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(
        pull[:, None] * off
    )
    return solved


def _shrunk(picture: Floats, cell: int) -> Floats:
    """Means over cells of ``cell`` × ``cell`` pixels."""
    height, width = (max(1, side // cell) for side in picture.shape[:2])
    means: Floats = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return means
