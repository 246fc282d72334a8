"""The photo fields as gradio components: the mask editor, and references, which are only looked at.

Gradio's own image editor draws through WebGL, encodes the photo anew, and forgets strokes and undo when it is written
to. This one is an ordinary canvas: it sends back nothing but the mask layer, and a suggested mask lies under the
strokes instead of replacing them.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import numpy as np

from pipelines.arrays import Mask, Pixels, Points
from pipelines.errors import PhiltrumError
from pipelines.exports.pictures import shrunk, window_around
from pipelines.faces.alignment import align
from pipelines.faces.formats.kinds import CHOSEN
from pipelines.faces.points import Face
from pipelines.languages.translation import _
from ui.pictures import overlay
from ui.pictures.masks import Base, layer_url, photo_url
from ui.pictures.overlay import jpeg_url
from ui.session.kept import Photo
from ui.theme import ASSETS, template

MAX_BYTES = 200 * 2**20
"""Most bytes of an upload; a 100-megapixel photo as PNG fits."""

_DEFAULT_BRUSH = 0.06  # of the photo's shorter side, where no face gives a better measure
_BRUSH = 0.3  # of the distance between the eyes: about the height of the lips

_THUMBNAIL = 144  # px, twice what is shown, for fine screens
_ACCEPT = ",".join(("image/*", *CHOSEN))  # browsers know few endings by themselves

_EXAMPLES = f"""<div class="editor-try">
        <p>{_("Or try an example")}</p>
        <div class="editor-examples" role="group" aria-label="{_("Examples")}"></div>
      </div>"""

_NOUNS = {
    "photo": {
        "choose": _("Choose a photo"),
        "back": _("Back to the photo"),
        "camera": _("Use the camera"),
        "paste": _("Paste"),
        "file": _("File of the photo"),
        "new": _("New photo"),
        "reading": _("Reading the photo …"),
        "lost": _("The photo did not reach the app; check that it still runs, and choose the photo again."),
        "opened": _("Photo opened, {faces} found."),
        "refused": _("This file is not used; choose another, or go back to the photo."),
    },
    "second photo": {
        "choose": _("Choose a second photo"),
        "back": _("Back to the second photo"),
        "camera": _("Use the camera| for the second photo"),
        "paste": _("Paste| for the second photo"),
        "file": _("File of the second photo"),
        "new": _("New second photo"),
        "reading": _("Reading the second photo …"),
        "lost": _(
            "The second photo did not reach the app; check that it still runs, and choose the second photo again."
        ),
        "opened": _("Second photo opened, {faces} found."),
        "refused": _("This file is not used; choose another, or go back to the second photo."),
    },
    "reference": {
        "choose": _("Choose a reference"),
        "back": _("Back to the reference"),
        "camera": _("Use the camera| for the reference"),
        "paste": _("Paste| for the reference"),
        "file": _("File of the reference"),
        "new": _("New reference"),
        "reading": _("Reading the reference …"),
        "lost": _("The reference did not reach the app; check that it still runs, and choose the reference again."),
        "opened": _("Reference opened, {faces} found."),
        "refused": _("This file is not used; choose another, or go back to the reference."),
    },
}
"""What a field says of its photo, by what that is; what stands behind a bar is for screen readers alone."""


def mask_editor(
    elem_id: str,
    run_id: str | None,
    lead: str,
    label: str,
    gallery: Callable[[], list[dict[str, Any]]] | None,
    *,
    noun: str = "photo",
    fixed: bool = False,
    given: bool = False,
) -> gr.HTML:
    """The mask editor.

    Its events are ``upload`` (data: ``path``) and ``select`` (data: ``example``); its value is
    ``{"photo": key, "base": key or None, "layer": data URL or None}``.

    Args:
        elem_id: id on the page.
        run_id: id of the button that Ctrl+Enter presses, or None where another field's keys press it.
        lead: one sentence that says what to do.
        label: name of the canvas for screen readers.
        gallery: the examples: ``key``, ``label`` and ``url`` of each; None where there are none.
        noun: what the photo is called.
        fixed: whether the mask is only looked at, until the property ``fixed`` says otherwise.
        given: whether its photo comes from elsewhere on the page, so that none is chosen here.
    """

    # Asked for by the page when the editor is there: what is sent to a tab that was never opened is lost.
    def examples(_nothing: None) -> list[dict[str, Any]]:
        return gallery() if gallery else []

    return _field(
        "editor",
        elem_id,
        noun=noun,
        lead=lead,
        label=label,
        examples=_EXAMPLES if gallery else "",
        base=None,
        run=run_id,
        fixed=fixed,
        given=given,
        server_functions=[examples] if gallery else [],
    )


def reference_field(elem_id: str, lead: str) -> gr.HTML:
    """A field for a photo of the same person: event ``upload`` (data: ``path``), value ``{"photo": key}``.

    Args:
        elem_id: id on the page.
        lead: one sentence that says what to do.
    """
    return _field("reference", elem_id, noun="reference", lead=lead, label=_("Reference photo"), examples="")


def more_references(elem_id: str, most: int) -> gr.HTML:
    """Thumbnails of further photos of the same person; its value is the keys of those that are shown.

    Its events are ``upload`` (data: ``paths``) and ``select`` (data: ``remove``, a key; or ``turn``, a key, and
    ``face``).

    Args:
        elem_id: id on the page.
        most: how many it takes.
    """
    return gr.HTML(
        value=[],
        html_template=template("references.html", accept=_ACCEPT),
        js_on_load=_script("references.js"),
        apply_default_css=False,
        elem_id=elem_id,
        others=[],
        most=most,
        reply=0,
        most_bytes=MAX_BYTES,
    )


def more_props(photos: Sequence[Photo]) -> dict[str, Any]:
    """What :func:`more_references` is told of the photos, which are numbered from 2 on."""
    return {
        "others": [
            {
                "key": photo.key,
                "number": number,
                "url": jpeg_url(_thumbnail(photo)),
                "faces": len(photo.faces),
                "face": photo.face,
            }
            for number, photo in enumerate(photos, 2)
        ]
    }


def _thumbnail(photo: Photo) -> Pixels:
    """The chosen face, and what is around it."""
    left, top, right, bottom = window_around(photo.faces[photo.face].points, photo.pixels.shape)
    part = photo.pixels[top:bottom, left:right]
    return shrunk(part, _THUMBNAIL / max(part.shape[:2]))


def _script(*names: str) -> str:
    """The body of a component's function, in one piece."""
    return "".join((ASSETS / name).read_text(encoding="utf-8") for name in ("sending.js", *names))


def _field(kind: str, elem_id: str, *, noun: str, lead: str, label: str, examples: str, **props: Any) -> gr.HTML:
    named = _NOUNS[noun]
    words = {"lead": lead, "examples": examples, "label": label, "accept": _ACCEPT}
    words |= {name: _with_aside(text) for name, text in named.items()}
    sources = template("photo.html", **words)
    return gr.HTML(
        value=None,
        label=label,
        html_template=template(f"{kind}.html", **words, photo=sources),
        js_on_load=_script("photo.js", f"{kind}.js"),
        apply_default_css=False,
        elem_id=elem_id,
        name=elem_id,
        named=named,
        photo=None,
        face=0,
        reply=0,
        refused=None,
        most_bytes=MAX_BYTES,
        **props,
    )


def _with_aside(text: str) -> str:
    """HTML of a text, whose part behind a bar is for screen readers."""
    shown, bar, aside = text.partition("|")
    return shown + (f'<span class="sr">{aside}</span>' if bar else "")


def face_choice(faces: list[Face], face: int = 0) -> gr.Radio:
    """The choice of one of several faces; hidden where there is nothing to choose."""
    others = [(_("Face {number}").format(number=i + 1), i) for i in range(1, len(faces))]
    choices = [(_("Face 1 (largest)"), 0), *others]
    return gr.Radio(choices, value=face, visible=len(faces) > 1)


def answer(**props: Any) -> gr.HTML:
    """An update of a field that ends its waiting."""
    return gr.HTML(reply=secrets.randbits(32), **props)


def refusal() -> gr.HTML:
    """An update of a field after a file that was refused: the field is empty, and nothing of it is sent any more.

    The photo before it can be taken again by a button.
    """
    return answer(refused=secrets.randbits(32))


def photo_props(photo: Photo) -> dict[str, Any]:
    """What a field is told of a photo."""
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
        "frames": [_frame(photo, face, scale) for face in photo.faces],
    }


def _frame(photo: Photo, face: Face, scale: float) -> list[list[float]]:
    """The corners of what the networks see of the photo; none where the face cannot be aligned."""
    try:
        corners = align(photo.pixels, face).corners
    except PhiltrumError:
        return []  # whoever presses Run is told why
    return np.round(scale * corners, 1).tolist()


def reference_props(photo: Photo, control: Sequence[int]) -> dict[str, Any]:
    """What the reference field is told of a photo: lines through the 68 landmarks, and dots.

    Args:
        photo: the photo.
        control: mesh points to show as dots.
    """
    scale = photo.size[0] / photo.pixels.shape[1]
    return photo_props(photo) | {"marks": [_marks(face, control, scale) for face in photo.faces]}


def _marks(face: Face, control: Sequence[int], scale: float) -> dict[str, Any]:
    def listed(points: Points) -> list[Any]:
        return np.round(scale * points, 1).tolist()

    lines = [[*chain, chain[0]] if closed else [*chain] for chain, closed in overlay.CHAINS]
    return {"lines": [listed(face.points[line]) for line in lines], "dots": listed(face.mesh[list(control)])}


def add_base(photo: Photo, mask: Mask, said: str, made_by: dict[str, Any] | None = None) -> dict[str, Any]:
    """Keeps a suggested, found or uploaded mask, and gives what the editor is told of it.

    Args:
        photo: the photo that the mask belongs to.
        mask: ``bool`` ``(H, W)`` at the photo's resolution.
        said: one sentence for the person.
        made_by: see :class:`ui.pictures.masks.Base`.
    """
    return lay_base(photo, Base.of(mask, photo.size, made_by), said)


def lay_base(photo: Photo, base: Base, said: str) -> dict[str, Any]:
    """As :func:`add_base`, of a mask that is packed already."""
    key = secrets.token_urlsafe(8)
    photo.bases[key] = base
    return {"key": key, "photo": photo.key, "url": layer_url(base.layer), "said": said}
