"""The hole: a mask as it is used, in the photo and in the aligned face, and the way of what was drawn back into it.

Made and checked once, by :func:`make_hole`.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.arrays import Floats, Mask, Pixels, Points, Shape
from pipelines.errors import FaceIncomplete, MaskEmpty, MaskOffFace, MaskTooLarge, OptionInvalid
from pipelines.faces import masks
from pipelines.faces.alignment import Alignment
from pipelines.faces.blending.compositing import composite
from pipelines.faces.blending.remainder import smooth_over
from pipelines.faces.blending.tone import Tone
from pipelines.faces.points import Face
from pipelines.faces.subject import Subject
from pipelines.languages.translation import _

FEATHER = 4.0
"""Width of the blend outside a mask, in per cent of the distance between the eyes, unless the caller says another."""

_LARGEST_HOLE = 0.7  # of the crop; beyond it too little face is left to predict from
_OUTSIDE = 0.1  # of a mask off the face that may lie beyond the crop; of a mask on the face any part may
_ON_FACE = (0.5, 0.5), (0.33, 0.45)  # centre and radii, as shares of the crop, of an ellipse about any aligned face
_BORDER = 0.08  # of the eye distance: what is continued beyond the crop reaches so far into it
_TURNED = _("The face is turned too far to the side for this region; use a photo taken from further in front.")
_TOO_LARGE = _("The mask covers most of the face, so nothing is left to predict from; paint only the part to repaint.")


@dataclass(frozen=True, eq=False)
class Hole:
    """A mask as it is used.

    Attributes:
        mask: ``bool`` ``(H, W)``, cleaned and grown.
        alpha: ``float32`` ``(H, W)`` in [0, 1], the blend of what the network draws.
        crop: ``bool`` ``(S, S)``, what the network may not see of the aligned face.
        beyond: ``float32`` ``(H, W)``, the blend of what lies beyond the crop, which is continued from around it; None
            where nothing does.
    """

    mask: Mask
    alpha: Floats
    crop: Mask
    beyond: Floats | None

    def filled(self, subject: Subject, drawn: Pixels, *, tone: Tone, seed: int) -> "Filled":
        """The photo with what was drawn in the hole.

        Args:
            subject: whose hole it is.
            drawn: RGB ``uint8`` ``(S, S, 3)``, the aligned face as the network drew it, in the photo's tone.
            tone: of the photo.
            seed: of the grain that is added where the photo is finer than the crop.
        """
        image, alpha = composite(subject.photo, drawn, self.alpha, subject.alignment, seed=seed, tone=tone), self.alpha
        if self.beyond is not None:
            image, alpha = smooth_over(image, self.beyond), np.maximum(alpha, self.beyond)
        return Filled(image, alpha, np.where(self.crop[..., None], drawn, subject.crop))


@dataclass(frozen=True, eq=False)
class Filled:
    """A photo in which a hole was filled.

    Attributes:
        image: RGB ``uint8`` ``(H, W, 3)``.
        alpha: ``float32`` ``(H, W)`` in [0, 1], the blend of all that was drawn or continued.
        crop: RGB ``uint8`` ``(S, S, 3)``, the aligned face with what was drawn in the hole.
    """

    image: Pixels
    alpha: Floats
    crop: Pixels


def make_hole(mask: Mask, subject: Subject, *, grow: float = 0.0, feather: float = FEATHER) -> Hole:
    """Cleans a mask, grows it, and parts what the network can draw from what is continued.

    Args:
        mask: ``bool`` ``(H, W)``.
        subject: whose face it lies on.
        grow: by how much the mask is widened; negative narrows it. This and ``feather`` in per cent of the distance
            between the eyes, so that one number suits photos of every size.
        feather: width of the blend outside the mask.

    Raises:
        OptionInvalid: the feather is negative, or no number.
        MaskEmpty, MaskOffFace, FaceIncomplete, MaskTooLarge: as :func:`within_reach` and :func:`crop_hole` do.
    """
    if not feather >= 0:
        raise OptionInvalid(_("The feather must be 0 % or more."))
    unit = subject.face.eye_distance
    wanted = masks.grow(masks.clean(mask), grow / 100 * unit)
    used = within_reach(wanted, subject.alignment, subject.face)
    width = feather / 100 * unit
    alpha = masks.feather(used, width)
    hole = crop_hole(alpha, subject.alignment)
    rest, beyond = wanted & ~used, None
    if rest.any():
        # Some of what lies within reach too: towards the crop's border compositing lets the photo shine through.
        beyond = masks.feather(wanted & masks.grow(rest, _BORDER * unit), width)
    return Hole(wanted, alpha, hole, beyond)


def within_reach(mask: Mask, alignment: Alignment, face: Face) -> Mask:
    """The part of a mask, ``bool`` ``(H, W)``, that the crop can repaint.

    Args:
        mask: ``bool`` ``(H, W)``.
        alignment: takes the photo to the crop.
        face: whose crop it is, in pixels of the photo.

    Raises:
        MaskEmpty: the mask is empty.
        MaskOffFace: it lies beyond the crop by a tenth or more, and nowhere on the face.
        FaceIncomplete: it lies on the face, but beyond the crop, which shows too little of a face that is turned far.
        MaskTooLarge: it covers more than seven tenths of the crop.
    """
    if not mask.any():
        raise MaskEmpty(_("Nothing is left of the mask after narrowing it; choose a smaller value."))
    # One crop pixel inside the border, so that blending never reaches for what was not predicted.
    corners = np.array([[1, 1], [1, 0], [0, 0], [0, 1]], np.float64) * (alignment.size - 2) + 1
    reach = _inside(corners, mask.shape, alignment)
    kept = mask & reach
    if kept.sum() > _LARGEST_HOLE * reach.sum():
        raise MaskTooLarge(_TOO_LARGE)
    if kept.sum() < (1 - _OUTSIDE) * mask.sum():
        # Over the chin and down the neck is this face's mask; what only grazes the crop is another's.
        angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        (centre, radii), size = np.array(_ON_FACE), alignment.size
        outline = size * (centre + radii * np.stack([np.cos(angles), np.sin(angles)], 1))
        on_face = mask & masks.face_region(face, mask.shape)
        if not (on_face | (kept & _inside(outline, mask.shape, alignment))).any():
            raise MaskOffFace(
                _("The mask lies away from the chosen face; paint over the face, or choose the other face.")
            )
        if not kept.any():
            raise FaceIncomplete(_TURNED)
    return kept


def _inside(outline: Points, shape: Shape, alignment: Alignment) -> Mask:
    """The inside of a convex outline in the crop, ``(N, 2)``, as a mask of the photo, ``bool`` ``(H, W)``."""
    canvas: Pixels = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(canvas, np.round(alignment.to_photo(outline) - 0.5).astype(np.int32), 1)
    return canvas > 0


def crop_hole(alpha: Floats, alignment: Alignment) -> Mask:
    """What the network may not see: all that will be blended, in the crop, ``bool`` ``(S, S)``.

    Raises:
        MaskOffFace: the mask is too small to touch a crop pixel.
    """
    hole = alignment.crop_mask(alpha > 0)
    if not hole.any():
        raise MaskOffFace(_("The mask is too small to repaint anything; paint a larger part."))
    return hole
