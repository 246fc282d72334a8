"""Cleft inpainting: from a photo and a mask to the predicted non-cleft face."""

import time
from collections.abc import Callable

import cv2
import numpy as np
import torch

from pipelines import devices, store
from pipelines.cleft_inpainting.network import INCLG, predict
from pipelines.errors import ImageTooSmall, MaskEmpty, MaskMismatch, MaskOffFace, MaskTooLarge, OptionInvalid
from pipelines.faces import masks
from pipelines.faces.alignment import Alignment, align
from pipelines.faces.compositing import composite
from pipelines.faces.landmarks import Face, find_crop_face, find_faces, pick_face
from pipelines.faces.measurements import measure
from pipelines.results import CleftInpaintingResult, WeightsUsed

Progress = Callable[[float, str], None]

_FEATHER = 0.04  # of the eye distance
_SMALLEST_EYE_DISTANCE = 12  # px; below it a crop pixel is invented rather than seen
_LARGEST_HOLE = 0.7  # of the crop; beyond it too little face is left to predict from
_OUTSIDE = 0.1  # of the mask that may lie beyond the crop; it is left as it is


class CleftInpainting:
    """Predicts the non-cleft face under a mask.

    Loading is lazy and cached: the first call loads the weights, later ones and other tabs share them.

    Args:
        weights: name in ``weights/manifest.toml``; None takes the job's default.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        precision: ``"auto"``, ``"float32"``, ``"bfloat16"`` or ``"float16"``.

    Raises:
        DeviceUnavailable: the device or precision does not exist here.
    """

    def __init__(self, weights: str | None = None, device: str = "auto", precision: str = "auto") -> None:
        self.weights = weights
        self.device = devices.choose(device, precision)

    def __call__(
        self,
        photo: np.ndarray,
        mask: np.ndarray | None = None,
        *,
        extent: str = "philtrum",
        face: int = 0,
        grow: float = 0.0,
        feather: float | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> CleftInpaintingResult:
        """Repaints the masked region of a face.

        Args:
            photo: RGB ``uint8`` ``(H, W, 3)``.
            mask: ``bool`` ``(H, W)``, True = repaint; None suggests one from the landmarks.
            extent: the region to suggest, one of :data:`pipelines.faces.masks.EXTENTS`.
            face: which face, 0 = the largest.
            grow: widens the mask by so many photo pixels; negative narrows it.
            feather: width in photo pixels of the blend outside the mask; None takes 4 % of the eye distance.
            seed: of the grain that is added where the photo is finer than the network's picture.
            progress: called with a fraction and a text before each stage. What it raises stops the run.

        Returns:
            The result; outside ``result.alpha > 0`` its image equals the photo bit for bit.

        Raises:
            NoFaceFound, FaceIndexInvalid: there is no such face.
            MaskMismatch, MaskEmpty, MaskOffFace, MaskTooLarge: the mask does not fit the photo or the face.
            ImageTooSmall: the face has too few pixels.
            OptionInvalid: no such extent, or a negative feather.
            WeightsMissing, WeightsCorrupt, WeightsUnknown: the weights cannot be loaded.
        """
        _check(photo, mask, feather)
        stage = _Stages(progress)

        with stage("loading", 0.0):
            model = store.load(self.weights, self.device.torch_device, job="cleft-inpainting")

        with stage("landmarks", 0.1):
            faces = find_faces(photo)
            chosen = pick_face(faces, face)
            if chosen.eye_distance < _SMALLEST_EYE_DISTANCE:
                raise ImageTooSmall("The face is too small in this photo; use a photo taken from nearer.")

        with stage("alignment", 0.3):
            alignment = align(photo, chosen)
            crop = alignment.crop(photo)

        with stage("mask", 0.4):
            given = masks.suggest_mask(chosen, photo.shape[:2], extent) if mask is None else mask
            used = masks.grow(masks.clean(given), grow)
            used = _on_face(used, alignment)
            alpha = masks.feather(used, _FEATHER * chosen.eye_distance if feather is None else feather)
            hole = _hole(alpha, alignment)

        with stage("network", 0.55):
            painted, landmarks = _predict(model.network, crop, hole, self.device)

        with stage("compositing", 0.75):
            image = composite(photo, painted, alpha, alignment, seed=seed)
            repainted = np.where(hole[..., None], painted, crop)

        with stage("measurements", 0.9):
            predicted = alignment.to_photo(landmarks * alignment.size).astype(np.float32)
            before = _landmarks(crop, alignment, chosen.points)
            after = _landmarks(repainted, alignment, predicted)

        if progress:
            progress(1.0, "done")
        return CleftInpaintingResult(
            image=image,
            photo=photo,
            mask=used,
            alpha=alpha,
            crop_before=crop,
            crop=repainted,
            landmarks_before=before,
            landmarks=predicted,
            measurements_before=measure(before),
            measurements=measure(after),
            seconds=stage.seconds,
            weights=(WeightsUsed(model.name, model.sha256[:12]),),
            device=self.device.label,
            seed=seed,
            face=face,
            faces=len(faces),
            extent=extent if mask is None else None,
        )


class _Stages:
    """Announces each stage and takes its time."""

    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    def __call__(self, name: str, fraction: float) -> "_Stages":
        if self._progress:
            self._progress(fraction, name)
        self._name = name
        return self

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds[self._name] = time.perf_counter() - self._start


def _check(photo: np.ndarray, mask: np.ndarray | None, feather: float | None) -> None:
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


def _on_face(mask: np.ndarray, alignment: Alignment) -> np.ndarray:
    """The part of the mask that the crop can repaint."""
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


_TOO_LARGE = "The mask covers most of the face, so nothing is left to predict from; paint only the part to repaint."


def _hole(alpha: np.ndarray, alignment: Alignment) -> np.ndarray:
    """What the network may not see: all that will be blended, in the crop."""
    hole = alignment.crop_mask(alpha > 0)
    if not hole.any():
        raise MaskOffFace("The mask is too small to repaint anything; paint a larger part.")
    return hole


@torch.inference_mode()
def _predict(
    network: INCLG, crop: np.ndarray, hole: np.ndarray, device: devices.Device
) -> tuple[np.ndarray, np.ndarray]:
    """The repainted crop, ``uint8`` ``(S, S, 3)``, and landmarks as fractions of its side, ``(68, 2)``."""
    image = torch.from_numpy(crop).to(device.torch_device).permute(2, 0, 1)[None].float() / 127.5 - 1
    image = image.to(memory_format=device.memory_format)
    masked = torch.from_numpy(hole).to(device.torch_device)[None, None].float()
    with device.autocast():
        output = predict(network, image, masked)
    pixels = ((output.image[0].float().permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255)
    return pixels.to(torch.uint8).cpu().numpy(), output.landmarks[0].float().cpu().numpy()


def _landmarks(crop: np.ndarray, alignment: Alignment, otherwise: np.ndarray) -> np.ndarray:
    """68 points found in the crop, in photo coordinates.

    Before and after are found in crops of one size, because FaceMesh's answer varies a little with the picture's.
    """
    face: Face | None = find_crop_face(crop)
    return otherwise if face is None else alignment.to_photo(face.points).astype(np.float32)
