"""The case that photos and results belong to: what people call it, its date, the side of its cleft, and notes."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date as calendar_date
from typing import Literal, TypeAlias, get_args

from pipelines.errors import CaseInvalid
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _

Side: TypeAlias = Literal["left", "right", "both", "unknown"]
"""Side of the cleft, the patient's own: the patient's left lies on the right of a photo from the front."""

SIDES: tuple[Side, ...] = get_args(Side)

MOST_LETTERS = 80
"""Most characters of a case's name."""

MOST_NOTES = 2000
"""Most characters of its notes."""

_MOST_BYTES = 100  # of a name in a file's name, in UTF-8: file systems take 255, and what follows needs room

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\s]+')
"""What Windows, macOS or Linux take in no file's name, and spaces, which shells divide names at."""

_RESERVED = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"}
    | {f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"}
)
"""Names that Windows gives to devices, whatever follows their first dot."""


@dataclass(frozen=True)
class Case:
    """A case.

    Attributes:
        name: its name or code: one line of at most :data:`MOST_LETTERS` characters, none of them a control character or
            a mark that turns the direction of writing; empty where it has none.
        date: of the photos or the visit, as in ``"2026-11-27"``; empty where it is not said.
        side: of the cleft, the patient's own.
        notes: free text of at most :data:`MOST_NOTES` characters; line breaks and tabs are its only control characters.

    Raises:
        CaseInvalid: one of them is none of that.

    >>> Case("P 07, before", date="2026-11-27", side="left").stem
    'P_07,_before'
    """

    name: str = ""
    date: str = ""
    side: Side = "unknown"
    notes: str = ""

    def __post_init__(self) -> None:
        if not all(isinstance(part, str) for part in (self.name, self.date, self.side, self.notes)):
            raise CaseInvalid(_("A case's name, date, side and notes must be texts."))
        if len(self.name) > MOST_LETTERS:
            raise CaseInvalid(
                _("The case's name has more than {most_letters} characters; shorten it.").format(
                    most_letters=MOST_LETTERS
                )
            )
        if not self.name.isprintable() or self.name != one_line(self.name):
            raise CaseInvalid(_("The case's name must be one line without control characters; type it again."))
        if self.date and not _is_date(self.date):
            raise CaseInvalid(_("The case's date must be a day of the calendar, written as in 2026-11-27."))
        if self.side not in SIDES:
            raise CaseInvalid(_("The case's side must be left, right, both or unknown."))
        if len(self.notes) > MOST_NOTES:
            raise CaseInvalid(
                _("The case's notes have more than {most_notes} characters; shorten them.").format(
                    most_notes=figure(MOST_NOTES, ",")
                )
            )
        if not _plain(self.notes).isprintable():
            raise CaseInvalid(_("The case's notes must be text without control characters; type them again."))

    @property
    def stem(self) -> str:
        """The name as file names begin with it, on every system; empty where the case has no name.

        What no file name may hold becomes ``_``; marks that are not seen are left out, and so is what would make the
        name hidden, an option, or one that Windows gives to a device. Long names are cut at 100 bytes.
        """
        seen = "".join(sign for sign in unicodedata.normalize("NFC", self.name) if unicodedata.category(sign)[0] != "C")
        text = _FORBIDDEN.sub("_", seen).lstrip("-.~")
        text = text.encode()[:_MOST_BYTES].decode(errors="ignore").rstrip("-. ")
        if not text:
            return "case" if self.name else ""
        return f"_{text}" if text.partition(".")[0].upper() in _RESERVED else text

    def named(self, name: str) -> str:
        """A file's name that begins with the case's.

        >>> Case("P07").named("result.png"), Case(date="2026-11-27").named("result.png")
        ('P07-result.png', 'result.png')
        """
        return f"{self.stem}-{name}" if self.stem else name

    @property
    def heading(self) -> str:
        """Date and side in a line for people; empty where neither is said."""
        sides = {
            "left": _("cleft on the patient’s left"),
            "right": _("cleft on the patient’s right"),
            "both": _("cleft on both sides"),
        }
        return " · ".join(filter(None, [self.date, sides.get(self.side)]))


def typed_case(name: str | None = "", date: str | None = "", side: str | None = "", notes: str | None = "") -> Case:
    """The case as people type or paste it: what surrounds name, date and notes is taken off, and what breaks a line in
    the name, or is not seen there, is a space.

    Raises:
        CaseInvalid: as :class:`Case`.

    >>> typed_case("  P 07,\\n before ")
    Case(name='P 07, before', date='', side='unknown', notes='')
    """
    lines = (notes or "").replace("\r\n", "\n").replace("\r", "\n")
    seen = "".join(sign for sign in lines if sign in "\n\t" or sign.isprintable())
    return Case(one_line(name or ""), (date or "").strip(), side or "unknown", seen.strip())  # type: ignore[arg-type]  # checked there


def one_line(text: str) -> str:
    """A text in one line: what is not printable is a space, and there is one between two words."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def named(case: Case | None, name: str) -> str:
    """:meth:`Case.named`, or the name as it is where there is no case."""
    return name if case is None else case.named(name)


def _is_date(text: str) -> bool:
    try:
        return _ISO.fullmatch(text) is not None and text.isascii() and calendar_date.fromisoformat(text) is not None
    except ValueError:
        return False


def _plain(text: str) -> str:
    return text.replace("\n", "").replace("\t", "")
