"""The mask editor as a gradio component: photo in, painted mask out.

Gradio's own image editor draws through WebGL, encodes the photo anew, and forgets strokes and undo when it is written
to. This one is an ordinary canvas: it sends back nothing but the mask layer, and a suggested mask lies under the
strokes instead of replacing them.
"""

import secrets
from typing import Any

import gradio as gr
import numpy as np

from ui.masks import Base, layer_url, photo_url
from ui.sessions import Photo
from ui.theme import ASSETS

MAX_BYTES = 200 * 2**20
"""Most bytes of an upload; a 100-megapixel photo as PNG fits."""

_DEFAULT_BRUSH = 0.06  # of the photo's shorter side, where no face gives a better measure
_BRUSH = 0.3  # of the distance between the eyes: about the height of the lips


def mask_editor(elem_id: str, run_id: str) -> gr.HTML:
    """The component.

    Its events are ``upload`` (data: ``path``) and ``select`` (data: ``example``); its value is
    ``{"photo": key, "base": key or None, "layer": data URL or None}``.

    Args:
        elem_id: id on the page.
        run_id: id of the button that Ctrl+Enter presses.
    """
    return gr.HTML(
        value=None,
        label="Photo and mask",
        html_template=(ASSETS / "editor.html").read_text(encoding="utf-8"),
        js_on_load=(ASSETS / "editor.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        photo=None,
        base=None,
        face=0,
        reply=0,
        examples=[],
        run=run_id,
        most_bytes=MAX_BYTES,
    )


def answer(**props: Any) -> gr.HTML:
    """An update of the editor that ends its waiting."""
    return gr.HTML(reply=secrets.randbits(32), **props)


def photo_props(photo: Photo) -> dict[str, Any]:
    """What the editor is told of a photo."""
    width, height = photo.size
    scale = width / photo.pixels.shape[1]
    brush = _BRUSH * photo.faces[0].eye_distance * scale if photo.faces else _DEFAULT_BRUSH * min(width, height)
    return {
        "key": photo.key,
        "url": photo_url(photo.pixels, photo.size),
        "width": width,
        "height": height,
        "brush": round(max(4.0, brush), 1),
        "faces": [[round(scale * edge, 1) for edge in face.box] for face in photo.faces],
    }


def add_base(photo: Photo, mask: np.ndarray, said: str) -> dict[str, Any]:
    """Keeps a suggested or uploaded mask, and gives what the editor is told of it.

    Args:
        photo: the photo that the mask belongs to.
        mask: ``bool`` ``(H, W)`` at the photo's resolution.
        said: one sentence for screen readers.
    """
    key, base = secrets.token_urlsafe(8), Base.of(mask, photo.size)
    photo.bases[key] = base
    return {"key": key, "photo": photo.key, "url": layer_url(base.layer), "said": said}
