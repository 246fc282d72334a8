"""Settings of a case file, which anybody may have made: whether a field of the page can take them."""

import math
from collections.abc import Sequence
from typing import Any

import gradio as gr


def fitting(component: gr.components.Component, value: Any, offered: Sequence[Any] | None = None) -> bool:
    """Whether a field can be set to a value.

    Args:
        component: a slider, a number, a check box, or a choice of one or of several.
        value: of a case file.
        offered: what a choice offers on this machine, where that is not what it began with.
    """
    if isinstance(component, gr.Slider | gr.Number):
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        low, high = component.minimum, component.maximum
        return number and (low is None or value >= low) and (high is None or value <= high)
    if isinstance(component, gr.Checkbox):
        return isinstance(value, bool)
    values = [choice for _, choice in component.choices] if offered is None else [*offered]  # type: ignore[attr-defined]  # all others have some
    if isinstance(component, gr.CheckboxGroup):
        return isinstance(value, list) and all(one in values for one in value)
    return isinstance(value, str) and value in values


def standing(component: gr.components.Component) -> Any:
    """What a field begins with."""
    return component.value
