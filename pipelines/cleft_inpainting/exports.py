"""What a predicted non-cleft face becomes on disk; see :class:`pipelines.exports.interface.JobExports`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipelines.exports import repainted
from pipelines.exports.pages.layout import Card, Page, Picture, measurements_table
from pipelines.exports.pictures import face_window
from pipelines.exports.repainted import drawn_by, given_facts, made_facts, mask_from, repaint_facts
from pipelines.exports.summary import REPAINTED
from pipelines.exports.tables import cell, footer, show
from pipelines.jobs import CLEFT_INPAINTING
from pipelines.languages.translation import _
from pipelines.results import CleftInpaintingResult

ENDINGS = repainted.ENDINGS

STAGES: tuple[str, ...] = ()

TABLE = REPAINTED

LANDMARKS = ("before", "predicted")
"""What the landmarks are called: found in the photo, and predicted."""


def facts(result: CleftInpaintingResult) -> dict[str, Any]:
    """Everything about a result but its pictures: :func:`pipelines.exports.repainted.repaint_facts`."""
    return repaint_facts(result, CLEFT_INPAINTING, LANDMARKS)


def files(result: CleftInpaintingResult) -> dict[str, bytes]:
    """The result and its facts: ``png`` and ``json``."""
    return repainted.files(result, facts(result))


def contents(result: CleftInpaintingResult) -> dict[str, bytes]:
    """Pictures and tables: :func:`pipelines.exports.repainted.contents`."""
    return repainted.contents(result, facts(result), LANDMARKS)


def row(result: CleftInpaintingResult, references: Sequence[str] = ()) -> dict[str, Any]:
    """A photo's row of the table: every measurement before and after, beside what all jobs say."""
    own: dict[str, Any] = {}
    for before, after in zip(result.measurements_before, result.measurements, strict=True):
        own |= {f"{before.key}_before": cell(before.value), f"{before.key}_after": cell(after.value)}
    return repainted.row(result, own)


def stage_pictures(result: CleftInpaintingResult) -> dict[str, np.ndarray]:
    """None: the job shows no stages."""
    return {}


def page(result: CleftInpaintingResult) -> Page:
    """Photo and prediction, the mask with the predicted landmarks, and the measurements of both."""
    face = face_window(result)
    return Page(
        title=_("Cleft inpainting"),
        subtitle=_("Predicted non-cleft face with 68 landmarks. The painted part is generated."),
        subject=_("Cleft inpainting: predicted non-cleft face"),
        large=(
            Picture(title=_("Photo"), image=result.photo, window=face),
            Picture(title=_("Prediction"), image=result.image, window=face),
        ),
        small=[
            (
                Picture(
                    title=_("Mask and predicted landmarks"),
                    image=result.image,
                    window=face,
                    mask=result.mask,
                    landmarks=result.landmarks,
                ),
                Picture(title=_("Whole photo"), image=result.photo),
                Picture(title=_("Whole prediction"), image=result.image),
            )
        ],
        tables=measurements_table(result.measurements_before, result.measurements),
        facts=((0.5, given_facts(result)), (0.82, made_facts(result))),
        footer=footer(result),
    )


def card(result: CleftInpaintingResult) -> Card:
    """The prediction, how it was made, and the measurements of photo and prediction."""
    measures = zip(result.measurements_before, result.measurements, strict=True)
    return Card(
        title=_("Cleft inpainting"),
        picture=Picture(title=_("Prediction"), image=result.image, window=face_window(result)),
        facts=(
            (_("Mask"), mask_from(result)),
            *drawn_by(result),
            *((_(before.label), f"{show(before)} → {show(after)}") for before, after in measures),
        ),
    )
