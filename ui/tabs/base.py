"""What every tab does the same way: begin, run, cancel, idle, files, and the answer to a program."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import gradio as gr

from pipelines.arrays import Pixels
from pipelines.cases.case import Case
from pipelines.errors import Cancelled
from pipelines.exports.tables import of_case
from pipelines.languages.translation import _
from pipelines.progress import Progress
from pipelines.results import AnomalyScoringResult, RepaintResult
from ui.parts.editor import answer, face_choice, lay_base, more_props, photo_props
from ui.parts.runs import compare_runs, show_runs
from ui.parts.widgets import explain, guarded, headed, keys_html, toast
from ui.pictures.masks import Base
from ui.server.callers import while_waited_for
from ui.server.engine import GPU, Engine, stoppable
from ui.server.sessions import Sessions, Work
from ui.server.time_left import with_time_left
from ui.server.uploads import take
from ui.session.kept import Outcome, Photo
from ui.session.runs import Told

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Of events that are over at once and are nobody's business but the page's."""

KEYS = keys_html(("[ ]", _("brush size")), ("Ctrl Z", _("undo")), ("Ctrl Enter", _("run")), ("?", _("all keys")))
"""Keys of a tab with an editor."""

Made = TypeVar("Made", RepaintResult, AnomalyScoringResult)


class Tab(ABC):
    """A tab that runs a job.

    Args:
        engine: runs the pipeline.
        sessions: keeps what each page has given.

    Attributes:
        job: which job the engine runs.
        key: what a session calls the tab's work, and its events' names begin with; the job where nothing else is said.
        prefix: begins the ids on the page.
        runs: what the button says that begins a run.
        left: one sentence on what a cancelled run leaves.
        tells_time: whether a run tells how long it still takes.
    """

    job: str
    key: str
    prefix: str
    runs = _("Run")
    left = _("There is no result of it.")
    tells_time = False

    def __init__(self, engine: Engine, sessions: Sessions):
        self.engine, self.sessions = engine, sessions

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "job" in vars(cls) and "key" not in vars(cls):
            cls.key = cls.job

    @property
    def views(self) -> Mapping[str, Callable[[], None]]:
        """What else stands beside the tab, one photo's and a folder's: name, and what builds it."""
        return {}

    def work(self, request: gr.Request) -> Work:
        """What this tab of the page holds."""
        return self.sessions.get(request.session_hash).work(self.key)

    def case(self, request: gr.Request) -> Case | None:
        """Whose desk the page is."""
        return self.sessions.get(request.session_hash).case

    def named(self, event: str) -> dict[str, Any]:
        """:data:`QUIET`, and the event's name, which no other tab has."""
        return QUIET | {"api_name": f"{self.key.replace('-', '_')}_{event}"}

    # --- run --------------------------------------------------------------------------------------------------------

    def build_buttons(self) -> None:
        """Adds *Run* and *Cancel*."""
        with gr.Row(elem_classes="go"):
            self.run = gr.Button(self.runs, variant="primary", elem_id=f"{self.prefix}-run", scale=3, min_width=160)
            self.cancel = gr.Button(
                _("Cancel"), interactive=False, elem_id=f"{self.prefix}-cancel", scale=1, min_width=110
            )

    def connect_run(
        self,
        function: Callable[..., Any],
        inputs: Sequence[gr.components.Component],
        outputs: Sequence[gr.components.Component],
        shown_on: gr.components.Component,
    ) -> gr.events.Dependency:
        """Connects the buttons.

        Args:
            function: runs, and gives updates of ``outputs``; best through :meth:`running`.
            inputs: what it takes.
            outputs: what shows the result.
            shown_on: where progress is shown.

        Returns:
            The event of the run.
        """
        buttons = [self.run, self.cancel]
        begun = self.run.click(_busy, None, buttons, queue=False, **self.named("begin"))
        ran = begun.then(
            function, list(inputs), list(outputs), **self.named("run") | {"show_progress": "full"},
            show_progress_on=shown_on, **GPU,
        )  # fmt: skip
        ran.then(self.end, None, [*buttons, *self.results], queue=False, **self.named("end"))
        self.cancel.click(self.stop, None, buttons, cancels=[ran], queue=False, **self.named("cancel"))
        return ran

    def running(self, request: gr.Request, progress: gr.Progress, run: Callable[[Work, Event, Progress], Any]) -> Any:
        """Runs, and says why where it does not come to its end.

        Args:
            request: of the page.
            progress: the page's.
            run: gets what the tab holds, the event that stops the run, and the progress that it reports to; gives
                updates of what shows the result.

        Returns:
            What ``run`` gives, or nothing new.
        """
        work = self.work(request)
        try:
            stop = work.start()

            def told(fraction: float, text: str) -> None:
                progress(fraction, desc=text)

            return run(work, stop, stoppable(stop, with_time_left(told) if self.tells_time else told))
        except Cancelled:
            gr.Info(headed(_("Run cancelled"), self.left), duration=5)
        except Exception as error:
            toast(error, _("Not run"))
        return gr.skip()

    def stop(self, request: gr.Request) -> tuple[gr.Button, gr.Button]:
        """Stops the run: the pipeline ends at its next report of progress."""
        self.work(request).stop.set()
        return _idle()

    def end(self, request: gr.Request) -> list[Any]:
        """When a run is over: updates of the buttons, and of :attr:`results`."""
        return [*_idle()]

    @property
    def results(self) -> list[gr.components.Component]:
        """What :meth:`end` may clear."""
        return []


@dataclass(frozen=True)
class Field:
    """A field for a photo.

    Attributes:
        editor: the field.
        face: the choice of one of the photo's faces.
        painted: whether it has a mask.
    """

    editor: gr.HTML
    face: gr.Radio
    painted: bool = True


class FilesTab(Tab):
    """A tab whose files bear the case, and can be downloaded."""

    @property
    @abstractmethod
    def buttons(self) -> list[gr.DownloadButton]:
        """Of the files."""

    @abstractmethod
    def outdated(self, request: gr.Request) -> list[Any]:
        """Takes the files away that bear another case, until the new ones are written: updates of :attr:`buttons`."""

    @abstractmethod
    def rewrite(self, request: gr.Request) -> list[Any]:
        """Writes the files anew where they bear another case than the page's: updates of :attr:`buttons`."""


class ManyTab(FilesTab):
    """A tab of many photos that belong to a desk: another case empties it."""

    @property
    @abstractmethod
    def everything(self) -> list[gr.components.Component]:
        """All that an emptied tab changes."""

    @abstractmethod
    def emptied(self, request: gr.Request) -> list[Any]:
        """Updates of :attr:`everything` where the photos that it shows are another desk's; else nothing new."""


class ResultTab(FilesTab):
    """A tab with a result of its own on every page, which goes with its photo, and whose files can be downloaded.

    Attributes:
        stem: what the names of files to download begin with, after the case's.
        strip: the results of the session.
        buttons: of the files.
    """

    stem: str
    strip: gr.HTML

    @property
    @abstractmethod
    def results(self) -> list[gr.components.Component]:
        """The components that show a result: all that another photo or face clears."""

    @abstractmethod
    def cleared(self) -> list[Any]:
        """Updates of :attr:`results` where there is no result."""

    @abstractmethod
    def sides(self, outcome: Outcome) -> tuple[Pixels, Pixels]:
        """What is compared of a result, and what is seen in its place while the photo is asked for: RGB ``uint8``."""

    @abstractmethod
    def make_files(self, request: gr.Request) -> Any:
        """Writes the files, or the first part of them, after the result is on the screen."""

    # --- what a run and a case file keep of the tab -----------------------------------------------------------------

    @property
    def more_photos(self) -> gr.HTML | None:
        """Further photos of what the last of :attr:`fields` shows; None where the tab takes none."""
        return None

    @property
    @abstractmethod
    def fields(self) -> Mapping[str, Field]:
        """The fields for photos, by what a session and a case file call these."""

    @property
    @abstractmethod
    def kept_settings(self) -> Mapping[str, gr.components.Component]:
        """The settings, by what a case file calls them."""

    @abstractmethod
    def write_all(self, outcome: Outcome) -> Sequence[Path | None]:
        """Writes the files of every one of :attr:`buttons`."""

    @abstractmethod
    def show(self, outcome: Outcome, settings: Mapping[str, Any], more: int) -> list[Any]:
        """Updates of :attr:`results` that show a result that was made before, here or in a case file.

        Args:
            outcome: the result, and where its files lie.
            settings: by :attr:`kept_settings`; those that fit, or as the page begins with them.
            more: how many further photos there are.
        """

    @property
    def desk(self) -> list[gr.components.Component]:
        """All that says what a result is made with: fields for photos, with their faces, and settings."""
        fields = [part for field in self.fields.values() for part in (field.editor, field.face)]
        more = [] if self.more_photos is None else [self.more_photos]
        return [*fields, *more, *self.kept_settings.values()]

    def lay_out(
        self,
        photos: Mapping[str, Photo],
        more: Mapping[str, Photo],
        masks: Mapping[str, Base],
        settings: Mapping[str, Any],
    ) -> list[Any]:
        """Updates of :attr:`desk`.

        Args:
            photos: by what they are; a field without one is emptied.
            more: further photos by their keys.
            masks: of the photos, by what these are.
            settings: by :attr:`kept_settings`; those that are missing stay as they are.
        """
        given = {name: component.value for name, component in self.kept_settings.items()} | dict(settings)
        updates: list[Any] = []
        for what, field in self.fields.items():
            photo, mask = photos.get(what), masks.get(what)
            if photo is None:
                updates += [answer(photo=None, face=0, **({"base": None} if field.painted else {})), face_choice([])]
                continue
            props = self.field_props(what, photo, given) | {"face": photo.face}
            if field.painted and "base" not in props and mask is not None:
                props["base"] = lay_base(photo, mask, _("The mask of the result."))
            updates += [answer(**props), face_choice(photo.faces, photo.face)]
        if self.more_photos is not None:
            updates.append(answer(**more_props([*more.values()])))
        return [*updates, *(settings.get(name, gr.skip()) for name in self.kept_settings)]

    @abstractmethod
    def told(self, outcome: Outcome, masks: Mapping[str, Base], settings: Mapping[str, Any]) -> Told:
        """What the strip tells of a result.

        Args:
            outcome: the result.
            masks, settings: with which it was made, as for :meth:`lay_out`.
        """

    def field_props(self, what: str, photo: Photo, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What one of :attr:`fields` is told of a photo, but for its mask."""
        return {"photo": photo_props(photo)}

    def offered_values(self, name: str) -> Sequence[Any] | None:
        """What this machine offers for a setting, where that is not what its component says."""
        return None

    def outdated(self, request: gr.Request) -> list[Any]:
        outcome = self.work(request).outcome
        same = outcome is None or outcome.case == self.case(request)
        return [gr.skip()] * len(self.buttons) if same else no_files(len(self.buttons))

    def rewrite(self, request: gr.Request) -> list[Any]:
        outcome = self.work(request).outcome
        if outcome is None or outcome.case == self.case(request):
            return [gr.skip()] * len(self.buttons)
        outcome.give_to(self.case(request))
        return self.write_anew(request)

    def write_anew(self, request: gr.Request) -> list[Any]:
        """Writes all files of the result that is here, where there is one."""
        updates = guarded(_("Files not made"))(self.written)(request, self.write_all)
        return updates if isinstance(updates, list) else [gr.skip()] * len(self.buttons)

    # --- files --------------------------------------------------------------------------------------------------------

    def kept(self) -> list[Any]:
        """Updates of :attr:`results` that leave them as they are."""
        return [gr.skip()] * len(self.results)

    def settle(self, request: gr.Request) -> list[Any]:
        """Clears what came late: a result whose photo was replaced after it left here."""
        return self.cleared() if self.work(request).outcome is None else self.kept()

    def end(self, request: gr.Request) -> list[Any]:
        return [*_idle(), *self.settle(request)]

    # --- runs -------------------------------------------------------------------------------------------------------

    def connect_runs(self) -> gr.events.Dependency:
        """Connects the strip of the session's results.

        Returns:
            The event that shows a result again.
        """
        everything = [self.strip, *self.desk, *self.results]
        self.strip.like(self.choose_run, None, self.strip, **self.named("choose_run"))
        self.strip.delete(self.remove_run, None, [self.strip, *self.results], **self.named("remove_run"))
        self.strip.expand(self.compare_two, None, self.strip, concurrency_limit=1, **self.named("compare"))
        settings = list(self.kept_settings.values())
        return self.strip.select(self.show_run, settings, everything, concurrency_limit=1, **self.named("show_run"))

    def runs_shown(self, request: gr.Request) -> gr.HTML:
        """An update of the strip to the runs that are kept."""
        work = self.work(request)
        return show_runs(work.runs, work.runs.of(work.outcome))

    def show_run(self, event: gr.EventData, request: gr.Request, *settings: Any) -> list[Any]:
        """Shows a result again, and lays out what it was made with."""
        try:
            run, desk = self.work(request).show_run(event.key)
            assert run.outcome is not None  # it was woken
            run.outcome.give_to(self.case(request))
            shown = dict(zip(self.kept_settings, settings, strict=True)) | desk.settings
            laid = self.lay_out(desk.photos, desk.more, desk.masks, desk.settings)
            return [self.runs_shown(request), *laid, *self.show(run.outcome, shown, len(desk.more))]
        except Exception as error:
            toast(error, _("Not shown"))
            return [self.runs_shown(request), *[gr.skip()] * len(self.desk), *self.kept()]

    @guarded(_("Not chosen"))
    def choose_run(self, event: gr.EventData, request: gr.Request) -> gr.HTML:
        """Makes a result the case's for its photo, or takes that back."""
        self.work(request).choose_run(event.key)
        return self.runs_shown(request)

    def remove_run(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Forgets a result."""
        work = self.work(request)
        was_shown = work.outcome is not None
        work.remove_run(event.key)
        gone = was_shown and work.outcome is None
        return [self.runs_shown(request), *(self.cleared() if gone else self.kept())]

    @guarded(_("Not compared"))
    def compare_two(self, event: gr.EventData, request: gr.Request) -> gr.HTML:
        """Shows two results side by side."""
        runs = self.work(request).runs
        return compare_runs([(run, *self.sides(run.load()[0])) for run in map(runs.find, event.keys)])

    # --- files ------------------------------------------------------------------------------------------------------

    def connect_files(
        self,
        ran: gr.events.Dependency,
        again: gr.events.Dependency,
        writers: Sequence[tuple[str, Callable[..., Any], Sequence[gr.DownloadButton]]],
    ) -> gr.events.Dependency:
        """Has files written once a result is on the screen.

        Args:
            ran: the event of the run.
            again: the event that shows a result again.
            writers: name, function and buttons of each part, in the order in which they are written; the first is
                :meth:`make_files`.

        Returns:
            The event after which the first part is there.
        """
        (name, write, buttons), *others = writers
        limit = {"concurrency_limit": 2}
        made = last = ran.success(write, None, list(buttons), **limit, **self.named(name))
        written = again.success(write, None, list(buttons), **limit, **self.named(f"again_{name}"))
        for name, write, buttons in others:
            last = last.success(write, None, list(buttons), **limit, **self.named(name))
            written = written.success(write, None, list(buttons), **limit, **self.named(f"again_{name}"))
        last.then(self.settle, None, self.results, queue=False, **self.named("settle"))
        return made

    def written(self, request: gr.Request, write: Callable[[Outcome], Sequence[Path | None]]) -> Any:
        """Writes files of the result that is here.

        Args:
            request: of the page.
            write: gives the path of each button's file, None where there is none.

        Returns:
            Updates of the buttons; nothing new where the page was closed, or another result came, in the meantime.
        """
        work = self.work(request)
        outcome = work.outcome
        if outcome is None:
            return gr.skip()
        case = outcome.case
        try:
            paths = write(outcome)
        except FileNotFoundError:
            if work.outcome is outcome:
                raise
            return gr.skip()
        if work.outcome is not outcome or outcome.case != case:
            return gr.skip()
        updates = [
            gr.skip() if path is None else gr.DownloadButton(value=str(path), interactive=True) for path in paths
        ]
        return updates if len(updates) > 1 else updates[0]

    def for_program(
        self,
        request: gr.Request,
        files: Sequence[Any],
        case: str | None,
        run: Callable[..., Made],
        give: Callable[[Made, Path], tuple[dict[str, Any], Sequence[Path | None]]],
    ) -> tuple[Any, ...]:
        """Runs the pipeline for a program that uses the API.

        Args:
            request: of the program.
            files: what it uploaded, as gradio hands it over, the photo first; None where it sent none. Each is removed.
            case: what the files call the case.
            run: makes the result from the files' contents and the progress that it reports to.
            give: writes files into a folder; gives the numbers, and the path of each file, None where there is none.

        Returns:
            The numbers and the files.

        Raises:
            gr.Error: what went wrong, in a sentence.
        """
        work = self.work(request)
        facts: dict[str, Any]
        paths: Sequence[Path | None]
        try:
            contents = take(*[file["path"] if file else None for file in files])
            result = of_case(run(*contents, while_waited_for(work)), case)
            facts, paths = give(result, work.new_folder())
        except Exception as error:
            raise gr.Error(explain(error), print_exception=False) from None
        return (facts, *[None if path is None else _file_data(path) for path in paths])


def no_files(count: int) -> list[gr.DownloadButton]:
    """Updates of so many buttons while there is nothing to download."""
    return [gr.DownloadButton(value=None, interactive=False) for _ in range(count)]


def _busy() -> tuple[gr.Button, gr.Button]:
    """Updates of *Run* and *Cancel* while a run goes on."""
    return gr.Button(interactive=False), gr.Button(interactive=True)


def _idle() -> tuple[gr.Button, gr.Button]:
    """Updates of *Run* and *Cancel* when nothing runs."""
    return gr.Button(interactive=True), gr.Button(interactive=False)


def _file_data(path: Path) -> dict[str, Any]:
    """A file as a program gets it."""
    return gr.FileData(path=str(path), orig_name=path.name).model_dump()
