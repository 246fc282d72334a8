"""``study``: a cohort of photos scored and evaluated, with or without people's ratings.

What is written into ``--out``: ``scores.csv``, a row a photo; ``correlations.csv``, normality and local severity
against the ratings; ``ablation.csv``, every comparison of the paper's Table 1; ``pairs.csv``, patients before and after
surgery; ``study.json``, ``scatter.png`` and ``study.pdf``. ``scores.jsonl`` keeps each score as it comes: the same
command again computes only what is missing. Files of the folder that are no photos are rows of ``scores.csv`` with a
sentence.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.anomaly_scoring.study.ratings import columns_text, matched_text, read_ratings
from pipelines.anomaly_scoring.study.records import Records
from pipelines.commands import console
from pipelines.commands.anomaly_scoring import add_scoring_arguments, comparison, scorer
from pipelines.commands.batch import say_left
from pipelines.commands.folder import left_over, photos_in
from pipelines.commands.outputs import Outputs
from pipelines.errors import OptionInvalid, WeightsMissing
from pipelines.languages.translation import _, ngettext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.epilog = _(
        "Photos called PATIENT_before and PATIENT_after, or columns patient and time of the ratings, are compared as "
        "pairs. Exit status: 0 all photos scored, 1 some failed, 2 nothing could run."
    )
    parser.add_argument(
        "folder", metavar="FOLDER", type=Path, help=_("folder of photos; folders inside are not looked into")
    )
    parser.add_argument(
        "--ratings", metavar="FILE", type=Path,
        help=_("CSV file: a column name (file name or stem), a column rating, and further columns of single raters' "
        "numbers, which are averaged; higher means closer to normal; what is averaged and passed over is said"),
    )  # fmt: skip
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help=_("folder for the results"))
    add_scoring_arguments(parser)
    parser.add_argument(
        "--devices", nargs="+", metavar="DEVICE",
        help=_("several devices, which share the photos, as in cuda:0 cuda:1 (default: --device; every GPU where that "
        "is auto)"),
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Runs the command: 0 every photo has a score, 1 some have, 2 none has, 130 stopped by Ctrl-C.

    Raises:
        PhiltrumError: nothing could run.
        OSError: the output folder cannot be written to.
    """
    from pipelines.anomaly_scoring.study.report import FILES, change_text, correlation_text, rows_text, write_study
    from pipelines.anomaly_scoring.study.study import RECORDS, run_study

    if not args.folder.is_dir():
        raise OptionInvalid(_("The cohort must be a folder of photos; check its path."))
    photos = photos_in(args.folder)
    outputs = Outputs(args.out, [], [], [*FILES, RECORDS], {_("a photo"): args.folder})
    if args.ratings:
        outputs.protect(_("the ratings"), [args.ratings])
    outputs.protect_weights()
    left = left_over(args.folder, photos, [], [args.out, args.ratings])
    ratings = read_ratings(args.ratings) if args.ratings else None
    fitting = matched_text(ratings, photos) if ratings else ""  # two rows for one photo are said here
    settings, scorers, lpips = _prepared(args)
    if ratings:
        console.say(f"{fitting} {columns_text(ratings.raters, ratings.passed_over)}")
    try:
        with console.progress_bar(len(photos), "photo") as progress:
            study = run_study(
                photos,
                scorers,
                Records(args.out / RECORDS),
                settings=settings,
                ratings=ratings,
                others=left,
                lpips=lpips,
                seed=args.seed,
                progress=lambda fraction, text: progress(fraction * len(photos), _("scoring")),
            )
    except KeyboardInterrupt:
        console.complain(_("Stopped; the scores so far are kept, and the same command goes on from there."))
        return 130
    outputs.check_tables()
    write_study(study, args.out)

    done, failed = len(study.scored), len(photos) - len(study.scored)
    said = ngettext(
        "{count} photo: {done} scored, {failed} failed.", "{count} photos: {done} scored, {failed} failed.", len(photos)
    )
    console.say(said.format(count=len(photos), done=done, failed=failed))
    for one in study.agreements:
        found = one.correlation
        console.say(
            _("{method}, {figure} and ratings: {correlation_text}").format(
                method=found.method.capitalize(), figure=_(one.figure), correlation_text=correlation_text(found)
            )
        )
    if study.changes:
        console.say(_("Mean change of severity: {change_text}").format(change_text=change_text(study.mean_change)))
        console.say(
            _("Mean change of local severity: {change_text}").format(change_text=change_text(study.mean_local_change))
        )
    for note in (*([rows_text(study.unmatched)] if study.unmatched else ()), *study.notes):
        console.complain(note)
    say_left("scores.csv", failed, len(left))
    return 0 if not failed else 1 if done else 2


def _prepared(args: argparse.Namespace) -> tuple[dict[str, Any], list[Callable], Any]:
    """Everything that a score depends on, a scorer a device, and the metric of the ablation's LPIPS rows or None."""
    from pipelines.anomaly_scoring.study.study import settings_of
    from pipelines.metrics.perceptual import LPIPS

    jobs = [scorer(argparse.Namespace(**{**vars(args), "device": device})) for device in _devices(args)]
    how = comparison(args)
    beside = {name: how[name] for name in ("face", "group")}
    # What is wrong with the weights is wrong for every photo, and is said here.
    (basis, *others) = [job.basis(**{name: how[name] for name in how if name not in beside}) for job in jobs]
    if any(other != basis for other in others):
        raise OptionInvalid(
            _("The devices differ in precision or in steps of inversion; choose those by --precision and --steps.")
        )
    try:
        lpips = LPIPS().to(jobs[0].device.torch_device)
    except WeightsMissing:
        if args.kind == "lpips":
            raise
        lpips = None
    return settings_of(basis, **beside), [lambda photo, job=job: job(photo, **how) for job in jobs], lpips


def _devices(args: argparse.Namespace) -> list[str]:
    """What is asked for; every GPU where that is ``auto`` and there are several."""
    import torch

    names = args.devices or [args.device]
    if names == ["auto"] and torch.cuda.device_count() > 1:
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return list(dict.fromkeys(names))
