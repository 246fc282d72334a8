"""Cleft inpainting: from a photo and a mask to the predicted non-cleft face."""

from functools import partial

import numpy as np

from pipelines import devices
from pipelines.arrays import Numbers, Pixels, Points
from pipelines.cleft_inpainting.choices import EXTENT
from pipelines.cleft_inpainting.network import INCLG
from pipelines.devices import Precision
from pipelines.faces import masks
from pipelines.faces.blending.hole import FEATHER, Hole, make_hole
from pipelines.faces.blending.skin import visible_face
from pipelines.faces.blending.tone import find_tone
from pipelines.faces.measurements import measure
from pipelines.faces.pixels.arrays import mask_of
from pipelines.faces.subject import Subject, find_subject
from pipelines.languages.translation import N_
from pipelines.models import loading
from pipelines.progress import Progress, Stages
from pipelines.results import CleftInpaintingResult, Extent, WeightsUsed
from pipelines.tensors import ask, to_pixels


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

    def __init__(self, weights: str | None = None, device: str = "auto", precision: Precision = "auto") -> None:
        self.weights = weights
        self.device = devices.choose(device, precision)

    def __call__(
        self,
        photo: Pixels,
        *,
        mask: Numbers | None = None,
        extent: Extent = EXTENT,
        face: int = 0,
        grow: float = 0.0,
        feather: float = FEATHER,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> CleftInpaintingResult:
        """Repaints the masked region of a face.

        Args:
            photo: RGB ``uint8`` ``(H, W, 3)``.
            mask: ``bool`` ``(H, W)``, True = repaint, or what :func:`pipelines.faces.pixels.arrays.as_mask` takes for
                such; None suggests one from the landmarks.
            extent: the region to suggest, one of :data:`pipelines.faces.masks.EXTENTS`.
            face: which face, 0 = the largest.
            grow: widens the mask by so many per cent of the distance between the eyes; negative narrows it.
            feather: width of the blend outside the mask, in the same unit.
            seed: 0 draws what the network thinks likeliest, every other number another face that it could be; also of
                the grain that is added where the photo is finer than the network's picture.
            progress: called with a fraction and a text before each stage. What it raises stops the run.

        What of the mask reaches beyond the crop that the network draws is continued from what is around it.

        Returns:
            The result; outside ``result.alpha > 0`` its image equals the photo bit for bit.

        Raises:
            ArrayInvalid: photo or mask are no such arrays.
            NoFaceFound, FaceIndexInvalid: there is no such face.
            MaskMismatch, MaskEmpty, MaskOffFace, MaskTooLarge: the mask does not fit the photo or the face.
            ImageTooSmall, FaceIncomplete: the face has too few pixels, or is cut by the photo's edge.
            OptionInvalid: no such extent, or a negative feather.
            WeightsMissing, WeightsCorrupt, WeightsUnknown: the weights cannot be loaded.
        """
        given = mask_of(photo, mask)
        stage = Stages(progress)

        with stage(N_("loading"), 0.0):
            model = loading.load(self.weights, self.device.torch_device, job="cleft-inpainting")

        with stage(N_("landmarks"), 0.1):
            subject = find_subject(photo, face)

        with stage(N_("alignment"), 0.3):
            crop = subject.crop

        with stage(N_("mask"), 0.4):
            wanted = masks.suggest_mask(subject.face, subject.shape, extent) if given is None else given
            hole = make_hole(wanted, subject, grow=grow, feather=feather)

        with stage(N_("network"), 0.55):
            drawn, predicted = _predict(model.network, subject, hole, seed, self.device)

        with stage(N_("compositing"), 0.75):
            tone = find_tone(crop, ~hole.crop)
            filled = hole.filled(subject, tone(drawn), tone=tone, seed=seed)

        with stage(N_("measurements"), 0.9):
            before = subject.face.points
            after = subject.landmarks_after(filled.image, hole.mask, filled.crop, predicted)
            measures = measure(before), measure(after)

        stage.done()
        return CleftInpaintingResult(
            image=filled.image,
            photo=photo,
            mask=hole.mask,
            alpha=filled.alpha,
            crop_before=crop,
            crop=filled.crop,
            landmarks_before=before,
            landmarks=after,
            measurements_before=measures[0],
            measurements=measures[1],
            seconds=stage.seconds,
            weights=(WeightsUsed(model.name, model.sha256[:12]),),
            device=self.device.label,
            seed=seed,
            face=face,
            faces=len(subject.faces),
            extent=extent if mask is None else None,
            grow=grow,
            feather=feather,
        )


def _predict(network: INCLG, subject: Subject, hole: Hole, seed: int, device: devices.Device) -> tuple[Pixels, Points]:
    """The crop as the network draws it, ``uint8`` ``(S, S, 3)``, and its landmarks in pixels of the photo ``(68,
    2)``."""
    seen = visible_face(subject.crop, subject.crop_face, hole.crop)
    output = ask(partial(network.predict, seed=seed), (subject.crop, hole.crop, seen), device)
    points = output.landmarks[0].float().cpu().numpy() * subject.alignment.size
    return to_pixels(output.image), subject.alignment.to_photo(points).astype(np.float32)
