"""Whose photos a command works on, ``--case`` and what goes with it, and the case file that it saves."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pipelines.cases.case import SIDES, Case, typed_case
from pipelines.cases.contents import AnyResult, Entry, Setting
from pipelines.cases.reading import open_case
from pipelines.cases.writing import ENDING, CaseWriter
from pipelines.errors import OptionInvalid
from pipelines.languages.translation import _

Keep = Callable[[AnyResult, Mapping[str, Setting]], None]
"""Adds a result, and the settings that it was made by, to the case file."""


def add_case_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds ``--case``, ``--case-date``, ``--case-side``, ``--case-notes`` and ``--save-case``.

    When the command runs, ``args.case`` is the :class:`~pipelines.cases.case.Case` that they say together, or None.
    """
    parser.set_defaults(prepare=_prepare)
    group = parser.add_argument_group(_("case"))
    group.add_argument(
        "--case", metavar="NAME|FILE",
        help=_("whose photos these are, by name, or by a case file ({ending}): stands in every table and JSON file, "
        "and the results' names begin with it").format(ending=ENDING),
    )  # fmt: skip
    group.add_argument("--case-date", metavar="DATE", help=_("the case's date, as 2026-11-27"))
    group.add_argument("--case-side", choices=SIDES, help=_("side of the cleft, the patient's own"))
    group.add_argument("--case-notes", metavar="TEXT", help=_("notes on the case"))
    group.add_argument(
        "--save-case", metavar="FILE", type=Path,
        help=_("also save photos, masks, points, settings and results in a case file ({ending}), which Python, the "
        "page and the command case open; where --case names the same file, they are added to "
        "it").format(ending=ENDING),
    )  # fmt: skip


def _prepare(args: argparse.Namespace) -> None:
    """Sets ``args.case`` to the :class:`~pipelines.cases.case.Case` that the options say together, or to None.

    Raises:
        PhiltrumError: they say none, or the case file cannot be opened.
    """
    given, args.case_file = args.case, None
    own = {"date": args.case_date, "side": args.case_side, "notes": args.case_notes}
    own = {part: value for part, value in own.items() if value is not None}
    if given is not None and given.endswith(ENDING):
        try:
            args.case_file = Path(given), open_case(given)
        except OSError:
            raise OptionInvalid(_("The case file cannot be read; check its path.")) from None
    begin = typed_case(given) if args.case_file is None else args.case_file[1].case
    case = replace(begin, **{part: getattr(typed_case(**own), part) for part in own})
    args.case = None if case == Case() else case


@contextmanager
def saving(args: argparse.Namespace) -> Iterator[Keep]:
    """Saves the case file that the arguments ask for once all is done; nothing where they ask for none.

    Yields:
        What is called with each result.

    Raises:
        OptionInvalid: the file is there already and is not the one that ``--case`` names, or its name ends otherwise.
        CaseFileTooLarge: it would hold too much.
        OSError: it cannot be written.
    """
    path: Path | None = args.save_case
    if path is None:
        yield lambda result, settings: None
        return
    before = _before(args, path)
    kept = 0
    with CaseWriter(args.case or Case()) as writer:
        for entry in before:
            writer.add(entry)

        def keep(result: AnyResult, settings: Mapping[str, Setting]) -> None:
            nonlocal kept
            writer.add(Entry.of(result, settings))
            kept += 1

        yield keep
        if kept:  # of a folder in which every photo failed there is nothing to save
            path.parent.mkdir(parents=True, exist_ok=True)
            writer.finish(path)


def _before(args: argparse.Namespace, path: Path) -> tuple[Entry, ...]:
    """The entries that the file holds already and keeps."""
    if path.suffix != ENDING:
        raise OptionInvalid(
            _("The name of a case file ends in {ending}; give --save-case such a name.").format(ending=ENDING)
        )
    if not path.exists() and not path.is_symlink():
        return ()
    if args.case_file is None or not path.is_file() or not path.samefile(args.case_file[0]):
        raise OptionInvalid(
            _(
                "There is a file where the case is to be saved; give --save-case another name, or --case the same "
                "file, to which the results are added then."
            )
        )
    entries: tuple[Entry, ...] = args.case_file[1].entries
    return entries
