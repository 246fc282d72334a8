"""``prepare``: a set of faces as training can start from it in seconds."""

import argparse
from pathlib import Path

from pipelines.commands import arguments, console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("data", metavar="DATA", type=Path, help="folder of shards, or of photos, as train takes it")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="the prepared set: what train takes as --data"
    )
    parser.add_argument("--cache", default=".data", help="folder of the landmark cache (default %(default)s)")
    parser.add_argument("--size", type=arguments.count, default=256, help="side of the crops (default %(default)s)")
    parser.add_argument("--most", type=arguments.count, help="only the first so many training pictures")
    parser.add_argument(
        "--softest", type=float, metavar="DB",
        help="leave out training pictures with a higher detail_psnr in the set's table",
    )  # fmt: skip
    parser.add_argument("--cover", type=float, help="leave out pictures with a lower cover in the set's tables")


def run(args: argparse.Namespace) -> int:
    """Prepares the set.

    Raises:
        DataUnreadable: the set cannot be read, or is prepared already.
        OptionInvalid: the set would be prepared in its own folder.
    """
    from pipelines.training.preparing import prepare

    limits = {"most": args.most, "softest": args.softest, "cover": args.cover}
    with console.progress_bar() as progress:
        counts = prepare(args.data, args.out, size=args.size, cache=args.cache, progress=progress, **limits)
    console.table([("split", "faces"), *((split, str(count)) for split, count in counts.items())])
    return 0
