"""The table of jobs: a row a job, with all that the rest of the house knows of it.

Every list of jobs elsewhere is made from these rows when it is asked for: networks that the store can build, recipes of
``train``, what ``doctor`` tests, commands, tabs. So a job that is registered while the program runs is in all of them.

Modules and classes stand here as text, ``"package.module"`` or ``"package.module:attribute"``: this module lies below
all that it names, and importing it loads nothing.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.languages.translation import N_

CLEFT_INPAINTING, MASK_REMOVAL, ANOMALY_SCORING = "cleft-inpainting", "mask-removal", "anomaly-scoring"
"""Names of jobs that a person runs, as the manifest, the command line and files say them."""

STYLEGAN2 = "stylegan2"
"""Name of the face generator among the recipes. It has no tab and no command: anomaly scoring can draw with it."""

FACE_GENERATOR, FACE_DISCRIMINATOR = "face-generator", "face-discriminator"
"""What the manifest calls the job of a generator's weights and of its discriminator's. A generator's key ``alignment``
is the name of the crop that it learned from, one of :data:`pipelines.faces.alignment.TEMPLATES`; the project's where
there is none."""

FACE_EMBEDDER = "face-embedder"
"""Name of the network that says how like two faces are, and of the job of its weights. It has no tab and no command:
mask removal shows by it how like the reference a result is."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that weights of the manifest can fill.

    Attributes:
        key: what the manifest calls it.
        built_by: its class, as text, called with the manifest's ``architecture`` as keyword arguments.
        weights: the job that the manifest names for weights of it.
        check: function, as text, that is given an ``architecture`` and raises
            :class:`~pipelines.errors.OptionInvalid` where no job could use such a network; None where all can be used.
        foreign: ending of a file that others publish the network in, such as ``".dat"`` → function, as text, that is
            given the file's path and reads the network's state dict from it without running code.
    """

    key: str
    built_by: str
    weights: str
    check: str | None = None
    foreign: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """What ``doctor`` has a job do, on drawings, so that nobody's photo is needed.

    Attributes:
        photo: function, as text, that draws the photo: RGB ``uint8`` ``(H, W, 3)``.
        done: what was done then, in a few words.
        given: further arguments of the pipeline's call, each a function, as text, that draws it.
    """

    photo: str
    done: str
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Figures of other faces that a job compares with, in a file of the weights folder.

    Attributes:
        module: as text; has ``FILE``, the file's name, and ``count()``, how many things the file holds, which raises
            :class:`~pipelines.errors.PhiltrumError` where it is missing or damaged.
        title: what the file is.
        things: what is counted.
        without: what is said where it holds none.
    """

    module: str
    title: str
    things: str
    without: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """A row of the table.

    Attributes:
        name: as the command line, the manifest and files say it, in small letters with hyphens; with underscores it is
            the name of its HTTP end point.
        package: where it lies.
        networks: those that it trains; the first of the first row is what ``weights import`` fills where neither the
            file nor the person names one.
        title: what people call it, as on its tab.
        help: what its command does, in a line without a full stop.
        command: module of its command, or None.
        pipeline: class of its pipeline, called with ``device`` and ``precision``, or None.
        served: what the page runs in the pipeline's place, where one object shall serve several settings; called alike.
        exports: module of what its results become on disk; see :class:`pipelines.exports.interface.JobExports`.
        pairs: module of two of its results, before and after surgery; see
            :class:`pipelines.exports.interface.PairExports`; None where it compares none.
        tab: class of its tab, called with the engine and the sessions, or None.
        folder: class of what its view of many photos has of its own (:class:`ui.folders.base.FolderJob`); None where
            that is what every job has.
        recipe: module of its training, with ``add_arguments(parser)`` and ``run(args, progress)``, which says whether
            the last step was reached; None where it learns nothing.
        search: module of the search of the recipe's options, with ``add_arguments(parser)`` and
            ``run(args, progress)``, which gives the best options; or None.
        weights: the job whose default weights of the manifest it cannot run without; None where it needs none.
        always: whether it is offered even where the manifest names no such weights, so that page and ``doctor`` say
            what is missing. Others are left out then.
        self_test: what ``doctor`` has it do, or None.
        reference: what it compares figures with, or None.
        warm_up: options of its first run on the page, which nobody waits for.
        slow: options of runs that take minutes, where the others take seconds.
    """

    name: str
    package: str
    networks: tuple[Network, ...] = ()
    title: str = ""
    help: str = ""
    command: str | None = None
    pipeline: str | None = None
    served: str | None = None
    exports: str | None = None
    pairs: str | None = None
    tab: str | None = None
    folder: str | None = None
    recipe: str | None = None
    search: str | None = None
    weights: str | None = None
    always: bool = False
    self_test: SelfTest | None = None
    reference: Reference | None = None
    warm_up: Mapping[str, Any] = field(default_factory=dict)
    slow: Mapping[str, Any] = field(default_factory=dict)

    def is_slow(self, options: Mapping[str, Any]) -> bool:
        """Whether a run by these options takes minutes."""
        return bool(self.slow) and all(options.get(name) == value for name, value in self.slow.items())


JOBS: dict[str, Job] = {}
"""Name → row, in the order of tabs and lists."""


def register(job: Job) -> None:
    """Adds a row to :data:`JOBS`, at its end.

    Raises:
        ValueError: another row has its name, or a network of its key.
    """
    if job.name in JOBS:
        raise ValueError(f"There is a job called {job.name} already.")
    if taken := networks().keys() & {network.key for network in job.networks}:
        raise ValueError(f"Another job has the network {', '.join(sorted(taken))}.")
    JOBS[job.name] = job


def networks() -> dict[str, Network]:
    """Key of the manifest → network, of every job."""
    return {network.key: network for job in JOBS.values() for network in job.networks}


def resolve(text: str | None) -> Any:
    """What a text of the table names: ``"package.module"`` or ``"package.module:attribute"``.

    Raises:
        ValueError: the row leaves it out.
        ImportError, AttributeError: there is no such thing.
    """
    if text is None:
        raise ValueError("This job has no such part.")
    module, _, attribute = text.partition(":")
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found


register(
    Job(
        name=CLEFT_INPAINTING,
        package="pipelines.cleft_inpainting",
        networks=(Network(key="inclg", built_by="pipelines.cleft_inpainting.network:INCLG", weights=CLEFT_INPAINTING),),
        title=N_("Cleft inpainting"),
        help=N_("predict the non-cleft face in a photo, or in every photo of a folder"),
        command="pipelines.commands.cleft_inpainting",
        pipeline="pipelines.cleft_inpainting.pipeline:CleftInpainting",
        exports="pipelines.cleft_inpainting.exports",
        tab="ui.tabs.cleft_inpainting:CleftInpaintingTab",
        folder="ui.folders.cleft_inpainting:CleftFolder",
        recipe="pipelines.cleft_inpainting.train",
        search="pipelines.cleft_inpainting.tune",
        weights=CLEFT_INPAINTING,
        always=True,
        self_test=SelfTest(photo="pipelines.commands.drawn_face:drawn_face", done=N_("a drawn face, repainted")),
        warm_up={"extent": "lower-face"},
    )
)

register(
    Job(
        name=MASK_REMOVAL,
        package="pipelines.mask_removal",
        networks=(
            Network(
                key="mask-removal", built_by="pipelines.mask_removal.network:MaskRemovalNetwork", weights=MASK_REMOVAL
            ),
        ),
        title=N_("Mask removal"),
        help=N_("draw the face without its mask in a photo, or in every photo of a folder"),
        command="pipelines.commands.mask_removal",
        pipeline="pipelines.mask_removal.pipeline:MaskRemoval",
        exports="pipelines.mask_removal.exports",
        tab="ui.tabs.mask_removal:MaskRemovalTab",
        folder="ui.folders.mask_removal:RemovalFolder",
        recipe="pipelines.mask_removal.train",
        weights=MASK_REMOVAL,
        self_test=SelfTest(
            photo="pipelines.commands.drawn_face:drawn_masked_face",
            done=N_("a drawn mask, found and removed"),
            given={"reference": "pipelines.commands.drawn_face:drawn_face"},
        ),
        warm_up={"extent": "lower-face"},
    )
)

register(
    Job(
        name=ANOMALY_SCORING,
        package="pipelines.anomaly_scoring",
        title=N_("Anomaly scoring"),
        help=N_("score how far a face is from its normalized version, or each of a folder"),
        command="pipelines.commands.anomaly_scoring",
        pipeline="pipelines.anomaly_scoring.pipeline:AnomalyScoring",
        served="ui.server.scorers:Scorers",
        exports="pipelines.anomaly_scoring.exports",
        pairs="pipelines.anomaly_scoring.before_after",
        tab="ui.tabs.anomaly_scoring:AnomalyScoringTab",
        folder="ui.folders.anomaly_scoring:ScoringFolder",
        weights=CLEFT_INPAINTING,  # whose network repaints what does not fit
        always=True,
        reference=Reference(
            module="pipelines.anomaly_scoring.scoring.scale",
            title=N_("reference scale of scores"),
            things=N_("scales"),
            without=N_("none, so no score has a percentile"),
        ),
        slow={"normalizer": "stylegan2"},
    )
)

register(
    Job(
        name=STYLEGAN2,
        package="pipelines.stylegan",
        networks=(
            Network(
                key="stylegan2",
                built_by="pipelines.stylegan.stylegan2:Generator",
                weights=FACE_GENERATOR,
                check="pipelines.stylegan.faces:check_generator",
            ),
            Network(
                key="stylegan2-discriminator",
                built_by="pipelines.stylegan.stylegan2:Discriminator",
                weights=FACE_DISCRIMINATOR,
                check="pipelines.stylegan.faces:check_discriminator",
            ),
        ),
        title=N_("Face generator"),
        recipe="pipelines.stylegan.train",
    )
)

register(
    Job(
        name=FACE_EMBEDDER,
        package="pipelines.identity",
        networks=(
            Network(
                key="face-recognition",
                built_by="pipelines.identity.network:FaceRecognition",
                weights=FACE_EMBEDDER,
                foreign={".dat": "pipelines.identity.dlib:read_face_recognition"},
            ),
        ),
        title=N_("Face embedder"),
    )
)
