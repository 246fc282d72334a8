"""Settings of a case file come onto the page only where the page has such a choice."""

import gradio as gr
import pytest

from ui.cases.settings import fitting, standing


@pytest.mark.parametrize(
    ("make", "good", "bad"),
    [
        (lambda: gr.Slider(-10, 30, 0), [0, -10, 2.5, 30], [31, -11, "0", None, True, float("nan"), [0]]),
        (lambda: gr.Number(0, minimum=0, maximum=9), [0, 9], [-1, 10, "1", float("inf")]),
        (lambda: gr.Radio([("One", "one"), ("Two", "two")], value="one"), ["one", "two"], ["three", 1, None, ["one"]]),
        (lambda: gr.Checkbox(True), [True, False], [1, "true", None]),
        (lambda: gr.CheckboxGroup([("A", "a"), ("B", "b")], value=["a"]), [[], ["b"]], [["c"], "a", None]),
    ],
)
def test_only_what_a_field_can_show_fits(make, good, bad):
    component = make()
    assert all(fitting(component, value) for value in good)
    assert not any(fitting(component, value) for value in bad)


def test_what_a_machine_offers_counts():
    radio = gr.Radio([("One", "one")], value="one")
    assert fitting(radio, "two", ["one", "two"]) and not fitting(radio, "one", ["two"])
    assert standing(radio) == "one"
