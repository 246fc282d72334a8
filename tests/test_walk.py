"""A photo walks through a pipeline in one direction: a module that it has left is hardly ever entered again."""

import sys
from collections.abc import Callable
from functools import cached_property
from types import FrameType
from typing import Any

import pytest
import skimage.data

from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.cleft_inpainting.pipeline import CleftInpainting
from pipelines.mask_removal.pipeline import MaskRemoval

_NO_PLACES = ("pipelines.progress", "pipelines.languages.translation")  # they are told of the work, and see no photo


def name_of(frame: FrameType) -> str:
    return frame.f_globals.get("__name__", "")


def is_looked_up(frame: FrameType) -> bool:
    """Whether the call only reads an attribute, builds an object, or tells how far the run is."""
    name = frame.f_code.co_name
    found = getattr(type(frame.f_locals.get("self")), name, None)
    return name in ("__init__", "<genexpr>", "<lambda>") or isinstance(found, property | cached_property)


def walk(run: Callable[[], Any], home: str) -> list[str]:
    """The modules of ours whose functions the module ``home`` calls, in order; the same twice in a row counts once."""
    way: list[str] = []

    def look(frame: FrameType, event: str, _: Any) -> None:
        module = name_of(frame)
        if event != "call" or not module.startswith("pipelines.") or module in (home, *_NO_PLACES):
            return
        caller = frame.f_back
        while caller is not None and not name_of(caller).startswith("pipelines."):
            caller = caller.f_back
        if caller is not None and name_of(caller) == home and not is_looked_up(frame) and way[-1:] != [module]:
            way.append(module)

    sys.setprofile(look)
    try:
        run()
    finally:
        sys.setprofile(None)
    return way


# How often a photo came back to a module that it had left, before there were Subject and Hole: 8, 16 and 7 times.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("pipeline", "options", "most"),
    [
        (CleftInpainting, {}, 2),
        (MaskRemoval, {"extent": "lower-face", "reference": skimage.data.astronaut()}, 4),
        (AnomalyScoring, {}, 2),
    ],
)
def test_a_photo_hardly_comes_back(pipeline, options, most):
    job = pipeline(device="cpu", **({"searches": 1} if pipeline is AnomalyScoring else {}))
    way = walk(lambda: job(skimage.data.astronaut(), **options), pipeline.__module__)
    assert len(way) > 10, "the walk is seen"
    again = [module for number, module in enumerate(way) if module in way[:number]]
    assert len(again) <= most, way
