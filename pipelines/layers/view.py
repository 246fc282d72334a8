"""What the network is shown: the face, and in place of all that is around it the face's own colours, continued.

Instance norms average over the whole picture, and so does the colour that fills a hole: a network that sees the wall
behind a person tints the lips with it. Weights that were trained on this view cannot, because no pixel of the wall
reaches them.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from pipelines.layers.extension import extend

_SEAM = 16  # of a side of the picture; over so much the two looks at a hole that reaches beyond the face are blended


def narrowed(image: Tensor, hole: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
    """The picture with the face's known pixels continued over its surroundings, and the hole's part in the face.

    Args:
        image: ``(N, 3, H, W)``.
        hole: ``(N, 1, H, W)``, 1 = repaint.
        face: ``(N, 1, H, W)``, 1 = face.

    Returns:
        Both of the arguments' shapes. Inside the hole the picture holds the continued colours, too.
    """
    inside = hole * face
    return extend(image, face - inside), inside


def blend(near: Tensor, far: Tensor, hole: Tensor, face: Tensor) -> Tensor:
    """Two answers to a hole that reaches beyond the face: within it the one that saw the face alone.

    Args:
        near: ``(N, 3, H, W)``, drawn from the face alone.
        far: the same shape, drawn from the whole picture.
        hole, face: ``(N, 1, H, W)``.

    Returns:
        ``(N, 3, H, W)``: ``near`` where no pixel of a picture's hole lies beyond the face; else ``far`` beyond the
        face, and ``near`` from a sixteenth of the side inside its border on.
    """
    reach = 2 * (face.shape[-1] // _SEAM // 2) + 1
    share = F.avg_pool2d(face, 2 * reach + 1, 1, reach, count_include_pad=False)
    # Half of what lies about a point on the border belongs to the face.
    weight = (2 * share - 1).clamp(0, 1)
    beyond = (hole * (1 - face)).amax((1, 2, 3), keepdim=True)
    return torch.lerp(far, near, (weight * beyond + (1 - beyond)).to(near.dtype))
