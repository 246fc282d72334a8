"""Heat maps: where a face differs from its normalized version, by squared error, SSIM or LPIPS.

Hayajneh et al. 2022, sections 1.3 to 1.5: both pictures to YCbCr (equation 3), the difference of each channel
(equation 4), grey erosion of each channel's difference (equation 5), and the sum of the channels. Colour space and
erosion are options, as in the paper's Table 1.
"""

import cv2
import numpy as np
import torch
from skimage.color import rgb2ycbcr
from torch import Tensor

from pipelines.anomaly_scoring.choices import COLOURS, KINDS
from pipelines.arrays import Floats, Pixels
from pipelines.errors import ImageMismatch, ImageTooSmall, OptionInvalid
from pipelines.languages.translation import _
from pipelines.metrics.perceptual import LPIPS
from pipelines.metrics.ssim import ssim_map
from pipelines.results import ColourSpace, MapKind

_SIGMA = 0.03  # eye distances: blur of a difference, which drops grain and the sharpness of edges
# Pixels a side: the window of SSIM, the pooling of LPIPS' networks.
_SMALLEST: dict[MapKind, int] = {"pse": 1, "ssim": 11, "lpips": 32}


def heat_map(
    original: Pixels,
    normalized: Pixels,
    kind: MapKind = "pse",
    colour: ColourSpace = "ycbcr",
    erosion: bool = True,
    lpips: LPIPS | None = None,
) -> Floats:
    """How much two pictures of a face differ at each pixel; higher is more different, 0 is equal.

    * ``"pse"``: squared difference (equation 4) summed over the three channels, in squared grey levels of 8-bit
      channels: 0 to 3 · 255² in RGB; less in YCbCr, where Y' spans 219 levels, Cb and Cr 224 each.
    * ``"ssim"``: 1 − SSIM of the window around the pixel, the mean over the three channels, no unit: 0 to 2.
    * ``"lpips"``: LPIPS before its mean over the picture, no unit: 0 to about 1. In YCbCr the three channels take the
      place of red, green and blue, scaled alike.

    Args:
        original: the face as it is, RGB ``uint8`` ``(H, W, 3)``.
        normalized: the face as it would be without the anomaly, the same shape.
        kind: one of :data:`KINDS`.
        colour: one of :data:`COLOURS`; ``"ycbcr"`` is BT.601.
        erosion: whether each pixel gets the least difference among itself and its eight neighbours in the picture,
            channel by channel (equation 5), which drops what is thinner than three pixels.
        lpips: the metric of ``"lpips"``; None loads the one with AlexNet.

    Returns:
        ``float32`` ``(H, W)``.

    Raises:
        OptionInvalid: there is no such kind or colour space.
        ImageMismatch: the pictures differ in size.
        ImageTooSmall: a side is under 11 pixels (SSIM) or 32 (LPIPS).
        WeightsMissing: LPIPS' network is not on this machine.
        ValueError: a picture is not RGB ``uint8`` ``(H, W, 3)``.
    """
    if kind not in KINDS:
        raise OptionInvalid(_("The kind of heat map must be one of {choices}.").format(choices=", ".join(KINDS)))
    if colour not in COLOURS:
        raise OptionInvalid(_("The colour space must be one of {choices}.").format(choices=", ".join(COLOURS)))
    _check_pictures(original, normalized, _SMALLEST[kind])
    one, other = (_in_colour(picture, colour) for picture in (original, normalized))
    if kind == "pse":
        channels = np.square(one - other)
    elif kind == "ssim":
        similarity = ssim_map(_to_tensor(one), _to_tensor(other))
        # Rounding can carry SSIM past 1.
        channels = ((1 - similarity[0]).clamp(min=0) / len(similarity[0])).permute(1, 2, 0).numpy()
    else:
        channels = _lpips_map(_to_tensor(one), _to_tensor(other), lpips or LPIPS())
    if erosion:
        channels = cv2.erode(channels, np.ones((3, 3), np.uint8))
    return channels.reshape(*original.shape[:2], -1).sum(2)


def unlikeness(difference: Floats, unit: float) -> Floats:
    """How large a difference of two pictures is: blurred by 3 % of the eye distance, then its length in RGB.

    Args:
        difference: ``float32`` ``(S, S, 3)``, in grey levels.
        unit: eye distance in pixels.

    Returns:
        ``float32`` ``(S, S)``, in grey levels: 0 to 255 √3.
    """
    return np.linalg.norm(cv2.GaussianBlur(difference, (0, 0), _SIGMA * unit), axis=2)


def _check_pictures(original: Pixels, normalized: Pixels, smallest: int) -> None:
    for picture in (original, normalized):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError("a picture to compare is not RGB uint8 (H, W, 3)")
    if original.shape != normalized.shape:
        (height, width), (other_height, other_width) = original.shape[:2], normalized.shape[:2]
        raise ImageMismatch(
            _(
                "The face is {width} × {height} pixels and its normalized version {other_width} × "
                "{other_height}; compare two pictures of one size."
            ).format(width=width, height=height, other_width=other_width, other_height=other_height)
        )
    if min(original.shape[:2]) < smallest:
        raise ImageTooSmall(
            _("This heat map needs pictures of {smallest} pixels or more on each side; use larger ones.").format(
                smallest=smallest
            )
        )


def _in_colour(picture: Pixels, colour: ColourSpace) -> Floats:
    """``float32`` ``(H, W, 3)`` in 8-bit grey levels; scikit-image's matrix is that of BT.601 (equation 3)."""
    return (rgb2ycbcr(picture) if colour == "ycbcr" else picture).astype(np.float32)


def _to_tensor(picture: Floats) -> Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1


@torch.inference_mode()
def _lpips_map(image: Tensor, target: Tensor, lpips: LPIPS) -> Floats:
    device = next(lpips.parameters()).device
    return lpips.map(image.to(device), target.to(device))[0].float().cpu().numpy()
