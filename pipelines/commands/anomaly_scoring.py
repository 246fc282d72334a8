"""``anomaly-scoring``: one photo, or every photo of a folder.

What is written into ``--out``: ``scores.csv``, a row a photo; ``STEM.normalized.png``, the aligned face as it would be
without the anomaly; ``STEM.local.png``, what does not fit the face; ``STEM.asymmetry.png``, where its sides differ;
``STEM.heatmap.png``, where it differs from the normalized face; these maps in numbers, ``STEM.local.npy``,
``STEM.asymmetry.npy`` and ``STEM.npy``; ``STEM.json``, everything else. Photos called ``PATIENT_before`` and
``PATIENT_after`` have a page together, ``PATIENT.before-after.pdf``. Photos of one stem are told apart, and what was
passed over is said, as by ``cleft-inpainting``.
"""

import argparse
from pathlib import Path
from typing import Any

from pipelines.anomaly_scoring import exports
from pipelines.anomaly_scoring.before_after import save_before_after
from pipelines.anomaly_scoring.choices import (
    CLINIC,
    COLOURS,
    DEFAULT,
    EVERYONE,
    FORMULAS,
    KINDS,
    MOST_SEARCHES,
    NORMALIZER_NAMES,
    REGIONS,
    SEARCHES,
)
from pipelines.anomaly_scoring.scoring.scale import check_group
from pipelines.cases.contents import Setting
from pipelines.commands.arguments import add_photo_arguments, add_run_arguments
from pipelines.commands.batch import Progress, run_photos
from pipelines.commands.case_options import saving
from pipelines.commands.folder import Companions, left_over, photos_in
from pipelines.commands.outputs import Outputs
from pipelines.commands.pairs import Pairs
from pipelines.exports.bundles import write
from pipelines.exports.tables import of_case
from pipelines.faces.images import read_image, read_mask
from pipelines.languages.translation import _
from pipelines.results import AnomalyScoringResult

_OWN = ("searches", "steps", "adaptation_steps", "frames_until")
"""Options of one normalizer each."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_photo_arguments(
        parser,
        _(
            "DIR/STEM.normalized.png; DIR/STEM.local.png, DIR/STEM.asymmetry.png and DIR/STEM.heatmap.png, and these "
            "maps as NPY; DIR/STEM.json and DIR/{table}; of photos called PATIENT_before and PATIENT_after also "
            "DIR/PATIENT.before-after.pdf, a page of both"
        ).format(table=exports.TABLE.file),
    )
    add_scoring_arguments(parser)
    parser.add_argument(
        "--mask", metavar="FILE|FOLDER", type=Path,
        help=_("score what is white there instead of --region, so black strokes on white leave the strokes out; a "
        "folder of masks is matched by file stem"),
    )  # fmt: skip


def add_scoring_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds how faces are normalized and compared."""
    parser.add_argument(
        "--normalizer", choices=tuple(NORMALIZER_NAMES), default=DEFAULT,
        help=_("how the normalized face is drawn (default %(default)s)"),
    )  # fmt: skip
    parser.add_argument("--region", choices=REGIONS, default=REGIONS[0], help=_("what is scored (default %(default)s)"))
    parser.add_argument(
        "--kind", "--map", choices=KINDS, default="pse", help=_("measure of the difference (default %(default)s)")
    )
    parser.add_argument("--colour", choices=COLOURS, default="ycbcr", help=_("colour space (default %(default)s)"))
    parser.add_argument(
        "--erosion", action=argparse.BooleanOptionalAction, default=True, help=_("erode the map (default: yes)")
    )
    parser.add_argument(
        "--formula", choices=FORMULAS, default=FORMULAS[0], help=_("of the score (default %(default)s, the paper's 6)")
    )
    parser.add_argument(
        "--group", default=EVERYONE,
        help=_("faces to compare with: an age, {clinic} (from the front, lips closed, even light), or all "
        "(default)").format(clinic=CLINIC),
    )  # fmt: skip
    parser.add_argument(
        "--searches", metavar="N", type=int,
        help=_("how often lips and nose are searched, 1 to {most_searches} (inpainting alone; default "
        "{searches})").format(most_searches=MOST_SEARCHES, searches=SEARCHES),
    )  # fmt: skip
    parser.add_argument("--steps", metavar="N", type=int, help=_("steps of the inversion (stylegan2 alone)"))
    parser.add_argument(
        "--adaptation-steps", metavar="N", type=int, help=_("steps of the adaptation, 0 to 500 (stylegan2 alone)")
    )
    parser.add_argument(
        "--frames-until", metavar="N", type=int,
        help=_("adapt on up to this step, at most 500, to see when the anomaly reappears (stylegan2 alone); the score "
        "stays the same"),
    )  # fmt: skip
    add_run_arguments(parser)


def scorer(args: argparse.Namespace) -> Any:
    """The :class:`~pipelines.anomaly_scoring.pipeline.AnomalyScoring` that the arguments ask for.

    Raises:
        PhiltrumError: an option, the device or the weights are wrong.
    """
    from pipelines.anomaly_scoring.pipeline import AnomalyScoring

    check_group(args.group)
    given = {name: value for name in _OWN if (value := getattr(args, name)) is not None}
    return AnomalyScoring(args.normalizer, args.weights, args.device, args.precision, **given)


def comparison(args: argparse.Namespace) -> dict[str, Any]:
    """What of the arguments a call of the scorer takes."""
    return {
        "region": args.region,
        "kind": args.kind,
        "colour": args.colour,
        "erosion": args.erosion,
        "formula": args.formula,
        "group": args.group,
        "face": args.face - 1,
        "seed": args.seed,
    }


def run(args: argparse.Namespace) -> int:
    """Runs the command: 0 every photo worked, 1 some did, 2 none did.

    Raises:
        PhiltrumError: nothing could run. Of a single photo its own error, and nothing was written.
        OSError: the output folder cannot be written to.
    """
    photos = photos_in(args.image)
    masks = Companions(args.mask, "mask") if args.mask else None

    given = {_("a photo"): args.image, _("a mask"): args.mask}
    pairs = Pairs(photos)
    outputs = Outputs(args.out, photos, exports.ENDINGS, [exports.TABLE.file, *pairs.names.values()], given, args.case)
    left = left_over(args.image, photos, [masks], [args.out])
    outputs.protect_weights()
    job = scorer(args)
    job.basis()  # what is wrong with the weights is wrong for every photo

    def work(photo: Path, stem: str, progress: Progress) -> dict[str, Any]:
        partner = pairs.partner(photo)
        pixels = read_image(photo)
        mask = read_mask(masks.needed_for(photo), pixels.shape[:2]) if masks else None
        result = of_case(job(pixels, mask=mask, progress=progress, **comparison(args)), args.case)
        outputs.check_files(stem)
        write(exports, result, outputs.folder, stem)
        keep(result, _settings(args, result))
        if (pair := pairs.add(photo, result, partner)) is not None:
            outputs.check_tables()
            save_before_after(outputs.folder / outputs.table(pairs.names[photo]), *pair)
        return exports.row(result)

    with saving(args) as keep:
        return run_photos(work, photos, args, exports.TABLE, outputs, left)


def _settings(args: argparse.Namespace, result: AnomalyScoringResult) -> dict[str, Setting]:
    """What a case file keeps of how a face was scored."""
    own = {name: getattr(args, name) for name in _OWN if getattr(args, name) is not None}
    how = {name: value for name, value in comparison(args).items() if name != "face"}
    return how | own | {"region": result.basis.region, "normalizer": args.normalizer}
