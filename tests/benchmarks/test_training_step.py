"""The benchmark of a training step: that it counts what it says."""

import pytest
import torch
from torch.nn import functional as F

from benchmarks import training_step
from benchmarks.training_step import Boundary, launches, main
from pipelines.cleft_inpainting.network import CONFIGURATIONS
from pipelines.training.preparing import prepare

DEVICE = torch.device("cpu")


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (lambda x: x + 1, {"add": 1}),
        (lambda x: x.view(-1)[2:].t().unsqueeze(0).expand(3, -1), {}),
        (lambda x: torch.empty_like(x), {}),
        (lambda x: x.mean() + x.sum(), {"mean": 1, "sum": 1, "add": 1}),
        (lambda x: F.linear(x, x, x[0]), {"addmm": 1}),
        (lambda x: torch.where(x > 0, x, -x), {"gt": 1, "neg": 1, "where": 1}),
        (lambda x: F.conv2d(x[None, None], x[None, None]), {"convolution": 1}),
        (lambda x: torch._foreach_lerp_([x, x.clone()], [x, x], 0.5), {"clone": 1, "_foreach_lerp_": 1}),
        (lambda x: x.contiguous().to(torch.float32).reshape(-1), {}),
        (lambda x: x.t().reshape(-1).to(torch.float64), {"clone": 1, "_to_copy": 1}),
    ],
)
def test_launches_are_operators_that_compute(work, expected):
    assert launches(lambda: work(torch.ones(4, 4))) - launches(lambda: torch.ones(4, 4)) == {
        f"aten::{name}": count for name, count in expected.items()
    }


def test_launches_of_a_backward_pass_count():
    weight = torch.ones(4, requires_grad=True)
    assert launches(lambda: (weight * 2).sum().backward()).total() >= 3


def count(work) -> tuple[int, int]:
    with Boundary() as boundary:
        work()
    return boundary.reads.total(), boundary.transfers.total()


def test_what_crosses_between_host_and_device_is_counted():
    there, random = torch.rand(4, 4), torch.Generator().manual_seed(0)
    index = torch.tensor([1, 2])

    def host() -> torch.Tensor:
        return torch.rand(4, generator=random) * 2

    assert count(lambda: (there * there).sum()) == (0, 0)
    assert count(lambda: (host() + host()).sum().item()) == (0, 0), "all of it is the host's"
    assert count(lambda: there.sum().item()) == (1, 0)
    assert count(lambda: float((there + host().to(DEVICE)).sum())) == (1, 1)
    assert count(lambda: there.nonzero()) == (1, 0)
    assert count(lambda: there.tolist()) == (1, 0)
    assert count(lambda: there.cpu()) == (1, 0)
    assert count(lambda: there + torch.ones(4, device=DEVICE)) == (0, 0)
    assert count(lambda: there + torch.tensor([1.0] * 4, device=DEVICE)) == (0, 1)
    assert count(lambda: there.new_tensor([1.0])) == (0, 1)
    assert count(lambda: there[[1, 2]]) == (0, 1), "the list becomes a tensor of the host"
    assert count(lambda: there[index]) == (0, 0)
    assert count(lambda: there * torch.rand((), generator=random)) == (0, 0), "one number goes with the launch"


def test_a_moved_tensor_is_moved_once():
    there, random = torch.rand(4), torch.Generator().manual_seed(0)

    def work():
        moved = torch.rand(4, generator=random).to(DEVICE)
        return (there + moved) * moved.view(2, 2).flatten()

    assert count(work) == (0, 1)


def test_a_step_is_counted_by_part(toy_set, toy_cache, tmp_path, monkeypatch, capsys):
    small = {**CONFIGURATIONS["medium-finish"], "width": 8, "landmark_width": 16}
    monkeypatch.setitem(CONFIGURATIONS, "medium-finish", small)
    prepare(toy_set, tmp_path, size=64, cache=toy_cache)
    assert main(["--data", str(tmp_path), "--size", "64", "--batch", "1"]) == 0
    lines = [line.strip("|").split("|") for line in capsys.readouterr().out.splitlines()]
    head, _, *rows = [[cell.strip() for cell in line] for line in lines]
    assert head == ["part", "launches", "reads", "transfers"]
    assert [row[0] for row in rows] == ["the step", "the next batch, beside it"]
    step, batch = ([int(cell) for cell in row[1:]] for row in rows)
    assert 500 < step[0] < 1440, "half of what it was"
    assert step[1] == batch[1] == 0, "nothing waits for the device"
    assert 100 < batch[0] < 600


def test_what_cannot_be_measured_is_one_sentence(tmp_path, capsys):
    assert main(["--data", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err == "The data folder does not exist.\n"
    assert training_step.OPTIONS.loss_network == "squeezenet"
