"""What the files of every job that repaints part of a face have in common; each job's ``exports.py`` adds its own."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipelines.arrays import Floats, Pixels
from pipelines.exports.pages.layout import Facts
from pipelines.exports.tables import (
    FEATURES,
    cell,
    csv_bytes,
    json_number,
    json_point,
    json_text,
    origin,
    photo_columns,
    photo_facts,
    to_csv,
)
from pipelines.faces.images import encode_png
from pipelines.faces.masks import EXTENT_NAMES
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _
from pipelines.results import RepaintResult

ENDINGS: tuple[str, ...] = ("png", "json")
"""How names of a photo's files end; see :func:`files`."""

Names = tuple[str, str]
"""What landmarks of the photo and of the result are called."""


def repaint_facts(
    result: RepaintResult, job: str, names: Names, own: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Everything about a result but its pictures, ready for JSON.

    ``case`` is the name that people gave it, or None; with a case come its date, side and notes. ``pixels_sha256`` is
    taken over a photo's decoded pixels (RGB, 8 bits, row by row, upright, sRGB), not over its file. ``face`` counts
    from 1, the largest. The mask's ``grow`` and ``feather`` are per cent of the distance between the eyes. Landmarks
    are in pixels of the photo: x to the right, y down, the centre of the top left pixel at (0.5, 0.5).
    ``measurements`` are only there where the job takes some; one that cannot be taken is None.

    Args:
        result: whose.
        job: its name.
        names: of the landmarks.
        own: what the job says beside what all do.
    """
    facts = {
        **origin(result, job),
        "mask": {
            "source": result.mask_source,
            "extent": result.extent,
            "grow": result.grow,
            "feather": result.feather,
            "pixels": int(result.mask.sum()),
            "share": round(mask_share(result), 6),
        },
        "seconds": {stage: round(seconds, 4) for stage, seconds in result.seconds.items()},
        **(own or {}),
    }
    if result.measurements:
        facts["measurements"] = [
            {
                "key": one.key,
                "label": one.label,
                "unit": one.unit,
                "before": json_number(one.value),
                "after": json_number(other.value),
                "formula": one.formula,
                "meaning": one.meaning,
            }
            for one, other in zip(result.measurements_before, result.measurements, strict=True)
        ]
    pairs = zip(FEATURES, result.landmarks_before, result.landmarks, strict=True)
    facts["landmarks"] = [
        {"index": index, "feature": feature, names[0]: json_point(first), names[1]: json_point(second)}
        for index, (feature, first, second) in enumerate(pairs)
    ]
    return facts


def files(result: RepaintResult, facts: Mapping[str, Any]) -> dict[str, bytes]:
    """Ending of the name → content of what the command line writes of one photo: the result, and its facts."""
    return {"png": encode_png(result.image), "json": json_text(facts).encode()}


def contents(result: RepaintResult, facts: Mapping[str, Any], names: Names) -> dict[str, bytes]:
    """Name → content: ``result.png``, ``mask.png``, ``mask-feathered.png`` (see :func:`alpha_picture`),
    ``landmarks.csv``, ``landmarks.json``, and ``measurements.csv`` where there are some.
    """
    found = {
        "result.png": encode_png(result.image),
        "mask.png": encode_png(result.mask),
        "mask-feathered.png": encode_png(alpha_picture(result.alpha)),
        "landmarks.csv": csv_bytes(landmarks_csv(result, names)),
        "landmarks.json": json_text(facts).encode(),
    }
    if result.measurements:
        found["measurements.csv"] = csv_bytes(measurements_csv(result))
    return found


def landmarks_csv(result: RepaintResult, names: Names) -> str:
    """One row a landmark: index, feature, x and y of both sets of landmarks in pixels of the photo, and what
    :func:`pipelines.exports.tables.photo_columns` says.
    """
    whose = photo_columns(result)
    rows: list[tuple[Any, ...]] = [("index", "feature", *(f"{axis}_{name}" for name in names for axis in "xy"), *whose)]
    points = zip(FEATURES, result.landmarks_before.tolist(), result.landmarks.tolist(), strict=True)
    for index, (feature, first, second) in enumerate(points):
        rows.append((index, feature, *(f"{value:.2f}" for value in (*first, *second)), *whose.values()))
    return to_csv(rows)


def measurements_csv(result: RepaintResult) -> str:
    """One row a measurement: key, label, value in the photo, value in the result, unit, formula, and what
    :func:`pipelines.exports.tables.photo_columns` says.

    The heading alone where the job takes none.
    """
    whose = photo_columns(result)
    rows: list[tuple[Any, ...]] = [("key", "label", "before", "after", "unit", "formula", *whose)]
    for one, other in zip(result.measurements_before, result.measurements, strict=True):
        rows.append((one.key, one.label, cell(one.value), cell(other.value), one.unit, one.formula, *whose.values()))
    return to_csv(rows)


def row(result: RepaintResult, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A photo's row of the table of many.

    Args:
        result: of the photo.
        own: what the job says beside what all do.
    """
    what = {"faces": result.faces, "face": result.face + 1, "mask_share": f"{mask_share(result):.4f}"}
    return {**what, **(own or {}), **photo_columns(result)}


def alpha_picture(alpha: Floats) -> Pixels:
    """The blend of the repainted part, ``(H, W)`` in [0, 1], as grey ``uint8``: black is the photo bit for bit, white
    what was drawn. What is blended at all is not black.
    """
    return np.where(alpha > 0, np.maximum(np.round(255 * alpha), 1), 0).astype(np.uint8)


def mask_share(result: RepaintResult) -> float:
    """Share of the photo that is repainted, 0-1."""
    return float(result.mask.mean())


def given_facts(result: RepaintResult) -> Facts:
    """What was given, on a page: the photo, its face and the mask."""
    rows, columns = result.photo.shape[:2]
    mask = _("{mask}; {share} % of the photo")
    photo = _("{width} × {height} pixels, face {number} of {count}").format(
        width=columns, height=rows, number=result.face + 1, count=result.faces
    )
    return (
        (_("Photo"), photo),
        *photo_facts(result),
        (_("Mask"), mask.format(mask=mask_from(result), share=figure(100 * mask_share(result), ".1f"))),
    )


def mask_from(result: RepaintResult) -> str:
    """Where the mask comes from and how its edge is, for people."""
    sources = {"given": _("given"), "found": _("found"), "suggested": _("suggested")}
    parts = [sources[result.mask_source]]
    parts += [EXTENT_NAMES[result.extent]] if result.extent is not None else []
    parts += [_("grown {grow} %").format(grow=figure(result.grow, "g"))] if result.grow else []
    return ", ".join([*parts, _("feather {feather} %").format(feather=figure(result.feather, "g"))])


def drawn_by(result: RepaintResult) -> Facts:
    """What drew the result, in short."""
    return ((_("Weights"), ", ".join(used.name for used in result.weights)), (_("Seed"), str(result.seed)))


def computed_on(device: str, seconds: str) -> str:
    """Where a result was computed, and how long that took."""
    return _("{device}, in {seconds} s").format(device=device, seconds=seconds)


def made_facts(result: RepaintResult) -> Facts:
    """What made the result, on a page: weights, device and seconds."""
    return (
        (_("Weights"), ", ".join(f"{used.name}, SHA-256 {used.sha256}" for used in result.weights)),
        (_("Computed on"), computed_on(result.device, figure(sum(result.seconds.values()), ".1f"))),
    )
