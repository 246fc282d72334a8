"""What people upload: read once, and forgotten, or kept with the page under names that tell it apart."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path, PureWindowsPath

from pipelines.errors import OptionInvalid
from pipelines.files import composed, folded, sha256_of
from pipelines.languages.translation import _
from ui import CACHE

NAMES_TOO = "(files, names, ...others) => [files, (files ?? []).map((file) => file.orig_name), ...others]"
"""JavaScript of an event whose first inputs are files and a component for their names: sends the names along that they
had on the person's disk, because gradio takes signs out of those that it keeps."""


def take_one(file: str | None) -> bytes:
    """The content of one uploaded file, as :func:`take`.

    Raises:
        OptionInvalid: there is none, it is not there, or was not uploaded.
    """
    (content,) = take(file)
    if content is None:
        raise OptionInvalid(_("There is no file in what was sent; choose one."))
    return content


def take(*files: str | None) -> list[bytes | None]:
    """Contents of uploaded files; every one of them is removed, whatever becomes of it: it was needed once.

    Args:
        files: where gradio put them; None for a file that was not given.

    Raises:
        OptionInvalid: one is not there, or was not uploaded.
    """
    try:
        sources = [None if file is None else _uploaded(file) for file in files]
        return [None if source is None else source.read_bytes() for source in sources]
    finally:
        forget(*files)


def add(
    files: Sequence[str],
    names: Sequence[str | None],
    kept: dict[str, Path],
    folder: Path,
    what: str = "photo",
    also: str = "",
) -> list[str]:
    """Moves uploaded files into ``folder``, where none replaces another: of two names that are one, whatever their case
    and form, the second gets a number. A file that is there already under that name is not kept twice.

    Args:
        files: where gradio put them; one path twice is one file given twice.
        names: what each was called before gradio took signs out of its name; None where that is unknown.
        kept: files that lie in ``folder`` by their names; what is added is entered here.
        folder: made where it is not there.
        what: what each file is.
        also: for what else the new names count, in the sentences.

    Returns:
        A sentence for each file that goes by another name than it had, or could not be kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    said = []
    for file, given in dict(zip_longest(files, names[: len(files)])).items():
        name = composed(PureWindowsPath(file).name)
        before = composed(PureWindowsPath(given or file).name)
        try:
            source = _uploaded(file)
            new = _free_name(source, name, kept)
            if new is None:
                said.append(_("{before} was there already, and is kept once.").format(before=before))
                continue
            source.replace(folder / new)
        except (OptionInvalid, OSError):
            said.append(_("{before} could not be kept; choose it again.").format(before=before))
            continue
        kept[new] = folder / new
        if new != before:
            taken = {
                "photo": _("{before} is {new} here{also}: a photo of that name was there."),
                "mask": _("{before} is {new} here{also}: a mask of that name was there."),
                "reference": _("{before} is {new} here{also}: a reference of that name was there."),
            }
            cut = _("{before} is {new} here{also}: the upload cut its name.")
            said.append((taken[what] if new != name else cut).format(before=before, new=new, also=also))
    return said


def forget(*files: str | None) -> None:
    """Removes uploaded files."""
    for file in files:
        if file is not None and (source := Path(file).resolve()).is_relative_to(CACHE):
            source.unlink(missing_ok=True)


def _free_name(source: Path, name: str, kept: dict[str, Path]) -> str | None:
    """``name``, with a number where it is taken; None where it is taken by the same file."""
    taken = {folded(one): path for one, path in kept.items()}
    new, number = name, 1
    while folded(new) in taken:
        if sha256_of(taken[folded(new)]) == sha256_of(source):
            return None
        number += 1
        new = f"{Path(name).stem}-{number}{Path(name).suffix}"
    return new


def _uploaded(file: str) -> Path:
    source = Path(file).resolve()
    if not (source.is_relative_to(CACHE) and source.is_file()):
        raise OptionInvalid(_("The upload is no longer there; choose the file again."))
    return source
