"""What lies in a folder: photos, the pictures that belong to them, and what is neither, which is said and not passed
over in silence.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipelines.cases.writing import ENDING as CASE_ENDING
from pipelines.errors import OptionInvalid
from pipelines.exports import names
from pipelines.faces.formats.kinds import ENDINGS, UNREAD
from pipelines.files import composed
from pipelines.languages.translation import _

TABLES = frozenset({
    "summary.csv", "scores.csv", "scores.jsonl", "correlations.csv", "ablation.csv", "pairs.csv", "study.json",
    "study.pdf", "scatter.png",
})  # fmt: skip
"""What the commands call their own files that belong to no single photo."""

LeftOver = tuple[str, str]
"""A file that no work is done on: its name, and the sentence that says why."""

# Hidden where they come from, Windows and macOS, and not begun with a dot.
_SYSTEM = frozenset({"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "picasa.ini", "icon\r"})

_NO_PICTURE = _("This file is no picture by its ending; save it as JPEG or PNG, or correct its name if it is one.")
_NO_FILE = _("This is no file that can be read; take it out, or put the picture itself in its place.")
_NOT_ENTERED = _("Folders inside are not looked into; run the command on this one by itself.")


_SAID = {
    "mask": (
        _("The mask or folder of masks does not exist; check its path."),
        _("Give the masks as files, or as one folder that holds them."),
        _("The folder of masks holds several with this photo's name; leave one there."),
        _("The folder of masks holds none with this photo's name."),
    ),
    "reference": (
        _("The reference or folder of references does not exist; check its path."),
        _("Give the references as files, or as one folder that holds them."),
        _("The folder of references holds several with this photo's name; leave one there."),
        _("The folder of references holds none with this photo's name."),
    ),
}
"""What is wrong with pictures that belong to photos: they are not there, files and folders, several, none."""


class Companions:
    """Pictures that belong to photos: files for all of them, or a folder in which each is looked for by its stem.

    Args:
        source: the file, the files or the folder.
        what: what they are, as in ``"mask"``.
        several: whether a photo may have several, as :meth:`all_of` gives them.

    Raises:
        OptionInvalid: one does not exist, or there are files and folders.
    """

    def __init__(self, source: Path | Sequence[Path], what: str, *, several: bool = False) -> None:
        self.sources = [source] if isinstance(source, Path) else [*source]
        if not all(one.is_dir() or one.is_file() for one in self.sources):
            raise OptionInvalid(_SAID[what][0])
        folders = [one for one in self.sources if one.is_dir()]
        if folders and len(self.sources) > 1:
            raise OptionInvalid(_SAID[what][1])
        self.what, self.several = what, several
        self.folder = folders[0] if folders else None
        self.files = pictures_in(self.folder) if self.folder else self.sources
        self._names = names.Companions(file.name for file in self.files) if self.folder else None

    def of(self, photo: Path) -> Path | None:
        """The one file, or that of the folder whose stem is the photo's whole name, else the photo's stem, else None.

        Raises:
            OptionInvalid: there are several of them.
        """
        found = self._fitting(photo)
        if len(found) > 1:
            raise OptionInvalid(_SAID[self.what][2])
        return found[0] if found else None

    def needed_for(self, photo: Path) -> Path:
        """:meth:`of`, which must be there.

        Raises:
            OptionInvalid: there is none, or several of them.
        """
        found = self.of(photo)
        if found is None:
            raise OptionInvalid(_SAID[self.what][3])
        return found

    def all_of(self, photo: Path, photos: Iterable[Path]) -> list[Path]:
        """The files, or of the folder :meth:`of` and those with a number after its stem, ``STEM-1``, ``STEM-2``, in the
        order of the numbers.

        Args:
            photo: whose they are.
            photos: all that are worked on: what is called as one of them is that one's alone.

        Raises:
            OptionInvalid: there are several without a number.
        """
        if self.folder is None or self._names is None:
            return self.files
        first = self.of(photo)
        numbered = self._names.numbered(photo.name, (other.name for other in photos))
        return [*([first] if first else []), *(self.folder / name for name in numbered)]

    def unused(self, photos: Sequence[Path]) -> list[LeftOver]:
        """The folder's files that belong to none of the photos, named with their folder; none of single files."""
        if self.folder is None or self._names is None:
            return []
        unused = self._names.unused([photo.name for photo in photos], several=self.several)
        found = [(name, names.unused(self.what)) for name in unused]
        return [(f"{self.folder.name}/{name}", why) for name, why in [*found, *others_in(self.folder)]]

    def _fitting(self, photo: Path) -> list[Path]:
        if self.folder is None or self._names is None:
            return self.files
        return [self.folder / name for name in self._names.fitting(photo.name)]


def photos_in(source: Path) -> list[Path]:
    """The photo, or those of the folder.

    Raises:
        OptionInvalid: there is none.
    """
    if source.is_dir():
        photos = pictures_in(source)
        if not photos:
            raise OptionInvalid(_("The folder holds no pictures; folders inside it are not looked into."))
        return photos
    if not source.is_file():
        raise OptionInvalid(_("The photo or folder does not exist; check its path."))
    return [source]


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their names, with links that lead nowhere, whose reading says so.

    Hidden files are no pictures.
    """
    found = (path for path in folder.iterdir() if _is_picture(path) and not path.name.startswith("."))
    return sorted(path for path in found if path.is_file() or (path.is_symlink() and not path.exists()))


def others_in(folder: Path, known: Iterable[Path] = ()) -> list[LeftOver]:
    """What of a folder is no picture, in the order of the names; of the folders in it those that hold pictures.

    Hidden files, files of the system, and what the commands write themselves are left out.

    Args:
        folder: which.
        known: files and folders that are there for another reason, as the ratings.
    """
    pictures = pictures_in(folder)
    results = _result_stems(pictures)
    left_out = {path.resolve() for path in (*known, *pictures)}
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.casefold() in _SYSTEM or path.resolve() in left_out:
            continue
        if path.is_dir():
            if _is_foreign_folder(path):
                found.append((f"{path.name}/", _NOT_ENTERED))
        elif not _is_ours(path, results):
            found.append((path.name, _NO_FILE if _is_picture(path) else UNREAD.get(path.suffix.lower(), _NO_PICTURE)))
    return found


def left_over(
    source: Path, photos: Sequence[Path], companions: Sequence[Companions | None], known: Sequence[Path | None]
) -> list[LeftOver]:
    """What was given and is not used: of a folder of photos, and of the folders of what belongs to them.

    A single photo leaves nothing over: whoever names it means it alone.

    Args:
        source: the photo or the folder.
        photos: those of it.
        companions: masks and references; None was not given.
        known: see :func:`others_in`.
    """
    if not source.is_dir():
        return []
    given = [one for one in companions if one is not None]
    used = [path for path in (*known, *(path for one in given for path in one.sources)) if path is not None]
    apart = [one for one in given if one.folder and one.folder.resolve() != source.resolve()]
    return others_in(source, used) + [file for one in apart for file in one.unused(photos)]


def _is_picture(path: Path) -> bool:
    """By its ending alone: what is inside is said when it is read."""
    return path.suffix.lower() in ENDINGS


def _result_stems(pictures: Iterable[Path]) -> set[str]:
    """Stems of which a picture could be a result: of ``a.local.png`` both ``a.local`` and ``a``."""
    parts = [composed(picture.stem).split(".") for picture in pictures if picture.suffix == ".png"]
    return {".".join(part[:count]) for part in parts for count in range(1, len(part) + 1)}


def _is_table(name: str) -> bool:
    """Whether a table is called so, with a case's name before it or without."""
    return any(name == table or name.endswith(f"-{table}") for table in TABLES)


def _is_ours(path: Path, results: set[str]) -> bool:
    """Whether a command has written this file: a table, a case, or facts or a map beside a result's picture."""
    if _is_table(path.name) or path.suffix == CASE_ENDING:
        return True
    return path.suffix in (".json", ".npy") and composed(path.stem) in results


def _is_foreign_folder(folder: Path) -> bool:
    """Whether it holds pictures that no command has written."""
    try:
        return bool(pictures_in(folder)) and not any(_is_table(path.name) for path in folder.iterdir())
    except OSError:  # it cannot be entered, and is none of ours
        return True
