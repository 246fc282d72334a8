"""``lists``: the three splits of a folder of photos, as the paper's script makes them."""

import argparse
from pathlib import Path

from pipelines.commands import console
from pipelines.errors import DataUnreadable, OptionInvalid


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="folder of photos, folders inside it included")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True,
        help="where train.txt, val.txt and test.txt go; training looks for them in FOLDER",
    )  # fmt: skip
    parser.add_argument("--val", type=float, default=0.05, help="share for validation (default %(default)s)")
    parser.add_argument("--test", type=float, default=0.05, help="share for testing (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the shuffle (default %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Writes the lists.

    Raises:
        DataUnreadable: the folder does not exist or holds no pictures.
        OptionInvalid: the shares leave nothing to train on.
    """
    from pipelines.training.data import write_lists

    if not (args.val >= 0 and args.test >= 0 and args.val + args.test < 1):
        raise OptionInvalid("The shares for validation and testing must be 0 or more, and together less than 1.")
    if not args.folder.is_dir():
        raise DataUnreadable("The data folder does not exist.")
    counts = write_lists(args.folder, args.out, val=args.val, test=args.test, seed=args.seed)
    console.table([("split", "photos"), *((split, str(count)) for split, count in counts.items())])
    return 0
