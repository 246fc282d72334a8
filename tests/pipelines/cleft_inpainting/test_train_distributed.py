"""Two processes under torchrun train as one does with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.pipelines.cleft_inpainting.two_processes import first_gradients

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("two_processes.py")


@pytest.fixture(scope="module")
def together(toy_faces, tmp_path_factory) -> dict[tuple[str, int], dict[str, torch.Tensor]]:
    """(phase, rank) → what each of two processes found."""
    folder = tmp_path_factory.mktemp("two")
    faces, _ = toy_faces
    torch.save({"names": list(faces.names), "images": faces.images, "meshes": faces.meshes}, folder / "faces.pt")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launch, str(SCRIPT), str(folder / "faces.pt"), str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return {
        (phase, rank): torch.load(folder / f"{phase}-{rank}.pt", weights_only=True)
        for phase in ("off", "on")
        for rank in (0, 1)
    }


@pytest.mark.parametrize(("phase", "adversarial_from"), [("off", 10), ("on", 0)])
def test_gradients_agree_with_one_process(phase, adversarial_from, together, toy_faces, tiny):
    alone = first_gradients(toy_faces[0], adversarial_from)
    assert any(name.startswith("discriminator gradient") for name in alone) == (phase == "on")
    names = [name for name in alone if "gradient" in name]
    assert sum(alone[name].abs().max() > 1e-4 for name in names) > 40, "gradients must be more than the tolerance"
    for rank in (0, 1):
        found = together[phase, rank]
        assert found.keys() == alone.keys()
        for name in names:
            assert torch.allclose(found[name], alone[name], rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize("phase", ["off", "on"])
def test_processes_stay_in_step(phase, together):
    one, other = together[phase, 0], together[phase, 1]
    assert all(torch.equal(one[name], other[name]) for name in one)
