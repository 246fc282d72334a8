"""What a face without its mask becomes on disk; see :class:`pipelines.exports.interface.JobExports`."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from pipelines.arrays import Floats, Numbers, Pixels
from pipelines.exports import repainted
from pipelines.exports.pages.layout import Bar, Card, Facts, Page, Picture, wrapped
from pipelines.exports.pictures import MASK_COLOUR, POINT_COLOUR, Window, face_window, shrunk, window_around
from pipelines.exports.repainted import drawn_by, given_facts, made_facts, mask_from, repaint_facts
from pipelines.exports.summary import REPAINTED
from pipelines.exports.tables import footer, json_point, signed
from pipelines.identity.likeness import LIMITS, question_of_reference
from pipelines.jobs import MASK_REMOVAL
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _
from pipelines.mask_removal.references.sources import sources_picture, sources_sentence
from pipelines.results import MaskRemovalResult, UsedReference, pixels_sha256

ENDINGS = repainted.ENDINGS

STAGES: tuple[str, ...] = (
    *("segmentation", "hole", "reference", "warped", "confidence", "sources"),
    *("coarse", "refined", "final"),
)
"""Stages that have a picture, in the order of work."""

TABLE = REPAINTED

LANDMARKS = ("guessed_under_mask", "found_in_result")
"""What the landmarks are called: those of the photo nobody sees."""

_GREYS = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)  # from nothing to full confidence

_LINE = 54  # letters of a fact in the page's right column

LONGEST = 512
"""Longer side in pixels of the parts of photos among the stages' pictures; results keep every pixel."""


def facts(result: MaskRemovalResult) -> dict[str, Any]:
    """Everything about a result but its pictures: :func:`pipelines.exports.repainted.repaint_facts`.

    ``reference`` is None without one, and of several the one that fills most of the hole; ``references`` lists all that
    were used. Control points are in pixels of the reference.
    """
    used = _reference(result)
    own = {
        "engine": result.engine,
        "reference": used and _reference_facts(result, used),
        "references": [_used_facts(one) for one in result.references],
        "references_left_out": list(result.left_out),
    }
    return repaint_facts(result, MASK_REMOVAL, LANDMARKS, own)


def files(result: MaskRemovalResult) -> dict[str, bytes]:
    """The result and its facts: ``png`` and ``json``."""
    return repainted.files(result, facts(result))


def contents(result: MaskRemovalResult) -> dict[str, bytes]:
    """Pictures and tables: :func:`pipelines.exports.repainted.contents`."""
    return repainted.contents(result, facts(result), LANDMARKS)


def row(result: MaskRemovalResult, references: Sequence[str] = ()) -> dict[str, Any]:
    """A photo's row of the table: mask, references and likeness, beside what all jobs say.

    Args:
        result: of the photo.
        references: names of the references that were given, in their order.
    """
    own = {
        "mask_source": result.mask_source,
        "engine": result.engine,
        "reference": "; ".join(references[used.number - 1] for used in result.references) or "none",
        "reference_left_out": " ".join(result.left_out),
        "reference_yaw": "" if result.reference_yaw is None else f"{result.reference_yaw:z.1f}",
        "identity": "" if result.identity is None else f"{result.identity:z.4f}",
        "identity_meaning": likeness_sentence(result) or "",
        "identity_question": person_question(result) or "",
    }
    return repainted.row(result, own)


def mean_confidence(result: MaskRemovalResult) -> float | None:
    """Mean confidence, 0-1, in the warped reference over the hole; None without a reference."""
    return None if result.confidence is None else float(result.confidence[result.hole].mean())


def sources_legend(result: MaskRemovalResult) -> str | None:
    """What the colours of the picture ``sources`` mean; None where there were not several references."""
    return sources_sentence(result.references) if len(result.references) > 1 else None


def likeness_sentence(result: MaskRemovalResult) -> str | None:
    """How like the reference the result is, and what that means; None without a reference, or where nothing says."""
    if result.identity is None:
        return None
    said = _("Likeness to the reference: {likeness}; {limits}.")
    return said.format(likeness=_two_decimals(result.identity), limits=LIMITS)


def person_question(result: MaskRemovalResult) -> str | None:
    """Asks whether the reference shows the same person, where it hardly does; None where nothing is to be asked."""
    return None if result.identity_alone is None else question_of_reference(result.identity_alone)


def _two_decimals(similarity: float) -> str:
    return signed(f"{similarity:z.2f}")


class _Reference(NamedTuple):
    """What a result with a reference has of it; see :class:`~pipelines.results.MaskRemovalResult`."""

    photo: np.ndarray
    points: np.ndarray
    yaw: float
    warped: np.ndarray
    confidence: np.ndarray
    mean_confidence: float


def _reference(result: MaskRemovalResult) -> _Reference | None:
    """The reference and what was made of it; None without one."""
    photo, points, yaw = result.reference, result.reference_points, result.reference_yaw
    warped, confidence, mean = result.warped, result.confidence, mean_confidence(result)
    if photo is None or points is None or yaw is None or warped is None or confidence is None or mean is None:
        return None
    return _Reference(photo, points, yaw, warped, confidence, mean)


def _used_facts(used: UsedReference) -> dict[str, Any]:
    return {"number": used.number, **_photo_facts(used), "share_of_hole": round(used.share, 4)}


def _photo_facts(used: _Reference | UsedReference) -> dict[str, Any]:
    height, width = used.photo.shape[:2]
    return {
        "width": width,
        "height": height,
        "pixels_sha256": pixels_sha256(used.photo),
        "yaw_degrees": round(used.yaw, 2),
        "control_points": [json_point(point) for point in used.points],
    }


def _reference_facts(result: MaskRemovalResult, used: _Reference) -> dict[str, Any]:
    return {
        **_photo_facts(used),
        "identity_similarity": None if result.identity is None else round(result.identity, 4),
        "identity_meaning": likeness_sentence(result),
        "identity_drawn_alone": None if result.identity_alone is None else round(result.identity_alone, 4),
        "identity_question": person_question(result),
        "mean_confidence_in_hole": round(used.mean_confidence, 4),
    }


# --- pictures of the stages -----------------------------------------------------------------------------------------


def stage_pictures(result: MaskRemovalResult) -> dict[str, np.ndarray]:
    """What each stage made, by name in the order of work: those of :data:`STAGES` that the result has.

    * ``segmentation``: the photo around the face, the surgical mask that was found tinted blue;
    * ``hole``: the aligned face as the network sees it, what is hidden from it white;
    * ``reference``: the reference around its face, with the control points of the warp; of several the most used;
    * ``warped``: the reference warped onto the aligned face; several are fused;
    * ``confidence``: where that can be trusted, from black = 0 to white = 1;
    * ``sources``: where there were several, which of them fills which part of the hole, see :func:`sources_legend`;
    * ``coarse``, ``refined``: the aligned face as it was drafted, and as it was drawn after that;
    * ``final``: the result around the face.

    Returns:
        RGB ``uint8`` ``(H, W, 3)`` each: 256 × 256 in the aligned face's frame, at most :data:`LONGEST` pixels a side
        where it is a part of a photo.
    """
    window = face_window(result)
    pictures = {
        "hole": np.where(result.hole[..., None], np.uint8(255), result.crop_before),
        "refined": result.refined,
        "final": _part(result.image, window),
    }
    if _was_refined(result):
        pictures["coarse"] = result.coarse
    if result.found is not None:
        pictures["segmentation"] = _tinted(_part(result.photo, window), _part(result.found, window))
    if used := _reference(result):
        around = window_around(used.points, used.photo.shape)
        pictures["reference"] = _dotted(_part(used.photo, around), used.points, around)
        pictures["warped"] = used.warped
        pictures["confidence"] = _grey(used.confidence)
        if len(result.references) > 1:
            pictures["sources"] = sources_picture(result.crop, result.hole, result.references, used.confidence)
    return {name: pictures[name] for name in STAGES if name in pictures}


def _was_refined(result: MaskRemovalResult) -> bool:
    """Whether the draft is another picture than the one that was taken."""
    return result.engine == "paper" or result.reference is not None


def _grey(confidence: Floats) -> Pixels:
    """Confidence ``(H, W)`` in [0, 1] as RGB ``uint8`` ``(H, W, 3)``: read like a mask, black = 0 and white = 1."""
    grey = np.round(255 * confidence).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _part(image: Numbers, window: Window) -> Numbers:
    """The window, shrunk to :data:`LONGEST`; a mask becomes ``float32``, the share of each pixel that it covers."""
    left, top, right, bottom = window
    part = image[top:bottom, left:right]
    part = part.astype(np.float32) if part.dtype == np.bool_ else part
    return shrunk(part, LONGEST / max(part.shape[:2]))


def _tinted(image: Pixels, mask: Numbers) -> Pixels:
    share = 0.5 * mask[..., None]
    tinted: Numbers = image * (1 - share) + np.array(MASK_COLOUR, np.float32) * share
    return np.round(tinted).astype(np.uint8)


def _dotted(image: np.ndarray, points: np.ndarray, window: Window) -> np.ndarray:
    canvas = image.copy()
    corner, size = np.array(window[:2]), np.array(window[2:]) - window[:2]
    at = (points - corner) * (canvas.shape[1::-1] / size) - 0.5
    radius, bits = max(1.0, max(canvas.shape) / 130), 4
    for colour, extra in (((20, 20, 20), 1.0), (POINT_COLOUR, 0.0)):
        for x, y in np.round(at * 2**bits).astype(int).tolist():
            cv2.circle(canvas, (x, y), round((radius + extra) * 2**bits), colour, -1, cv2.LINE_AA, bits)
    return canvas


# --- the page -------------------------------------------------------------------------------------------------------


def page(result: MaskRemovalResult) -> Page:
    """Photo and result, the mask, and how the reference was used, or what the networks drew without one."""
    face, used = face_window(result), _reference(result)
    subtitle = _("The face without its mask. The masked part is generated, from the photo alone.")
    if used:
        subtitle = _("The face without its mask. The masked part is generated, with the help of a reference photo.")
    return Page(
        title=_("Mask removal"),
        subtitle=subtitle,
        subject=_("Mask removal: the face without its mask"),
        large=(
            Picture(title=_("Photo"), image=result.photo, window=face),
            Picture(title=_("Result"), image=result.image, window=face),
        ),
        small=[
            (
                Picture(title=_("Mask"), image=result.photo, window=face, mask=result.mask),
                Picture(title=_("Whole photo"), image=result.photo),
                Picture(title=_("Whole result"), image=result.image),
            ),
            _references(result, used) if used else _drafts(result),
        ],
        facts=(
            (0.7, (*given_facts(result), *(_seen(result, used) if used else ((_("Reference"), _("none")),)))),
            (0.82, wrapped((*made_facts(result), *(_agreement(result, used) if used else ())), _LINE)),
        ),
        footer=footer(result),
    )


def card(result: MaskRemovalResult) -> Card:
    """The result, how it was made, and how far its references were used."""
    used = _reference(result)
    engine = {"inpainter": _("the inpainting network"), "paper": _("the paper's networks")}[result.engine]
    references = ", ".join(_shares(result)) or (_("one") if used else _("none"))
    facts = [(_("Mask"), mask_from(result)), (_("Drawn by"), engine), (_("Reference"), references), *drawn_by(result)]
    if used:
        facts.append((_("Confidence"), figure(used.mean_confidence, ".2f")))
    if result.identity is not None:
        facts.append((_("Likeness"), _two_decimals(result.identity)))
    return Card(
        title=_("Mask removal"),
        picture=Picture(title=_("Result"), image=result.image, window=face_window(result)),
        facts=tuple(facts),
    )


def _shares(result: MaskRemovalResult) -> list[str]:
    return [
        _("{number} by {share} %").format(number=one.number, share=figure(100 * one.share, ".0f"))
        for one in result.references
    ]


def _references(result: MaskRemovalResult, used: _Reference) -> tuple[Picture, ...]:
    return (
        Picture(
            title=_("Reference and control points"),
            image=used.photo,
            window=window_around(used.points, used.photo.shape),
            points=used.points,
        ),
        Picture(title=_("Reference, warped"), image=used.warped, mask=result.hole),
        Picture(
            title=_("Confidence in the reference"),
            image=_grey(used.confidence),
            mask=result.hole,
            bar=Bar(_GREYS, {0.0: _("0: not used"), 0.5: figure(0.5), 1.0: _("1: trusted")}),
        ),
    )


def _drafts(result: MaskRemovalResult) -> tuple[Picture, ...]:
    hidden = Picture(title=_("Aligned face and hidden part"), image=result.crop_before, mask=result.hole)
    if not _was_refined(result):
        return hidden, Picture(title=_("Aligned face as drawn"), image=result.refined)
    return (
        hidden,
        Picture(title=_("Coarse network"), image=result.coarse),
        Picture(title=_("Refinement network"), image=result.refined),
    )


def _seen(result: MaskRemovalResult, used: _Reference) -> Facts:
    rows, columns = used.photo.shape[:2]
    turned = _("turned {angle}° to image-right") if used.yaw >= 0 else _("turned {angle}° to image-left")
    shares = _shares(result)
    size = _("{width} × {height} pixels, {count} control points").format(
        width=columns, height=rows, count=len(used.points)
    )
    return (
        *(((_("References used"), ", ".join(shares)),) if len(shares) > 1 else ()),
        (_("Reference"), size),
        (_("Its face"), turned.format(angle=figure(abs(used.yaw), ".1f"))),
    )


def _agreement(result: MaskRemovalResult, used: _Reference) -> Facts:
    """How far the reference was used, and how like it the result is."""
    confidence = (
        _("Confidence"),
        _("{number} on average in the mask").format(number=figure(used.mean_confidence, ".2f")),
    )
    if result.identity is None:
        return (confidence,)
    likeness = _("{likeness} of result and reference; {limits}")
    return confidence, (_("Likeness"), likeness.format(likeness=_two_decimals(result.identity), limits=LIMITS))
