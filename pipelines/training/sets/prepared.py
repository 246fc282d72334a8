"""Prepared sets: training starts from them in seconds, because all that can be found once lies there, memory-mapped.

A folder with, of each split,

* ``SPLIT-images.npy``, ``SPLIT-meshes.npy`` and ``SPLIT-outlines.npy``: as in
  :class:`~pipelines.training.sets.face_set.FaceSet`, read only where they are looked at;
* ``SPLIT.json``: names, ages, groups, and the columns of the set's table by which pictures are left out;

and ``prepared.json``, which says how they were made. It is written last: without it a folder is no prepared set.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipelines.arrays import Floats, Integers
from pipelines.errors import DataUnreadable
from pipelines.files import stream_atomic, write_atomic
from pipelines.training.sets.face_set import FaceSet
from pipelines.training.sets.outlines import all_outlines
from pipelines.training.sets.tables import read_column

VERSION = 1
"""Raised where what is found in a picture changes: crops, landmarks, groups. Changed outlines are noticed anyway."""

_MANIFEST = "prepared.json"
_DAMAGED = "The prepared set is damaged or incomplete; prepare it anew."
_COLUMNS = ("detail_psnr", "cover")  # of a set's table: those that load_faces can leave pictures out by
_ARRAYS = ("images", "meshes", "outlines")


def is_prepared(root: Path) -> bool:
    """Whether a folder holds a prepared set."""
    return (root / _MANIFEST).is_file()


def made_with(root: str | Path) -> dict[str, Any]:
    """The options ``most``, ``softest`` and ``cover`` that a prepared set was made with; of any other folder none.

    Raises:
        DataUnreadable: the set is damaged, or of another version.
    """
    return _manifest(Path(root))["options"] if is_prepared(Path(root)) else {}


def of_split(split: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a split is made with: as in training, most and softest are for the training split alone."""
    return {name: value for name, value in options.items() if split == "train" or name == "cover"}


def begin(out: Path) -> None:
    """Makes the folder of a set; one that lies there is none any more, until all of the new one is there."""
    out.mkdir(parents=True, exist_ok=True)
    (out / _MANIFEST).unlink(missing_ok=True)


def write_split(faces: FaceSet, out: Path, split: str, table: Path) -> None:
    """Writes a split.

    Args:
        faces: with outlines and groups.
        out: the set's folder.
        split: the split's name.
        table: ``SPLIT.csv`` of the set that the faces are of; it need not exist.
    """
    assert faces.groups is not None
    for name in _ARRAYS:
        array = getattr(faces, name).numpy()
        stream_atomic(out / f"{split}-{name}.npy", partial(np.save, arr=array))
    about = {
        "names": faces.names,
        "ages": None if faces.ages is None else _without_nan(faces.ages.tolist()),
        "groups": {name: group.tolist() for name, group in faces.groups.items()},
        "columns": _columns(table, faces.names),
    }
    write_atomic(out / f"{split}.json", json.dumps(about).encode())


def finish(out: Path, size: int, counts: Mapping[str, int], options: Mapping[str, Any]) -> None:
    """Makes a folder, whose splits lie there, a prepared set.

    Args:
        out: the set's folder.
        size: side of the crops in pixels.
        counts: split → its number of faces.
        options: ``most``, ``softest`` and ``cover`` that it was made with.
    """
    manifest = {"version": VERSION, "size": size, "splits": dict(counts), "options": dict(options)}
    write_atomic(out / _MANIFEST, json.dumps(manifest, indent=2).encode())


def read_prepared(
    root: Path,
    split: str,
    *,
    size: int,
    most: int | None = None,
    softest: float | None = None,
    cover: float | None = None,
) -> FaceSet:
    """Maps a split of a prepared set into memory; where pictures are left out, those that stay are copied.

    Args:
        root: a prepared set.
        split, size, most, softest, cover: as for :func:`pipelines.training.data.load_faces`.

    Raises:
        DataUnreadable: the set is damaged, or was made by another version, for another size, or without pictures that
            are asked for.
    """
    manifest = _manifest(root)
    if manifest["size"] != size:
        side = manifest["size"]
        raise DataUnreadable(
            f"The prepared set holds pictures of {side} pixels a side; give --size {side}, or prepare another."
        )
    if split not in manifest["splits"]:
        raise DataUnreadable(f"The prepared set has no {split} split.")
    _check_options(of_split(split, manifest["options"]), most=most, softest=softest, cover=cover)
    faces, columns = _read(root, split, manifest["splits"][split])
    if not torch.equal(all_outlines(replace(_chosen(faces, slice(1)), outlines=None)), all_outlines(faces)[:1]):
        raise DataUnreadable("The outlines of the prepared set are those of another version; prepare it anew.")

    kept = np.arange(len(faces)) < (len(faces) if most is None else most)
    if softest is not None:
        kept &= _column(columns, "detail_psnr", split) <= softest
    if cover is not None:
        kept &= _column(columns, "cover", split) >= cover
    if not kept.any():
        raise DataUnreadable(f"The prepared set has no picture of the {split} split that is not left out.")
    count = np.count_nonzero(kept)
    # The first so many can stay where they lie; others are picked out, and training would look for them often.
    return _chosen(faces, slice(count) if kept[:count].all() else np.flatnonzero(kept))


def _columns(table: Path, names: Sequence[str]) -> dict[str, list[float | None]]:
    """The columns of :data:`_COLUMNS` that a set's table has, a number a face."""
    found = {}
    for column in _COLUMNS:
        # A column that is missing or no numbers counts as none; whoever asks for it is told so.
        with suppress(OSError, ValueError):
            known = read_column(table, column)
            found[column] = _without_nan(known.get(name, math.nan) for name in names)
    return found


def _without_nan(values: Iterable[float]) -> list[float | None]:
    """JSON knows no NaN."""
    return [None if math.isnan(value) else value for value in values]


def _manifest(root: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((root / _MANIFEST).read_bytes())
        version = manifest["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataUnreadable(_DAMAGED) from error
    if version != VERSION:
        raise DataUnreadable("The prepared set was made by another version; prepare it anew.")
    return manifest


def _read(root: Path, split: str, count: int) -> tuple[FaceSet, dict[str, list[float | None]]]:
    """A whole split, and the columns of its table."""
    try:
        # Mapped as copies on write: PyTorch has no tensors that cannot be written to.
        arrays = {name: torch.from_numpy(np.load(root / f"{split}-{name}.npy", mmap_mode="c")) for name in _ARRAYS}
        about = json.loads((root / f"{split}.json").read_bytes())
        ages = None if about["ages"] is None else torch.from_numpy(np.array(about["ages"], np.float32))
        groups = {name: np.array(group, int) for name, group in about["groups"].items()}
        faces = FaceSet(tuple(about["names"]), ages=ages, groups=groups, **arrays)
        columns = about["columns"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataUnreadable(_DAMAGED) from error
    if {len(faces), *map(len, arrays.values()), *map(len, groups.values())} != {count}:
        raise DataUnreadable(_DAMAGED)
    return faces, columns


def _check_options(made: Mapping[str, Any], **asked: float | None) -> None:
    """Raises DataUnreadable where more pictures are asked for than the set was made with."""
    for name, value in asked.items():
        limit = made.get(name)
        if limit is None or value is None:
            continue
        if value < limit if name == "cover" else value > limit:  # the others are upper limits
            raise DataUnreadable(
                f"The prepared set was made with --{name} {limit:g} and lacks pictures that --{name} {value:g} asks "
                "for; prepare it anew."
            )


def _column(columns: dict[str, list[float | None]], name: str, split: str) -> Floats:
    if name not in columns:
        raise DataUnreadable(
            f"Leaving pictures out needs a table {split}.csv with the columns name and {name}; the set was prepared "
            "without one."
        )
    return np.array(columns[name], float)  # None becomes NaN, which is neither more nor less


def _chosen(faces: FaceSet, which: slice | Integers) -> FaceSet:
    """Some of the faces: of a slice views, of indices copies."""
    return FaceSet(
        tuple(np.array(faces.names, object)[which]),
        faces.images[which],
        faces.meshes[which],
        None if faces.ages is None else faces.ages[which],
        None if faces.outlines is None else faces.outlines[which],
        None if faces.groups is None else {name: group[which] for name, group in faces.groups.items()},
    )
