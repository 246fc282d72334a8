"""Many photos at once: a table that fills while they are worked on, each one's mask and result, one ZIP in the end."""

import html
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from pipelines.errors import OptionInvalid, PhiltrumError
from pipelines.faces.formats.kinds import CHOSEN
from pipelines.jobs import JOBS, resolve
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _, ngettext
from ui.folders.base import MASK, RESULT, Chosen, FolderJob
from ui.folders.editing import lay, outdated, own_base, take
from ui.folders.files import write_folder_files
from ui.folders.running import FolderRun
from ui.parts.editor import answer, mask_editor
from ui.parts.photo_table import looked_at, photo_table, show_photos
from ui.parts.widgets import footer_html, guarded, headed, keys_html, step, toast
from ui.server.engine import GPU, Engine
from ui.server.sessions import Sessions
from ui.server.uploads import NAMES_TOO, add, forget
from ui.session.folders import PHOTOS, Folder, Row, Written
from ui.tabs.base import ManyTab, no_files

MOST = 500
"""Photos of a folder in the app; larger ones are the command line's."""

_SAID = 6  # sentences about names that are shown
_LIVE: dict[str, Any] = {"trigger_mode": "always_last", "concurrency_limit": 4}
_KEYS = keys_html(
    ("J K", _("next, previous photo")), ("↓ ↑", _("in the table")), ("Ctrl Enter", _("run")), ("?", _("all keys"))
)


_TOO_MANY = {
    PHOTOS: _("The app takes up to {count} photos; use the command line for a larger folder."),
    "mask": _("The app takes up to {count} masks; use the command line for a larger folder."),
    "reference": _("The app takes up to {count} references; use the command line for a larger folder."),
}


def folder_job(job: str, engine: Engine) -> FolderJob:
    """What a job's folder view has of its own."""
    named = JOBS[job].folder
    made: FolderJob = (resolve(named) if named else FolderJob)(job, engine)
    return made


class FolderTab(ManyTab):
    """The view's components and what their events do.

    Args:
        job: its name.
        engine: runs the pipeline.
        sessions: keeps what each page has given.
    """

    runs = _("Run the folder")

    def __init__(self, job: str, engine: Engine, sessions: Sessions) -> None:
        super().__init__(engine, sessions)
        self.own = folder_job(job, engine)
        self.job, self.key, self.prefix = job, f"{job}-folder", self.own.id
        self.fields: dict[str, gr.File] = {}

    # --- components -------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Lays the view out and connects it."""
        with gr.Row(elem_classes=["work", "work-folder", f"work-{self.prefix}"], equal_height=False):
            with gr.Column(elem_classes="give", min_width=440):
                self._build_inputs()
            with gr.Column(elem_classes="get", min_width=440):
                self._build_outputs()
        self.footer = gr.HTML(footer_html(), apply_default_css=False)
        self._connect()
        self.own.connect(**self.named("offer"))

    def _build_inputs(self) -> None:
        gr.HTML(step(_("Photos")), apply_default_css=False)
        self.fields[PHOTOS] = self._field(PHOTOS, _("Photos: drop several here"), 96)
        if self.own.takes:
            with gr.Row(elem_classes="folder-more", equal_height=True):
                for what, taken in self.own.takes.items():
                    self.fields[what] = self._field(what, taken.label, 84)
        self.names = gr.JSON(visible=False)
        with gr.Row(elem_classes="folder-given", equal_height=True):
            self.given = gr.HTML(self.given_html(), apply_default_css=False, elem_id=f"{self.prefix}-given")
            self.clear = gr.Button(_("Remove all"), size="md", min_width=110, scale=0, elem_id=f"{self.prefix}-clear")
        self.own.build_settings()
        self.build_buttons()
        gr.HTML(_KEYS, apply_default_css=False)

    def _field(self, what: str, label: str, height: int) -> gr.File:
        return gr.File(
            label=label, file_count="multiple", file_types=["image", *CHOSEN], height=height,
            elem_id=f"{self.prefix}-{what}s", min_width=160,
        )  # fmt: skip

    def _build_outputs(self) -> None:
        gr.HTML(step(_("Results")), apply_default_css=False)
        self.table = photo_table(f"{self.prefix}-table", f"{self.prefix}-run", self.own.columns)
        with gr.Row(elem_classes="folder-look", equal_height=True):
            # The table's own script moves on, so that no press is lost while the photo before is fetched.
            gr.Button(_("Previous"), size="md", min_width=96, scale=0, elem_classes="folder-back")
            self.place = gr.HTML(place_html(None), apply_default_css=False, elem_classes="folder-place")
            gr.Button(_("Next"), size="md", min_width=96, scale=0, elem_classes="folder-on")
            if self.own.painted:
                self.view = gr.Radio(
                    [(_("Result"), RESULT), (_("Mask"), MASK)], value=RESULT, label=_("What is seen of the photo"),
                    show_label=False, container=False, elem_classes=["extent", "folder-view"], min_width=160,
                )  # fmt: skip
        with gr.Column(elem_classes="folder-result"):
            self.own.build_view()
        if self.own.painted:
            with gr.Column(elem_classes="folder-mask"):
                self._build_editor()
        with gr.Row(elem_classes="files"):
            self.files = [
                gr.DownloadButton(label, interactive=False, size="md", min_width=160, elem_id=f"{self.prefix}-{key}")
                for key, label in (("zip", _("Everything, ZIP")), ("csv", _("Table, CSV")))
            ]

    def _build_editor(self) -> None:
        self.editor = mask_editor(
            f"{self.prefix}-editor", None, _("Choose a photo of the table to see and paint its mask."),
            _("Photo of the folder with its mask. Paint with the pointer."), None, given=True,
        )  # fmt: skip
        with gr.Row(elem_classes="suggest", equal_height=True):
            self.suggest = gr.Button(self.own.own_label, size="md", min_width=124, scale=0)
            self.carry = gr.Checkbox(
                False, label=_("Carry the mask over to the next photo"), container=False, min_width=260,
                elem_id=f"{self.prefix}-carry",
            )  # fmt: skip

    # --- events -----------------------------------------------------------------------------------------------------

    @property
    def buttons(self) -> list[gr.DownloadButton]:
        return self.files

    @property
    def _desk(self) -> list[gr.components.Component]:
        """What says what is chosen; :meth:`_chosen` takes their values."""
        return [*self._masks, *self.own.settings.values(), *self.own.choices.values()]

    @property
    def _masks(self) -> list[gr.components.Component]:
        return [self.view, self.carry, self.editor] if self.own.painted else []

    @property
    def _editors(self) -> list[gr.components.Component]:
        """The mask editor, where there is one; :meth:`_editor` gives its update."""
        return [self.editor] if self.own.painted else []

    @property
    def _looked(self) -> list[gr.components.Component]:
        """What shows a photo; :meth:`_look` gives their updates."""
        return [self.place, *self.own.shown, self.footer]

    @property
    def everything(self) -> list[gr.components.Component]:
        """All that an emptied folder changes."""
        return [self.given, self.table, *self._looked, *self._editors, *self.files]

    def _connect(self) -> None:
        desk, looked = self._desk, [self.table, *self._looked, *self._editors]
        for what, field in self.fields.items():
            outputs = [field, self.given, self.table, *self._looked]
            given = [field, self.names, *desk]
            field.upload(self._takes(what), given, outputs, js=NAMES_TOO, **self.named(f"give_{what}"))
        self.clear.click(self.empty, None, self.everything, **self.named("clear"))
        self.table.select(self.choose, desk, looked, **_LIVE, **self.named("choose"))
        removed = self.table.delete(self.remove, desk, [self.given, *looked], **self.named("remove"))
        if self.own.painted:
            self.view.input(self.turn, desk, looked, **self.named("turn"))
            self.suggest.click(self.lay_own, desk, self.editor, **self.named("own_mask"))
        for name, setting in self.own.settings.items():
            setting.input(self.restate, desk, [self.table, *self._editors], **_LIVE, **self.named(f"restate_{name}"))
        for name, choice in self.own.choices.items():
            choice.input(self.draw, desk, self._looked, **_LIVE, **self.named(f"draw_{name}"))
        self._connect_run(removed)

    def _connect_run(self, removed: gr.events.Dependency) -> None:
        buttons = [self.run, self.cancel]
        starts = (("", self.run.click, self.begin), ("again_", self.table.like, self.begin_one))
        removed.then(self.make_files, self._desk, self.files, **self.named("files_left"))
        for name, trigger, begin in starts:
            begun = trigger(begin, None, buttons, queue=False, **self.named(f"{name}begin"))
            shown = [self.table, *self._looked]
            ran = begun.then(self.work_on, self._desk, shown, **self.named(f"{name}run"), **GPU)
            ended = ran.then(self.end, None, buttons, queue=False, **self.named(f"{name}end"))
            ended.then(
                self.make_files, self._desk, self.files, **self.named(f"{name}files"), concurrency_limit=2,
                concurrency_id="folder_files",
            )  # fmt: skip
        self.cancel.click(self.halt, None, buttons, queue=False, **self.named("cancel"))

    def _chosen(self, values: Sequence[Any]) -> Chosen:
        view, carry, editor = values[:3] if self.own.painted else (RESULT, False, None)
        others = values[len(self._masks) :]
        settings = dict(zip(self.own.settings, others, strict=False))
        return Chosen(settings, view or RESULT, bool(carry), editor, others[len(settings) :])

    def folder(self, request: gr.Request) -> Folder:
        """The page's folder; an empty one, which is not kept, where there is none, or where it was another case's."""
        session, work = self.sessions.get(request.session_hash), self.work(request)
        if work.many is not None and work.many.desk != session.desk:
            work.start()
            work.many.close()
            work.many = None
        several = [what for what, taken in self.own.takes.items() if taken.several]
        known: Folder = work.many or Folder(work.folder / secrets.token_urlsafe(8), session.desk, several)
        return known

    def _kept(self, request: gr.Request) -> Folder:
        """The page's folder, which is kept from now on.

        Raises:
            Cancelled: the page was closed.
        """
        folder, work = self.folder(request), self.work(request)
        if work.many is None:
            folder.place = work.lasting_folder()
            work.many = folder
        return folder

    # --- what is given ----------------------------------------------------------------------------------------------

    def _takes(self, what: str) -> Any:
        def take_files(request: gr.Request, paths: Any, names: Any, *values: Any) -> list[Any]:
            return self.take_files(what, request, paths, names, *values)

        return take_files

    def take_files(
        self, what: str, request: gr.Request, paths: list[str] | None, names: list[str | None] | None, *values: Any
    ) -> list[Any]:
        """Moves uploads to the session, which forgets them with the page; whatever their names, none replaces another.

        Args:
            what: what they are.
            request: of the page.
            paths: where gradio put them.
            names: what each was called on the person's disk.
            values: of the page.
        """
        folder, chosen = self._kept(request), self._chosen(values)
        try:
            kept = folder.given.setdefault(what, {})
            if len(kept) + len(paths or []) > MOST:
                raise OptionInvalid(_TOO_MANY[what].format(count=figure(MOST, ",")))
            folder.notes += add(paths or [], names or [], kept, folder.place / what, what)
            folder.take_in()
        except Exception as error:
            toast(error, _("Not added"))
        finally:
            forget(*(paths or []))
        if folder.chosen is None and folder.rows:
            folder.chosen = next(iter(folder.rows))
        rows = self._rows(folder, chosen, **looked_at(folder))
        return [None, self.given_html(folder), rows, *self._look(folder, chosen)]

    def empty(self, request: gr.Request) -> list[Any]:
        """Removes everything that was given and made."""
        work = self.work(request)
        work.start()
        if work.many is not None:
            work.many.close()
            work.many = None
        return self.emptied(request)

    def emptied(self, request: gr.Request) -> list[Any]:
        """Updates of :attr:`everything` to a folder without photos; nothing new where it has some."""
        folder = self.folder(request)
        if folder.rows:
            return [gr.skip()] * len(self.everything)
        table = show_photos(folder, lambda row: "", told="", running=False, **looked_at(folder))
        shown = [place_html(None), *self.own.nothing(), footer_html()]
        editor = [answer(photo=None, base=None) for _editor in self._editors]
        return [self.given_html(), table, *shown, *editor, *no_files(len(self.files))]

    def remove(self, event: gr.EventData, request: gr.Request, *values: Any) -> list[Any]:
        """Removes a photo and what was made of it."""
        folder, chosen = self.folder(request), self._chosen(values)
        try:
            folder.remove(event.key)
        except Exception as error:
            toast(error, _("Not removed"))
        rows = self._rows(folder, chosen, **looked_at(folder))
        return [self.given_html(folder), rows, *self._look(folder, chosen), *self._editor(folder, chosen)]

    # --- one photo --------------------------------------------------------------------------------------------------

    def choose(self, event: gr.EventData, request: gr.Request, *values: Any) -> list[Any]:
        """Turns to a photo: its result, or its mask; what was painted on the one before is kept."""
        folder, chosen = self.folder(request), self._chosen(values)
        self._take_mask(folder, chosen)
        try:
            folder.chosen = folder.row(event.key).key
        except PhiltrumError as error:
            toast(error, _("Not chosen"))
        return [self._rows(folder, chosen), *self._look(folder, chosen), *self._editor(folder, chosen)]

    def turn(self, request: gr.Request, *values: Any) -> list[Any]:
        """Turns from the photo's result to its mask, or back."""
        folder, chosen = self.folder(request), self._chosen(values)
        self._take_mask(folder, chosen)
        return [self._rows(folder, chosen), *self._look(folder, chosen), *self._editor(folder, chosen)]

    @guarded(_("Not drawn"))
    def draw(self, request: gr.Request, *values: Any) -> list[Any]:
        """Shows the photo's result as it is to be seen now."""
        return self._look(self.folder(request), self._chosen(values))

    @guarded(_("Not looked at"))
    def restate(self, request: gr.Request, *values: Any) -> Any:
        """Says of which photos the results are of other settings than those that are chosen now.

        The job's own mask in the editor follows them as long as nobody has painted on it.
        """
        folder, chosen = self.folder(request), self._chosen(values)
        rows = self._rows(folder, chosen)
        if not self._editors:
            return rows
        if folder.edited is None or not outdated(self.own, folder, chosen.editor, chosen.settings):
            return rows, gr.skip()
        return rows, answer(base=own_base(self.own, folder.edited, chosen.settings))

    @guarded(_("No mask"), answer)
    def lay_own(self, request: gr.Request, *values: Any) -> gr.HTML:
        """Lays the mask that the job itself makes under the strokes."""
        folder, chosen = self.folder(request), self._chosen(values)
        if folder.edited is None:
            raise OptionInvalid(_("Choose a photo of the table first."))
        return answer(base=own_base(self.own, folder.edited, chosen.settings))

    def _take_mask(self, folder: Folder, chosen: Chosen) -> None:
        try:
            take(folder, chosen.editor)
        except Exception as error:
            toast(error, _("Mask not kept"))

    def _editor(self, folder: Folder, chosen: Chosen) -> list[Any]:
        """Updates of :attr:`_editors`."""
        if not self.own.painted:
            return []
        return [self._edited(folder, chosen) if chosen.view == MASK else gr.skip()]

    def _edited(self, folder: Folder, chosen: Chosen) -> gr.HTML:
        """The photo that is chosen, in the mask editor."""
        row = folder.rows.get(folder.chosen or "")
        if row is None:
            folder.edited = None
            return answer(photo=None, base=None)
        if folder.edited is not None and folder.edited.row is row:
            return answer()
        try:
            props = lay(self.own, folder, row, chosen.settings, chosen.carry)
        except Exception as error:
            toast(error, _("Photo not opened"))
            folder.edited = None
            return answer(photo=None, base=None)
        if warning := props.pop("warning", None):
            gr.Warning(headed(_("No mask"), html.escape(warning)), duration=12)
        return answer(**props)

    def _look(self, folder: Folder, chosen: Chosen) -> list[Any]:
        """Updates of what shows the photo that is chosen."""
        row = folder.rows.get(folder.chosen or "")
        place = place_html(folder, row)
        made = row.made if row is not None else None
        if row is None or made is None:
            return [place, *self.own.nothing(), footer_html()]
        try:
            shown, footer = self.own.show(row, made, chosen.choices)
        except FileNotFoundError:  # it was made anew, or the page was closed, meanwhile
            return [gr.skip()] * len(self._looked)
        return [place, *shown, footer]

    def _wanted(self, folder: Folder, chosen: Chosen) -> Callable[[Row], str]:
        return lambda row: self.own.wanted(row, folder, chosen.settings)

    def _rows(self, folder: Folder, chosen: Chosen, **more: Any) -> gr.HTML:
        return show_photos(folder, self._wanted(folder, chosen), **more)

    # --- run --------------------------------------------------------------------------------------------------------

    def begin(self, request: gr.Request) -> tuple[gr.Button, gr.Button]:
        """Updates of the buttons before all that is not done is run."""
        self.folder(request).only = None
        return gr.Button(interactive=False), gr.Button(interactive=True)

    def begin_one(self, event: gr.EventData, request: gr.Request) -> tuple[gr.Button, gr.Button]:
        """Updates of the buttons before one photo is run, whether it is done or not."""
        buttons = self.begin(request)
        self.folder(request).only = event.key
        return buttons

    def halt(self, request: gr.Request) -> tuple[gr.Button, gr.Button]:
        """Stops the run; what is done is kept."""
        self.work(request).stop.set()
        return gr.skip(), gr.Button(interactive=False)

    def work_on(self, request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        """Runs what is not done as it is wanted now, and shows each as it comes."""
        chosen, work, nothing_new = self._chosen(values), self.work(request), [gr.skip()] * len(self._looked)
        folder = self.folder(request)
        self._take_mask(folder, chosen)
        try:
            stop = work.start()
            rows = self._to_do(folder, chosen)
        except Exception as error:
            toast(error, _("Not run"))
            yield [self._rows(folder, chosen), *nothing_new]
            return
        run, seen = FolderRun(self.own, self.engine, folder, chosen.settings, self.case(request), stop, work), None
        for _news in run.over(rows):
            if not work.gone.is_set():
                self.sessions.get(request.session_hash)  # hours of work are no hours of idleness
            made = self._made(folder)
            look = nothing_new if made is seen else self._look(folder, chosen)
            seen = made
            yield [self._rows(folder, chosen, running=True, told=run.told), *look]
        yield [self._rows(folder, chosen, running=False, told=""), *nothing_new]
        if stop.is_set() and not work.gone.is_set():
            gr.Info(headed(_("Run cancelled"), _("What is done is kept; the next run goes on from there.")), duration=5)

    def _to_do(self, folder: Folder, chosen: Chosen) -> list[Row]:
        """The photos of a run.

        Raises:
            OptionInvalid: there are none.
        """
        if not folder.rows:
            raise OptionInvalid(_("The folder has no photos yet; drop some on the left first."))
        if folder.only is not None:
            return [folder.row(folder.only)]
        rows = folder.to_do(self._wanted(folder, chosen))
        if not rows:
            raise OptionInvalid(_("All photos are done; change a setting or a mask, or run one again in its row."))
        return rows

    @staticmethod
    def _made(folder: Folder) -> Any:
        row = folder.rows.get(folder.chosen or "")
        return None if row is None else row.made

    # --- files ------------------------------------------------------------------------------------------------------

    @guarded(_("Files not made"))
    def make_files(self, request: gr.Request, *values: Any) -> Any:
        """Writes ZIP and table of what is there, in the place of those before."""
        folder, chosen = self.folder(request), self._chosen(values)
        if not any(row.made or row.error for row in folder.rows.values()):
            return no_files(len(self.files))
        return self._written(folder, self._wanted(folder, chosen), request)

    def _written(self, folder: Folder, wanted: Callable[[Row], str], request: gr.Request) -> list[Any]:
        case, place = self.case(request), folder.place / "files" / secrets.token_urlsafe(8)
        place.mkdir(parents=True, mode=0o700)
        paths = write_folder_files(self.own, folder, wanted, case, place)
        before, folder.written = folder.written, Written(place, case, wanted)
        if before is not None:
            shutil.rmtree(before.place, ignore_errors=True)
        return [gr.DownloadButton(value=str(path), interactive=True) for path in paths]

    def outdated(self, request: gr.Request) -> list[Any]:
        written = self.folder(request).written
        same = written is None or written.case == self.case(request)
        return [gr.skip()] * len(self.files) if same else no_files(len(self.files))

    @guarded(_("Files not made"))
    def rewrite(self, request: gr.Request) -> Any:
        folder = self.folder(request)
        if folder.written is None or folder.written.case == self.case(request):
            return [gr.skip()] * len(self.files)
        return self._written(folder, folder.written.wanted, request)

    def given_html(self, folder: Folder | None = None) -> str:
        """How many files there are, which belong to no photo, and whose names are others than on the person's disk."""
        if folder is None or not any(folder.given.values()):
            said = " ".join([_("No photos yet. They go with the page."), *(hint(what) for what in self.own.takes)])
            return f'<p class="given given-empty">{said}</p>'
        counts = [counted(len(folder.given.get(what, ())), what) for what in (PHOTOS, *self.own.takes)]
        notes = list(folder.notes)
        for what in self.own.takes:
            if lost := folder.unused(what):
                few = ", ".join(lost[:3]) + (", …" if len(lost) > 3 else "")
                notes.append(_("{files} with no photo’s name: {few}.").format(files=counted(len(lost), what), few=few))
        more = [_more_sentences(len(notes) - _SAID)] if len(notes) > _SAID else []
        said = "<br>".join(html.escape(line) for line in [*notes[:_SAID], *more])
        return f'<p class="given"><b>{html.escape(", ".join(filter(None, counts)))}</b> {said}</p>'


def hint(what: str) -> str:
    """How files of a kind are called so that they find their photo."""
    return {
        "mask": _("<code>P01.png</code> among the masks is that of <code>P01.jpg</code>."),
        "reference": _("References may be several: <code>P01-1.jpg</code>, <code>P01-2.jpg</code>."),
    }.get(what, "")


def counted(count: int, what: str) -> str:
    """A number of things; empty where there are none."""
    forms = {
        PHOTOS: ngettext("{count} photo", "{count} photos", count),
        "mask": ngettext("{count} mask", "{count} masks", count),
        "reference": ngettext("{count} reference", "{count} references", count),
    }
    return forms[what].format(count=figure(count)) if count else ""


def _more_sentences(count: int) -> str:
    text = ngettext("{count} more sentence about names.", "{count} more sentences about names.", count)
    return text.format(count=count)


def place_html(folder: Folder | None, row: Row | None = None) -> str:
    """Which of the photos is looked at."""
    if folder is None or row is None:
        return f'<p class="folder-at">{_("No photo is chosen.")}</p>'
    at = _("{number} of {count}").format(number=folder.place_of(row.key), count=len(folder.rows))
    return f'<p class="folder-at" aria-live="polite"><b>{at}</b> <span>{html.escape(row.name)}</span></p>'
