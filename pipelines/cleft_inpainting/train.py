"""How the built-in weights came to be: the training recipe of cleft inpainting.

Source: INCLG, algorithm 1 and section 2.2; the loss weights are those of its published code (docs/methods.md, cleft
inpainting). Defaults are the paper's; what a shipped file was trained with stands as a command in
``weights/manifest.toml``.
"""

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from pipelines.cleft_inpainting.network import CONFIGURATIONS, INCLG, Inpainting, predict
from pipelines.errors import OptionInvalid
from pipelines.faces.blending.skin import visible_face
from pipelines.faces.masks import EXTENTS
from pipelines.faces.points import Face
from pipelines.jobs import CLEFT_INPAINTING
from pipelines.layers.discriminator import PatchDiscriminator
from pipelines.training import command, losses
from pipelines.training.augment import augment, draw_holes, irregular_bank, points_68, step_generator
from pipelines.training.recipe import VALIDATION_L1, GeneratorOptions, GeneratorRecipe, hole_error
from pipelines.training.sets.balance import groups, repeated
from pipelines.training.sets.outlines import all_outlines, outlines
from pipelines.training.views import views

VALIDATION_LANDMARK = "validation_landmark"
"""Logged figure: mean distance of the predicted landmarks, in pixels of the crop."""


@dataclass(frozen=True)
class Options(GeneratorOptions):
    """Everything that shapes a run. Defaults: the paper and its published code.

    Raises:
        OptionInvalid: a name does not exist, or a number is out of its range.
    """

    configurations: ClassVar[Mapping[str, Mapping[str, Any]]] = CONFIGURATIONS

    network: str = field(default="paper", metadata={"help": f"named network: one of {', '.join(CONFIGURATIONS)}"})
    lr: float = field(default=2.92e-4, metadata={"help": "learning rate"})
    lr_decay: float = field(default=0.78, metadata={"help": "factor on the learning rate every --lr-every steps"})
    lr_every: int = field(default=20_000, metadata={"help": "steps between two decays"})
    discriminator_lr: float = field(default=0.1, metadata={"help": "the discriminator's rate, as a factor on --lr"})
    pixel: float = field(default=1.0, metadata={"help": "weight of the L1 loss"})
    landmark: float = field(default=4.6e-4, metadata={"help": "weight of the landmark loss"})
    irregular: float = field(default=0.5, metadata={"help": "share of irregular masks"})
    pieces: float = field(
        default=0.0, metadata={"help": "share of the outlines of which pieces are hidden, not the whole (ours)"}
    )
    surroundings: float = field(
        default=0.25,
        metadata={"help": "share of the pictures shown with what is around the face (ours)"},
    )
    walls: float = field(
        default=0.5, metadata={"help": "share of these pictures before a plain wall or another's surroundings"}
    )
    balance: float = field(
        default=0.0, metadata={"help": "how far rare tones, mouths, jaws and ages are shown more often, 0-1 (ours)"}
    )
    extents: str = field(default="1,2,1", metadata={"help": f"relative frequency of the outlines {', '.join(EXTENTS)}"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_positive("lr_every")
        self.check_share("irregular", "pieces", "surroundings", "walls", "balance")
        self.outline_frequencies()

    def cell(self) -> int:
        """What the side of a crop must be a multiple of."""
        architecture = CONFIGURATIONS[self.network]
        return 4 * architecture.get("fold", 1) * architecture.get("attention_pool", 1)

    def outline_frequencies(self) -> tuple[float, ...]:
        """Relative frequency of each of :data:`pipelines.faces.masks.EXTENTS`."""
        try:
            numbers = tuple(float(part) for part in self.extents.split(","))
        except ValueError:
            numbers = ()
        if len(numbers) != len(EXTENTS) or min(numbers) < 0 or not 0 < sum(numbers) < math.inf:
            raise OptionInvalid(f"--extents needs {len(EXTENTS)} numbers of 0 or more, not all of them 0.")
        return numbers

    def loss_weights(self) -> dict[str, float]:
        """Name → weight of every loss of the generator."""
        names = ("pixel", "perceptual", "style", "lpips", "adversarial", "total_variation", "landmark")
        return {name: getattr(self, name) for name in names}


class CleftInpaintingRecipe(GeneratorRecipe[INCLG]):
    """Networks, batches and losses of a run; the step is algorithm 1's loop body."""

    network_key = "inclg"
    options: Options

    def network(self) -> INCLG:
        """The network with the run's architecture."""
        return INCLG(**CONFIGURATIONS[self.options.network])

    def first_generator(self) -> INCLG:
        """The network with its landmarks near the training set's mean face."""
        generator = self.network()
        generator.landmarks.start_at(points_68(self.faces.meshes).mean(0).cpu())
        return generator

    def first_discriminator(self) -> PatchDiscriminator:
        """The patch discriminator."""
        return PatchDiscriminator(3, self.options.discriminator_width)

    def rate(self, step: int) -> float:
        """Falls by ``lr_decay`` every ``lr_every`` steps."""
        return self.options.lr_decay ** (step // self.options.lr_every)

    @cached_property
    def outlines(self) -> Tensor:
        """Outlines of the training faces' regions, and last of the whole face, ``(N, extents + 1, 32, 2)``."""
        return all_outlines(self.faces).to(self.faces.images.device)

    @cached_property
    def epoch(self) -> Tensor:
        """The faces that an epoch shows, rare ones more often where the options say so."""
        if not self.options.balance:
            return super().epoch
        return repeated(self.faces.groups or groups(self.faces), self.options.balance)

    @cached_property
    def points(self) -> Tensor:
        """The training faces' landmarks, ``(N, 68, 2)``."""
        return points_68(self.faces.meshes)

    @cached_property
    def bank(self) -> Tensor:
        """Irregular masks to draw from."""
        return irregular_bank(self.options.size, 300, self.options.seed).to(self.faces.images.device)

    @cached_property
    def validation_holes(self) -> Tensor:
        """One hole for each validation face."""
        faces, random = self.validation, step_generator(self.options.seed, -1)
        extents = self.options.outline_frequencies()
        bank = self.bank.cpu()
        return draw_holes(outlines(faces.meshes), bank, self.options.size, random, irregular=0.25, extents=extents)

    @cached_property
    def validation_faces(self) -> Tensor:
        """What the app would show of each validation face, ``(N, 1, S, S)``."""
        size, faces = self.options.size, self.validation
        crops, holes = faces.images.permute(0, 2, 3, 1).numpy(), self.validation_holes[:, 0].numpy() > 0
        meshes = faces.meshes.numpy() * size
        seen = [visible_face(crop, Face(mesh), hole) for crop, mesh, hole in zip(crops, meshes, holes, strict=True)]
        return torch.from_numpy(np.stack(seen)).float()[:, None]

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """This process' part of the batch of ``step``: images, landmarks, holes, and the images as they are shown."""
        options = self.options
        random = step_generator(options.seed, step)
        index = self.indices(step, options.batch)
        images, points, polygons = augment(self.faces.images[index], self.points[index], self.outlines[index], random)
        polygons, face = polygons[:, :-1], polygons[:, -1]
        extents = options.outline_frequencies()
        holes = draw_holes(
            polygons,
            self.bank,
            options.size,
            random,
            irregular=options.irregular,
            extents=extents,
            pieces=options.pieces,
        )
        if CONFIGURATIONS[options.network].get("view") != "joined":
            return self.own_part(images, points, holes, images)
        images, holes, shown = views(images, holes, face, random, whole=options.surroundings, walls=options.walls)
        return self.own_part(images, points, holes, shown)

    def answer(self, network: Callable[[Tensor, Tensor], Inpainting], image: Tensor, hole: Tensor) -> Inpainting:
        """What is trained: the network's answer, or with ``mirrored`` that of :func:`predict`, as it is used."""
        return predict(network, image, hole) if self.options.mirrored else network(image, hole)

    def losses(self, *batch: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The generator's losses but the adversarial one, unweighted, and its composite picture."""
        image, points, hole, shown = batch
        output = self.answer(self.generate, shown, hole)
        composite = image * (1 - hole) + output.image * hole
        found = {
            "pixel": losses.pixel_loss(output.image, image, hole),
            "landmark": losses.landmark_loss(output.landmarks, points, self.options.size),
            "total_variation": losses.total_variation(composite),
        }
        return found | self.deep_losses(composite, image, hole), composite

    def validate(self, network: INCLG, part: Tensor) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Columns given, composite, drawn, true; figures of hole and landmarks."""
        faces, device = self.validation, self.fabric.device
        image = (faces.images[part].float() / 127.5 - 1).to(device)
        hole = self.validation_holes[part].to(device)
        with self.fabric.autocast():
            output = network.predict(image, hole, self.validation_faces[part].to(device))
        composite = image * (1 - hole) + output.image * hole
        truth = points_68(faces.meshes[part]).to(output.landmarks)
        distance = ((output.landmarks - truth) * self.options.size).norm(dim=2).mean(1)
        figures = {VALIDATION_L1: hole_error(composite, image, hole), VALIDATION_LANDMARK: distance}
        return [image * (1 - hole), composite, output.image, image], figures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the recipe's arguments."""
    command.add_arguments(parser, Options, steps=130_000)


def run(args: argparse.Namespace, progress: Callable[[float, str], None] | None = None) -> bool:
    """Trains as the arguments say; see :func:`pipelines.training.command.run`."""
    return command.run(args, CLEFT_INPAINTING, command.options_of(args, Options), CleftInpaintingRecipe, progress)
