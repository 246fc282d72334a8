"""How the built-in weights came to be: the training recipe of mask removal.

Source: Lumetti et al., section 4; where the paper is silent or contradicts itself, its published code
(docs/methods.md, mask removal). Defaults are theirs; what a shipped file was trained with stands as a command in
``weights/manifest.toml``.

Half of a batch are photos, the other half the same photos transformed (section 4.1.6): both are repainted, and the
contrastive loss compares their embeddings. References are made from the photos themselves (docs/methods.md, mask
removal).
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, ClassVar

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn import functional as F

from pipelines.errors import OptionInvalid
from pipelines.faces.masks import EXTENTS
from pipelines.faces.points import MIRROR_68
from pipelines.jobs import MASK_REMOVAL
from pipelines.layers.discriminator import MarkovianDiscriminator
from pipelines.mask_removal.network import (
    CONFIGURATIONS,
    INITIALIZATIONS,
    Initialization,
    MaskRemoval,
    MaskRemovalNetwork,
    initialize,
    predict,
)
from pipelines.mask_removal.synthesis.references import self_references
from pipelines.mask_removal.synthesis.silhouettes import Silhouettes, draw_silhouettes, read_silhouettes
from pipelines.training import command, losses
from pipelines.training.augment import (
    augment,
    fill_polygons,
    jitter_polygons,
    points_68,
    step_generator,
    transform_colours,
)
from pipelines.training.recipe import VALIDATION_L1, GeneratorOptions, GeneratorRecipe, hole_error
from pipelines.training.sets.outlines import all_outlines, outlines

VALIDATION_REFERENCE_L1 = "validation_reference_l1"
"""Logged figure: as :data:`VALIDATION_L1`, where every face has a self-made reference."""

_EPOCH = 70_000 // 3  # steps of one pass over FFHQ with the paper's three photos a step
_LOWER_FACE = EXTENTS.index("lower-face")
_WIDEST = 0.035  # of the side: most that a hole is widened, as the pipeline's margin and feather do


@dataclass(frozen=True)
class Options(GeneratorOptions):
    """Everything that shapes a run. Defaults: the paper and its published code.

    Raises:
        OptionInvalid: a name does not exist, or a number is out of its range.
    """

    configurations: ClassVar[Mapping[str, Mapping[str, Any]]] = CONFIGURATIONS

    network: str = field(default="paper", metadata={"help": f"named network: one of {', '.join(CONFIGURATIONS)}"})
    batch: int = field(default=6, metadata={"help": "pictures a step, photos and as many transformed ones"})
    lr: float = field(default=1e-4, metadata={"help": "learning rate"})
    lr_constant: int = field(default=10 * _EPOCH, metadata={"help": "steps at the full learning rate"})
    lr_fall: int = field(default=5 * _EPOCH, metadata={"help": "steps over which it then falls to a hundredth"})
    discriminator_lr: float = field(default=4.0, metadata={"help": "the discriminator's rate, as a factor on --lr"})
    beta1: float = field(default=0.5, metadata={"help": "Adam's first decay rate"})
    beta2: float = field(default=0.999, metadata={"help": "Adam's second decay rate"})
    reconstruction: float = field(default=1.0, metadata={"help": "weight of the L1 loss of the refined picture"})
    coarse: float = field(default=1.0, metadata={"help": "weight of the L1 loss of the coarse picture"})
    hole: float = field(default=1.0, metadata={"help": "weight of the hole within the L1 losses"})
    perceptual: float = field(default=0.05, metadata={"help": "weight of the perceptual loss"})
    style: float = field(default=40.0, metadata={"help": "weight of the style loss"})
    raw: float = field(default=1.0, metadata={"help": "share of the deep losses of the picture before compositing"})
    adversarial: float = field(default=0.1, metadata={"help": "weight of the adversarial loss"})
    gan: losses.Gan = field(default="hinge", metadata={"help": "least-squares or hinge"})
    total_variation: float = field(default=1.0, metadata={"help": "weight of the total-variation loss"})
    contrastive: float = field(default=1.0, metadata={"help": "weight of the contrastive loss"})
    temperature: float = field(default=0.1, metadata={"help": "temperature of the contrastive loss"})
    hue: float = field(default=180.0, metadata={"help": "largest hue rotation of transformed photos in degrees"})
    references: float = field(default=0.5, metadata={"help": "share of pictures with a reference"})
    templates: float = field(default=0.5, metadata={"help": "share of holes from --templates, where they are given"})
    initialization: Initialization = field(default="kaiming", metadata={"help": f"one of {', '.join(INITIALIZATIONS)}"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_choice("initialization", INITIALIZATIONS)
        self.check_positive("lr_constant", "lr_fall")
        for name in ("references", "templates"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionInvalid(f"--{name} must be a share, from 0 to 1.")
        if self.temperature <= 0:
            raise OptionInvalid("--temperature must be more than 0.")
        if self.batch % 2:
            raise OptionInvalid("--batch must be even: half of it are photos, half the same photos transformed.")

    def cell(self) -> int:
        """What the side of a crop must be a multiple of."""
        return 32

    def loss_weights(self) -> dict[str, float]:
        """Name → weight of every loss of the generator."""
        names = ("reconstruction", "coarse", "perceptual", "style", "lpips", "adversarial", "total_variation")
        return {name: getattr(self, name) for name in (*names, "contrastive")}


class MaskRemovalRecipe(GeneratorRecipe[MaskRemovalNetwork]):
    """Networks, batches and losses of a run.

    Args:
        options, fabric, *args, **kwargs: as for :class:`~pipelines.training.recipe.GeneratorRecipe`.
        silhouettes: shapes of surgical masks; None makes every hole from the face's outline.

    Raises:
        OptionInvalid: a photo and the same photo transformed would go to different processes.
    """

    network_key = "mask-removal"
    options: Options

    def __init__(
        self, options: Options, fabric: Fabric, *args: Any, silhouettes: Silhouettes | None = None, **kwargs: Any
    ) -> None:
        if options.batch % (2 * fabric.world_size):
            raise OptionInvalid(
                "A photo and the same photo transformed must stay together; choose a --batch that is a multiple of "
                "twice the number of processes."
            )
        super().__init__(options, fabric, *args, **kwargs)
        self.silhouettes = silhouettes and silhouettes.to(self.faces.images.device)

    def network(self) -> MaskRemovalNetwork:
        """The network with the run's architecture."""
        return MaskRemovalNetwork(**CONFIGURATIONS[self.options.network])

    def first_generator(self) -> MaskRemovalNetwork:
        """The network as the options initialize it."""
        generator = self.network()
        initialize(generator, self.options.initialization)
        return generator

    def first_discriminator(self) -> MarkovianDiscriminator:
        """The discriminator of picture and mask."""
        return MarkovianDiscriminator(4, self.options.discriminator_width)

    def rate(self, step: int) -> float:
        """Constant, then falls linearly (section 4)."""
        fallen = (step - self.options.lr_constant) / self.options.lr_fall
        return min(1.0, max(0.01, 1 - fallen))

    @cached_property
    def outlines(self) -> Tensor:
        """Outlines of the training faces' regions, ``(N, extents, 32, 2)``."""
        return all_outlines(self.faces)[:, :-1].to(self.faces.images.device)

    @cached_property
    def points(self) -> Tensor:
        """The training faces' landmarks, ``(N, 68, 2)``."""
        return points_68(self.faces.meshes)

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """This process' part of the batch of ``step``: images, holes, references, confidences.

        Rows alternate: a photo, then the same photo transformed.
        """
        options = self.options
        random = step_generator(options.seed, step)
        index = self.indices(step, options.batch // 2)
        images, points, polygons = augment(self.faces.images[index], self.points[index], self.outlines[index], random)
        flip = torch.tensor([-1.0, 1.0], device=points.device)
        offset = torch.tensor([1.0, 0.0], device=points.device)
        images = _alternate(images, transform_colours(images.flip(3), random, hue=options.hue))
        points = _alternate(points, points[:, list(MIRROR_68)] * flip + offset)
        polygons = _alternate(polygons, polygons * flip + offset)
        holes = self.holes(polygons, points, random)
        references, confidences = self_references(images, points, random, share=options.references)
        return self.own_part(images, holes, references, confidences)

    def holes(self, polygons: Tensor, points: Tensor, random: torch.Generator) -> Tensor:
        """Surgical masks and jittered lower faces, widened a little: ``(N, 1, S, S)``, 1 = hole."""
        size = self.options.size
        drawn = fill_polygons(jitter_polygons(polygons[:, _LOWER_FACE], random), size)
        if self.silhouettes is not None:
            worn = draw_silhouettes(self.silhouettes, points, size, random)
            use = torch.rand(len(points), generator=random) < self.options.templates
            use = use.to(points.device).view(-1, 1, 1, 1) & (worn.sum((1, 2, 3), keepdim=True) > 0)
            drawn = torch.where(use, worn, drawn)
        wide = 1 + 2 * int(torch.randint(round(_WIDEST * size) + 1, (1,), generator=random))
        return F.max_pool2d(drawn, wide, 1, wide // 2)

    def answer(self, network: Callable[..., MaskRemoval], *given: Tensor) -> MaskRemoval:
        """What is trained: the network's answer, or with ``mirrored`` that of :func:`predict`, as it is used."""
        return predict(network, *given) if self.options.mirrored else network(*given)

    def losses(self, *batch: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The generator's losses but the adversarial one, unweighted, and its composite picture."""
        image, hole, reference, confidence = batch
        options = self.options
        output = self.answer(self.generate, image, hole, reference, confidence)
        composite = image * (1 - hole) + output.image * hole
        found = {
            "reconstruction": losses.reconstruction_loss(output.image, image, hole, options.hole),
            "coarse": losses.reconstruction_loss(output.coarse, image, hole, options.hole),
            "total_variation": losses.total_variation(composite),
        }
        if options.contrastive:
            photos, transformed = output.embedding[0::2], output.embedding[1::2]
            found["contrastive"] = losses.contrastive_loss(photos, transformed, options.temperature)
        everywhere = torch.ones_like(hole)
        features = self.features(image) if options.perceptual or options.style or options.lpips else None
        deep = self.deep_losses(composite, image, everywhere, features)
        if options.raw:
            whole = self.deep_losses(output.image, image, everywhere, features)
            deep = {name: value + options.raw * whole[name] for name, value in deep.items()}
        return found | deep, composite

    def judged(self, batch: tuple[Tensor, ...], composite: Tensor) -> tuple[Tensor, Tensor]:
        """Photo and composite, each with the hole (section 4.3.3)."""
        image, hole = batch[:2]
        return torch.cat([image, hole], 1), torch.cat([composite, hole], 1)

    @cached_property
    def validation_inputs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Holes, references and confidences of the validation faces; every face has a reference."""
        faces, random = self.validation, step_generator(self.options.seed, -1)
        points = points_68(faces.meshes)
        place = self.faces.images.device  # where the silhouettes are
        holes = self.holes(outlines(faces.meshes).to(place), points.to(place), random).cpu()
        images = faces.images.float() / 127.5 - 1
        return holes, *self_references(images, points, random, share=1.0)

    def validate(self, network: MaskRemovalNetwork, part: Tensor) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Columns given, coarse and composite without reference, reference, composite with it, true."""
        device = self.fabric.device
        image = (self.validation.images[part].float() / 127.5 - 1).to(device)
        hole, reference, confidence = (values[part].to(device) for values in self.validation_inputs)
        known = image * (1 - hole)
        with self.fabric.autocast():
            alone = self.answer(network, image, hole, reference, torch.zeros_like(confidence))
            helped = self.answer(network, image, hole, reference, confidence)
        without, with_reference = (known + output.image * hole for output in (alone, helped))
        columns = [known, known + alone.coarse * hole, without, reference * confidence, with_reference, image]
        return columns, {
            VALIDATION_L1: hole_error(without, image, hole),
            VALIDATION_REFERENCE_L1: hole_error(with_reference, image, hole),
        }


def _alternate(first: Tensor, second: Tensor) -> Tensor:
    """Rows of both in turn."""
    return torch.stack([first, second], 1).flatten(0, 1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the recipe's arguments."""
    parser.add_argument("--mask-templates", help="folder of PNG pictures of surgical masks, for holes of their shapes")
    command.add_arguments(parser, Options, steps=15 * _EPOCH)


def run(args: argparse.Namespace, progress: Callable[[float, str], None] | None = None) -> bool:
    """Trains as the arguments say; see :func:`pipelines.training.command.run`.

    Raises:
        DataUnreadable: the folder of mask templates shows no masks.
    """
    options = command.options_of(args, Options)
    silhouettes = read_silhouettes(args.mask_templates) if args.mask_templates else None
    if silhouettes is None:
        options = replace(options, templates=0.0)  # so that checkpoint and recorded command say it
    recipe = partial(MaskRemovalRecipe, silhouettes=silhouettes)
    return command.run(args, MASK_REMOVAL, options, recipe, progress)
