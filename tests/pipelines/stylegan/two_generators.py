"""Weights after some steps of the recipe: run by test_stylegan2_distributed in its own process, and in two."""

import sys
from pathlib import Path

import torch

from pipelines.stylegan import train
from pipelines.training.augment import step_generator
from pipelines.training.data import FaceSet
from pipelines.training.loop import make_fabric

TINY = {"resolution": 16, "z_dim": 8, "w_dim": 8, "channel_base": 64, "channel_max": 8, "mapping_layers": 1}


def trained(steps: int, batch: int) -> dict[str, torch.Tensor]:
    """Weights, averages and augmentation after ``steps`` on random pictures, everything in it within a few steps."""
    train.CONFIGURATIONS["tiny"] = TINY
    images = torch.randint(256, (6, 3, 16, 16), dtype=torch.uint8, generator=step_generator(0, 0))
    faces = FaceSet(tuple("abcdef"), images, torch.zeros(6, 478, 2))
    options = train.Options(network="tiny", batch=batch, r1_interval=2, path_interval=2, ada_images=50, ada_target=-1.1)
    recipe = train.StyleGAN2Recipe(options, make_fabric("cpu", "32-true", 1, 1), faces, faces)
    for step in range(steps):
        recipe.step(step)
    found = {"path mean": recipe.path_mean, "r1": recipe.r1, "augmentation": torch.tensor(recipe.augment.p)}
    for of, state in (
        ("generator", recipe.generator.state_dict()),
        ("discriminator", recipe.discriminator.state_dict()),
        ("average", recipe.average.shadow),
    ):
        found |= {f"{of} {name}": value.detach().clone() for name, value in state.items()}
    return found


def main(out: Path) -> None:
    """Writes ``RANK.pt``."""
    torch.set_num_threads(1)
    found = trained(6, 4)
    if torch.distributed.get_world_size() != 2:
        raise SystemExit("not two processes")
    torch.save(found, out / f"{torch.distributed.get_rank()}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
