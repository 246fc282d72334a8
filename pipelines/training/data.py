"""Face crops for training: read once, landmarks cached, the whole set in memory as bytes.

Three sources are understood:

* a **sharded set**: a folder with ``SPLIT*.tar`` files of aligned 256 x 256 crops (``train-00.tar``, ``val.tar``);
* a **plain folder** of photos, of any size: each photo's largest face is found and aligned to the project's crop. Where
  the folder holds ``train.txt``, ``val.txt`` and ``test.txt`` (made by :func:`write_lists`), they say the split;
  without them every split is the whole folder, and validation says little;
* a **prepared set**, made of one of these by :mod:`pipelines.training.sets.prepared`: memory-mapped, ready to use.

MediaPipe finds the landmarks of a picture once; a cache remembers them by the picture's content, whichever part of the
set is asked for. A machine without MediaPipe can train on a cache that another machine made.
"""

import hashlib
import importlib.util
import io
import math
import os
import random
import tarfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np
import torch
from torch import Tensor

from pipelines.arrays import Floats, Pixels, Points
from pipelines.errors import DataUnreadable, PhiltrumError
from pipelines.faces.alignment import Alignment, align
from pipelines.faces.formats.kinds import ENDINGS
from pipelines.faces.landmarks import find_face, find_upright_crop_face
from pipelines.files import write_atomic
from pipelines.training.sets.face_set import FaceSet
from pipelines.training.sets.prepared import is_prepared, read_prepared
from pipelines.training.sets.tables import read_column

CROP = 256
"""Side of a stored crop in pixels."""

Split: TypeAlias = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
"""Names of the parts of a set."""

_CHUNK = 32  # pictures that a process takes at once


def load_faces(
    root: str | Path,
    split: str,
    *,
    size: int = CROP,
    cache: str | Path = ".data",
    most: int | None = None,
    softest: float | None = None,
    cover: float | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> FaceSet:
    """Reads the ``split`` of the data set in ``root``.

    Args:
        root: a sharded set, a plain folder or a prepared set (see the module's text).
        split: ``"train"``, ``"val"`` or ``"test"``.
        size: side in pixels to which crops are resampled (area average); a prepared set has its own.
        cache: folder for the landmark cache; a prepared set needs none.
        most: read only the first so many pictures.
        softest: leave out pictures whose ``detail_psnr`` in ``SPLIT.csv`` is higher: soft photos teach soft pictures.
        cover: leave out pictures whose ``cover`` in ``SPLIT.csv`` is lower: the rest of their crop is a reflection.
        progress: called with a fraction and a text.

    Raises:
        DataUnreadable: there are no pictures, or none with a face, or they cannot be read; or landmarks must be found
            and MediaPipe is not installed; or a prepared set does not fit.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataUnreadable("The data folder does not exist.")
    if is_prepared(root):
        return read_prepared(root, split, size=size, most=most, softest=softest, cover=cover)
    sharded = sorted(root.glob(f"{split}*.tar"))
    try:
        files = list(islice(_shard_files(sharded) if sharded else _folder_files(root, split), most))
        table = root / f"{split}.csv"
        if softest is not None:
            sharp = _named(table, "detail_psnr", lambda value: value <= softest)
            files = [file for file in files if file[0] in sharp]
        if cover is not None:
            filled = _named(table, "cover", lambda value: value >= cover)
            files = [file for file in files if file[0] in filled]
    except (OSError, tarfile.TarError) as error:
        raise DataUnreadable(
            f"A picture or shard of the {split} split is missing or damaged; check the folder and its lists."
        ) from error
    if not files:
        raise DataUnreadable(f"The data folder holds neither {split}*.tar shards nor pictures of the {split} split.")

    kind = "crops" if sharded else "photos"
    cached = Path(cache) / f"{root.resolve().name}-{split}-{kind}.npz"
    meshes, matrices = _landmarks([data for _, data in files], bool(sharded), cached, progress)
    keep = np.flatnonzero(np.isfinite(meshes).all((1, 2)))
    if not len(keep):
        raise DataUnreadable("No face was found in any picture of the data folder.")
    images = torch.empty((len(keep), 3, size, size), dtype=torch.uint8)
    for row, index in enumerate(keep):
        crop = _decode(files[index][1])
        if not sharded:
            crop = _apply(crop, matrices[index])
        if crop.shape[:2] != (size, size):
            crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
        images[row] = torch.from_numpy(crop).permute(2, 0, 1)
        if progress and row % 500 == 0:
            progress(row / len(keep), "reading pictures")
    names = tuple(files[i][0] for i in keep)
    return FaceSet(names, images, torch.from_numpy(meshes[keep]).float(), _ages(table, names))


def splits(root: Path) -> tuple[str, ...]:
    """The splits that a sharded set or a plain folder has; where a folder tells none apart, training and validation."""
    found = (split for split in SPLITS if any(root.glob(f"{split}*.tar")) or (root / f"{split}.txt").exists())
    return tuple(found) or SPLITS[:2]


def write_lists(root: str | Path, out: str | Path, *, val: float = 0.05, test: float = 0.05, seed: int = 0) -> dict:
    """Writes ``train.txt``, ``val.txt`` and ``test.txt``: paths relative to ``root``, one a line, shuffled by ``seed``.

    Source: INCLG section 2.3 (file lists of the three splits).

    Returns:
        How many pictures each split got.

    Raises:
        DataUnreadable: the folder holds no pictures.
    """
    names = sorted(str(path.relative_to(root)) for path in Path(root).rglob("*") if path.suffix.lower() in ENDINGS)
    if not names:
        raise DataUnreadable("The data folder holds no pictures.")
    random.Random(seed).shuffle(names)
    n_val, n_test = round(len(names) * val), round(len(names) * test)
    parts = {"val": names[:n_val], "test": names[n_val : n_val + n_test], "train": names[n_val + n_test :]}
    Path(out).mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        (Path(out) / f"{split}.txt").write_text("".join(f"{name}\n" for name in sorted(parts[split])))
    return {split: len(parts[split]) for split in SPLITS}


def _named(table: Path, column: str, wanted: Callable[[float], bool]) -> set[str]:
    """Names of the pictures whose value in ``column`` is wanted."""
    try:
        return {name for name, value in read_column(table, column).items() if wanted(value)}
    except (OSError, ValueError) as error:
        raise DataUnreadable(
            f"Leaving pictures out needs a table {table.name} with the columns name and {column} beside them."
        ) from error


def _ages(table: Path, names: Sequence[str]) -> Tensor | None:
    """Years by the column ``age`` of a set's table; None where no table tells any, as one made for other ends."""
    try:
        known = read_column(table, "age", gaps=True)
    except (OSError, ValueError):
        return None
    return torch.tensor([known.get(name, math.nan) for name in names])


def _shard_files(shards: list[Path]) -> Iterator[tuple[str, bytes]]:
    for shard in shards:
        with tarfile.open(shard) as archive:
            for member in archive:
                if member.isfile() and Path(member.name).suffix.lower() in ENDINGS:
                    file = archive.extractfile(member)
                    assert file is not None  # of what is no file
                    yield Path(member.name).name, file.read()


def _folder_files(root: Path, split: str) -> Iterator[tuple[str, bytes]]:
    lists = root / f"{split}.txt"
    if lists.exists():
        paths = [root / line for line in lists.read_text().splitlines() if line]
    elif any((root / f"{other}.txt").exists() for other in SPLITS):
        return
    else:
        paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in ENDINGS)
    for path in paths:
        yield str(path.relative_to(root)), path.read_bytes()


def _decode(data: bytes) -> Pixels:
    from pipelines.faces.images import read_image  # here, because training machines may lack a format's library

    return read_image(data)


def _apply(photo: Pixels, matrix: Floats) -> Pixels:
    return Alignment(matrix, CROP, photo.shape[:2]).crop(photo)


def _mesh_of(job: tuple[bytes, bool]) -> tuple[Points, Floats]:
    """Mesh as a fraction of the crop, and the matrix photo -> crop; NaN where no face was found, or
    an aligned crop's is not upright."""
    data, aligned = job
    nothing = np.full((478, 2), np.nan, np.float32), np.eye(2, 3, dtype=np.float64)
    try:
        photo = _decode(data)
        if aligned:
            face = find_upright_crop_face(photo)
            side = np.array(photo.shape[1::-1], np.float32)
            return (face.mesh / side, nothing[1]) if face else nothing
        face = find_face(photo)
        alignment = align(photo, face, CROP)
        return (alignment.to_crop(face.mesh) / CROP).astype(np.float32), alignment.matrix
    except PhiltrumError:
        return nothing


def _landmarks(
    pictures: Sequence[bytes], aligned: bool, cached: Path, progress: Callable[[float, str], None] | None
) -> tuple[Points, Floats]:
    """Meshes and matrices of ``pictures`` (see :func:`_mesh_of`), from the cache as far as it knows them."""
    keys = [hashlib.sha256(data).hexdigest() for data in pictures]
    known = _read_cache(cached)
    missing = [index for index, key in enumerate(keys) if key not in known]
    if missing:
        if importlib.util.find_spec("mediapipe") is None:
            raise DataUnreadable(
                "The landmark cache lacks some of these pictures and MediaPipe is not installed; make the cache on a "
                "machine that has it, and copy it here."
            )
        found = _find_meshes([pictures[index] for index in missing], aligned, progress)
        known = _read_cache(cached)  # once more: another run may have added its own meanwhile
        known.update(zip((keys[index] for index in missing), found, strict=True))
        _write_cache(cached, known)
    chosen = [known[key] for key in keys]
    return np.stack([mesh for mesh, _ in chosen]), np.stack([matrix for _, matrix in chosen])


def _read_cache(path: Path) -> dict[str, tuple[Points, Floats]]:
    """SHA-256 of a picture → its mesh and matrix."""
    if not path.exists():
        return {}
    with np.load(path) as stored:
        return dict(zip(stored["keys"].tolist(), zip(stored["meshes"], stored["matrices"], strict=True), strict=True))


def _write_cache(path: Path, known: dict[str, tuple[Points, Floats]]) -> None:
    buffer = io.BytesIO()
    meshes, matrices = zip(*known.values(), strict=True)
    np.savez(buffer, keys=np.array(list(known)), meshes=np.stack(meshes), matrices=np.stack(matrices))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, buffer.getvalue())


def _find_meshes(
    pictures: Sequence[bytes], aligned: bool, progress: Callable[[float, str], None] | None
) -> list[tuple[Points, Floats]]:
    jobs = ((data, aligned) for data in pictures)
    if len(pictures) <= _CHUNK:  # less work than starting processes is
        return [_mesh_of(job) for job in jobs]
    found = []
    workers = min(os.cpu_count() or 1, -(-len(pictures) // _CHUNK))
    # Spawned, not forked: MediaPipe's threads do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for pair in pool.map(_mesh_of, jobs, chunksize=_CHUNK):
            found.append(pair)
            if progress and len(found) % 100 == 0:
                progress(len(found) / len(pictures), "finding landmarks")
    return found
