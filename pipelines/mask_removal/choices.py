"""What can be chosen and shown of a mask removal; free of PyTorch."""

from typing import get_args

from pipelines.results import Extent, PaintingEngine

ENGINES: tuple[PaintingEngine, ...] = get_args(PaintingEngine)
"""Who paints: the cleft-inpainting network, refined by the reference; or the paper's two networks alone."""

ENGINE: PaintingEngine = "inpainter"
"""The one that paints unless another is asked for: on faces that no network learned from it is nearer to the truth."""

CONTROL_POINTS = 30
"""Control points of the paper."""

CONTROL = (
    *(234, 172, 150, 148, 152, 377, 379, 397, 454),  # edge of the face: image-left ear, jaw, chin, image-right ear
    *(50, 280),  # cheeks
    *(168, 197, 4, 2, 129, 358),  # nose: bridge, tip, subnasale, alae
    *(61, 40, 0, 270, 291, 17),  # outer lips
    *(33, 133, 362, 263),  # corners of the eyes
    *(105, 334, 9),  # brows and the space between them
)
"""Mesh points of the default warp. Few enough that an error of one does not fold the picture (section 2)."""

EXTENT: Extent = "lower-face"
"""The region that the page suggests where no mask is found, one of :data:`pipelines.faces.masks.EXTENTS`."""

FEWEST, MOST = 8, 120
"""How many control points may be asked for."""

MOST_REFERENCES = 5
"""How many photos of the same person a run takes."""
