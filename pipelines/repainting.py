"""What every job that repaints part of a face does the same way: checks, stages, the hole, and the way to a network.

:mod:`pipelines.cleft_inpainting.pipeline` and :mod:`pipelines.mask_removal.pipeline` put these steps into order.
"""

import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from pipelines.devices import Device
from pipelines.errors import ImageTooSmall, MaskEmpty, MaskMismatch, MaskOffFace, MaskTooLarge, OptionInvalid
from pipelines.faces.alignment import Alignment
from pipelines.faces.landmarks import Face, find_crop_face

Progress = Callable[[float, str], None]
"""Called with a fraction, 0-1, and a text before each stage; what it raises stops the run."""

FEATHER = 0.04
"""Width of the blend outside a mask, in eye distances, unless the caller says another."""

SMALLEST_EYE_DISTANCE = 12
"""In pixels; below it a crop pixel is invented rather than seen."""

_LARGEST_HOLE = 0.7  # of the crop; beyond it too little face is left to predict from
_OUTSIDE = 0.1  # of the mask that may lie beyond the crop; it is left as it is
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


def check_face(face: Face) -> None:
    """Refuses a face of too few pixels.

    Raises:
        ImageTooSmall: its eyes are less than :data:`SMALLEST_EYE_DISTANCE` apart.
    """
    if face.eye_distance < SMALLEST_EYE_DISTANCE:
        raise ImageTooSmall("The face is too small in this photo; use a photo taken from nearer.")


def within_reach(mask: np.ndarray, alignment: Alignment) -> np.ndarray:
    """The part of a mask, ``bool`` ``(H, W)``, that the crop can repaint.

    Raises:
        MaskEmpty: the mask is empty.
        MaskOffFace: a tenth of it or more lies beyond the crop.
        MaskTooLarge: it covers more than seven tenths of the crop.
    """
    if not mask.any():
        raise MaskEmpty("Nothing is left of the mask after narrowing it; choose a smaller value.")
    # One crop pixel inside the border, so that blending never reaches for what was not predicted.
    corners = np.array([[1, 1], [1, 0], [0, 0], [0, 1]]) * (alignment.size - 2) + 1
    reach = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(reach, np.round(alignment.to_photo(corners) - 0.5).astype(np.int32), 1)
    kept = mask & reach.astype(bool)
    if kept.sum() < (1 - _OUTSIDE) * mask.sum():
        if kept.sum() > _LARGEST_HOLE * reach.sum():
            raise MaskTooLarge(_TOO_LARGE)
        raise MaskOffFace("The mask lies away from the chosen face; paint over the face, or choose the other face.")
    if kept.sum() > _LARGEST_HOLE * reach.sum():
        raise MaskTooLarge(_TOO_LARGE)
    return kept


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


def landmarks_in(crop: np.ndarray, alignment: Alignment, otherwise: np.ndarray) -> np.ndarray:
    """68 points found in the crop, in photo coordinates; ``otherwise`` where none are found.

    Before and after are found in crops of one size, because FaceMesh's answer varies a little with the picture's.
    """
    face = find_crop_face(crop)
    return otherwise if face is None else alignment.to_photo(face.points).astype(np.float32)
