"""What results are called, and that none of them lands on a file that was given."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipelines.cases.case import Case, named
from pipelines.errors import OptionInvalid
from pipelines.exports.names import output_stems
from pipelines.files import folded
from pipelines.languages.translation import _
from pipelines.models import places


class Outputs:
    """The files that a command writes.

    Args:
        folder: where to; it need not exist.
        photos: whose files they are.
        endings: a photo's files are ``STEM.ENDING`` of each of them.
        tables: names of the files that belong to no single photo.
        pictures: photos, masks and references that were given, by what they are, as in ``{"a mask": path}``: a file,
            several, a folder, or None. Their folders cannot be ``folder``, so that results and originals never mingle.
        case: whose photos they are: every name begins with its.

    Attributes:
        folder: as given.
        stems: what each photo's files are called; see :func:`pipelines.exports.names.output_stems`.

    Raises:
        OptionInvalid: a result would overwrite one of the pictures, or a file lies in the folder's place.
    """

    def __init__(
        self,
        folder: Path,
        photos: Sequence[Path],
        endings: Sequence[str],
        tables: Sequence[str],
        pictures: Mapping[str, Path | Sequence[Path] | None],
        case: Case | None = None,
    ) -> None:
        if folder.exists() and not folder.is_dir():
            raise OptionInvalid(_("The output must be a folder; a file of that name is in its place."))
        self.folder = folder
        stems = output_stems([photo.name for photo in photos], endings)
        self.stems = {photo: named(case, stem) for photo, stem in zip(photos, stems, strict=True)}
        self._case, self._endings = case, endings
        self._tables = [self.table(name) for name in tables]
        self._files: dict[tuple[int, int], str] = {}
        self._places: dict[tuple[str, str], str] = {}
        given = [(what, source) for what, sources in pictures.items() for source in _listed(sources)]
        for what, source in given:
            if _same(source if source.is_dir() else source.parent, folder):
                raise OptionInvalid(
                    _(
                        "The output folder holds the pictures that were given; choose another, so that none is "
                        "overwritten."
                    )
                )
            self.protect(what, source.iterdir() if source.is_dir() else [source])

    def table(self, name: str) -> str:
        """What a file that belongs to no single photo is called."""
        return named(self._case, name)

    def protect(self, what: str, files: Iterable[Path]) -> None:
        """From here on no result lands on these files.

        Args:
            what: what each of them is, as in ``"the ratings"``.
            files: which; those that do not exist are passed over.

        Raises:
            OptionInvalid: one would.
        """
        for file in files:
            try:
                status = os.stat(file)
            except OSError:
                continue
            if status.st_ino:  # some file systems number nothing
                self._files[status.st_dev, status.st_ino] = what
            # By name too: what differs in case or normalization here is one file on another system.
            for path in (Path(os.path.realpath(file)), Path(os.path.realpath(file.parent), file.name)):
                self._places[str(path.parent), folded(path.name)] = what
        self._check([*self._tables, *(name for stem in self.stems.values() for name in self._names(stem))])

    def protect_weights(self) -> None:
        """:meth:`protect` for every file of the weights folder and of the loss networks' own.

        Raises:
            OptionInvalid: a result would overwrite one.
        """
        from pipelines.metrics.backbones import VARIABLE

        folders = [places.folder(), *(Path(named) for named in [os.environ.get(VARIABLE)] if named)]
        self.protect(_("the weights"), (file for folder in folders for file in folder.glob("*")))

    def check_files(self, stem: str) -> None:
        """Whether the files of that stem can be written now: links may have come since the run began.

        Raises:
            OptionInvalid: one of them is a file that was given.
        """
        self._check(self._names(stem))

    def check_tables(self) -> None:
        """:meth:`check_files` of the files that belong to no single photo."""
        self._check(self._tables)

    def _names(self, stem: str) -> list[str]:
        return [f"{stem}.{ending}" for ending in self._endings]

    def _check(self, names: Iterable[str]) -> None:
        place = os.path.realpath(self.folder)
        for name in names:
            if what := self._places.get((place, folded(name))) or self._linked(name):
                raise OptionInvalid(
                    _(
                        "A result would overwrite {what}, by its name or through a link; choose another output folder."
                    ).format(what=what)
                )

    def _linked(self, name: str) -> str | None:
        try:
            status = os.stat(self.folder / name)
        except OSError:  # nothing is there, or nothing can be
            return None
        return self._files.get((status.st_dev, status.st_ino))


def _listed(paths: Path | Sequence[Path] | None) -> Sequence[Path]:
    return [paths] if isinstance(paths, Path) else paths or []


def _same(one: Path, other: Path) -> bool:
    """Whether both are one folder, whatever links and names lead there."""
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there yet
        return os.path.realpath(one) == os.path.realpath(other)
