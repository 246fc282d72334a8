"""Cleft inpainting: from a photo and a mask to the predicted non-cleft face."""

import numpy as np
import torch

from pipelines import devices
from pipelines.cleft_inpainting.network import INCLG
from pipelines.faces import masks
from pipelines.faces.alignment import align
from pipelines.faces.blending.compositing import composite
from pipelines.faces.blending.skin import visible_face
from pipelines.faces.blending.tone import find_tone
from pipelines.faces.landmarks import find_faces, pick_face
from pipelines.faces.measurements import measure
from pipelines.models import store
from pipelines.repainting import (
    Progress,
    Stages,
    check_arguments,
    check_face,
    landmarks_after,
    prepare,
    to_network,
    to_pixels,
)
from pipelines.results import CleftInpaintingResult, WeightsUsed


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

        What of the mask reaches beyond the crop that the network draws is continued from what is around it.

        Returns:
            The result; outside ``result.alpha > 0`` its image equals the photo bit for bit.

        Raises:
            NoFaceFound, FaceIndexInvalid: there is no such face.
            MaskMismatch, MaskEmpty, MaskOffFace, MaskTooLarge: the mask does not fit the photo or the face.
            ImageTooSmall, FaceIncomplete: the face has too few pixels, or is cut by the photo's edge.
            OptionInvalid: no such extent, or a negative feather.
            WeightsMissing, WeightsCorrupt, WeightsUnknown: the weights cannot be loaded.
        """
        check_arguments(photo, mask, feather)
        stage = Stages(progress)

        with stage("loading", 0.0):
            model = store.load(self.weights, self.device.torch_device, job="cleft-inpainting")

        with stage("landmarks", 0.1):
            faces = find_faces(photo)
            chosen = pick_face(faces, face)
            check_face(chosen, photo.shape)

        with stage("alignment", 0.3):
            alignment = align(photo, chosen)
            crop = alignment.crop(photo)

        with stage("mask", 0.4):
            given = masks.suggest_mask(chosen, photo.shape[:2], extent) if mask is None else mask
            region = prepare(given, chosen, alignment, grow, feather)
            hole = region.hole

        with stage("network", 0.55):
            seen = visible_face(crop, alignment.face_in_crop(chosen), hole)
            painted, landmarks = _predict(model.network, crop, hole, seen, self.device)

        with stage("compositing", 0.75):
            tone = find_tone(crop, ~hole)
            painted = tone(painted)
            image = composite(photo, painted, region.alpha, alignment, seed=seed, tone=tone)
            image, alpha = region.continued(image)
            repainted = np.where(hole[..., None], painted, crop)

        with stage("measurements", 0.9):
            predicted = alignment.to_photo(landmarks * alignment.size).astype(np.float32)
            after = landmarks_after(image, region.mask, chosen, repainted, alignment, predicted)

        stage.done()
        return CleftInpaintingResult(
            image=image,
            photo=photo,
            mask=region.mask,
            alpha=alpha,
            crop_before=crop,
            crop=repainted,
            landmarks_before=chosen.points,
            landmarks=after,
            measurements_before=measure(chosen.points),
            measurements=measure(after),
            seconds=stage.seconds,
            weights=(WeightsUsed(model.name, model.sha256[:12]),),
            device=self.device.label,
            seed=seed,
            face=face,
            faces=len(faces),
            extent=extent if mask is None else None,
        )


@torch.inference_mode()
def _predict(
    network: INCLG, crop: np.ndarray, hole: np.ndarray, face: np.ndarray, device: devices.Device
) -> tuple[np.ndarray, np.ndarray]:
    """The repainted crop, ``uint8`` ``(S, S, 3)``, and landmarks as fractions of its side, ``(68, 2)``."""
    given = (to_network(picture, device) for picture in (crop, hole, face))
    with device.autocast():
        output = network.predict(*given)
    return to_pixels(output.image), output.landmarks[0].float().cpu().numpy()
