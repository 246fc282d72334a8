"""What a brighter photo becomes on disk."""

from typing import Any

import numpy as np

from pipelines.exports.pages.layout import Card, Page, Picture
from pipelines.exports.summary import PhotoTable
from pipelines.exports.tables import footer, json_text, origin, photo_columns, photo_facts
from pipelines.faces.images import encode_png

ENDINGS = ("png", "json")
STAGES = ("light",)
TABLE = PhotoTable("summary.csv", ("photo", "light", "seconds", "error"))


def facts(result: Any) -> dict[str, Any]:
    return {**origin(result, "brightening"), "light": round(float(result.image.mean()), 2)}


def files(result: Any) -> dict[str, bytes]:
    return {"png": encode_png(result.image), "json": json_text(facts(result)).encode()}


def contents(result: Any) -> dict[str, bytes]:
    return {"bright.png": encode_png(result.image), "numbers.json": json_text(facts(result)).encode()}


def row(result: Any, references: Any = ()) -> dict[str, Any]:
    return {"light": f"{result.image.mean():.1f}", **photo_columns(result)}


def stage_pictures(result: Any) -> dict[str, np.ndarray]:
    return {"light": np.repeat(result.image.max(2, keepdims=True), 3, axis=2)}


def page(result: Any) -> Page:
    return Page(
        title="Brightening",
        subtitle="The photo, brighter.",
        subject="Brightening: the photo, brighter",
        large=(Picture(title="Photo", image=result.photo), Picture(title="Brighter", image=result.image)),
        small=[],
        facts=((0.7, photo_facts(result)), (0.7, (("Light", f"{result.image.mean():.1f}"),))),
        footer=footer(result),
    )


def card(result: Any) -> Card:
    light = f"{result.image.mean():.1f}"
    return Card(title="Brightening", picture=Picture(title="", image=result.image), facts=(("Light", light),))
