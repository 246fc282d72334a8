"""The maps of a scored face on the screen: over the part of the face around the region, beside the one fixed colour bar
of the map that is chosen. How strong the colours are, which are hidden, and what a place reads is settled on the page.
"""

import base64
from collections.abc import Sequence
from typing import Any

import cv2
import gradio as gr
import numpy as np

from pipelines.anomaly_scoring.choices import MAPS, MapName
from pipelines.anomaly_scoring.exports import OPACITY, Shown, around, map_overlay, shown_map
from pipelines.arrays import Floats, Mask, Pixels
from pipelines.faces.points import Face
from pipelines.languages.translation import _, in_sentence
from pipelines.metrics.landmark_error import SUBSETS
from pipelines.results import AnomalyScoringResult
from ui.pictures import overlay
from ui.theme import ASSETS, template

_FIRST: MapName = next(iter(MAPS))
_FACE_SIDE = 768  # px of the face below a map, for large and fine screens
_NONE = _("Nothing is searched here: the painted region lies off lips and nose.")
_PARTS = {
    _("the cheek or jaw"): [*range(17)],
    _("the brows"): [*range(17, 27)],
    _("the nose"): [*range(27, 31)],
    _("the nostrils"): [*range(31, 36)],
    _("the eyes"): [*range(36, 48)],
    _("the upper lip"): [*range(48, 55), *range(60, 65)],
    _("the lower lip"): [*range(55, 60), *range(65, 68)],
}  # of the 68 points
_MIDDLE = 0.08  # eye distances from the midline that still count as the middle


def heat_view(elem_id: str) -> gr.HTML:
    """The field for the maps of one photo or two; its value is what :func:`heat_maps` gives, None before the first run.

    Args:
        elem_id: id on the page.
    """
    return gr.HTML(
        value=None,
        html_template=template("heat.html"),
        js_on_load=(ASSETS / "heat.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        opacity=round(100 * OPACITY),
    )


def heat_maps(results: Sequence[AnomalyScoringResult], name: MapName = _FIRST) -> dict[str, Any]:
    """A map of the faces, as the page draws it, ready for JSON.

    Args:
        results: of one photo or two.
        name: which map, of :data:`MAPS`.

    Returns:
        ``maps``: each with ``photo``, what the photo is called, and either ``none``, why there is no map, or ``face``
        (a data URL), ``said`` and ``peak`` (what is seen, in words), ``side`` S, ``values`` (float32 ``(S, S)`` in
        base64, NaN outside the region) and ``outline`` (lines around the region, points as shares of the side).
        ``scale``: None where there is no map, else its ``label``, ``unit``, ``upper`` end, ``exponent``, ``ticks``
        (share of the way up and value as text) and ``shades`` (RGBA).
    """
    maps: list[dict[str, Any]] = []
    scale = None
    for photo, result in zip(photo_names(len(results)), results, strict=True):
        shown = shown_map(result, name)
        if shown is None:
            maps.append({"photo": photo, "none": _NONE})
            continue
        scale = shown.scale
        part = around(shown.area)
        values = np.where(shown.area, shown.values, np.nan)[part].astype("<f4")
        face = cv2.resize(result.crop[part], (_FACE_SIDE, _FACE_SIDE), interpolation=cv2.INTER_CUBIC)
        maps.append(
            {
                "photo": photo,
                "face": overlay.jpeg_url(face),
                "said": f"{MAPS[name]}, {in_sentence(photo)}: {(peak := _peak(result, shown))}",
                "peak": peak,
                "side": len(values),
                "values": base64.b64encode(values.tobytes()).decode("ascii"),
                "outline": _outline(shown.area[part]),
            }
        )
    told = None
    if scale is not None:
        told = {
            "label": scale.said,
            "unit": scale.unit,
            "upper": scale.upper,
            "exponent": scale.exponent,
            "ticks": [[share, text] for share, text in scale.ticks.items()],
            "shades": scale.shades.tolist(),
        }
    return {"maps": maps, "scale": told}


def first_map(result: AnomalyScoringResult) -> Pixels:
    """The map that is shown first over the face, RGB ``uint8``; the face alone where nothing was searched."""
    shown = shown_map(result, _FIRST)
    return result.crop if shown is None else map_overlay(result, shown)


def photo_names(count: int) -> tuple[str, ...]:
    """What the photos are called."""
    return (_("Before surgery"), _("After surgery")) if count == 2 else (_("Photo"),)


def _outline(area: Mask) -> list[list[list[float]]]:
    """Lines around a region ``(S, S)``, as shares of S, smooth at any size."""
    fine = 4
    large = cv2.resize(area.astype(np.float32), None, fx=fine, fy=fine, interpolation=cv2.INTER_LINEAR)
    large = cv2.GaussianBlur(large, (0, 0), fine, borderType=cv2.BORDER_REPLICATE) > 0.5  # without the pixels' steps
    lines, _ = cv2.findContours(large.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    whole: Floats = np.array(large.shape[::-1], np.float64)
    return [np.round((line[:, 0] + 0.5) / whole, 4).tolist() for line in lines]


def _peak(result: AnomalyScoringResult, shown: Shown) -> str:
    """Where a map is highest inside its region: the nearest part of the face, and the side of the picture."""
    face = Face(result.mesh)
    inside = np.where(shown.area, shown.values, -np.inf)
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    away = np.linalg.norm(face.points - (column + 0.5, row + 0.5), axis=1)
    part = min(_PARTS, key=lambda part: away[_PARTS[part]].min())
    aside = (column + 0.5 - face.points[list(SUBSETS["mouth-nose"]), 0].mean()) / face.eye_distance
    if abs(aside) < _MIDDLE:
        said = _("highest at {part}, in the middle.")
    elif aside < 0:
        said = _("highest at {part}, on the left of the picture.")
    else:
        said = _("highest at {part}, on the right of the picture.")
    return said.format(part=part)
