"""Hyper-parameter search the paper's way: one knob at a time, short runs, the others held (INCLG section 2.2)."""

import argparse
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from pipelines.cleft_inpainting.train import CleftInpaintingRecipe, Options
from pipelines.errors import OptionInvalid
from pipelines.training.command import add_data_arguments, load_sets, loss_weights_folder, options_of
from pipelines.training.loop import make_fabric
from pipelines.training.recipe import VALIDATION_L1
from pipelines.training.sets.face_set import FaceSet


@dataclass(frozen=True)
class Knob:
    """Range of one option; ``choices`` where it is no number line."""

    low: float = 0.0
    high: float = 0.0
    log: bool = True
    choices: tuple[int, ...] = ()

    def suggest(self, trial: optuna.Trial, name: str) -> float | int:
        """Asks Optuna for a value."""
        if self.choices:
            return trial.suggest_categorical(name, self.choices)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def covers(self, value: float) -> bool:
        """Whether ``value`` lies in the range."""
        return value in self.choices if self.choices else self.low <= value <= self.high


KNOBS = {
    "landmark": Knob(1e-5, 1e-1),
    "lr": Knob(3e-5, 2e-3),
    "lr_decay": Knob(0.5, 0.98, log=False),
    "batch": Knob(choices=(1, 2, 4, 8)),
    "pixel": Knob(0.1, 10),
    "perceptual": Knob(0.01, 1),
    "style": Knob(10, 1000),
    "lpips": Knob(0.1, 20),
    "adversarial": Knob(1e-3, 0.3),
    "total_variation": Knob(1e-3, 1),
}
"""What can be tuned; the paper names landmark weight, learning rate, its decay and the batch size."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the search's arguments, then the recipe's, whose values are where the search starts."""
    parser.add_argument(
        "--knobs",
        default="landmark,lr,lr_decay,batch",
        help=f"options to tune, in order (default %(default)s); of {', '.join(KNOBS)}",
    )
    parser.add_argument("--trials", type=int, default=8, help="trials a knob (default %(default)s)")
    parser.add_argument("--steps", type=int, default=500, help="steps of a trial (default %(default)s)")
    add_data_arguments(parser, Options)


def run(args: argparse.Namespace, progress: Callable[[float, str], None] | None = None) -> Options:
    """Tunes as the arguments say; ``--out`` gets ``trials.db`` (resumable), ``trials.csv`` and ``best.json``.

    Every knob's first trial is the value where it starts, so that a search never ends with a worse one. A search that
    was stopped goes on with the trial that it was at; trials under other settings are kept but not counted.

    Returns:
        The options with the best value of every knob.

    Raises:
        OptionInvalid: there is no such knob.
        DataUnreadable, WeightsMissing, WeightsCorrupt, DeviceUnavailable: see their sentences.
    """
    knobs = [name.strip().replace("-", "_") for name in args.knobs.split(",")]
    unknown = [name for name in knobs if name not in KNOBS]
    if unknown:
        raise OptionInvalid(f"These options cannot be tuned: {', '.join(unknown)}; choose of {', '.join(KNOBS)}.")
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    options = options_of(args, Options)
    faces, validation = load_sets(args, options, progress)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows = ["knob,trial,value,validation_l1"]
    for place, name in enumerate(knobs):
        study = optuna.create_study(
            study_name=_study_name(name, options, args),
            storage=f"sqlite:///{out / 'trials.db'}",
            load_if_exists=True,
        )
        if not study.trials and KNOBS[name].covers(getattr(options, name)):
            study.enqueue_trial({name: getattr(options, name)})
        for stopped in study.get_trials(states=(TrialState.RUNNING,)):
            study.tell(stopped.number, state=TrialState.FAIL)
            if stopped.params:
                study.enqueue_trial(stopped.params)
        for number in range(len(_finished(study)), args.trials):
            if progress:
                progress((place + number / args.trials) / len(knobs), f"{name}, trial {number + 1} of {args.trials}")
            # A sampler for each trial, seeded by its number: a resumed search must not draw the first values again.
            study.sampler = optuna.samplers.TPESampler(seed=options.seed * 1_000_003 + number)
            trial = study.ask()
            value: dict[str, Any] = {name: KNOBS[name].suggest(trial, name)}
            score = _score(replace(options, **value), args, faces, validation)
            study.tell(trial, math.inf if math.isnan(score) else score)  # Optuna would not count a NaN as a trial
        done = _finished(study)
        rows += [f"{name},{trial.number},{trial.params[name]},{trial.value:.6g}" for trial in done]
        if done:
            options = replace(options, **{name: study.best_params[name]})
    (out / "trials.csv").write_text("\n".join(rows) + "\n")
    (out / "best.json").write_text(json.dumps(asdict(options), indent=2) + "\n")
    return options


def _finished(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _study_name(knob: str, options: Options, args: argparse.Namespace) -> str:
    """The knob and a hash of all that is held: scores of other settings cannot be compared."""
    held = {**asdict(options), knob: None, "steps": args.steps, "most": args.most, "precision": args.precision}
    return f"{knob}-{hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()[:12]}"


def _score(options: Options, args: argparse.Namespace, faces: FaceSet, validation: FaceSet) -> float:
    """Validation error in the hole after a short run."""
    recipe = CleftInpaintingRecipe(
        options,
        make_fabric(args.device, args.precision, 1, 1),
        faces,
        validation,
        loss_weights=loss_weights_folder(args),
        start=args.start,
    )
    for step in range(args.steps):
        recipe.step(step)
    with TemporaryDirectory() as sheets:  # a trial's pictures and weights are of no further use
        return recipe.sample(args.steps, Path(sheets))[VALIDATION_L1]
