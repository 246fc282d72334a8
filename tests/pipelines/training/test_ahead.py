import threading

import pytest
import torch

from pipelines.training.ahead import Ahead


class Maker:
    """Makes batches that say their step, and notes in which thread."""

    def __init__(self) -> None:
        self.made: list[tuple[int, bool]] = []
        self.begun = threading.Event()

    def __call__(self, step: int) -> tuple[torch.Tensor]:
        beside = threading.current_thread() is not threading.main_thread()
        self.made.append((step, beside))
        if beside:
            self.begun.set()
        return (torch.tensor(step),)


@pytest.fixture
def ahead() -> Ahead:
    return Ahead(torch.device("cpu"))


def test_the_next_batch_is_made_beside_the_step(ahead):
    make = Maker()
    assert ahead.take(make, 4)[0] == 4
    assert make.begun.wait(10)
    assert [ahead.take(make, step)[0].item() for step in (5, 6, 7)] == [5, 6, 7]
    assert make.made[0] == (4, False) and make.made[1:4] == [(5, True), (6, True), (7, True)]


def test_a_batch_of_another_step_is_not_handed_out(ahead):
    make = Maker()
    assert [ahead.take(make, step)[0].item() for step in (0, 7, 7, 8, 2)] == [0, 7, 7, 8, 2]


def test_what_goes_wrong_is_raised_when_its_batch_is_asked_for(ahead):
    def make(step: int) -> tuple[torch.Tensor]:
        if step == 1:
            raise ValueError("no such step")
        return (torch.tensor(step),)

    assert ahead.take(make, 0)[0] == 0
    with pytest.raises(ValueError, match="no such step"):
        ahead.take(make, 1)
    assert ahead.take(make, 2)[0] == 2
