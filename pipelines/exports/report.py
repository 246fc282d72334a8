"""A result as one page to print: what stands on each job's page. How it is drawn: :mod:`pipelines.exports.page`."""

from pipelines import __version__
from pipelines.exports.page import Facts, Page, Picture, write_page
from pipelines.exports.pictures import confidence_picture, face_window, window_around
from pipelines.exports.tables import mask_share, mean_confidence, photo_facts, signed
from pipelines.results import CleftInpaintingResult, MaskRemovalResult, RepaintResult


def render(result: RepaintResult, kind: str = "pdf", dpi: int = 110) -> bytes:
    """The page as a file.

    Args:
        result: what to show.
        kind: ``"pdf"``, or ``"png"`` to look at it.
        dpi: resolution of a PNG.

    Returns:
        The file; the same result gives the same bytes, without date, user or host.
    """
    return write_page(_PAGES[type(result)](result), kind, dpi)


def _cleft_page(result: CleftInpaintingResult) -> Page:
    face = face_window(result)
    return Page(
        title="Cleft inpainting",
        subtitle="Predicted non-cleft face with 68 landmarks. The painted part is generated.",
        subject="Cleft inpainting: predicted non-cleft face",
        large=(
            Picture(title="Photo", image=result.photo, window=face),
            Picture(title="Prediction", image=result.image, window=face),
        ),
        small=[
            (
                Picture(
                    title="Mask and predicted landmarks",
                    image=result.image,
                    window=face,
                    mask=result.mask,
                    landmarks=result.landmarks,
                ),
                Picture(title="Whole photo", image=result.photo),
                Picture(title="Whole prediction", image=result.image),
            )
        ],
        measurements=tuple(zip(result.measurements_before, result.measurements, strict=True)),
        facts=((0.5, _given(result)), (0.82, _made(result))),
        footer=_footer(result),
    )


def _mask_removal_page(result: MaskRemovalResult) -> Page:
    face = face_window(result)
    helped = "from the photo alone" if result.reference is None else "with the help of a reference photo"
    return Page(
        title="Mask removal",
        subtitle=f"The face without its mask. The masked part is generated, {helped}.",
        subject="Mask removal: the face without its mask",
        large=(
            Picture(title="Photo", image=result.photo, window=face),
            Picture(title="Result", image=result.image, window=face),
        ),
        small=[
            (
                Picture(title="Mask", image=result.photo, window=face, mask=result.mask),
                Picture(title="Whole photo", image=result.photo),
                Picture(title="Whole result", image=result.image),
            ),
            _drafts(result) if result.reference is None else _references(result),
        ],
        facts=((0.7, (*_given(result), *_reference(result))), (0.82, (*_made(result), *_agreement(result)))),
        footer=_footer(result),
    )


_PAGES = {CleftInpaintingResult: _cleft_page, MaskRemovalResult: _mask_removal_page}


def _references(result: MaskRemovalResult) -> tuple[Picture, ...]:
    return (
        Picture(
            title="Reference and control points",
            image=result.reference,
            window=window_around(result.reference_points, result.reference.shape),
            points=result.reference_points,
        ),
        Picture(title="Reference, warped", image=result.warped, mask=result.hole),
        Picture(
            title="Confidence in the reference",
            image=confidence_picture(result.confidence),
            mask=result.hole,
            scale=("0: not used", "0.5", "1: trusted"),
        ),
    )


def _drafts(result: MaskRemovalResult) -> tuple[Picture, ...]:
    return (
        Picture(title="Aligned face and hidden part", image=result.crop_before, mask=result.hole),
        Picture(title="Coarse network", image=result.coarse),
        Picture(title="Refinement network", image=result.refined),
    )


def _given(result: RepaintResult) -> Facts:
    rows, columns = result.photo.shape[:2]
    source = result.mask_source if result.extent is None else f"{result.mask_source}, {result.extent}"
    return (
        ("Photo", f"{columns} × {rows} pixels, face {result.face + 1} of {result.faces}"),
        *photo_facts(result),
        ("Mask", f"{source}; {100 * mask_share(result):.1f} % of the photo"),
    )


def _reference(result: MaskRemovalResult) -> Facts:
    if result.reference is None:
        return (("Reference", "none"),)
    rows, columns = result.reference.shape[:2]
    side = "right" if result.reference_yaw >= 0 else "left"
    return (
        ("Reference", f"{columns} × {rows} pixels, {len(result.reference_points)} control points"),
        ("Its face", f"turned {abs(result.reference_yaw):.1f}° to image-{side}"),
    )


def _made(result: RepaintResult) -> Facts:
    return (
        ("Weights", ", ".join(f"{used.name}, SHA-256 {used.sha256}" for used in result.weights)),
        ("Computed on", f"{result.device}, in {sum(result.seconds.values()):.1f} s"),
    )


def _agreement(result: MaskRemovalResult) -> Facts:
    """How far the reference was used, and how like it the result is."""
    if result.reference is None:
        return ()
    facts = (("Confidence", f"{mean_confidence(result):.2f} on average in the mask"),)
    if result.identity is None:
        return facts
    return (*facts, ("Similarity", signed(f"{result.identity:z.2f} of reference and result, from −1 to 1")))


def _footer(result: RepaintResult) -> str:
    used = ", ".join(f"{one.name} {one.sha256}" for one in result.weights)
    return f"Philtrum {__version__} · {used} · seed {result.seed} · {result.device}"
