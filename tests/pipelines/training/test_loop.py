import csv
import os
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from pipelines.errors import DeviceUnavailable, OptionInvalid, TrainingDiverged, WeightsCorrupt
from pipelines.training.loop import Ema, Schedule, make_fabric, train

pytestmark = pytest.mark.slow

SETTINGS = {"lr": 0.1, "name": "toy"}


class Toy:
    """Fits a line by Adam; ``at`` maps a step to what shall happen in it."""

    def __init__(self, at: dict | None = None) -> None:
        torch.manual_seed(0)
        self.model = nn.Linear(3, 1)
        self.adam = torch.optim.Adam(self.model.parameters(), 0.1)
        self.at = at or {}
        self.steps, self.sampled = [], []

    def step(self, step):
        self.steps.append(step)
        x = torch.randn(8, 3, generator=torch.Generator().manual_seed(step))
        loss = (self.model(x) - x.sum(1, keepdim=True)).square().mean()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        self.at.get(step, lambda: None)()
        return {"loss": loss.detach(), "step": torch.tensor(float(step))}

    def state(self):
        return {"model": self.model.state_dict(), "adam": self.adam.state_dict()}

    def restore(self, state):
        self.model.load_state_dict(state["model"])
        self.adam.load_state_dict(state["adam"])

    def sample(self, step, folder: Path):
        self.sampled.append(step)
        (folder / "sheet").write_text(str(step))
        return {"validation": step / 2}

    def weights(self) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in self.model.parameters()])


@pytest.fixture(scope="module")
def fabric():
    return make_fabric("cpu", "32-true", 1, 1)


def schedule(steps: int, **changes) -> Schedule:
    return Schedule(steps, 4, **{"log_every": 2, "checkpoint_every": 5, "sample_every": 4, **changes})


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def ask_to_stop(number: int = signal.SIGTERM):
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_ends_like_an_uninterrupted_one(fabric, tmp_path, number):
    whole = Toy()
    assert train(fabric, whole, schedule(13), tmp_path / "whole", SETTINGS)
    first = Toy({6: ask_to_stop(number)})
    assert not train(fabric, first, schedule(13), tmp_path / "parts", SETTINGS)
    assert first.steps == list(range(7)), "the step at which the signal came is finished, and no other is begun"
    second = Toy()
    assert train(fabric, second, schedule(13), tmp_path / "parts", SETTINGS)
    assert second.steps == list(range(7, 13))
    assert torch.equal(second.weights(), whole.weights())
    assert not torch.equal(first.weights(), whole.weights())


def test_signals_are_given_back(fabric, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    train(fabric, Toy(), schedule(1), tmp_path, SETTINGS)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_crashed_run_goes_on_from_its_last_checkpoint(fabric, tmp_path):
    def crash():
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        train(fabric, Toy({8: crash}), schedule(12), tmp_path / "crashed", SETTINGS)
    again = Toy()
    train(fabric, again, schedule(12), tmp_path / "crashed", SETTINGS)
    assert again.steps == list(range(5, 12))
    whole = Toy()
    train(fabric, whole, schedule(12), tmp_path / "whole", SETTINGS)
    assert torch.equal(again.weights(), whole.weights())
    # The crashed run had logged steps that the resumed one took again.
    kept = [(row["step"], row["name"], row["value"]) for row in rows_of(tmp_path / "crashed")]
    assert kept == [(row["step"], row["name"], row["value"]) for row in rows_of(tmp_path / "whole")]


def test_a_finished_run_does_nothing_more(fabric, tmp_path):
    train(fabric, Toy(), schedule(3), tmp_path, SETTINGS)
    log = (tmp_path / "log.csv").read_text()
    again = Toy()
    assert train(fabric, again, schedule(3), tmp_path, SETTINGS)
    assert again.steps == [] and again.sampled == []
    assert (tmp_path / "log.csv").read_text() == log


def test_a_longer_schedule_prolongs_a_run(fabric, tmp_path):
    train(fabric, Toy(), schedule(3), tmp_path, SETTINGS)
    longer = Toy()
    assert train(fabric, longer, schedule(5), tmp_path, SETTINGS)
    assert longer.steps == [3, 4]


def test_other_settings_are_refused(fabric, tmp_path):
    train(fabric, Toy(), schedule(2), tmp_path, SETTINGS)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    other = Toy()
    with pytest.raises(OptionInvalid, match=r"other settings \(lr, name\); choose another folder"):
        train(fabric, other, schedule(4), tmp_path, {"lr": 0.2, "name": "other"})
    assert other.steps == []
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_diverged_run_ends_before_it_spoils_its_checkpoint(fabric, tmp_path):
    toy = Toy()

    def spoil():
        with torch.no_grad():
            toy.model.weight.fill_(torch.nan)

    toy.at = {6: spoil}
    with pytest.raises(TrainingDiverged, match="loss is no number"):
        train(fabric, toy, schedule(20), tmp_path, SETTINGS)
    stored = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert stored["step"] == 5 and stored["recipe"]["model"]["weight"].isfinite().all()


def test_a_damaged_checkpoint_is_said(fabric, tmp_path):
    (tmp_path / "last.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(WeightsCorrupt, match="damaged"):
        train(fabric, Toy(), schedule(5), tmp_path, SETTINGS)


def test_log_holds_figures_of_steps_and_of_samples(fabric, tmp_path):
    train(fabric, Toy(), schedule(5), tmp_path, SETTINGS)
    rows = rows_of(tmp_path)
    assert list(rows[0]) == ["step", "seconds", "name", "value"]
    found = [(int(row["step"]), row["name"]) for row in rows]
    steps = [(step, name) for step in (2, 4) for name in ("loss", "step")]
    assert found == [*steps, (4, "validation"), (5, "loss"), (5, "step"), (5, "validation")]
    values = {(int(row["step"]), row["name"]): float(row["value"]) for row in rows}
    assert values[4, "step"] == 3  # steps are counted from 0 inside a recipe
    assert values[4, "validation"] == 2
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds == sorted(seconds) and seconds[0] >= 0


def test_seconds_of_a_resumed_run_go_on(fabric, tmp_path):
    train(fabric, Toy(), schedule(4), tmp_path, SETTINGS)
    path = tmp_path / "log.csv"
    with path.open(newline="") as file:
        head, *rows = csv.reader(file)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *([step, "1000.0", name, value] for step, _, name, value in rows)])
    train(fabric, Toy(), schedule(6), tmp_path, SETTINGS)
    assert [float(row["seconds"]) >= 1000 for row in rows_of(tmp_path)] == [True] * len(rows_of(tmp_path))


def test_samples_and_checkpoints_come_when_asked_and_at_the_end(fabric, tmp_path):
    saved = []

    class Watched(Toy):
        def state(self):
            saved.append(len(self.steps))
            return super().state()

    recipe = Watched()
    train(fabric, recipe, schedule(11), tmp_path, SETTINGS)
    assert recipe.sampled == [4, 8, 11]
    assert saved == [5, 10, 11]


def test_a_checkpoint_precedes_the_samples_of_a_stopped_run(fabric, tmp_path):
    class Slow(Toy):
        def sample(self, step, folder):
            assert torch.load(folder / "last.ckpt", weights_only=True)["step"] == step
            return super().sample(step, folder)

    recipe = Slow({2: ask_to_stop()})
    train(fabric, recipe, schedule(9), tmp_path, SETTINGS)
    assert recipe.sampled == [3]


def test_a_checkpoint_is_whole_or_the_one_before(fabric, tmp_path, monkeypatch):
    train(fabric, Toy(), schedule(5), tmp_path, SETTINGS)
    whole = (tmp_path / "last.ckpt").read_bytes()

    def half(content, path):
        Path(path).write_bytes(b"half a file")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="disk full"):
        train(fabric, Toy(), schedule(10), tmp_path, SETTINGS)
    assert (tmp_path / "last.ckpt").read_bytes() == whole
    monkeypatch.undo()
    again = Toy()
    assert train(fabric, again, schedule(10), tmp_path, SETTINGS)
    assert again.steps[0] == 5


def test_tensorboard_gets_the_same_figures(fabric, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(fabric, Toy(), schedule(4, tensorboard=True), tmp_path, SETTINGS)
    events = EventAccumulator(str(tmp_path / "events")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("step")] == [(2, 1), (4, 3)]
    assert [event.step for event in events.Scalars("validation")] == [4]


@pytest.mark.parametrize("wrong", ["steps", "log_every", "checkpoint_every", "sample_every", "batch"])
def test_schedules_without_steps_are_refused(wrong):
    with pytest.raises(OptionInvalid, match="1 or more"):
        Schedule(**{"steps": 1, "batch": 1, wrong: 0})


def test_average_follows_the_formula():
    module = nn.Linear(2, 1)
    average = Ema(module, 0.5)
    expected = module.weight.detach().clone()
    for step in range(20):
        with torch.no_grad():
            module.weight.fill_(float(step))
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
        assert torch.allclose(average.shadow["weight"], expected)
    assert not average.shadow["weight"].requires_grad


def test_average_copies_whole_numbers_and_is_apart_from_the_module():
    module = nn.BatchNorm1d(2)
    average = Ema(module, 0.9)
    module(torch.randn(4, 2))
    assert average.shadow["num_batches_tracked"].item() == 0
    average.update(0)
    assert average.shadow["num_batches_tracked"].item() == 1
    assert average.shadow["running_mean"].data_ptr() != module.running_mean.data_ptr()


def test_devices_and_precisions_that_do_not_exist():
    with pytest.raises(OptionInvalid, match="32-true, bf16-mixed"):
        make_fabric("cpu", "float32", 1, 1)
    with pytest.raises(DeviceUnavailable, match="must be one of"):
        make_fabric("tpu", "32-true", 1, 1)
    if not torch.cuda.is_available():
        with pytest.raises(DeviceUnavailable, match="no CUDA GPU"):
            make_fabric("cuda", "bf16-mixed", 1, 1)


def test_precision_is_in_effect():
    with make_fabric("cpu", "bf16-mixed", 1, 1).autocast():
        assert torch.mm(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.bfloat16
    with make_fabric("cpu", "32-true", 1, 1).autocast():
        assert torch.mm(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.float32
