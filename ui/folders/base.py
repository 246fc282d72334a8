"""What the folder view of a job has of its own: what it takes, its settings, what it tells of a result and shows.

A job whose row names no class gets this one: photos, a seed, and photo and result side by side.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr

from pipelines.arrays import Pixels
from pipelines.errors import OptionInvalid
from pipelines.faces.images import write_png
from pipelines.jobs import JOBS
from pipelines.languages.translation import _
from ui.parts.comparison import comparison_slider, pair
from ui.parts.repaint_settings import seed_number
from ui.parts.widgets import footer_html
from ui.pictures import overlay
from ui.server.engine import Engine
from ui.session.folders import Folder, Made, Row
from ui.session.kept import Photo

_TOLD = "told.json"


@dataclass(frozen=True)
class Given:
    """What a pipeline is called with for a photo.

    Attributes:
        options: its further arguments.
        references: names of the files that went with the photo as references.
        mask: where the mask came from, in a word or two; empty where the job made it.
    """

    options: dict[str, Any]
    references: Sequence[str] = ()
    mask: str = ""


@dataclass(frozen=True)
class Taken:
    """Files that a job takes with its photos.

    Attributes:
        label: of the field that they are dropped on.
        several: whether a photo may have several.
    """

    label: str
    several: bool = False


class FolderJob:
    """The part of a folder view that belongs to a job.

    Args:
        job: its name.
        engine: runs it.
    """

    prefix = ""
    """Begins the ids on the page; the job's name where it is empty."""
    takes: ClassVar[Mapping[str, Taken]] = {}
    """What else is dropped, by what it is, as in ``"mask"``."""
    painted = False
    """Whether masks are painted."""
    own_label = ""
    """What the button says that lays the job's own mask under the strokes."""
    columns: Sequence[str] = ()
    """What the table on the page tells of a result."""
    names = (_("Photo"), _("Result"))
    """What the two pictures of a result are called."""

    def __init__(self, job: str, engine: Engine) -> None:
        self.job, self.engine, self.title = job, engine, _(JOBS[job].title)
        self.id = f"{self.prefix or job}-folder"
        self.settings: dict[str, Any] = {}
        """Components of the settings by their names, once they are built."""
        self.shown: list[gr.components.Component] = []
        """What shows a result, once it is built."""
        self.choices: dict[str, Any] = {}
        """Components that say what of it is to be seen, by their names, once they are built."""

    # --- components -------------------------------------------------------------------------------------------------

    def build_settings(self) -> None:
        """Adds the settings, to :attr:`settings` too."""
        self.settings = {"seed": seed_number()}

    def build_view(self) -> None:
        """Adds what shows a result, to :attr:`shown` too."""
        self.build_pictures()
        facts = self.build_facts()
        self.shown += facts

    def build_pictures(self) -> None:
        """Adds the pictures."""
        awaited = _("What was made of the chosen photo appears here.")
        self.shown = [comparison_slider(f"{self.id}-slider", *self.names, awaited)]

    def build_facts(self) -> list[gr.components.Component]:
        """Adds what stands below them."""
        return []

    def connect(self, **named: Any) -> None:
        """Connects what of it needs nothing of the folder."""

    # --- run --------------------------------------------------------------------------------------------------------

    def given(self, pixels: Pixels, row: Row, folder: Folder, settings: Mapping[str, Any]) -> Given:
        """What the pipeline is called with.

        Args:
            pixels: of the photo.
            row: of it.
            folder: what was given.
            settings: values of :attr:`settings`.

        Raises:
            PhiltrumError: something that was given cannot be used.
        """
        return Given({name: int(value or 0) if name == "seed" else value for name, value in settings.items()})

    def wanted(self, row: Row, folder: Folder, settings: Mapping[str, Any]) -> str:
        """All that a result would hang on now, beside the photo."""
        files = {}
        for what in self.takes:
            try:
                files[what] = [path.name for path in folder.belonging(what, row)]
            except OptionInvalid:
                files[what] = ["several"]
        used = self.used(settings, bool(row.mask or files.get("mask")))
        return json.dumps([used, row.mask, files], sort_keys=True, default=str)

    def used(self, settings: Mapping[str, Any], masked: bool) -> Mapping[str, Any]:
        """The settings that count for a photo.

        Args:
            settings: all.
            masked: whether the photo has a mask of its own.
        """
        return settings

    def cells(self, result: Any, given: Given) -> tuple[str, ...]:
        """What the table tells of a result, one text for each of :attr:`columns`."""
        return ()

    # --- result -----------------------------------------------------------------------------------------------------

    def keep(self, result: Any, folder: Path) -> None:
        """Writes what :meth:`show` needs into a folder, so that no result stays in memory."""
        self.keep_pictures(result, folder)
        told = {"facts": self.tell(result), "footer": footer_html(result, self.engine.status())}
        (folder / _TOLD).write_text(json.dumps(told), encoding="utf-8")

    def keep_pictures(self, result: Any, folder: Path) -> None:
        """Writes the pictures."""
        for name, picture in (("before", result.photo), ("after", result.image)):
            write_png(folder / f"{name}.png", overlay.view(picture))

    def tell(self, result: Any) -> list[str]:
        """Values of what :meth:`build_facts` made."""
        return []

    def show(self, row: Row, made: Made, choices: Sequence[Any]) -> tuple[list[Any], str]:
        """Updates of :attr:`shown`, and the footer.

        Args:
            row: of a photo.
            made: what was made of it.
            choices: values of :attr:`choices`.
        """
        told = json.loads((made.folder / _TOLD).read_text(encoding="utf-8"))
        return [*self.pictures(row, made, choices), *told["facts"]], told["footer"]

    def pictures(self, row: Row, made: Made, choices: Sequence[Any]) -> list[Any]:
        """Updates of what shows the pictures."""
        return [pair(*(str(made.folder / f"{name}.png") for name in ("before", "after")))]

    def nothing(self) -> list[Any]:
        """Updates of :attr:`shown` where there is no result."""
        return [None, *self.no_facts()]

    def no_facts(self) -> list[Any]:
        """Values of what :meth:`build_facts` made, where there is no result."""
        return []

    # --- mask -------------------------------------------------------------------------------------------------------

    def without_mask(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the pipeline is called with where a photo has no mask of its own: all that :meth:`own_mask` hangs on."""
        return {}

    def own_mask(self, photo: Photo, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The mask that the job itself makes, to lie under the strokes; see :func:`ui.parts.editor.add_base`.

        Raises:
            PhiltrumError: there is none.
        """
        raise OptionInvalid(_("This job makes no mask by itself; paint one."))


@dataclass(frozen=True)
class Chosen:
    """What is chosen on the page.

    Attributes:
        settings: of the job.
        view: :data:`RESULT` or :data:`MASK`.
        carry: whether the last mask is carried over.
        editor: value of the mask editor.
        choices: values of :attr:`FolderJob.choices`.
    """

    settings: Mapping[str, Any]
    view: str
    carry: bool
    editor: dict[str, Any] | None
    choices: Sequence[Any] = field(default_factory=list)


RESULT, MASK = "result", "mask"
"""What is seen of the photo that was chosen."""
