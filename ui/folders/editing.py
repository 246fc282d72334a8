"""The mask of a folder's photo: laid into the editor, taken from it, and carried over from one photo to the next."""

import secrets
from collections.abc import Mapping
from typing import Any

from pipelines.arrays import Mask
from pipelines.errors import NoFaceFound, PhiltrumError
from pipelines.faces.alignment import align, carried_over
from pipelines.faces.images import read_image, read_mask
from pipelines.faces.landmarks import find_faces
from pipelines.languages.translation import _
from ui.folders.base import FolderJob
from ui.parts.editor import add_base, photo_props
from ui.pictures.masks import editor_size
from ui.session.folders import Edited, Folder, Painted, Row, mask_sha256
from ui.session.kept import Photo
from ui.tabs.repainting import mask_options

CARRIED = _("The mask of the last photo, moved onto this face; correct it where need be.")
NO_FACE = _("No face was found here, so no mask was carried over.")

_FACE = 0  # the largest, as in the run


def lay(job: FolderJob, folder: Folder, row: Row, settings: Mapping[str, Any], carry: bool) -> dict[str, Any]:
    """Opens a photo in the editor, with the mask that would be used for it now.

    That is the one that was painted for it; else the file that has its name; else, where ``carry`` says so, the mask
    that was painted last, moved by both faces' alignment; else the job's own.

    Returns:
        What the editor is told; ``warning``, a sentence, where a mask could not be laid.

    Raises:
        PhiltrumError: the photo cannot be read.
    """
    pixels = read_image(row.path)
    photo = Photo(secrets.token_urlsafe(8), pixels, find_faces(pixels), editor_size(pixels.shape))
    edited = Edited(row, photo)
    props: dict[str, Any] = {"photo": photo_props(photo), "face": 0, "base": None}
    try:
        props["base"] = _base(job, folder, edited, settings, carry)
    except PhiltrumError as error:
        props["warning"] = str(error)
    folder.edited = edited
    return props


def _base(
    job: FolderJob, folder: Folder, edited: Edited, settings: Mapping[str, Any], carry: bool
) -> dict[str, Any] | None:
    row, photo = edited.row, edited.photo
    files = folder.belonging("mask", row)
    mask: Mask
    if row.mask:
        mask, said = row.read_painted(), _("The mask that was painted for this photo.")
    elif files:
        mask, said = read_mask(files[0], photo.pixels.shape[:2]), _("The mask of this photo's name.")
    elif carry and folder.painted is not None:
        if not photo.faces:
            raise NoFaceFound(NO_FACE)
        here = align(photo.pixels, photo.faces[_FACE])
        mask, said = carried_over(folder.painted.mask, folder.painted.alignment, here), CARRIED
        edited.carried = True
    else:
        return own_base(job, edited, settings)
    edited.laid = mask_sha256(mask)
    return add_base(photo, mask, said)


def own_base(job: FolderJob, edited: Edited, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The job's own mask, to lie under the strokes.

    Raises:
        PhiltrumError: there is none.
    """
    edited.own = job.without_mask(settings)
    return job.own_mask(edited.photo, settings)


def outdated(job: FolderJob, folder: Folder, value: dict[str, Any] | None, settings: Mapping[str, Any]) -> bool:
    """Whether the editor shows the job's own mask as other settings make it, and nobody has painted on it."""
    edited = folder.edited
    if edited is None or edited.own in (None, job.without_mask(settings)):
        return False
    if not value or value.get("photo") != edited.photo.key:
        return False
    return "mask" not in mask_options(value, edited.photo, _FACE)


def take(folder: Folder, value: dict[str, Any] | None) -> bool:
    """Keeps what the editor shows as the mask of the photo that lies in it.

    A mask that the job makes by itself, and one that has the photo's name, stay what they are as long as nobody has
    painted on them; one that was carried over is the photo's own once it was seen. An empty mask is none.

    Returns:
        Whether the photo's mask is another now.

    Raises:
        PhiltrumError: it is no mask of this photo.
    """
    edited = folder.edited
    if edited is None or not value or value.get("photo") != edited.photo.key:
        return False
    row, photo = edited.row, edited.photo
    options = mask_options(value, photo, _FACE)
    mask, before = options.get("mask"), row.mask
    if mask is None or not mask.any():
        if before:
            row.unpaint()
        return before is not None
    if mask_sha256(mask) == edited.laid and not edited.carried:
        return False
    if mask_sha256(mask) != before:
        row.paint(mask)
    if photo.faces:
        folder.painted = Painted(mask, align(photo.pixels, photo.faces[_FACE]))
    return row.mask != before
