"""Local severity: the peak of what does not fit a face, where equation 6 sums over all of it.

A deformity is small and strong. In a sum over mouth and nose a beard, an expression or hard light weigh as much as a
cleft; a peak is exceeded by few of them (ours; probability summation with a large exponent, Quick 1974, comes to the
same). Constants were chosen on the first 80 frontal validation faces with simulated clefts; what they do on others is
in docs/figures.md.
"""

import numpy as np

from pipelines.anomaly_scoring.scoring.exposure import SHADOW, STANDARD, skin_level
from pipelines.anomaly_scoring.scoring.regions import region
from pipelines.arrays import Floats, Mask, Pixels
from pipelines.faces.points import Face

_ONE_SIDED = 12.0  # per cent of asymmetry at which what does not fit counts three quarters; half where both sides agree
_USUAL = 10.0  # grey levels that a face's middle pixel commonly does not fit
_STEADY = 5.0  # grey levels that are added to it: no face fits so well that its grain is a peak


def local_map(residual: Floats, asymmetry: Floats, crop: Pixels, face: Face) -> Floats:
    """What does not fit the face, weighted by how one-sided it is, in units of the photo and of the face.

    * Where the face is its own mirror image, what does not fit counts half: nostrils and beards are misdrawn on both
      sides; a bilateral cleft stays visible.
    * Divided by the root of the photo's exposure times the face's own usual misfit (the median over mouth and nose):
      light, contrast, and what the network draws worse on dark skin or in beards, move both.

    Args:
        residual: ``float32`` ``(S, S)``, grey levels; see
        :class:`pipelines.anomaly_scoring.normalizers.base.Normalized`.
        asymmetry: of :func:`pipelines.anomaly_scoring.scoring.asymmetry.asymmetry_map`.
        crop: RGB ``uint8`` ``(S, S, 3)``, the aligned face.
        face: in pixels of the crop.

    Returns:
        ``float32`` ``(S, S)``, grey levels of a common face in standard exposure.
    """
    usual = np.median(residual[region(face, residual.shape)])
    exposure = (skin_level(crop, face) + SHADOW) / (STANDARD + SHADOW)
    unit = np.sqrt((usual + _STEADY) / (_USUAL + _STEADY) * exposure)
    weight = (asymmetry + _ONE_SIDED / 2) / (asymmetry + _ONE_SIDED)
    return (residual * weight / unit).astype(np.float32)


def peak(values: Floats, area: Mask, percentile: float) -> float:
    """The percentile of a map over a region: the level that only its strongest part exceeds.

    Args:
        values: ``(S, S)``.
        area: ``bool`` ``(S, S)``, with at least one pixel.
        percentile: :data:`~pipelines.anomaly_scoring.choices.LOCAL_PEAK` or
            :data:`~pipelines.anomaly_scoring.choices.ASYMMETRY_PEAK`.

    >>> values = np.arange(101.0).reshape(1, 101)
    >>> peak(values, values < 51, 98.0)
    49.0
    """
    return float(np.percentile(values[area], percentile))
