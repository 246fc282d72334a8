"""The alternative severity index: how long the generator must be adapted before it draws the anomaly too.

Hayajneh et al. 2022, section 1.2.2: with more than about 50 steps "abnormal parts of the input face will be gradually
reconstructed", the more severe the later, and the number of steps is proposed as an index of severity. When an anomaly
counts as reconstructed the paper does not say; the definition in :func:`reappearance` is this project's.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, log

from pipelines.results import AdaptationFrame

HALF = log(2)
"""How far the severity falls until the anomaly counts as back."""


def reappearance(frames: Sequence[AdaptationFrame]) -> int | None:
    """Steps of adaptation until the anomaly reappears in the generator's picture.

    The residual over the scored region is the exponential of the severity. Before any step it is whole: the inversion
    draws a normal face. Where the generator draws the face as it is, it is 0. The anomaly has reappeared at the first
    step with half of the residual or less, halfway between the two: where the severity is :data:`HALF` below that of
    the inversion. By equation 6 that is half the root of the summed squared error.

    What a few steps explain (tone, light) is most of a mild anomaly's residual, which halves early; a severe one's
    halves when the anomaly itself is drawn. Only runs with the same settings and weights compare.

    Between frames the severity is taken as a straight line, and the answer rounded up to a whole step; where every
    step has its frame that changes nothing.

    Args:
        frames: in the order of steps, the first before any step.

    Returns:
        The number of steps; None where the residual did not halve, or there are no frames.

    Raises:
        ValueError: the frames do not begin at step 0, or are out of order.
    """
    if not frames:
        return None
    if frames[0].step != 0 or any(later.step <= earlier.step for earlier, later in pairwise(frames)):
        raise ValueError("the frames must be in the order of steps, from step 0 on")
    wanted = frames[0].severity - HALF
    for earlier, later in pairwise(frames):
        if later.severity <= wanted:
            way = (earlier.severity - wanted) / (earlier.severity - later.severity)
            return ceil(earlier.step + way * (later.step - earlier.step))
    return None
