"""What every quality benchmark measures of a repainted crop, and how scores are kept between runs."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from benchmarks.methods import Filled, Method, to_tensor
from benchmarks.sheets import SHEET_FACES
from pipelines.devices import Device
from pipelines.faces.landmarks import find_crop_face
from pipelines.metrics.l1 import l1
from pipelines.metrics.perceptual import LPIPS
from pipelines.metrics.psnr import psnr
from pipelines.metrics.ssim import ssim

CODE = ("benchmarks/scores.py", "benchmarks/methods.py", "pipelines/metrics/*.py", "pipelines/faces/landmarks.py")
"""What every score depends on, as patterns for :func:`code_hash`."""

CLEFT_INPAINTING_CODE = (
    *("pipelines/cleft_inpainting/network.py", "pipelines/layers/**/*.py"),
    *("pipelines/faces/masks.py", "pipelines/faces/blending/skin.py"),
)
"""What the scores of cleft inpainting's network depend on besides."""


@dataclass(frozen=True)
class Scores:
    """One method's scores on one kind of hole or set of photos.

    Attributes:
        values: metric -> ``(N,)``, NaN where a photo has none; ``()`` where the metric is one of the whole set.
        first: ``uint8`` ``(M, S, S, 3)``, the first repainted crops, for looking.
    """

    values: dict[str, np.ndarray]
    first: np.ndarray


@dataclass(frozen=True)
class Compared:
    """One method's repainted crops and what every benchmark measures of each.

    Attributes:
        filled: all of them.
        points: ``(N, 68, 2)``, the landmarks that FaceMesh finds in them, as a fraction of the side; NaN where it finds
            no face.
        values: ``psnr``, ``lpips``, ``l1_hole``, ``ssim``, ``found`` (1 or 0) and ``hole`` (its share in per cent),
            each ``(N,)``.
    """

    filled: Filled
    points: np.ndarray
    values: dict[str, np.ndarray]

    def scores(self, more: Mapping[str, np.ndarray]) -> Scores:
        """The values with ``more`` of them, and the first crops."""
        return Scores({**self.values, **more}, self.filled.crops[:SHEET_FACES])


def compare(
    method: Method,
    given: Sequence[np.ndarray],
    truths: np.ndarray,
    perceptual: LPIPS,
    device: Device,
    pool: Executor | None = None,
    batch: int = 8,
) -> Compared:
    """Lets a method fill holes and compares with the truth.

    LPIPS is computed on ``device``; what works on one photo at a time goes to ``pool``.

    Args:
        method: which.
        given: what :attr:`Method.fill` takes, of all photos: crops ``(N, S, S, 3)``, holes ``(N, S, S)``, and
            references for those that take them.
        truths: ``uint8`` ``(N, S, S, 3)``.
        perceptual: LPIPS on ``device``.
        device: where the perceptual distance is computed.
        pool: processes; None works in this one.
        batch: photos that the method gets at once.
    """
    holes, parts, found, columns = given[1], [], [], []
    for start in range(0, len(truths), batch):
        part = slice(start, start + batch)
        filled = method.fill(*(np.ascontiguousarray(array[part]) for array in given))
        crops = np.ascontiguousarray(truths[part])  # laid out as what is drawn: convolutions round by layout
        found.append((pool.map if pool else map)(_inspect, filled.crops, crops))
        columns.append(_distances(filled.crops, crops, holes[part], perceptual, device))
        parts.append(filled)
    values = {key: np.concatenate([column[key] for column in columns]) for key in columns[0]}
    similarity, points = zip(*(answer for answers in found for answer in answers), strict=True)
    points = np.stack(points)
    values["ssim"] = np.array(similarity)
    values["found"] = np.isfinite(points).all((1, 2)).astype(float)
    values["hole"] = 100 * holes.mean((1, 2))
    return Compared(Filled.joined(parts), points, values)


@torch.inference_mode()
def _distances(
    filled: np.ndarray, crops: np.ndarray, masks: np.ndarray, perceptual: LPIPS, device: Device
) -> dict[str, np.ndarray]:
    image, target = to_tensor(filled).to(device.torch_device), to_tensor(crops).to(device.torch_device)
    hole = torch.from_numpy(masks)[:, None].to(device.torch_device)
    scores = {
        "psnr": psnr(image, target),
        "lpips": perceptual(image, target),
        "l1_hole": l1(image, target, hole),
    }
    return {key: value.double().cpu().numpy() for key, value in scores.items()}


def _inspect(filled: np.ndarray, crop: np.ndarray) -> tuple[float, np.ndarray]:
    """SSIM, and the 68 points as a fraction of the side (NaN where no face was found)."""
    similarity = ssim(to_tensor(filled[None]), to_tensor(crop[None])).item()
    face = find_crop_face(filled)
    return similarity, face.points / len(filled) if face else np.full((68, 2), np.nan)


@contextmanager
def workers(count: int) -> Iterator[Executor | None]:
    """``count`` processes, or None for one: then everything happens in this process."""
    if count <= 1:
        yield None
        return
    # Spawned, not forked: MediaPipe's threads do not survive a fork.
    with ProcessPoolExecutor(count, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        yield pool


def stamp(method: Method, facts: Mapping[str, object], patterns: Sequence[str]) -> str:
    """Names kept scores by everything that they depend on, the code included.

    Args:
        method: whose scores.
        facts: what was measured and how.
        patterns: files of the code beside :data:`CODE`, relative to the repository.
    """
    return hashlib.sha256(repr((facts, method.facts, code_hash((*CODE, *patterns)))).encode()).hexdigest()[:16]


def code_hash(patterns: Sequence[str]) -> str:
    """SHA-256 of the files that match the patterns.

    Raises:
        ValueError: nothing matches a pattern: scores would be kept whatever became of a file that has moved.
    """
    root = Path(__file__).resolve().parents[1]
    digest, files = hashlib.sha256(), []
    for pattern in patterns:
        files += (found := sorted(root.glob(pattern)))
        if not found:
            raise ValueError(f"nothing matches {pattern}")
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def kept(path: Path, measure: Callable[[], Scores]) -> Scores:
    """The scores that ``path`` holds; where there is none, they are measured and kept there."""
    if path.exists():
        with np.load(path) as stored:
            return Scores({key: stored[key] for key in stored.files if key != "first"}, stored["first"])
    scores = measure()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, first=scores.first, **scores.values)
    os.replace(part, path)  # a killed run leaves no half file
    return scores
