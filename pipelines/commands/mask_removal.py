"""``mask-removal``: one photo of a masked face, or every photo of a folder, with or without reference photos.

What is written into ``--out``: ``STEM.png``, the result at the photo's size; ``STEM.json``, landmarks, reference,
timings and weights; ``summary.csv``, a row a photo; with ``--stages`` also ``STEM.NAME.png``, the picture of every
stage. Photos of one stem are told apart, and what was passed over is said, as by ``cleft-inpainting``.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.cases.contents import Setting
from pipelines.commands import console
from pipelines.commands.arguments import add_photo_arguments, add_repaint_arguments, count
from pipelines.commands.batch import Progress, run_batch
from pipelines.commands.case_options import saving
from pipelines.commands.folder import Companions, left_over, photos_in
from pipelines.commands.outputs import Outputs
from pipelines.errors import OptionInvalid, PhiltrumError
from pipelines.faces.images import read_image, read_mask
from pipelines.faces.masks import EXTENTS
from pipelines.jobs import MASK_REMOVAL
from pipelines.languages.translation import _
from pipelines.mask_removal.choices import CONTROL_POINTS, ENGINE, ENGINES
from pipelines.mask_removal.exports import ENDINGS, STAGES, TABLE, likeness_sentence, person_question


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_photo_arguments(parser)
    parser.add_argument(
        "--reference", metavar="FILE|FOLDER", type=Path, nargs="+",
        help=_("the same person without a mask, in one photo or in up to five, of which each place is taken from the "
        "one that shows it best; a folder of references is matched by file stem (STEM, STEM-1, STEM-2), and a photo "
        "without one there is done without"),
    )  # fmt: skip
    region = parser.add_mutually_exclusive_group()
    region.add_argument(
        "--mask", metavar="FILE|FOLDER", type=Path,
        help=_("what to repaint: white = repaint, so black strokes on white keep the strokes alone; a folder of masks "
        "is matched by file stem (default: the surgical mask is found in the photo)"),
    )  # fmt: skip
    region.add_argument(
        "--extent", "--auto", choices=EXTENTS, help=_("suggest what to repaint from the landmarks instead")
    )
    parser.add_argument("--stages", action="store_true", help=_("also write DIR/STEM.NAME.png of every stage"))
    parser.add_argument(
        "--points", metavar="N", type=count, default=CONTROL_POINTS,
        help=_("control points of the reference's warp (default %(default)s)"),
    )  # fmt: skip
    parser.add_argument(
        "--reference-face", metavar="N", type=count, nargs="+", default=[1],
        help=_("which face of the reference, 1 = the largest (default); of several one number for all, or one "
        "for each"),
    )  # fmt: skip
    parser.add_argument(
        "--engine", choices=ENGINES, default=ENGINE,
        help=_("inpainter: the inpainting network draws and a reference refines it; paper: the paper's coarse and "
        "refinement network alone (default %(default)s)"),
    )  # fmt: skip
    add_repaint_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the command: 0 every photo worked, 1 some did, 2 none did.

    Raises:
        PhiltrumError: nothing could run. Of a single photo its own error, and nothing was written.
        OSError: the output folder cannot be written to.
    """
    photos = photos_in(args.image)
    masks = Companions(args.mask, "mask") if args.mask else None
    references = Companions(args.reference, "reference", several=True) if args.reference else None
    if references and not references.files:
        raise OptionInvalid(_("The folder of references holds no pictures; leave --reference out, or check its path."))

    from pipelines.mask_removal.pipeline import MaskRemoval

    outputs = Outputs(
        args.out,
        photos,
        [*ENDINGS, *(f"{stage}.png" for stage in STAGES if args.stages)],
        [TABLE.file],
        {_("a photo"): args.image, _("a mask"): args.mask, _("a reference"): args.reference},
        args.case,
    )
    outputs.protect_weights()
    left = left_over(args.image, photos, [masks, references], [args.out])
    job = MaskRemoval(args.weights, args.device, args.precision)
    # What is wrong with the weights is wrong for every photo.
    job.load(engine=args.engine, reference=references is not None)
    likenesses: list[str] = []
    left_out: list[str] = []

    def repaint(photo: Path, progress: Progress) -> tuple[Any, list[str], dict[str, Setting]]:
        pixels = read_image(photo)
        files = references.all_of(photo, photos) if references else []
        result = job(
            pixels,
            reference=[_read_reference(file) for file in files],
            mask=read_mask(masks.needed_for(photo), pixels.shape[:2]) if masks else None,
            extent=args.extent,
            face=args.face - 1,
            reference_face=_faces(args.reference_face),
            points=args.points,
            engine=args.engine,
            grow=args.grow,
            feather=args.feather,
            seed=args.seed,
            progress=progress,
        )
        likenesses.extend(filter(None, [likeness_sentence(result), person_question(result)]))
        left_out.extend(result.left_out)
        settings = {
            "choice": "with" if files else "without",
            "points": args.points,
            "painting": args.engine,
            "feather": args.feather,
        }
        return result, [file.name for file in files], settings

    with saving(args) as keep:
        status = run_batch(MASK_REMOVAL, repaint, photos, args, outputs, left, keep=keep, stages=args.stages)
    if args.image.is_file():  # of a folder the table says it
        for sentence in left_out:
            console.complain(sentence)
        for sentence in likenesses:
            console.say(sentence)
    return status


def _faces(numbers: Sequence[int]) -> int | list[int]:
    """The pipeline's words for the numbers that were given: one for all references, or one for each."""
    return numbers[0] - 1 if len(numbers) == 1 else [number - 1 for number in numbers]


def _read_reference(path: Path) -> Any:
    """The reference; its errors say that it is meant, and not the photo."""
    try:
        return read_image(path)
    except PhiltrumError as error:
        raise type(error)(_("The reference photo cannot be used. {error}").format(error=error)) from error
