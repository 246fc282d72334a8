"""Mask removal: from a photo of a masked face, and a reference where there is one, to the face without its mask."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pipelines import devices
from pipelines.arrays import Mask, Numbers, Pixels, Points
from pipelines.devices import Precision
from pipelines.errors import OptionInvalid
from pipelines.faces import masks
from pipelines.faces.blending.hole import FEATHER, make_hole
from pipelines.faces.blending.tone import find_tone
from pipelines.faces.pixels.arrays import mask_of
from pipelines.faces.subject import Subject, find_subject
from pipelines.identity.embedding import FaceEmbedder, find_embedder
from pipelines.jobs import CLEFT_INPAINTING, MASK_REMOVAL
from pipelines.languages.translation import N_, _
from pipelines.mask_removal.choices import CONTROL_POINTS, ENGINE, ENGINES
from pipelines.mask_removal.painting import Painter, Painting, paint
from pipelines.mask_removal.references.gathering import (
    FusedReferences,
    find_references,
    photos_of,
)
from pipelines.mask_removal.segmentation import segment_mask, with_margin
from pipelines.models import loading
from pipelines.progress import Progress, Stages
from pipelines.results import Extent, MaskRemovalResult, PaintingEngine, WeightsUsed


class MaskRemoval:
    """Draws the face under a surgical mask.

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
        reference: Pixels | Sequence[Pixels] | None = None,
        mask: Numbers | None = None,
        extent: Extent | None = None,
        face: int = 0,
        reference_face: int | Sequence[int] = 0,
        points: int = CONTROL_POINTS,
        engine: PaintingEngine = ENGINE,
        grow: float = 0.0,
        feather: float = FEATHER,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> MaskRemovalResult:
        """Repaints what the mask hides.

        Args:
            photo: RGB ``uint8`` ``(H, W, 3)``.
            reference: RGB ``uint8`` ``(H', W', 3)``, the same person without a mask, at any size and from any angle at
                which both eyes are seen; or up to :data:`pipelines.mask_removal.choices.MOST_REFERENCES` such photos,
                of which each place is taken from the one that shows it best, and those that cannot be used are left
                out; None draws from the photo alone.
            mask: ``bool`` ``(H, W)``, True = repaint, or what :func:`pipelines.faces.pixels.arrays.as_mask` takes for
                such; None finds the surgical mask, or takes ``extent``.
            extent: a region to suggest instead of looking for a mask, one of :data:`pipelines.faces.masks.EXTENTS`.
            face: which face of the photo, 0 = the largest.
            reference_face: which face of the reference; of several one number for all, or one for each.
            points: control points of the reference's warp.
            engine: who paints, one of :data:`pipelines.mask_removal.choices.ENGINES`.
            grow: widens the mask by so many per cent of the distance between the eyes; negative narrows it.
            feather: width of the blend outside the mask, in the same unit.
            seed: 0 draws what the inpainter thinks likeliest, every other number another face that it could be; also
                of the grain that is added where the photo is finer than the network's picture.
            progress: called with a fraction and a text before each stage. What it raises stops the run.

        What of the mask reaches beyond the crop that the network draws is continued from what is around it.

        Returns:
            The result; outside ``result.alpha > 0`` its image equals the photo bit for bit.

        Raises:
            ArrayInvalid: photo, reference or mask are no such arrays.
            NoFaceFound, FaceIndexInvalid: there is no such face in the photo or the reference.
            SurgicalMaskNotFound: no mask was given, and none was found.
            ReferenceUnusable: the reference cannot be warped onto the face. Of several it is said why the first cannot
                be used, where none can.
            MaskMismatch, MaskEmpty, MaskOffFace, MaskTooLarge: the mask does not fit the photo or the face.
            ImageTooSmall, FaceIncomplete: a face has too few pixels, or is cut by the photo's edge.
            OptionInvalid: no such extent, engine or number of points, a negative feather, or too many references.
            WeightsMissing, WeightsCorrupt, WeightsUnknown: the weights cannot be loaded.
        """
        given, photos, stage = mask_of(photo, mask), photos_of(reference), Stages(progress)

        with stage(N_("loading"), 0.0):
            models = self.load(engine=engine, reference=bool(photos))

        with stage(N_("landmarks"), 0.1):
            subject, refs = find_subject(photo, face), find_references(photos, reference_face)

        with stage(N_("segmentation"), 0.25):
            found = segment_mask(photo, subject.face).cloth if given is None and extent is None else None

        with stage(N_("alignment"), 0.4):
            edge: dict[str, Any] = {"grow": grow, "feather": feather}
            hole, crop = make_hole(_wanted(given, found, extent, subject), subject, **edge), subject.crop

        painted = paint(models.painter, subject, hole, refs, points=points, seed=seed, device=self.device, stage=stage)

        with stage(N_("compositing"), 0.8):
            tone = find_tone(crop, ~hole.crop)
            coarse, refined = tone(painted.draft), tone(painted.image)
            filled = hole.filled(subject, refined, tone=tone, seed=seed)

        with stage(N_("result"), 0.9):
            after = subject.landmarks_after(filled.image, hole.mask, filled.crop, subject.face.points)
            likenesses = _likenesses(models.embedder, filled.image, after, painted)

        stage.done()
        return MaskRemovalResult(
            image=filled.image,
            photo=photo,
            mask=hole.mask,
            alpha=filled.alpha,
            crop_before=crop,
            crop=filled.crop,
            landmarks_before=subject.face.points,
            landmarks=after,
            seconds=stage.seconds,
            weights=models.used,
            device=self.device.label,
            seed=seed,
            face=face,
            faces=len(subject.faces),
            extent=extent if mask is None else None,
            **edge,
            found=found,
            hole=hole.crop,
            **_told(painted.references),
            engine=engine,
            coarse=coarse,
            refined=refined,
            **likenesses,
        )

    def load(self, *, engine: PaintingEngine = ENGINE, reference: bool) -> "Models":
        """The networks of a run, and where there is a reference what says how like it a result is.

        The second is None without a reference, and where a person's own weights folder names no face embedder.

        Raises:
            OptionInvalid: there is no such engine.
            WeightsMissing, WeightsCorrupt, WeightsUnknown: the weights cannot be loaded.
        """
        if engine not in ENGINES:
            raise OptionInvalid(_("The engine must be one of {choices}.").format(choices=", ".join(ENGINES)))
        place = self.device.torch_device
        own = loading.load(self.weights, place, job=MASK_REMOVAL)
        inpainter = loading.load(None, place, job=CLEFT_INPAINTING) if engine == "inpainter" else None
        painter = Painter(own.network, None if inpainter is None else inpainter.network)
        drew = [inpainter] if inpainter and not reference else [own, inpainter]
        embedder = find_embedder() if reference else None
        networks = [*drew, embedder and embedder.model]
        return Models(painter, embedder, tuple(WeightsUsed(one.name, one.sha256[:12]) for one in networks if one))


class Models(NamedTuple):
    """What a run needs loaded.

    Attributes:
        painter: draws.
        embedder: says how like the reference a result is, or None.
        used: the weights that a result hangs on.
    """

    painter: Painter
    embedder: FaceEmbedder | None
    used: tuple[WeightsUsed, ...]


def _likenesses(embedder: FaceEmbedder | None, image: Pixels, landmarks: Points, painting: Painting) -> dict[str, Any]:
    """How like the most used reference the repainted face is, and the face as it was painted without one."""
    laid, found = painting.references, dict[str, Any].fromkeys(("identity", "identity_alone"))
    if embedder is None or laid is None:
        return found
    reference = embedder.embed(laid.lead.photo, laid.face.points)
    found["identity"] = float(embedder.embed(image, landmarks) @ reference)
    if painting.alone is not None:
        crop, face = painting.alone
        found["identity_alone"] = float(embedder.embed(crop, face.points) @ reference)
    return found


def _told(laid: FusedReferences | None) -> dict[str, Any]:
    """What a result says of references."""
    if laid is None:
        return dict.fromkeys(("reference", "reference_points", "reference_yaw", "warped", "confidence"))
    return {
        "reference": laid.lead.photo,
        "reference_points": laid.lead.points,
        "reference_yaw": laid.lead.yaw,
        "warped": laid.fused.image,
        "confidence": laid.fused.confidence,
        "references": laid.used,
        "left_out": laid.left_out,
    }


def _wanted(given: Mask | None, found: Mask | None, extent: Extent | None, subject: Subject) -> Mask:
    """What is to be repainted, ``bool`` ``(H, W)``: what was given, else what was found, else a region."""
    if given is not None:
        return given
    if found is not None:
        return with_margin(found, subject.face)
    assert extent is not None, "a mask is looked for only where no region is asked for"
    return masks.suggest_mask(subject.face, subject.shape, extent)
