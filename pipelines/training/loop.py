"""The training loop that recipes share: log, checkpoint, exact resume, stop on SIGTERM, sample sheets.

A recipe gives the loop a step function and its state; the loop knows nothing of networks or losses.
"""

import csv
import os
import pickle
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, get_args

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm import tqdm

from pipelines.devices import choose
from pipelines.errors import OptionInvalid, TrainingDiverged, WeightsCorrupt

Precision: TypeAlias = Literal["32-true", "bf16-mixed"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
"""Fabric's names. Not float16: its loss scale is outside the checkpoint, so no run could be resumed exactly."""


@dataclass(frozen=True)
class Schedule:
    """How long a run is and how often it reports.

    Attributes:
        steps: the run ends after so many steps.
        batch: pictures a step, over all processes.
        log_every, checkpoint_every, sample_every: in steps.
        tensorboard: writes TensorBoard events beside the CSV log.

    Raises:
        OptionInvalid: one of the numbers is below 1.
    """

    steps: int
    batch: int
    log_every: int = 20
    checkpoint_every: int = 500
    sample_every: int = 500
    tensorboard: bool = False

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.log_every, self.checkpoint_every, self.sample_every) < 1:
            raise OptionInvalid("Steps, batch and the steps between two reports must be 1 or more.")


class Recipe(Protocol):
    """What the loop asks of a recipe."""

    def step(self, step: int) -> Mapping[str, Tensor]:
        """Trains one step and returns figures to log."""

    def state(self) -> dict[str, Any]:
        """Everything that a resumed run needs, as tensors and plain values."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes a state back."""

    def sample(self, step: int, folder: Path) -> Mapping[str, float]:
        """Writes a sample sheet and exportable weights; returns validation figures."""


class Ema:
    """Exponential moving average of a module's parameters and buffers.

    The decay grows with the step, so that the first steps do not linger: min(decay, (1 + step) / (10 + step)).

    Args:
        module: what is averaged; it stays on its device.
        decay: of a step, at last.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        state = {name: value.detach() for name, value in module.state_dict().items()}  # the module's own memory
        self.shadow = {name: value.clone() for name, value in state.items()}
        # Lists made once: so all tensors move in one launch.
        moving = [name for name, value in state.items() if value.is_floating_point()]
        counting = [name for name in state if name not in moving]
        self._moving = [self.shadow[name] for name in moving], [state[name] for name in moving]
        self._counting = [(self.shadow[name], state[name]) for name in counting]

    def decay_at(self, step: int) -> float:
        """The decay of a step."""
        return min(self.decay, (1 + step) / (10 + step))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Moves the average towards the module."""
        torch._foreach_lerp_(*self._moving, 1 - self.decay_at(step))
        for shadow, value in self._counting:
            shadow.copy_(value)


def make_fabric(device: str, precision: Precision, devices: int, nodes: int) -> Fabric:
    """Lightning Fabric for one device, or for several processes that ``torchrun`` started.

    Args:
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
        precision: one of :data:`PRECISIONS`.
        devices: processes on each node, where ``torchrun`` does not say it.
        nodes: nodes, where ``torchrun`` does not say it.

    Raises:
        DeviceUnavailable: this machine has no such device.
        OptionInvalid: there is no such precision.
    """
    if precision not in PRECISIONS:
        raise OptionInvalid(f"The precision must be one of {', '.join(PRECISIONS)}.")
    kind = choose(device).torch_device.type
    if "TORCHELASTIC_RUN_ID" in os.environ:
        # Taken from torchrun: a forgotten --devices would let every process train a network of its own, in one folder.
        devices, nodes = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["GROUP_WORLD_SIZE"])
    distributed = devices * nodes > 1
    fabric = Fabric(
        accelerator=kind,
        precision=precision,
        devices=[int(device.partition(":")[2])] if ":" in device and not distributed else devices,
        num_nodes=nodes,
        strategy="ddp" if distributed else "auto",
    )
    fabric.launch()
    return fabric


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """A run's ``last.ckpt``: ``step``, ``settings``, and the recipe's state as ``recipe``.

    Raises:
        WeightsCorrupt: the file is no such checkpoint, or holds anything but tensors and plain values.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise WeightsCorrupt("The checkpoint is damaged or is no checkpoint of a training run.") from error


def train(fabric: Fabric, recipe: Recipe, schedule: Schedule, out: str | Path, settings: Mapping[str, Any]) -> bool:
    """Runs or resumes a recipe.

    ``out`` gets ``last.ckpt``, ``log.csv`` and what the recipe's :meth:`Recipe.sample` writes. The same command
    continues a run that was stopped; SIGTERM and Ctrl-C end it after the present step with a checkpoint.

    Args:
        fabric: where to train.
        recipe: what to train.
        schedule: how long.
        out: folder of the run.
        settings: everything that shapes the training; a resumed run must have the same.

    Returns:
        Whether the run reached its last step.

    Raises:
        OptionInvalid: the folder holds a run with other settings.
        WeightsCorrupt: the folder's checkpoint is damaged.
        TrainingDiverged: a loss became infinite or no number.
    """
    out = Path(out)
    checkpoint = out / "last.ckpt"
    out.mkdir(parents=True, exist_ok=True)
    start = 0
    if checkpoint.exists():
        stored = read_checkpoint(checkpoint)
        changed = sorted(key for key in settings if stored["settings"].get(key) != settings[key])
        if changed:
            raise OptionInvalid(
                f"The output folder holds a run with other settings ({', '.join(changed)}); choose another folder."
            )
        recipe.restore(stored["recipe"])
        start = stored["step"]

    def save(step: int) -> None:
        if fabric.global_rank == 0:
            part = checkpoint.with_suffix(".part")
            torch.save({"step": step, "settings": dict(settings), "recipe": recipe.state()}, part)
            os.replace(part, checkpoint)  # a checkpoint is whole or the one before
        fabric.barrier()

    stop = _StopFlag()
    log = _Log(out, schedule, start) if fabric.global_rank == 0 else None
    bar = tqdm(
        total=schedule.steps * schedule.batch,
        initial=start * schedule.batch,
        unit="image",
        smoothing=0.02,
        disable=fabric.global_rank != 0,
        file=sys.stderr,
        mininterval=5,
    )
    step = start
    with stop, bar:
        for step in range(start + 1, schedule.steps + 1):
            figures = recipe.step(step - 1)
            bar.update(schedule.batch)
            if step % schedule.log_every == 0 or step % schedule.checkpoint_every == 0:
                _check_finite(figures)
            if log and (step % schedule.log_every == 0 or step == schedule.steps):
                log.write(step, {name: float(value) for name, value in figures.items()})
                bar.set_postfix_str(" ".join(f"{name} {float(value):.3g}" for name, value in figures.items()))
            stopping = fabric.broadcast(stop.asked) if fabric.world_size > 1 else stop.asked
            last = step == schedule.steps or stopping
            # The checkpoint first: whoever sent SIGTERM may not wait for the samples.
            if last or step % schedule.checkpoint_every == 0:
                save(step)
            if last or step % schedule.sample_every == 0:
                if log:
                    log.write(step, recipe.sample(step, out))
                fabric.barrier()
            if stopping:
                break
    if log:
        log.close()
    return step >= schedule.steps


def _check_finite(figures: Mapping[str, Tensor]) -> None:
    lost = sorted(name for name, value in figures.items() if not torch.isfinite(value).all())
    if lost:
        raise TrainingDiverged(
            f"The training diverged ({', '.join(lost)} is no number any more); the last checkpoint is from before. "
            "Start anew from it with --start, with a lower --lr or in precision 32-true."
        )


class _StopFlag:
    """Remembers SIGTERM and Ctrl-C for the end of the step."""

    _SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> "_StopFlag":
        self._before = {number: signal.signal(number, self._ask) for number in self._SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, *_: object) -> None:
        self.asked = True


class _Log:
    """``log.csv``: step, seconds, name, value. Long form, because figures come at different steps.

    Rows past the step where a run resumes are dropped, because that run writes them again; its seconds go on from the
    last row kept.
    """

    def __init__(self, out: Path, schedule: Schedule, start: int) -> None:
        path = out / "log.csv"
        kept: list[list[str]] = []
        if path.exists():
            with path.open(newline="") as file:
                kept = [row for row in list(csv.reader(file))[1:] if len(row) == 4 and int(row[0]) <= start]
        self._file = path.open("w", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerows([["step", "seconds", "name", "value"], *kept])
        self._file.flush()
        self._start = time.monotonic() - (float(kept[-1][1]) if kept else 0.0)
        self._events = None
        if schedule.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._events = SummaryWriter(str(out / "events"), purge_step=start + 1)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        seconds = f"{time.monotonic() - self._start:.1f}"
        for name, value in figures.items():
            self._rows.writerow([step, seconds, name, f"{value:.6g}"])
            if self._events:
                self._events.add_scalar(name, value, step)
        self._file.flush()

    def close(self) -> None:
        self._file.close()
        if self._events:
            self._events.close()
