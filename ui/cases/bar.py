"""The bar above the tabs: whose desk it is, and *New case*, *Open case*, *Save case* and *Report*."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

import gradio as gr

from pipelines.cases.case import MOST_LETTERS, MOST_NOTES, Case, named, typed_case
from pipelines.cases.contents import CaseFile, Entry
from pipelines.cases.reading import open_case
from pipelines.cases.report import save_report
from pipelines.cases.writing import ENDING, save_case
from pipelines.errors import OptionInvalid
from pipelines.languages.translation import _, ngettext
from ui.cases.desk import Made, clear_desk, components, entries_of, inputs, open_desk
from ui.parts.editor import MAX_BYTES
from ui.parts.widgets import headed, toast
from ui.server.sessions import Sessions, Work
from ui.server.uploads import take_one
from ui.tabs.base import QUIET, ManyTab, ResultTab
from ui.theme import ASSETS, template

_KEY = "case"  # of the session's work that case files lie with until the page is closed


class CaseBar:
    """The bar and what its events do.

    Args:
        sessions: keeps what each page has given.
    """

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.tabs: Sequence[ResultTab] = ()

    def build(self) -> None:
        """Lays the bar out."""
        words = {"letters": MOST_LETTERS, "notes": MOST_NOTES, "ending": ENDING}
        self.bar = gr.HTML(
            value=None,
            label=_("Case"),
            html_template=template("case.html", **words),
            js_on_load=(ASSETS / "case.js").read_text(encoding="utf-8"),
            apply_default_css=False,
            elem_id="case",
            whose={},
            file=None,
            reply=0,
        )

    def connect(self, tabs: Sequence[ResultTab], others: Sequence[ManyTab] = ()) -> None:
        """Connects it.

        Args:
            tabs: those whose photos and results are a case's, and lie in its file.
            others: those whose files bear the case, and which another case empties.
        """
        self.tabs = tabs
        changed = [self.bar, *(part for tab in tabs for part in components(tab))]
        given = [part for tab in tabs for part in inputs(tab)]
        # Gradio would drop what comes while another is answered; the bar sends one after the other.
        typed = self.bar.input(self.take, None, self.bar, trigger_mode="multiple", **_named("take"))
        opened = self.bar.upload(self.open, None, changed, **_named("open"))
        saved = self.bar.submit(self.save, given, self.bar, **_named("save"))
        reported = self.bar.download(self.report, None, self.bar, **_named("report"))
        cleared = self.bar.clear(self.clear, None, changed, **_named("clear"))
        for other in others:
            for event, name in ((cleared, "cleared"), (opened, "opened")):
                event.then(other.emptied, None, other.everything, **other.named(f"emptied_{name}"))
        for tab in [*tabs, *others]:
            for event, name in ((typed, "typed"), (saved, "saved"), (reported, "reported")):
                taken = event.then(tab.outdated, None, tab.buttons, queue=False, **tab.named(f"outdated_{name}"))
                taken.then(tab.rewrite, None, tab.buttons, **tab.named(f"rewrite_{name}"))
        for tab in tabs:
            opened.then(tab.write_anew, None, tab.buttons, **tab.named("write_opened"))

    # --- events -----------------------------------------------------------------------------------------------------

    def take(self, event: gr.EventData, request: gr.Request) -> gr.HTML:
        """Takes the case as it was typed; one that is none leaves the one before."""
        try:
            self._take(event, request)
        except Exception as error:
            toast(error, _("Case not changed"))
        return _answer()

    def clear(self, request: gr.Request) -> list[Any]:
        """Clears the desk."""
        return [_answer(whose=_shown(Case())), *clear_desk(self.tabs, self.sessions.get(request.session_hash))]

    def open(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """Opens a case file in the place of what is on the desk, which stays where the file is refused."""
        session = self.sessions.get(request.session_hash)
        try:
            opened = open_case(take_one(event.path))
            updates, unknown = open_desk(self.tabs, session, opened)
        except Exception as error:
            toast(error, _("Case not opened"))
            return [_answer(), *[gr.skip()] * sum(len(components(tab)) for tab in self.tabs)]
        gr.Info(headed(_("Case opened"), _told(opened, len(session.others), unknown)), duration=10)
        return [_answer(whose=_shown(opened.case)), *updates]

    def save(self, event: gr.EventData, request: gr.Request, *values: Any) -> gr.HTML:
        """Writes the case file, which the page downloads then."""
        try:
            case = self._take(event, request) or Case()
            session = self.sessions.get(request.session_hash)
            works = [session.work(tab.key) for tab in self.tabs]
            if case == Case() and not session.others and not any(work.photos or len(work.runs) for work in works):
                raise OptionInvalid(_("There is nothing to save yet; open a photo, or give the case a name."))
            name = named(case, f"case{ENDING}") if not case.stem else f"{case.stem}{ENDING}"
            path = session.work(_KEY).new_folder() / name
            save_case(path, case, chain(session.others, self._entries(works, values)))
        except Exception as error:
            toast(error, _("Case not saved"))
            return _answer(file=None)
        if path.stat().st_size > MAX_BYTES:
            said = _(
                "It has more than {size} MB, which the page does not take back: Python and the command line open it."
            )
            gr.Warning(headed(_("A large case"), said.format(size=MAX_BYTES // 2**20)), duration=12)
        return _answer(file={"path": str(path), "name": name})

    def report(self, event: gr.EventData, request: gr.Request) -> gr.HTML:
        """Writes one PDF of the case with every result of all tabs, which the page downloads then."""
        try:
            case = self._take(event, request) or Case()
            session = self.sessions.get(request.session_hash)
            made = Made(session.others, [(tab.job, session.work(tab.key).runs) for tab in self.tabs])
            name = named(case, "report.pdf")
            path = session.work(_KEY).new_folder() / name
            save_report(path, case, made)
        except Exception as error:
            toast(error, _("No report made"))
            return _answer()
        return _answer(file={"path": str(path), "name": name})

    def _entries(self, works: Sequence[Work], values: Sequence[Any]) -> Iterator[Entry]:
        """What all tabs hold, one entry after the other, so that not all results are in memory at once."""
        for tab, work in zip(self.tabs, works, strict=True):
            count = len(inputs(tab))
            yield from entries_of(tab, work, values[:count])
            values = values[count:]

    def _take(self, event: gr.EventData, request: gr.Request) -> Case | None:
        case = typed_case(event.name, event.date, event.side, event.notes)
        session = self.sessions.get(request.session_hash)
        session.case = None if case == Case() else case
        return session.case


def _named(event: str) -> dict[str, Any]:
    return QUIET | {"api_name": f"case_{event}"}


def _answer(**props: Any) -> gr.HTML:
    """An update of the bar that ends its waiting."""
    return gr.HTML(reply=secrets.randbits(32), **props)


def _shown(case: Case) -> dict[str, Any]:
    """The case as the bar shows it; each time another value, so that the page notices."""
    return {**asdict(case), "number": secrets.randbits(32)}


def _told(opened: CaseFile, others: int, unknown: int) -> str:
    """What was in the file, for people."""
    photos, results = sum(len(entry.photos) for entry in opened.entries), len(opened.results)
    told = [
        _("{photos} and {results} took the place of what was on the desk.").format(
            photos=ngettext("{count} photo", "{count} photos", photos).format(count=photos),
            results=ngettext("{count} result", "{count} results", results).format(count=results),
        )
    ]
    if others:
        told.append(
            ngettext(
                "{count} more run of it stay with the case and are saved again, but are not shown.",
                "{count} more runs of it stay with the case and are saved again, but are not shown.",
                others,
            ).format(count=others)
        )
    if unknown:
        told.append(
            ngettext(
                "{count} setting cannot be chosen on this machine, and stayed as it was.",
                "{count} settings cannot be chosen on this machine, and stayed as it was.",
                unknown,
            ).format(count=unknown)
        )
    return " ".join(told)
