"""The paper's normalizer: the generator's nearest face, then a copy of the generator adapted to the rest.

Source: Hayajneh et al. 2022, section 1.2. A generator that learned from faces without an anomaly cannot draw one, so
the nearest face that it draws (inversion) has none; a few steps of adaptation add what is the person's own.
"""

from functools import cached_property

import numpy as np

from pipelines.anomaly_scoring.choices import ADAPTATION_STEPS, MOST_ADAPTATION_STEPS, MOST_INVERSION_STEPS
from pipelines.anomaly_scoring.normalizers.adaptation import adapt, kept_steps
from pipelines.anomaly_scoring.normalizers.base import Normalized, Statement
from pipelines.anomaly_scoring.scoring.heatmaps import unlikeness
from pipelines.arrays import Pixels
from pipelines.devices import Device
from pipelines.errors import OptionInvalid, WeightsCorrupt, WeightsMissing
from pipelines.faces.alignment import PROJECT, TEMPLATES, SquareTemplate, Template, align
from pipelines.faces.blending.tone import find_tone
from pipelines.faces.points import Face
from pipelines.jobs import FACE_GENERATOR
from pipelines.languages.translation import N_, _
from pipelines.models import loading, store
from pipelines.models.manifest import Entry
from pipelines.progress import Progress
from pipelines.results import WeightsUsed
from pipelines.stylegan.faces import check_generator
from pipelines.stylegan.likeness import CHOICES, Compared, Likeness, choose_likeness
from pipelines.stylegan.projection import Announce, project
from pipelines.stylegan.stylegan2 import Generator
from pipelines.tensors import to_network

GPU_STEPS, CPU_STEPS = 1000, 200
"""Steps of inversion unless the caller says another number: on CUDA those of NVIDIA's projector; elsewhere what a
64 px generator does in under a minute on two cores, adaptation included."""


class InversionNormalizer:
    """The normalizer ``"stylegan2"`` of :mod:`pipelines.anomaly_scoring.normalizers.base`: inversion, then adaptation.

    Args:
        weights: name of a generator in ``weights/manifest.toml``; None takes the default.
        device: where it runs.
        steps: of inversion, 1 to 10,000; None takes :data:`GPU_STEPS` on CUDA and :data:`CPU_STEPS` elsewhere.
        adaptation_steps: after which the picture is the normalized face, 0 to 500; 0 leaves the inversion as it is.
        frames_until: goes on adapting up to this step, ``adaptation_steps`` to 500, for the frames alone, so that a
            person sees the anomaly come back and
            :func:`~pipelines.anomaly_scoring.normalizers.reappearance.reappearance` can say when; the normalized face
            stays the same to the bit. None stops after ``adaptation_steps``.
        perceptual: what the losses compare, one of :data:`pipelines.stylegan.likeness.CHOICES`.

    Raises:
        OptionInvalid: a number of steps is out of its range, or there is nothing of that name to compare.
    """

    def __init__(
        self,
        weights: str | None,
        device: Device,
        *,
        steps: int | None = None,
        adaptation_steps: int = ADAPTATION_STEPS,
        frames_until: int | None = None,
        perceptual: Compared = "auto",
    ) -> None:
        on_gpu = device.torch_device.type == "cuda"
        self.weights, self.device = weights, device
        self.steps = steps if steps is not None else GPU_STEPS if on_gpu else CPU_STEPS
        self.adaptation_steps = adaptation_steps
        self.frames_until = adaptation_steps if frames_until is None else frames_until
        self.perceptual = perceptual
        for what, value, least, most in (
            (N_("steps of inversion"), self.steps, 1, MOST_INVERSION_STEPS),
            (N_("steps of adaptation"), self.adaptation_steps, 0, MOST_ADAPTATION_STEPS),
            (N_("step of the last frame"), self.frames_until, self.adaptation_steps, MOST_ADAPTATION_STEPS),
        ):
            if not least <= value <= most:
                raise OptionInvalid(
                    _("The {what} must be a number from {least} to {most}.").format(
                        what=_(what), least=least, most=most
                    )
                )
        if perceptual not in CHOICES:
            raise OptionInvalid(
                _("The perceptual network must be one of {choices}.").format(choices=", ".join(CHOICES))
            )

    def state(self) -> Statement:
        """See :class:`~pipelines.anomaly_scoring.normalizers.base.Normalizer`."""
        model = self._load()
        return Statement(
            (WeightsUsed(model.name, model.sha256[:12]), *self._likeness.weights),
            f"{self.steps} + {self.adaptation_steps} steps, {self._likeness.name}",
            self._likeness.name,
        )

    def _load(self) -> loading.LoadedModel[Generator]:
        if self.weights is None and not any(entry.job == FACE_GENERATOR for entry in store.entries().values()):
            raise WeightsMissing(
                _(
                    "StyleGAN2 needs a face generator, and none is among the weights; get one by "
                    "python -m pipelines weights import FILE NAME --network stylegan2 --default, "
                    "or choose the normalizer inpainting."
                )
            )
        model = loading.load(self.weights, self.device.torch_device, job=FACE_GENERATOR)
        check_generator(model.entry.architecture)
        return model

    def __call__(self, photo: Pixels, face: Face, *, seed: int = 0, progress: Progress | None = None) -> Normalized:
        """Normalizes a face.

        Nothing stays of one face that another could notice: the cached generator is read only, and what is adapted is
        a copy. On the CPU the same photo and seed give the same answer to the bit.

        Args:
            photo: RGB ``uint8`` ``(H, W, 3)``.
            face: the face, in pixels of the photo.
            seed: of the noise of the inversion.
            progress: called before each step with a fraction and a text, as in "inverting 31/200"; what it raises stops
                the run.

        Raises:
            NoFaceFound: the two eyes lie on one spot.
            OptionInvalid: the generator draws by label, or not in colour.
            WeightsMissing, WeightsCorrupt, WeightsUnknown: the weights cannot be loaded.
        """
        model = self._load()
        generator = model.network
        alignment = align(photo, face, generator.resolution, _template(model.entry))
        crop = alignment.crop(photo)
        target = to_network(crop, self.device)
        with self.device.autocast():
            distance = self._likeness.to(target)

        found = project(
            generator,
            distance,
            self.device,
            steps=self.steps,
            seed=seed,
            announce=self._told(progress, "inverting", 0, self.steps),
        )
        frames = adapt(
            generator.synthesis,
            found,
            target,
            distance,
            self.device,
            keep=kept_steps(self.frames_until, self.adaptation_steps),
            announce=self._told(progress, "adapting", self.steps, self.frames_until),
        )
        tone = find_tone(crop)
        frames = tuple((step, tone(picture)) for step, picture in frames)
        image, there = dict(frames)[self.adaptation_steps], alignment.face_in_crop(face)
        return Normalized(
            alignment=alignment,
            face=there,
            crop=crop,
            image=image,
            residual=unlikeness(crop.astype(np.float32) - image, there.eye_distance),
            searched=np.ones(crop.shape[:2], bool),
            frames=frames if self.frames_until else (),
            losses=found.losses,
        )

    @cached_property
    def _likeness(self) -> Likeness:
        return choose_likeness(self.perceptual, self.device)

    def _told(self, progress: Progress | None, what: str, before: int, steps: int) -> Announce | None:
        """What calls ``progress`` before each of the ``steps``, after ``before`` others."""
        if progress is None:
            return None
        whole = self.steps + self.frames_until
        return lambda done: progress((before + done) / whole, f"{_(what)} {done + 1}/{steps}")


def _template(entry: Entry) -> Template | SquareTemplate:
    """The crop that a generator learned from.

    Raises:
        WeightsCorrupt: the manifest names one that does not exist.
    """
    name = entry.details.get("alignment", PROJECT.name)
    if name not in TEMPLATES:
        raise WeightsCorrupt(
            _("The weights manifest is broken at “{name}”: alignment must be one of {choices}.").format(
                name=entry.name, choices=", ".join(TEMPLATES)
            )
        )
    return TEMPLATES[name]
