"""``weights``: what the manifest names, whether the files are whole, and where they come from."""

import argparse
import json
from pathlib import Path
from typing import Any

from pipelines.commands import console
from pipelines.errors import PhiltrumError, WeightsMissing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="what the manifest names")
    verify = actions.add_parser("verify", help="compare files with their SHA-256")
    verify.add_argument("name", metavar="NAME", nargs="?", help="only these weights (default: all)")
    get = actions.add_parser("get", help="download weights; a broken download goes on where it stopped")
    get.add_argument("name", metavar="NAME")
    foreign = actions.add_parser("import", help="convert a .pt, .pth or .pkl checkpoint; runs no code of it")
    foreign.add_argument("source", metavar="SRC", type=Path)
    foreign.add_argument("name", metavar="NAME", help="what the weights shall be called")
    foreign.add_argument("--licence", required=True, help="what may be done with them, in a few words")
    foreign.add_argument("--job", default="cleft-inpainting", help="the job that they are for (default %(default)s)")
    foreign.add_argument("--network", default="inclg", help="the network that they fill (default %(default)s)")
    foreign.add_argument(
        "--architecture", metavar="KEY=VALUE", nargs="*", type=_setting, default=[],
        help="arguments of the network, as in width=32 blocks=7",
    )  # fmt: skip
    foreign.add_argument("--key", help="which set of tensors, where the checkpoint holds several")
    foreign.add_argument("--data", default="", help="what they learned from")
    foreign.add_argument("--half", action="store_true", help="store float16")
    foreign.add_argument("--default", action="store_true", help="make them the job's default")


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Raises:
        PhiltrumError: the weights do not exist, are not here, are damaged, or could not be had.
    """
    return {"list": _list, "verify": _verify, "get": _get, "import": _import}[args.action](args)


def _list(args: argparse.Namespace) -> int:
    from pipelines import store

    rows = [("name", "for", "here", "MB", "SHA-256", "licence")]
    for entry in store.entries().values():
        here = "yes" if all(path.is_file() for path in store.paths(entry)) else "no"
        use = f"{entry.job}{', default' if entry.default else ''}" if entry.job else "training"
        size = f"{entry.bytes / 1e6:.1f}" if entry.bytes else "?"
        rows.append((entry.name, use, here, size, entry.sha256[:12] or "?", entry.licence))
    console.table(rows)
    return 0


def _verify(args: argparse.Namespace) -> int:
    from pipelines import store

    if args.name:
        entry = store.verify(args.name)
        console.say(f"{entry.name}: whole, SHA-256 {entry.sha256}")
        return 0
    store.find()  # a manifest without the job's weights is no healthy one
    healthy = True
    for name, entry in store.entries().items():
        try:
            console.say(f"{name}: whole, SHA-256 {store.verify(name).sha256}")
        except WeightsMissing as error:
            if entry.fetchable:  # fetched on demand, never needed to start
                console.say(f"{name}: not downloaded")
            else:
                console.complain(str(error))
                healthy = False
        except PhiltrumError as error:
            console.complain(str(error))
            healthy = False
    return 0 if healthy else 1


def _get(args: argparse.Namespace) -> int:
    from pipelines import store

    with console.progress_bar() as progress:
        entry = store.fetch(args.name, progress)
    console.say(f"{entry.name}: here and whole, SHA-256 {entry.sha256}")
    return 0


def _import(args: argparse.Namespace) -> int:
    from pipelines import store

    entry = store.import_checkpoint(
        args.source,
        args.name,
        job=args.job,
        network=args.network,
        licence=args.licence,
        architecture=dict(args.architecture),
        key=args.key,
        half=args.half,
        data=args.data,
        **({"default": True} if args.default else {}),
    )
    console.say(f"{entry.name}: imported, SHA-256 {entry.sha256}")
    return 0


def _setting(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not key.isidentifier() or not separator:
        raise argparse.ArgumentTypeError("it must look like width=32")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
