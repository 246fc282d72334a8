"""Mask removal: from a photo of a masked face, and a reference where there is one, to the face without its mask."""

from pathlib import Path

import numpy as np
import torch

from pipelines import devices
from pipelines.errors import FaceIncomplete, FaceIndexInvalid, ImageTooSmall, NoFaceFound
from pipelines.faces import masks
from pipelines.faces.alignment import align
from pipelines.faces.blending.compositing import composite
from pipelines.faces.blending.tone import find_tone
from pipelines.faces.embedding import FaceEmbedder
from pipelines.faces.landmarks import find_crop_face, find_faces, pick_face
from pipelines.faces.points import Face
from pipelines.mask_removal.covered import skin_beside
from pipelines.mask_removal.network import MaskRemoval as Answer
from pipelines.mask_removal.network import MaskRemovalNetwork, predict, tempered
from pipelines.mask_removal.segmentation import segment_mask
from pipelines.mask_removal.warping import CONTROL_POINTS, WarpedReference, warp_reference
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
from pipelines.results import MaskRemovalResult, WeightsUsed

MARGIN = 0.04  # of the eye distance, added to a found mask: its hem and its shadow on the skin belong to it


class MaskRemoval:
    """Draws the face under a surgical mask.

    Loading is lazy and cached: the first call loads the weights, later ones and other tabs share them.

    Args:
        weights: name in ``weights/manifest.toml``; None takes the job's default.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        precision: ``"auto"``, ``"float32"``, ``"bfloat16"`` or ``"float16"``.
        embedder: file of a face embedder (see :mod:`pipelines.faces.embedding`), which says how like the reference the
            result is; None says nothing.

    Raises:
        DeviceUnavailable: the device or precision does not exist here.
        WeightsMissing, WeightsCorrupt: the embedder's file is not there, or is none.
    """

    def __init__(
        self,
        weights: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        embedder: str | Path | None = None,
    ) -> None:
        self.weights = weights
        self.device = devices.choose(device, precision)
        self.embedder = None if embedder is None else FaceEmbedder(embedder)

    def __call__(
        self,
        photo: np.ndarray,
        reference: np.ndarray | None = None,
        mask: np.ndarray | None = None,
        *,
        extent: str | None = None,
        face: int = 0,
        reference_face: int = 0,
        points: int = CONTROL_POINTS,
        grow: float = 0.0,
        feather: float | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> MaskRemovalResult:
        """Repaints what the mask hides.

        Args:
            photo: RGB ``uint8`` ``(H, W, 3)``.
            reference: RGB ``uint8`` ``(H', W', 3)``, the same person without a mask, at any size and from any angle at
                which both eyes are seen; None draws from the photo alone.
            mask: ``bool`` ``(H, W)``, True = repaint; None finds the surgical mask, or takes ``extent``.
            extent: a region to suggest instead of looking for a mask, one of :data:`pipelines.faces.masks.EXTENTS`.
            face: which face of the photo, 0 = the largest.
            reference_face: which face of the reference.
            points: control points of the reference's warp.
            grow: widens the mask by so many photo pixels; negative narrows it.
            feather: width in photo pixels of the blend outside the mask; None takes 4 % of the eye distance.
            seed: of the grain that is added where the photo is finer than the network's picture.
            progress: called with a fraction and a text before each stage. What it raises stops the run.

        What of the mask reaches beyond the crop that the network draws is continued from what is around it.

        Returns:
            The result; outside ``result.alpha > 0`` its image equals the photo bit for bit.

        Raises:
            NoFaceFound, FaceIndexInvalid: there is no such face in the photo or the reference.
            SurgicalMaskNotFound: no mask was given, and none was found.
            ReferenceUnusable: the reference cannot be warped onto the face.
            MaskMismatch, MaskEmpty, MaskOffFace, MaskTooLarge: the mask does not fit the photo or the face.
            ImageTooSmall, FaceIncomplete: a face has too few pixels, or is cut by the photo's edge.
            OptionInvalid: no such extent or number of points, or a negative feather.
            WeightsMissing, WeightsCorrupt, WeightsUnknown: the weights cannot be loaded.
        """
        check_arguments(photo, mask, feather)
        stage = Stages(progress)

        with stage("loading", 0.0):
            model = store.load(self.weights, self.device.torch_device, job="mask-removal")

        with stage("landmarks", 0.1):
            faces = find_faces(photo)
            chosen = pick_face(faces, face)
            check_face(chosen, photo.shape)
            other = None if reference is None else _reference_face(reference, reference_face)

        with stage("segmentation", 0.25):
            found, given = None, mask
            if mask is None and extent is None:
                found = given = segment_mask(photo, chosen).mask
                given = masks.grow(given, MARGIN * chosen.eye_distance)
            elif mask is None:
                given = masks.suggest_mask(chosen, photo.shape[:2], extent)

        with stage("alignment", 0.4):
            alignment = align(photo, chosen)
            crop = alignment.crop(photo)
            region = prepare(given, chosen, alignment, grow, feather)
            hole = region.hole

        with stage("reference", 0.5):
            crop_face = alignment.face_in_crop(chosen)
            seen = skin_beside(crop, hole, crop_face)
            warped = None
            if other is not None:
                # Drawn without the reference first: FaceMesh finds a mouth on that better than under a mask.
                alone = _answer(model.network, crop, hole, seen, None, self.device)
                drawn = find_crop_face(np.where(hole[..., None], to_pixels(alone.image), crop))
                warped = warp_reference(crop, crop_face, hole, reference, other, drawn=drawn, points=points)

        with stage("network", 0.6):
            answer = _answer(model.network, crop, hole, seen, warped, self.device)
            if warped is not None:
                answer = tempered(alone, answer)
            tone = find_tone(crop, ~hole)
            coarse, refined = tone(to_pixels(answer.coarse)), tone(to_pixels(answer.image))

        with stage("compositing", 0.8):
            image = composite(photo, refined, region.alpha, alignment, seed=seed, tone=tone)
            image, alpha = region.continued(image)
            repainted = np.where(hole[..., None], refined, crop)

        with stage("result", 0.9):
            after = landmarks_after(image, region.mask, chosen, repainted, alignment, chosen.points)
            identity = None
            if self.embedder and other is not None:
                identity = self.embedder.similarity(image, after, reference, other.points)

        stage.done()
        return MaskRemovalResult(
            image=image,
            photo=photo,
            mask=region.mask,
            alpha=alpha,
            crop_before=crop,
            crop=repainted,
            landmarks_before=chosen.points,
            landmarks=after,
            seconds=stage.seconds,
            weights=(WeightsUsed(model.name, model.sha256[:12]),),
            device=self.device.label,
            seed=seed,
            face=face,
            faces=len(faces),
            extent=extent if mask is None else None,
            found=found,
            hole=hole,
            reference=reference,
            reference_points=None if warped is None else warped.points,
            reference_yaw=None if warped is None else warped.yaw,
            warped=None if warped is None else warped.image,
            confidence=None if warped is None else warped.confidence,
            coarse=coarse,
            refined=refined,
            identity=identity,
        )


def _reference_face(reference: np.ndarray, index: int) -> Face:
    """The face of the reference; its errors say that the reference is meant."""
    try:
        chosen = pick_face(find_faces(reference), index)
        check_face(chosen, reference.shape)
    except (NoFaceFound, FaceIncomplete, FaceIndexInvalid, ImageTooSmall) as error:
        raise type(error)(f"The reference photo cannot be used. {error}") from error
    return chosen


@torch.inference_mode()
def _answer(
    network: MaskRemovalNetwork,
    crop: np.ndarray,
    hole: np.ndarray,
    seen: np.ndarray,
    warped: WarpedReference | None,
    device: devices.Device,
) -> Answer:
    """The network's answer to one crop, of which ``seen`` is the person's own skin."""
    image, hidden, face = (to_network(picture, device) for picture in (crop, hole, seen))
    reference, confidence = torch.zeros_like(image), torch.zeros_like(image[:, :1])
    if warped is not None:
        reference, confidence = to_network(warped.image, device), to_network(warped.confidence, device)
    with device.autocast():
        return predict(network, image, hidden, reference, confidence, face)
