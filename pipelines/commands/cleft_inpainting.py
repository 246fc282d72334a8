"""``cleft-inpainting``: one photo, or every photo of a folder.

What is written into ``--out``: ``STEM.png``, the result at the photo's size; ``STEM.json``, landmarks, measurements,
timings and weights; ``summary.csv``, a row a photo. Where two photos of a folder would write the same file (``a.jpg``
and ``a.png``), the results of both carry the photo's whole name (``a.jpg.png`` and ``a.png.png``); ``summary.csv``
says which result is whose, and what of the folders was passed over.
"""

import argparse
from pathlib import Path
from typing import Any

from pipelines.cases.contents import Setting
from pipelines.cleft_inpainting.choices import EXTENT
from pipelines.cleft_inpainting.exports import ENDINGS, TABLE
from pipelines.commands.arguments import add_photo_arguments, add_repaint_arguments
from pipelines.commands.batch import Progress, run_batch
from pipelines.commands.case_options import saving
from pipelines.commands.folder import Companions, left_over, photos_in
from pipelines.commands.outputs import Outputs
from pipelines.faces.images import read_image, read_mask
from pipelines.faces.masks import EXTENTS
from pipelines.jobs import CLEFT_INPAINTING
from pipelines.languages.translation import _


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_photo_arguments(parser)
    region = parser.add_mutually_exclusive_group()
    region.add_argument(
        "--mask", metavar="FILE|FOLDER", type=Path,
        help=_("what to repaint: white = repaint, so black strokes on white keep the strokes alone; a folder of masks "
        "is matched by file stem"),
    )  # fmt: skip
    region.add_argument(
        "--extent", "--auto", choices=EXTENTS, default=EXTENT,
        help=_("suggest the mask from the landmarks (default %(default)s)"),
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

    from pipelines.cleft_inpainting.pipeline import CleftInpainting
    from pipelines.models import loading

    outputs = Outputs(
        args.out, photos, ENDINGS, [TABLE.file], {_("a photo"): args.image, _("a mask"): args.mask}, args.case
    )
    outputs.protect_weights()
    left = left_over(args.image, photos, [masks], [args.out])
    job = CleftInpainting(args.weights, args.device, args.precision)
    loading.load(args.weights, job.device.torch_device)  # what is wrong with the weights is wrong for every photo

    def repaint(photo: Path, progress: Progress) -> tuple[Any, list[str], dict[str, Setting]]:
        pixels = read_image(photo)
        result = job(
            pixels,
            mask=read_mask(masks.needed_for(photo), pixels.shape[:2]) if masks else None,
            extent=args.extent,
            face=args.face - 1,
            grow=args.grow,
            feather=args.feather,
            seed=args.seed,
            progress=progress,
        )
        return result, [], {"extent": args.extent, "feather": args.feather}

    with saving(args) as keep:
        return run_batch(CLEFT_INPAINTING, repaint, photos, args, outputs, left, keep=keep)
