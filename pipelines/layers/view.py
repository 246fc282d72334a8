"""Two looks at a picture: at all of it, and at the face alone, whose own colours stand in for what is around it.

Instance norms average over the whole picture, and so does the colour that fills a hole: a network that sees the wall
behind a person tints the lips with it. What it draws from the face alone no wall can tint, for no pixel of it is shown.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from pipelines.layers.extension import extend
from pipelines.layers.filters import filtered

_SEAM = 16  # of a side of the picture; over so much the two looks at a hole that reaches beyond the face are blended

_BLUR = 4 / 256  # of a side: what is wider is colour, what is narrower is detail
_SHARE = 0.6  # of the look at the face alone in the detail: with more the picture is softer, with less walls show


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


def joined(near: Tensor, far: Tensor, hole: Tensor) -> Tensor:
    """Two answers to a hole in one: the colours of what saw the face alone, and the detail of both.

    Args:
        near: ``(N, 3, H, W)``, drawn from the face alone.
        far: the same shape, drawn from the whole picture.
        hole: ``(N, 1, H, W)``, 1 = repaint; nothing outside is looked at.

    Returns:
        ``(N, 3, H, W)``, of use inside the hole.
    """
    with torch.autocast(near.device.type, enabled=False):
        hole, difference = hole.float(), near.float() - far.float()
        sigma = _BLUR * hole.shape[-1]
        reach = min(round(4 * sigma), min(hole.shape[2:]) - 1)
        at = torch.arange(-reach, reach + 1, device=hole.device)
        taps = torch.exp(-0.5 * (at / sigma).square())
        blurred, weight = filtered(torch.cat([difference * hole, hole], 1), taps / taps.sum()).split([3, 1], 1)
        return far + torch.lerp(blurred / weight.clamp_min(1e-4), difference, _SHARE)
