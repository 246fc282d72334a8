"""What every job that repaints part of a face does the same way: checks, stages, the hole, and the way to a network.

:mod:`pipelines.cleft_inpainting.pipeline` and :mod:`pipelines.mask_removal.pipeline` put these steps into order.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from pipelines.devices import Device
from pipelines.errors import (
    FaceIncomplete,
    ImageTooSmall,
    MaskEmpty,
    MaskMismatch,
    MaskOffFace,
    MaskTooLarge,
    OptionInvalid,
)
from pipelines.faces import masks
from pipelines.faces.alignment import Alignment
from pipelines.faces.blending.remainder import smooth_over
from pipelines.faces.landmarks import find_crop_face, find_faces
from pipelines.faces.points import Face

Progress = Callable[[float, str], None]
"""Called with a fraction, 0-1, and a text before each stage; what it raises stops the run."""

FEATHER = 0.04
"""Width of the blend outside a mask, in eye distances, unless the caller says another."""

SMALLEST_EYE_DISTANCE = 12
"""In pixels; below it a crop pixel is invented rather than seen."""

_BEYOND = 0.05  # eye distances; points that lie less far beyond the edge are as exact as others
_LARGEST_HOLE = 0.7  # of the crop; beyond it too little face is left to predict from
_SAME_FACE = 0.5  # eye distances from point to point, on average; another face lies farther off
_OUTSIDE = 0.1  # of a mask off the face that may lie beyond the crop; of a mask on the face any part may
_ON_FACE = (0.5, 0.5), (0.33, 0.45)  # centre and radii, as shares of the crop, of an ellipse about any aligned face
_BORDER = 0.08  # of the eye distance: what is continued beyond the crop reaches so far into it
_TOO_LARGE = "The mask covers most of the face, so nothing is left to predict from; paint only the part to repaint."


class Stages:
    """Announces each stage and takes its time.

    ``with stage("network", 0.5): ...`` calls the progress, then adds the seconds to :attr:`seconds`.
    """

    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    def __call__(self, name: str, fraction: float) -> "Stages":
        if self._progress:
            self._progress(fraction, name)
        self._name = name
        return self

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds[self._name] = time.perf_counter() - self._start

    def done(self) -> None:
        """Reports the end."""
        if self._progress:
            self._progress(1.0, "done")


def check_arguments(photo: np.ndarray, mask: np.ndarray | None, feather: float | None) -> None:
    """Refuses what no run can work with, before anything is computed.

    Raises:
        MaskMismatch: the mask has another size than the photo.
        MaskEmpty: nothing of it is set.
        OptionInvalid: the feather is negative.
    """
    if mask is not None:
        if mask.shape != photo.shape[:2]:
            raise MaskMismatch(
                f"The mask is {mask.shape[1]} × {mask.shape[0]} pixels and the photo {photo.shape[1]} × "
                f"{photo.shape[0]}; use a mask of the photo's size."
            )
        if not mask.any():
            raise MaskEmpty("The mask is empty; paint over the region to repaint, or use the suggested mask.")
    if feather is not None and feather < 0:
        raise OptionInvalid("The feather must be 0 pixels or more.")


def check_face(face: Face, shape: tuple[int, ...]) -> None:
    """Refuses a face of too few pixels, and one of which the photo shows so little that its points are guesses.

    Args:
        face: in pixels of the photo.
        shape: height and width of the photo; more of an array's shape is passed over.

    Raises:
        ImageTooSmall: its eyes are less than :data:`SMALLEST_EYE_DISTANCE` apart.
        FaceIncomplete: a point of eyes, nose or mouth lies beyond the photo's edge.
    """
    if face.eye_distance < SMALLEST_EYE_DISTANCE:
        raise ImageTooSmall("The face is too small in this photo; use a photo taken from nearer.")
    inner, size = face.points[27:], np.array(shape[1::-1])
    if max((-inner).max(), (inner - size).max()) > _BEYOND * face.eye_distance:
        raise FaceIncomplete(
            "Part of the eyes, nose or mouth lies beyond the photo's edge, so its points are guesses; "
            "use a photo that shows the whole face."
        )


@dataclass(frozen=True, eq=False)
class Region:
    """A mask as it is used.

    Attributes:
        mask: ``bool`` ``(H, W)``, cleaned and grown.
        alpha: ``float32`` ``(H, W)`` in [0, 1], the blend of what the network draws.
        hole: ``bool`` ``(S, S)``, what the network may not see in the crop.
        beyond: ``float32`` ``(H, W)``, the blend of what lies beyond the crop, which is continued from around it; None
            where nothing does.
    """

    mask: np.ndarray
    alpha: np.ndarray
    hole: np.ndarray
    beyond: np.ndarray | None

    def continued(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The repainted photo with the part beyond the crop continued, and the blend of both parts."""
        if self.beyond is None:
            return image, self.alpha
        return smooth_over(image, self.beyond), np.maximum(self.alpha, self.beyond)


def prepare(mask: np.ndarray, face: Face, alignment: Alignment, grow: float, feather: float | None) -> Region:
    """Cleans a mask, grows it, and parts what the network can draw from what is continued.

    Args:
        mask: ``bool`` ``(H, W)``.
        face: in pixels of the photo.
        alignment: takes the photo to the crop.
        grow: photo pixels by which the mask is widened; negative narrows it.
        feather: width in photo pixels of the blend outside the mask; None takes :data:`FEATHER`.

    Raises:
        MaskEmpty, MaskOffFace, MaskTooLarge: as :func:`within_reach` and :func:`crop_hole` do.
    """
    wanted = masks.grow(masks.clean(mask), grow)
    used = within_reach(wanted, alignment)
    width = FEATHER * face.eye_distance if feather is None else feather
    alpha = masks.feather(used, width)
    hole = crop_hole(alpha, alignment)
    rest, beyond = wanted & ~used, None
    if rest.any():
        # Some of what lies within reach too: towards the crop's border compositing lets the photo shine through.
        beyond = masks.feather(wanted & masks.grow(rest, _BORDER * face.eye_distance), width)
    return Region(wanted, alpha, hole, beyond)


def within_reach(mask: np.ndarray, alignment: Alignment) -> np.ndarray:
    """The part of a mask, ``bool`` ``(H, W)``, that the crop can repaint.

    Raises:
        MaskEmpty: the mask is empty.
        MaskOffFace: it lies beyond the crop by a tenth or more, and nowhere on the face.
        MaskTooLarge: it covers more than seven tenths of the crop.
    """
    if not mask.any():
        raise MaskEmpty("Nothing is left of the mask after narrowing it; choose a smaller value.")
    # One crop pixel inside the border, so that blending never reaches for what was not predicted.
    corners = np.array([[1, 1], [1, 0], [0, 0], [0, 1]]) * (alignment.size - 2) + 1
    reach = _inside(corners, mask.shape, alignment)
    kept = mask & reach
    if kept.sum() > _LARGEST_HOLE * reach.sum():
        raise MaskTooLarge(_TOO_LARGE)
    if kept.sum() < (1 - _OUTSIDE) * mask.sum():
        # Over the chin and down the neck is this face's mask; what only grazes the crop is another's.
        angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        (centre, radii), size = np.array(_ON_FACE), alignment.size
        outline = size * (centre + radii * np.stack([np.cos(angles), np.sin(angles)], 1))
        if not (kept & _inside(outline, mask.shape, alignment)).any():
            raise MaskOffFace("The mask lies away from the chosen face; paint over the face, or choose the other face.")
    return kept


def _inside(outline: np.ndarray, shape: tuple[int, int], alignment: Alignment) -> np.ndarray:
    """The inside of a convex outline in the crop, ``(N, 2)``, as a mask of the photo, ``bool`` ``(H, W)``."""
    canvas = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(canvas, np.round(alignment.to_photo(outline) - 0.5).astype(np.int32), 1)
    return canvas.astype(bool)


def crop_hole(alpha: np.ndarray, alignment: Alignment) -> np.ndarray:
    """What the network may not see: all that will be blended, in the crop, ``bool`` ``(S, S)``.

    Raises:
        MaskOffFace: the mask is too small to touch a crop pixel.
    """
    hole = alignment.crop_mask(alpha > 0)
    if not hole.any():
        raise MaskOffFace("The mask is too small to repaint anything; paint a larger part.")
    return hole


def to_network(picture: np.ndarray, device: Device) -> Tensor:
    """A crop for a network: ``uint8`` ``(S, S, 3)`` → ``(1, 3, S, S)`` in [-1, 1]; a mask or map ``(S, S)`` →
    ``(1, 1, S, S)`` in [0, 1]; both float32 on the device.
    """
    tensor = torch.from_numpy(picture).to(device.torch_device)
    if tensor.ndim == 2:
        return tensor[None, None].float()
    return (tensor.permute(2, 0, 1)[None].float() / 127.5 - 1).to(memory_format=device.memory_format)


def to_pixels(image: Tensor) -> np.ndarray:
    """A network's picture, ``(1, 3, S, S)`` in [-1, 1] → ``uint8`` ``(S, S, 3)``."""
    pixels = ((image[0].float().permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255)
    return pixels.to(torch.uint8).cpu().numpy()


def landmarks_after(
    image: np.ndarray, mask: np.ndarray, face: Face, repainted: np.ndarray, alignment: Alignment, otherwise: np.ndarray
) -> np.ndarray:
    """68 points of the repainted face, in photo coordinates, as they are found in the photo that is shown.

    Found as those of the photo itself are, because FaceMesh's answer varies a little with the size and the part of the
    picture that it is given. It varies a little from run to run over pixels that nobody changed, too: so points outside
    the mask, where nothing was drawn, stay where they were.

    Args:
        image: RGB ``uint8`` ``(H, W, 3)``, the repainted photo.
        mask: ``bool`` ``(H, W)``, what was repainted.
        face: the face before, in pixels of the photo.
        repainted: RGB ``uint8`` ``(S, S, 3)``, the repainted crop; looked at where the photo shows the face no more.
        alignment: takes the photo to the crop.
        otherwise: the points inside the mask where no face is found at all, ``(68, 2)``.

    Returns:
        ``(68, 2)`` float32.
    """
    found = _same_face(find_faces(image), face)
    if found is None and (in_crop := find_crop_face(repainted)) is not None:
        otherwise = alignment.to_photo(in_crop.points)
    column, row = np.clip(np.floor(face.points), 0, np.array(mask.shape[::-1]) - 1).astype(int).T
    after = otherwise if found is None else found.points
    return np.where(mask[row, column][:, None], after, face.points).astype(np.float32)


def _same_face(faces: list[Face], face: Face) -> Face | None:
    """Which of the faces lies where ``face`` lies; None where none does."""

    def away(other: Face) -> float:
        return float(np.linalg.norm(other.mesh - face.mesh, axis=1).mean() / face.eye_distance)

    nearest = min(faces, key=away, default=None)
    return nearest if nearest is not None and away(nearest) < _SAME_FACE else None
