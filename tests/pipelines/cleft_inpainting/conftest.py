"""What training is tested on, beside the toy faces of every recipe: a tiny network and few irregular masks."""

import pytest

from pipelines.training.augment import irregular_bank
from tests.pipelines.cleft_inpainting.two_processes import TINY


@pytest.fixture
def tiny(monkeypatch) -> str:
    """Name of a network that trains in no time, on few irregular masks."""
    from pipelines.cleft_inpainting import train
    from pipelines.cleft_inpainting.network import CONFIGURATIONS

    monkeypatch.setitem(CONFIGURATIONS, "tiny", TINY)
    monkeypatch.setattr(train, "irregular_bank", lambda size, each, seed: irregular_bank(size, 10, seed))
    return "tiny"
