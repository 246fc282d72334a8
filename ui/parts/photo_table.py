"""The table of many photos: how far each is, what was made of it, and which one is looked at."""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from pipelines.languages.numbers import figure
from ui.session.folders import Folder, Row
from ui.theme import ASSETS, template


def photo_table(elem_id: str, run_id: str, columns: Sequence[str]) -> gr.HTML:
    """The table, empty.

    Its events are ``select`` (look at a photo), ``like`` (run it again) and ``delete``, each with the photo's ``key``.

    Args:
        elem_id: id on the page.
        run_id: id of the button that Ctrl+Enter presses.
        columns: what is told of each result.
    """
    return gr.HTML(
        value=None,
        html_template=template("folder.html", name=elem_id),
        js_on_load=(ASSETS / "folder.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        name=elem_id,
        run=run_id,
        columns=[*columns],
        rows=[],
        running=False,
        told="",
        looked=None,
    )


def show_photos(folder: Folder, wanted: Callable[[Row], str], **more: Any) -> gr.HTML:
    """An update of the table.

    Args:
        folder: the photos.
        wanted: what a photo's result would hang on now.
        more: ``running``, whether a run is under way, and ``told``, how long it still takes; what is left out stays.
    """
    with folder.lock:
        rows = [_shown(row, folder.state_of(row, wanted(row))) for row in folder.rows.values()]
    return gr.HTML(rows=rows, **more)


def looked_at(folder: Folder) -> dict[str, Any]:
    """What :func:`show_photos` is told where the page shall turn to the photo that is chosen."""
    return {"looked": {"key": folder.chosen, "number": secrets.randbits(32)}}


def _shown(row: Row, state: str) -> dict[str, Any]:
    made = row.made
    return {
        "key": row.key,
        "name": row.name,
        "state": state,
        "share": None if row.running is None else round(100 * row.running),
        "doing": row.doing,
        "seconds": "" if made is None else figure(made.seconds, ".1f"),
        "cells": [] if made is None else [*made.cells],
        "error": row.error,
    }
