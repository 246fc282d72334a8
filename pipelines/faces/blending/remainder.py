"""What of a mask reaches beyond the crop: continued from what is around it.

The network repaints the crop, which ends below the chin. The tip of a surgical mask may hang lower, and people paint
farther, over neck and clothes, where there is no face to draw; classical inpainting (Telea 2004) is enough there.
"""

import cv2
import numpy as np

from pipelines.arrays import Floats, Pixels

_LONGEST = 256  # px; the remainder is looked at no larger than this, whatever the photo's size
_AROUND = 0.25  # of the remainder's longer side that is looked at around it
_RADIUS = 3  # px of the small picture; OpenCV's own example


def smooth_over(image: Pixels, alpha: Floats) -> Pixels:
    """Paints over a small region with what surrounds it.

    Args:
        image: RGB ``uint8`` ``(H, W, 3)``.
        alpha: ``float32`` ``(H, W)`` in [0, 1], the blend weights of the region.

    Returns:
        RGB ``uint8`` ``(H, W, 3)``, a new array, bit-identical to ``image`` where ``alpha`` is 0.
    """
    result = image.copy()
    left, top, width, height = cv2.boundingRect((alpha > 0).view(np.uint8))
    if not width:
        return result
    around = int(_AROUND * max(width, height)) + 2
    box = (slice(max(0, top - around), top + height + around), slice(max(0, left - around), left + width + around))
    part, weight = image[box], alpha[box]
    scale = min(1.0, _LONGEST / max(weight.shape))
    size = tuple(max(1, round(side * scale)) for side in weight.shape[::-1])
    # Enlarged by a pixel, so that nothing of the region is mixed into what is continued.
    covered = cv2.dilate(cv2.resize((weight > 0).astype(np.uint8), size, interpolation=cv2.INTER_AREA), np.ones((3, 3)))
    small = cv2.inpaint(cv2.resize(part, size, interpolation=cv2.INTER_AREA), covered, _RADIUS, cv2.INPAINT_TELEA)
    fresh = cv2.resize(small, weight.shape[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    blend = part + weight[..., None] * (fresh - part)
    result[box] = np.where((weight > 0)[..., None], np.clip(np.round(blend), 0, 255).astype(np.uint8), part)
    return result
