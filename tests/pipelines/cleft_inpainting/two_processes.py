"""First gradients of the recipe: run by test_distributed in its own process, and under torchrun in two."""

import sys
from pathlib import Path

import torch

from pipelines.cleft_inpainting import train
from pipelines.cleft_inpainting.network import CONFIGURATIONS
from pipelines.training.augment import irregular_bank
from pipelines.training.data import FaceSet
from pipelines.training.loop import make_fabric

TINY = {"width": 8, "blocks": 2, "landmark_width": 16, "fold": 2}


def first_gradients(faces: FaceSet, adversarial_from: int) -> dict[str, torch.Tensor]:
    """Gradients of both networks in the first step, and the weights after the third."""
    options = train.Options(
        network="tiny",
        size=faces.images.shape[-1],
        batch=4,
        lr=1e-3,
        style=10.0,
        lpips=1.0,
        adversarial=0.1,
        adversarial_from=adversarial_from,
        loss_network="squeezenet",
        discriminator_width=8,
        irregular=0.3,
    )
    fabric = make_fabric("cpu", "32-true", 1, 1)
    recipe = train.CleftInpaintingRecipe(options, fabric, faces, faces, loss_weights=None)
    networks = {"generator": recipe.generator, "discriminator": recipe.discriminator}
    recipe.step(0)
    found = {
        f"{of} gradient {name}": parameter.grad.clone()
        for of, network in networks.items()
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }
    for step in (1, 2):
        recipe.step(step)
    for of, network in networks.items():
        found |= {f"{of} weight {name}": value.detach().clone() for name, value in network.state_dict().items()}
    return found


def main(faces: Path, out: Path) -> None:
    """Writes ``off-RANK.pt`` and ``on-RANK.pt``: without and with the discriminator."""
    torch.set_num_threads(1)
    CONFIGURATIONS["tiny"] = TINY
    train.irregular_bank = lambda size, each, seed: irregular_bank(size, 10, seed)  # as in the fixture
    stored = torch.load(faces, weights_only=True)
    given = FaceSet(tuple(stored["names"]), stored["images"], stored["meshes"])
    for phase, adversarial_from in (("off", 10), ("on", 0)):
        found = first_gradients(given, adversarial_from)
        world = torch.distributed.get_world_size()
        if world != 2:
            raise SystemExit(f"{world} processes instead of two")
        torch.save(found, out / f"{phase}-{torch.distributed.get_rank()}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
