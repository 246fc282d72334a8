"""The case that a result belongs to: a name that people may give, and that stands in every file of the result."""

import gradio as gr

from pipelines.exports.tables import case_name, of_case
from ui.session.kept import Photo

__all__ = ["case_field", "case_name", "cleared_case", "of_case"]


def case_field(elem_id: str) -> gr.Textbox:
    """The field for the name.

    Args:
        elem_id: id on the page.
    """
    return gr.Textbox(
        label="Case name (optional)", placeholder="Stands in JSON, CSV and PDF", max_lines=1, max_length=80,
        elem_id=elem_id,
    )  # fmt: skip


def cleared_case(former: Photo | None) -> str | dict:
    """The field's update when a photo is opened: the former photo's case is not the next one's."""
    return gr.skip() if former is None else ""
