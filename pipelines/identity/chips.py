"""Face chips: aligned pictures as the face recognition network has learned to see them, with gradients.

Training compares what was drawn with the truth by their embeddings. Chips of photos are cut by
:func:`pipelines.identity.embedding.align_face`; here are those of pictures on a device, for whole batches.
"""

import torch
from torch import Tensor
from torch.nn import functional

SIZE = 150
"""Side of a chip in pixels."""

TEMPLATE = ((47.5, 46.6), (100.5, 46.6), (74.0, 87.8), (50.4, 103.0), (97.6, 103.0))
"""Eye centres, base of the nose, corners of the mouth, image-left first, in a chip: those of the mean face that dlib's
chips are cut by, with its padding of a quarter. dlib fits all points; five told people apart as well."""

_FINER = 2  # samples a side of a pixel of the chip: a crop is larger than it


def face_chips(images: Tensor, points: Tensor) -> Tensor:
    """The chips of aligned or other pictures, by the similarity that takes five landmarks nearest to the template.

    Args:
        images: ``(N, 3, S, S)`` in [-1, 1]; gradients go back to them.
        points: 68 landmarks of each face, ``(N, 68, 2)``, fractions of the side.

    Returns:
        ``(N, 3, 150, 150)``, RGB in [0, 255].
    """
    five = torch.stack(
        [points[:, 36:42].mean(1), points[:, 42:48].mean(1), points[:, 33], points[:, 48], points[:, 54]], 1
    )
    template = torch.tensor(TEMPLATE, device=points.device, dtype=points.dtype) / SIZE
    # A similarity of the plane is one complex factor and a shift; here that from chip to picture, of the one from
    # picture to chip that fits best (Umeyama 1991).
    given, wanted = (torch.view_as_complex(places.contiguous()) for places in (five, template[None]))
    middle, goal = given.mean(1, keepdim=True), wanted.mean(1, keepdim=True)
    spokes, aims = given - middle, wanted - goal
    factor = (aims * spokes.conj()).sum(1) / spokes.abs().square().sum(1)
    back = torch.view_as_real(1 / factor)
    turn = torch.stack([back[:, 0], -back[:, 1], back[:, 1], back[:, 0]], 1).view(-1, 2, 2)
    shift = torch.view_as_real(middle[:, 0]) - (turn @ torch.view_as_real(goal[0])[..., None])[..., 0]
    # From fractions of a side to coordinates from -1 to 1.
    offset = 2 * shift + turn.sum(2) - 1
    theta = torch.cat([turn, offset[..., None]], 2)
    finer = _FINER * SIZE
    grid = functional.affine_grid(theta, [len(images), 3, finer, finer], align_corners=False)
    cut = functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    return 127.5 * (functional.avg_pool2d(cut, _FINER) + 1)
