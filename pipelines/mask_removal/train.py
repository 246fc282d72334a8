"""How the built-in weights came to be: the training recipe of mask removal.

Source: Lumetti et al., section 4; where the paper is silent or contradicts itself, its published code
(docs/methods.md, mask removal). Defaults are theirs; what a shipped file was trained with stands as a command in
``weights/manifest.toml``.

Half of a batch are photos, the other half the same photos transformed (section 4.1.6): both are repainted, and the
contrastive loss compares their embeddings. References are made from the photos themselves (docs/methods.md, mask
removal).

With ``--draft`` an inpainter of the store draws what the refinement network works on, as it does in use; that network
alone is trained then, and the coarse one keeps the weights that the run started from. With a ``--draft-share`` below 1
the coarse network draws the rest of each batch itself and learns, too.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from typing import Any, ClassVar

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn import functional as F

from pipelines.errors import OptionInvalid
from pipelines.faces.masks import EXTENTS, FACE_MARGIN
from pipelines.faces.points import MIRROR_68
from pipelines.jobs import CLEFT_INPAINTING, MASK_REMOVAL
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
from pipelines.mask_removal.synthesis.references import OtherDay, self_references
from pipelines.mask_removal.synthesis.silhouettes import (
    Silhouettes,
    below_noses,
    draw_silhouettes,
    read_silhouettes,
)
from pipelines.mask_removal.synthesis.worn import surroundings
from pipelines.models import loading
from pipelines.models.inpainter import Inpainter
from pipelines.training import command, losses
from pipelines.training.augment import (
    augment,
    fill_polygons,
    grown,
    jitter_polygons,
    points_68,
    step_generator,
    transform_colours,
    uniform,
)
from pipelines.training.recipe import VALIDATION_L1, GeneratorOptions, GeneratorRecipe, hole_error
from pipelines.training.sets.outlines import all_outlines
from pipelines.training.views import MARGINS

VALIDATION_REFERENCE_L1 = "validation_reference_l1"
"""Logged figure: as :data:`VALIDATION_L1`, where every face has a self-made reference."""

_EPOCH = 70_000 // 3  # steps of one pass over FFHQ with the paper's three photos a step
_LOWER_FACE = EXTENTS.index("lower-face")
_SIZES = ("coarse_width", "width", "coarse_blocks", "blocks")  # of the network, which options may override
_SHARES = ("below_nose", "spill", "shadow", "straps")  # of what masks do to a photo
_DAY = tuple(option.name for option in fields(OtherDay))
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
    below_nose: float = field(default=0.0, metadata={"help": "share of masks worn below the nose (ours)"})
    spill: float = field(default=0.0, metadata={"help": "share of masks whose colour falls on the cheeks (ours)"})
    shadow: float = field(default=0.0, metadata={"help": "share of masks whose edge throws a shadow (ours)"})
    straps: float = field(default=0.0, metadata={"help": "share of masks whose straps show (ours)"})
    lens: float = field(default=0.0, metadata={"help": "share of references from another distance (ours)"})
    expression: float = field(default=0.0, metadata={"help": "share of references of another expression (ours)"})
    side_light: float = field(default=0.0, metadata={"help": "share of references lit from a side (ours)"})
    makeup: float = field(default=0.0, metadata={"help": "share of references with another face's lips (ours)"})
    beard: float = field(default=0.0, metadata={"help": "share of references with another's beard or chin (ours)"})
    aged: float = field(default=0.0, metadata={"help": "share of blurred, grainy, compressed references (ours)"})
    identity: float = field(default=0.0, metadata={"help": "weight of the identity loss (ours)"})
    draft: str = field(
        default="",
        metadata={"help": "weights of the inpainter whose drawings the refinement network learns to refine (ours)"},
    )
    draft_share: float = field(
        default=1.0, metadata={"help": "share of pictures that --draft draws; the coarse network learns on the others"}
    )
    coarse_width: int = field(default=0, metadata={"help": "coarse network's channels; 0 is the named network's"})
    width: int = field(default=0, metadata={"help": "refinement network's channels; 0 is the named network's"})
    coarse_blocks: int = field(default=0, metadata={"help": "coarse network's blocks; 0 is the named network's"})
    blocks: int = field(default=0, metadata={"help": "refinement network's blocks; 0 is the named network's"})
    initialization: Initialization = field(default="kaiming", metadata={"help": f"one of {', '.join(INITIALIZATIONS)}"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_choice("initialization", INITIALIZATIONS)
        self.check_positive("lr_constant", "lr_fall")
        self.check_share("references", "templates", "draft_share", *_SHARES, *_DAY)
        # The coarse network has a branch for each of eight dilations, at four times its width; the other four.
        for name, multiple in zip(_SIZES, (2, 1, 1, 1), strict=True):
            if getattr(self, name) < 0 or getattr(self, name) % multiple:
                what = "0 or more" if multiple == 1 else f"a multiple of {multiple}, 0 or more"
                raise OptionInvalid(f"--{name.replace('_', '-')} must be {what}.")
        if self.temperature <= 0:
            raise OptionInvalid("--temperature must be more than 0.")
        if self.batch % 2:
            raise OptionInvalid("--batch must be even: half of it are photos, half the same photos transformed.")

    def cell(self) -> int:
        """What the side of a crop must be a multiple of."""
        return 32

    def architecture(self) -> dict[str, Any]:
        """The named network's arguments, and in their place those that were given."""
        given = {name: getattr(self, name) for name in _SIZES}
        return super().architecture() | {name: value for name, value in given.items() if value}

    def drafted(self, pictures: int) -> int:
        """How many of so many pictures the inpainter of ``draft`` draws: photo and transformed photo alike."""
        return 2 * round(self.draft_share * pictures / 2) if self.draft else 0

    def day(self) -> OtherDay:
        """What the references have of another day."""
        return OtherDay(**{name: getattr(self, name) for name in _DAY})

    def loss_weights(self) -> dict[str, float]:
        """Name → weight of every loss of the generator."""
        names = ("reconstruction", "coarse", "perceptual", "style", "lpips", "adversarial", "total_variation")
        return {name: getattr(self, name) for name in (*names, "contrastive", "identity")}


class MaskRemovalRecipe(GeneratorRecipe[MaskRemovalNetwork]):
    """Networks, batches and losses of a run.

    Args:
        options, fabric, *args, **kwargs: as for :class:`~pipelines.training.recipe.GeneratorRecipe`.
        silhouettes: shapes of surgical masks; None makes every hole from the face's outline.

    Raises:
        OptionInvalid: a photo and the same photo transformed would go to different processes, or drafts alone are to
            be refined and nothing says what the coarse network's weights are.
        WeightsUnknown, WeightsMissing, WeightsCorrupt: those of the inpainter, of the face embedder, or as above.
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
        self.drafted = options.drafted(options.batch // fabric.world_size)
        self.coarse_learns = self.drafted < options.batch // fabric.world_size
        if not self.coarse_learns and kwargs.get("start") is None:
            raise OptionInvalid(
                "--draft trains the refinement network alone; say by --start whose coarse network shall stay beside "
                "it, or have it learn by a lower --draft-share."
            )
        super().__init__(options, fabric, *args, **kwargs)
        self.silhouettes = silhouettes and silhouettes.to(self.faces.images.device)
        device = fabric.device
        self.inpainter: Inpainter | None = (
            loading.load(options.draft, device, job=CLEFT_INPAINTING).network if self.drafted else None
        )
        self.identity = losses.IdentityLoss(device) if options.identity else None

    def network(self) -> MaskRemovalNetwork:
        """The network with the run's architecture."""
        return MaskRemovalNetwork(**self.options.architecture())

    def first_generator(self) -> MaskRemovalNetwork:
        """The network as the options initialize it; where drafts alone are refined, the coarse one learns nothing."""
        generator = self.network()
        initialize(generator, self.options.initialization)
        generator.coarse.requires_grad_(self.coarse_learns)
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
        """Outlines of the training faces' regions, and last of the whole face, ``(N, extents + 1, 32, 2)``."""
        return all_outlines(self.faces).to(self.faces.images.device)

    @cached_property
    def points(self) -> Tensor:
        """The training faces' landmarks, ``(N, 68, 2)``."""
        return points_68(self.faces.meshes)

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """This process' part of the batch of ``step``: images, holes, references, confidences, the images as they are
        shown, landmarks; and with ``draft`` what the inpainter drew for the first :meth:`Options.drafted` of them.

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
        references, confidences = self_references(images, points, random, share=options.references, day=options.day())
        if options.below_nose:
            holes = below_noses(holes, points, random, share=options.below_nose)
        shown = images
        if options.spill or options.shadow or options.straps:
            shares = {name: getattr(options, name) for name in ("spill", "shadow", "straps")}
            shown = surroundings(images, holes, points, random, **shares)
        own = self.own_part(images, holes, references, confidences, shown, points)
        if self.inpainter is None:
            return own
        faces = grown(polygons[:, -1], uniform((len(images), 1, 1), *MARGINS, random).to(points.device))
        given = own[4], own[1], *self.own_part(faces)
        return *own, self.drafts(*(value[: self.drafted] for value in given))

    @torch.no_grad()
    def drafts(self, shown: Tensor, holes: Tensor, outlines: Tensor) -> Tensor:
        """What the inpainter draws, as it is used: both looks joined, each the mean over picture and mirror image.

        One plain look costs a fifth, but is another picture, with a third more of LPIPS: the refinement network would
        learn to mend what it never meets.

        Args:
            shown: ``(N, 3, S, S)`` in [-1, 1].
            holes: ``(N, 1, S, S)``, 1 = repaint.
            outlines: of the faces, ``(N, V, 2)``, fractions of the side.

        Returns:
            ``(N, 3, S, S)`` in [-1, 1].
        """
        assert self.inpainter is not None
        with self.fabric.autocast():
            drawn = self.inpainter.predict(shown, holes, fill_polygons(outlines, shown.shape[-1])).image
        return drawn.float()

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
        """What is trained: the network's answer, or with ``mirrored`` that of :func:`predict`, as it is used.

        Args:
            network: answers.
            given: picture, hole, reference, confidence, and drafts of the first pictures or of all, if there are any.
        """
        image, hole, reference, confidence, *draft = given
        count = len(draft[0]) if draft else 0
        if 0 < count < len(image):
            refined = self.answer(network, *(value[:count] for value in given))
            own = self.answer(network, *(value[count:] for value in given[:4]))
            return MaskRemoval(*(torch.cat(both) for both in zip(refined, own, strict=True)))
        if not self.options.mirrored:
            return network(*given)
        return predict(network, image, hole, reference, confidence, draft=draft[0] if count else None)

    def losses(self, *batch: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The generator's losses but the adversarial one, unweighted, and its composite picture."""
        image, hole, reference, confidence, shown, points, *draft = batch
        options = self.options
        output = self.answer(self.generate, shown, hole, reference, confidence, *draft)
        composite = image * (1 - hole) + output.image * hole
        found = {"reconstruction": losses.reconstruction_loss(output.image, image, hole, options.hole)}
        if self.coarse_learns:
            own = slice(self.drafted, None)
            found["coarse"] = losses.reconstruction_loss(output.coarse[own], image[own], hole[own], options.hole)
        found["total_variation"] = losses.total_variation(composite)
        if self.identity:  # photos alone: nobody has the colours of the others
            found["identity"] = self.identity(composite[0::2], image[0::2], points[0::2])
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
    def validation_outlines(self) -> Tensor:
        """As :attr:`outlines`, of the validation faces, on the CPU."""
        return all_outlines(self.validation).cpu()

    @cached_property
    def validation_drafts(self) -> list[Tensor]:
        """What the inpainter draws for the validation faces, one of ``(N, 3, S, S)``; empty without an inpainter."""
        if self.inpainter is None:
            return []
        faces = grown(self.validation_outlines[:, -1], FACE_MARGIN)
        drawn = []
        for part in torch.arange(len(self.validation)).split(self.options.batch):
            image = self.validation.images[part].float() / 127.5 - 1
            given = (value.to(self.fabric.device) for value in (image, self.validation_inputs[0][part], faces[part]))
            drawn.append(self.drafts(*given).cpu())
        return [torch.cat(drawn)]

    @cached_property
    def validation_inputs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Holes, references and confidences of the validation faces; every face has a reference."""
        faces, random = self.validation, step_generator(self.options.seed, -1)
        points = points_68(faces.meshes)
        place = self.faces.images.device  # where the silhouettes are
        holes = self.holes(self.validation_outlines.to(place), points.to(place), random).cpu()
        images = faces.images.float() / 127.5 - 1
        return holes, *self_references(images, points, random, share=1.0)

    def validate(self, network: MaskRemovalNetwork, part: Tensor) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Columns given, coarse or draft and composite without reference, reference, composite with it, true."""
        device = self.fabric.device
        image = (self.validation.images[part].float() / 127.5 - 1).to(device)
        hole, reference, confidence = (values[part].to(device) for values in self.validation_inputs)
        known = image * (1 - hole)
        draft = [drafts[part].to(device) for drafts in self.validation_drafts]
        with self.fabric.autocast():
            alone = self.answer(network, image, hole, reference, torch.zeros_like(confidence), *draft)
            helped = self.answer(network, image, hole, reference, confidence, *draft)
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
