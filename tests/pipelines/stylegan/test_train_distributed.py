"""Two processes under torchrun train one face generator."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.pipelines.stylegan.two_generators import trained

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("two_generators.py")


@pytest.mark.slow
def test_processes_stay_in_step_and_see_different_pictures(tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launch, str(SCRIPT), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    one, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert one["augmentation"] > 0 and one["path mean"] > 0 and one["r1"] > 0
    assert all(torch.equal(one[name], other[name]) for name in one)
    # The first process alone, on its own half: the other half must have counted.
    alone = trained(6, 2)
    assert not torch.allclose(alone["generator synthesis.b4.const"], one["generator synthesis.b4.const"], atol=1e-4)
