"""``brightening``: one photo, or every photo of a folder."""

import argparse
from pathlib import Path
from typing import Any

from pipelines.commands.arguments import add_photo_arguments, add_run_arguments
from pipelines.commands.batch import Progress, run_photos
from pipelines.commands.folder import photos_in
from pipelines.commands.outputs import Outputs
from pipelines.exports.bundles import write
from pipelines.exports.interface import exports_of
from pipelines.exports.tables import of_case
from pipelines.faces.images import read_image


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_photo_arguments(parser)
    add_run_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from toy_job.pipeline import Brightening

    exports, photos = exports_of("brightening"), photos_in(args.image)
    outputs = Outputs(args.out, photos, exports.ENDINGS, ["summary.csv"], {"a photo": args.image}, args.case)
    outputs.protect_weights()
    job = Brightening(args.weights, args.device, args.precision)

    def work(photo: Path, stem: str, progress: Progress) -> dict[str, Any]:
        result = of_case(job(read_image(photo), seed=args.seed, progress=progress), args.case)
        write(exports, result, outputs.folder, stem, stages=True)
        return exports.row(result)

    return run_photos(work, photos, args, exports.TABLE, outputs, [])
