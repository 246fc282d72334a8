"""A file chooser offers every file that the reader knows."""

import gradio as gr
import pytest

from pipelines.faces.formats.kinds import CHOSEN
from ui.parts.editor import mask_editor, reference_field


@pytest.mark.parametrize("kind", ["editor", "reference"])
def test_the_photo_fields_offer_every_ending(kind):
    with gr.Blocks():
        field = reference_field("a", "lead") if kind == "reference" else mask_editor("a", None, "lead", "label", None)
    template = field.html_template
    offered = template.partition('accept="')[2].partition('"')[0].split(",")
    assert offered == ["image/*", *CHOSEN]
