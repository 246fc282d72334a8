"""Makes prepared sets (:mod:`pipelines.training.sets.prepared`) of the others."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipelines.errors import DataUnreadable, OptionInvalid
from pipelines.training.data import CROP, load_faces, splits
from pipelines.training.sets.balance import groups
from pipelines.training.sets.outlines import all_outlines
from pipelines.training.sets.prepared import begin, finish, is_prepared, of_split, write_split


def prepare(
    root: str | Path,
    out: str | Path,
    *,
    size: int = CROP,
    cache: str | Path = ".data",
    most: int | None = None,
    softest: float | None = None,
    cover: float | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> dict[str, int]:
    """Writes the set in ``root`` as a prepared one.

    Args:
        root, size, cache, most, softest, cover, progress: as for :func:`pipelines.training.data.load_faces`. As in
            training, ``most`` and ``softest`` are for the training split alone.
        out: the folder that becomes the prepared set; one that lies there already is replaced.

    Returns:
        Split → its number of faces.

    Raises:
        OptionInvalid: both folders are one.
        DataUnreadable: ``root`` is a prepared set itself, or as :func:`pipelines.training.data.load_faces`.
    """
    root, out = Path(root), Path(out)
    if root.resolve() == out.resolve():
        raise OptionInvalid("A prepared set needs a folder of its own; give --out another one.")
    if is_prepared(root):
        raise DataUnreadable("The data folder is a prepared set already.")
    options = {"most": most, "softest": softest, "cover": cover}
    counts = {}
    for split in splits(root):
        faces = load_faces(root, split, size=size, cache=cache, progress=progress, **of_split(split, options))
        if progress:
            progress(1.0, "finding outlines and groups")
        faces = replace(faces, outlines=all_outlines(faces), groups=groups(faces))
        begin(out)
        write_split(faces, out, split, root / f"{split}.csv")
        counts[split] = len(faces)
    finish(out, size, counts, options)
    return counts
