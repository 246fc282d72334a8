"""``case``: shows what a case file holds, takes its pictures and results out, or reports them as one PDF.

``extract`` writes into ``--out``, for each of the file's entries: ``CASE-N-JOB.photo.png`` and what else was given;
``CASE-N-JOB.photo.mask.png``; the files that the job's own command writes of a photo; and ``CASE-case.json``, the case
and all settings. ``report`` writes one PDF: the case with an overview, and a page of each result. No file that is there
is overwritten.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipelines.cases.contents import CaseFile, Entry
from pipelines.cases.reading import open_case
from pipelines.cases.report import save_report
from pipelines.commands import console
from pipelines.errors import CaseFileInvalid, OptionInvalid
from pipelines.exports.interface import exports_of
from pipelines.exports.tables import case_facts, json_text
from pipelines.faces.images import encode_png
from pipelines.files import write_all_atomic
from pipelines.languages.translation import _

EXPORTED = "case.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", help=_("say what a case file holds"))
    extract = actions.add_parser("extract", help=_("write its photos, masks and results as files"))
    report = actions.add_parser("report", help=_("write one PDF of the case: an overview, and a page of each result"))
    for action in (show, extract, report):
        action.add_argument("file", metavar="FILE", type=Path, help=_("a case file (.philtrum)"))
    extract.add_argument("--out", metavar="DIR", type=Path, required=True, help=_("folder for the files"))
    report.add_argument("--output", metavar="PDF", type=Path, required=True, help=_("the report's file"))


def run(args: argparse.Namespace) -> int:
    """Runs the command.

    Raises:
        PhiltrumError: the file is no case file that can be opened, files are in the way of those to be written, or
            there is nothing to report.
        OSError: the files cannot be written.
    """
    try:
        opened = open_case(args.file)
    except OSError:
        raise CaseFileInvalid(_("The case file cannot be read; check its path.")) from None
    if args.action == "show":
        _show(opened)
    elif args.action == "extract":
        _extract(opened, args.out)
    else:
        _report(opened, args.output)
    return 0


def _show(opened: CaseFile) -> None:
    case = opened.case
    facts = ((_("Name"), case.name), (_("Date"), case.date), (_("Side"), case.side), (_("Notes"), case.notes))
    width = max(7, *(len(name) + 1 for name, value in facts))
    for name, value in facts:
        for number, line in enumerate(value.splitlines() or [_("none")]):
            console.say(f"{name if number == 0 else '':{width}}{line}")
    rows = [(_("entry"), _("job"), _("photos"), _("masks"), _("results"))]
    for number, entry in enumerate(opened.entries, 1):
        sizes = (f"{what} {one.pixels.shape[1]}x{one.pixels.shape[0]}" for what, one in entry.photos.items())
        masks = sum(one.mask is not None for one in entry.photos.values())
        rows.append((str(number), entry.job, ", ".join(sizes) or _("none"), str(masks), str(len(entry.results))))
    console.table(rows)


def _extract(opened: CaseFile, folder: Path) -> None:
    files = dict(_files(opened))
    paths = {folder / opened.case.named(name): content for name, content in files.items()}
    if folder.exists() and not folder.is_dir():
        raise OptionInvalid(_("The output must be a folder; a file of that name is in its place."))
    if any(path.exists() or path.is_symlink() for path in paths):
        raise OptionInvalid(_("The output folder holds files of these names already; choose another."))
    folder.mkdir(parents=True, exist_ok=True)
    write_all_atomic(paths)
    console.say(_("{paths} files written.").format(paths=len(paths)))


def _report(opened: CaseFile, path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise OptionInvalid(_("There is a file of the report's name already; give --output another."))
    path.parent.mkdir(parents=True, exist_ok=True)
    save_report(path, opened.case, opened.entries)
    console.say(_("Report written."))


def _files(opened: CaseFile) -> Iterator[tuple[str, bytes]]:
    """What each file is called, but for the case's name, and its content."""
    entries = [{"job": entry.job, "settings": dict(entry.settings)} for entry in opened.entries]
    yield EXPORTED, json_text({**case_facts(opened.case), "entries": entries}).encode()
    for number, entry in enumerate(opened.entries, 1):
        for ending, content in _entry_files(entry):
            yield f"{number}-{entry.job}{ending}", content


def _entry_files(entry: Entry) -> Iterator[tuple[str, bytes]]:
    for what, photo in entry.photos.items():
        yield f".{what}.png", encode_png(photo.pixels)
        if photo.mask is not None:
            yield f".{what}.mask.png", encode_png(photo.mask)
    for number, result in enumerate(entry.results, 1):
        more = f"-{number}" if len(entry.results) > 1 else ""
        for ending, content in exports_of(entry.job).files(result).items():
            yield f"{more}.{ending}", content
