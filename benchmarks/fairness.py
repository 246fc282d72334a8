"""What a painter's scores say of groups of people: who is drawn as truly as others, and in what it errs for whom."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import stats

from benchmarks.lips import FIGURES, figures
from benchmarks.masked_faces import VIEWS, view_of
from benchmarks.mouths import OPEN
from pipelines.faces.points import Face
from pipelines.training.data import FaceSet
from pipelines.training.sets.balance import AGES, JAWS, MOUTHS, TONES, groups

LAUGHING = 0.95
"""Eye distances between the corners of an open mouth that counts as laughing: of the validation faces' closed mouths 95
in 100 are narrower."""

COLUMNS = {
    "lpips": ("LPIPS ↓", ".4f"),
    "psnr": ("PSNR, dB ↑", ".2f"),
    "opening": ("Opening", "+.2f"),
    "opening_share": ("of the truth, %", "+.1f"),
    "width": ("Width", "+.2f"),
    "upper_lip": ("Upper lip", "+.2f"),
    "upper_lip_share": ("of the truth, %", "+.1f"),
    "lower_lip": ("Lower lip", "+.2f"),
    "lower_lip_share": ("of the truth, %", "+.1f"),
    "nose": ("Nose", "+.2f"),
    "lightness": ("Lightness, L*", "+.2f"),
}
"""Columns of the groups' table: heading and format."""

LIP_WITHIN, OPENING_WITHIN = 10.0, 15.0
"""Per cent of the truth within which upper lips and open mouths should be drawn."""

_LEAST = {"opening": 0.1, "upper_lip": 0.01, "lower_lip": 0.01}  # eye distances; what is less has no share of the truth
_RESAMPLES = 2000


class Headline(NamedTuple):
    """One answer.

    Attributes:
        question: what it answers, with its unit.
        figure: None where fewer than two faces say anything.
        low, high: its 95 % interval by the bootstrap; None where there is none.
        within: bound of the figure's amount, None where none was set.
    """

    question: str
    figure: float | None
    low: float | None
    high: float | None
    within: float | None


def members(faces: FaceSet) -> dict[str, np.ndarray]:
    """Name of a group → which faces are in it, ``bool`` ``(N,)``; groups that nobody is in are left out.

    Tone, mouth, jaw and age are those of :mod:`pipelines.training.sets.balance`; a laughing mouth is an open one that
    is wider than :data:`LAUGHING`, and open mouths hold the laughing ones.
    """
    meshes = [Face(mesh) for mesh in faces.meshes.numpy()]
    found = {"all": np.ones(len(faces), bool)}
    names = {"tone": TONES, "mouth": MOUTHS, "jaw": JAWS, "age": AGES}
    for attribute, numbers in groups(faces).items():
        found |= {f"{attribute}: {name}": numbers == number for number, name in enumerate(names[attribute])}
        if attribute == "mouth":
            width = np.array([figures(face)[FIGURES.index("width")] for face in meshes])
            found["mouth: laughing"] = found[f"mouth: {MOUTHS[-1]}"] & (width > LAUGHING)
    views = np.array([view_of(face) for face in meshes])
    found |= {f"view: {view}": views == view for view in VIEWS}
    return {name: inside for name, inside in found.items() if inside.any()}


def differences(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Drawn less true of every face: figures in % of the eye distance, lightness in L*, ``_share`` in % of the truth.

    Args:
        values: of :func:`benchmarks.groups.measure`.
    """
    found = {name: 100 * (values[f"{name}_drawn"] - values[f"{name}_true"]) for name in FIGURES}
    for name, least in _LEAST.items():
        true = np.where(values[f"{name}_true"] >= least, values[f"{name}_true"], np.nan)
        found[f"{name}_share"] = found[name] / true
    return found | {"lightness": values["lightness_drawn"] - values["lightness_true"]}


def row(values: Mapping[str, np.ndarray], inside: np.ndarray) -> dict[str, int | float | None]:
    """One group's ``faces``, how many are no longer found (``lost``), and :data:`COLUMNS`: medians of shares of the
    truth, means of all else.

    Args:
        values: of :func:`benchmarks.groups.measure`.
        inside: ``bool`` ``(N,)``, which faces are in the group.
    """
    all_values = {**values, **differences(values)}
    found = {"faces": int(inside.sum()), "lost": int(np.isnan(values["opening_drawn"][inside]).sum())}
    for key in COLUMNS:
        known = _known(all_values[key][inside])
        average = np.median if key.endswith("_share") else np.mean
        found[key] = _finite(average(known)) if len(known) else None
    return found


def headlines(values: Mapping[str, np.ndarray], inside: Mapping[str, np.ndarray], seed: int = 0) -> list[Headline]:
    """What the groups are asked.

    Args:
        values: of :func:`benchmarks.groups.measure`.
        inside: of :func:`members`.
        seed: of the bootstrap.
    """
    changes = differences(values)
    opened = np.where(np.isnan(values["opening_drawn"]), np.nan, 100.0 * (values["opening_drawn"] > OPEN))

    def of(column: np.ndarray, *names: str) -> np.ndarray:
        parts = [column[inside[name]] for name in names if name in inside]
        return np.concatenate([np.empty(0), *parts])

    ask = partial(_headline, seed=seed)
    found = [ask("Closed lips drawn open, of 100", np.mean, [of(opened, "mouth: closed")])]
    ends = [[f"tone: {tone}" for tone in tones] for tones in (TONES[:2], TONES[-2:])]
    lpips = [of(values["lpips"], *names) for names in ends]
    found.append(ask("LPIPS of dark and brown skin, times that of light and very light", _ratio, lpips))
    for tone in TONES:
        shares = of(changes["upper_lip_share"], f"tone: {tone}")
        found.append(ask(f"Upper lip of {tone} skin, % more than the truth", np.median, [shares], within=LIP_WITHIN))
    for mouth in ("open", "laughing"):
        shares = of(changes["opening_share"], f"mouth: {mouth}")
        question = f"Opening of {mouth} mouths, % more than the truth"
        found.append(ask(question, np.median, [shares], within=OPENING_WITHIN))
    openings = np.stack([values["opening_true"], values["opening_drawn"]])
    known = list(openings[:, np.isfinite(openings).all(0)])
    found.append(ask("Correlation of the drawn opening with the truth", _correlation, known, paired=True))
    return found


def _headline(
    question: str,
    statistic: Callable[..., np.ndarray],
    samples: Sequence[np.ndarray],
    *,
    seed: int,
    within: float | None = None,
    paired: bool = False,
) -> Headline:
    samples = [_known(sample) for sample in samples]
    if min(map(len, samples)) < 2:  # a single face stands for no group
        return Headline(question, None, None, None, within)
    found = stats.bootstrap(
        samples,
        statistic,
        paired=paired,
        n_resamples=_RESAMPLES,
        method="percentile",
        vectorized=True,
        axis=-1,
        rng=np.random.default_rng(seed),
    )
    low, high = found.confidence_interval
    return Headline(question, _finite(statistic(*samples, axis=-1)), _finite(low), _finite(high), within)


def _ratio(first: np.ndarray, second: np.ndarray, axis: int) -> np.ndarray:
    return first.mean(axis) / second.mean(axis)


def _correlation(first: np.ndarray, second: np.ndarray, axis: int) -> np.ndarray:
    one, other = (sample - sample.mean(axis, keepdims=True) for sample in (first, second))
    spread = np.sqrt((one**2).sum(axis) * (other**2).sum(axis))
    # Values that are all alike go with no others: 0, and not a rounding error over another.
    return (one * other).sum(axis) / np.maximum(spread, 1e-9)


def _known(values: np.ndarray) -> np.ndarray:
    return values[~np.isnan(values)]


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None
