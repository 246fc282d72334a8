"""``doctor``: whether this installation can do its work, and what a report of a problem should quote."""

import argparse
import importlib.metadata
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from pipelines import __version__
from pipelines.arrays import Pixels
from pipelines.commands import console
from pipelines.errors import PhiltrumError, WeightsMissing
from pipelines.jobs import JOBS, Job, Reference, SelfTest, resolve
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _, in_sentence
from pipelines.models import store
from pipelines.results import RepaintResult

PACKAGES = (
    "torch",
    "torchvision",
    "safetensors",
    "mediapipe",
    "opencv-contrib-python",
    "numpy",
    "gradio",
    "matplotlib",
)
"""Packages whose versions matter in a report of a problem."""

_NEEDED = 2e9  # bytes of free memory below which a large photo may fail


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was found, and whether that is well."""

    what: str
    found: str
    well: bool = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--device", default="auto", help=_("auto, cpu, cuda, cuda:N or mps (default %(default)s)"))
    parser.add_argument(
        "--precision", default="auto", help=_("auto, float32, bfloat16 or float16 (default %(default)s)")
    )


def run(args: argparse.Namespace) -> int:
    """Looks at everything: 0 healthy, 1 not."""
    findings = [
        Finding("Philtrum", __version__),
        Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *map(_package, PACKAGES),
        *_examine(_("device"), lambda: _device(args)),
        *_examine(_("memory"), _memory),
        *_examine(_("weights"), _weights),
    ]
    for job in JOBS.values():
        if reference := job.reference:
            findings += _examine(_(reference.title), partial(_reference, reference))
    for job in JOBS.values():
        if test := job.self_test:
            what = _("self-test, {job}").format(job=in_sentence(_(job.title)))
            findings += _examine(what, partial(_self_test, what, job, test, args))
    console.table([("", _("what"), _("found")), *(("ok" if f.well else "!!", f.what, f.found) for f in findings)])
    if all(finding.well for finding in findings):
        console.say(_("Everything works."))
        return 0
    console.complain(_("Lines marked !! need attention."))
    return 1


def _package(name: str) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, _("not installed; run make run, or pip install -r requirements.txt"), False)


def _examine(what: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    """Whatever goes wrong becomes a line: the doctor must speak most when most is broken."""
    try:
        return look()
    except PhiltrumError as error:
        return [Finding(what, str(error), False)]
    except Exception as error:
        return [Finding(what, f"{type(error).__name__}: {error}", False)]


def _device(args: argparse.Namespace) -> list[Finding]:
    from pipelines import devices

    device = devices.choose(args.device, args.precision)
    return [Finding(_("device"), device.label), Finding(_("memory of the device"), device.memory())]


def _memory() -> list[Finding]:
    from pipelines import devices

    free = devices.free_memory()
    if free is None:
        return [Finding(_("free memory"), _("unknown"))]
    enough = free >= _NEEDED
    advice = "" if enough else _("; close other programs")
    return [Finding(_("free memory"), figure(free / 1e9, ".1f") + f" GB{advice}", enough)]


def _weights() -> list[Finding]:
    findings = []
    for name, entry in store.entries().items():
        try:
            findings.append(
                Finding(
                    _("weights {name}").format(name=name),
                    _("whole, SHA-256 {sha256}").format(sha256=store.verify(name).sha256[:12]),
                )
            )
        except WeightsMissing as error:
            optional = entry.fetchable
            findings.append(
                Finding(
                    _("weights {name}").format(name=name),
                    _("not downloaded, not needed") if optional else str(error),
                    optional,
                )
            )
        except PhiltrumError as error:
            findings.append(Finding(_("weights {name}").format(name=name), str(error), False))
    return findings


def _reference(reference: Reference) -> list[Finding]:
    count = resolve(reference.module).count()
    whole = _("whole, {things}: {count}").format(things=_(reference.things), count=count)
    return [Finding(_(reference.title), whole if count else _(reference.without))]


def _self_test(what: str, job: Job, test: SelfTest, args: argparse.Namespace) -> list[Finding]:
    """Runs a job on a drawing, and checks what every job that repaints promises."""
    missing = job.weights and not any(entry.job == job.weights for entry in store.entries().values())
    if missing and not job.always:
        return [Finding(what, _("it has no weights yet"))]
    repaint = resolve(job.pipeline)(device=args.device, precision=args.precision)
    photo = resolve(test.photo)()
    given = {name: resolve(drawing)() for name, drawing in test.given.items()}
    repaint(photo, **given)  # the first run also loads weights and landmark finder
    start = time.perf_counter()
    result = repaint(photo, **given)
    seconds = time.perf_counter() - start
    broken = _broken(result, photo) if isinstance(result, RepaintResult) else []
    text = _("{done} in {seconds} s").format(done=_(test.done), seconds=figure(seconds, ".2f"))
    return [
        Finding(
            what, _("{text}, but {broken}").format(text=text, broken=", ".join(broken)) if broken else text, not broken
        )
    ]


def _broken(result: RepaintResult, photo: Pixels) -> list[str]:
    """What a repainted photo does not keep of what is promised."""
    untouched = result.alpha == 0
    promises = (
        (_("the size changed"), result.image.shape == photo.shape),
        (_("nothing was painted"), (result.image != photo).any()),
        (_("pixels outside the mask changed"), np.array_equal(result.image[untouched], photo[untouched])),
        (_("landmarks are no numbers"), np.isfinite(result.landmarks).all()),
    )
    return [sentence for sentence, holds in promises if not holds]
