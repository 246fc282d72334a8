"""Faces in surgical masks with the true mask of each: labelled photos, and mask pictures rendered over faces.

Mask pictures and their anchor points are those of MaskTheFace (Anwar and Raychowdhury 2020, "Masked face recognition
for secure authentication"); the rendering is this module's own.
"""

import configparser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipelines.errors import DataUnreadable, PhiltrumError
from pipelines.faces.images import read_image
from pipelines.faces.points import Face

VIEWS = ("left", "front", "right")
"""Where a face looks, in the picture."""

RECOLOURED = ("black", "chequered", "striped", "tartan", "flowered")
"""Colours and patterns that no mask picture has, made from the one of :data:`_RECOLOUR_FROM`."""

_MASK_LABEL = 75  # luminance of the surgical mask in the stored labels

# Of the 68 points: jaw on the left, bridge of the nose, jaw on the right; lower jaw on the left, chin, lower jaw on the
# right. Of all such six, the surgical mask over the unmasked photos overlaps their labels most with these (IoU 0.83).
_ANCHORS = (2, 28, 14, 4, 8, 12)
_JAWS, _TIP = (1, 15), 30  # of the 68 points
_TURNED = 0.33  # of the way between the jaws at which the nose of a turned face lies: a yaw of about 12 degrees
_RECOLOUR_FROM = "surgical"
_BLACK = 0.22  # of white
_CHEQUER = ((150, 40, 60), (240, 235, 225))
_CHEQUERS = 12  # across the picture
_STRIPES, _STRIPE = ((28, 40, 92), (240, 240, 235)), 24  # colours, and how many across
_TARTAN = ((170, 30, 40), (25, 60, 45), (235, 200, 80))  # cloth, broad bands, thin lines
_SETT = 6  # repeats across
_FLOWERS = ((242, 236, 230), (215, 90, 130), (235, 200, 80), (80, 130, 80))  # cloth, petals, centre, leaf
_BLOOMS = 9  # across
_MASKED = "-masked.jpg"
_STRAP = 0.08  # eye distances; what is narrower is a strap, which a segmentation need not find


@dataclass(frozen=True, eq=False)
class Template:
    """A picture of a mask.

    Attributes:
        name: what it is called.
        view: one of :data:`VIEWS`: for faces that look there.
        picture: RGBA ``uint8`` ``(h, w, 4)``.
        anchors: ``float32`` ``(6, 2)``, pixels of the picture that belong onto six points of the face.
    """

    name: str
    view: str
    picture: np.ndarray
    anchors: np.ndarray


def labelled_photos(folder: str | Path | None, most: int | None = None) -> list[Path]:
    """Photos of masked faces, ``pairs/ID-masked.jpg``; beside each lie its labels and the bare face.

    Args:
        folder: holds them.
        most: only the first so many.

    Raises:
        DataUnreadable: there are none.
    """
    found = sorted(Path(folder).glob(f"pairs/*{_MASKED}"))[:most] if folder else []
    if not found:
        raise DataUnreadable("There are no labelled mask photos; name their folder, or leave the set out.")
    return found


def read_labelled(masked: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Photo and bare face, RGB ``uint8``, each of its own size, and the photo's mask, ``bool`` ``(H, W)``.

    Raises:
        DataUnreadable: a file is missing or damaged, or the label is of another size.
    """
    name = masked.name.removesuffix(_MASKED)
    try:
        photo = read_image(masked)
        bare = read_image(masked.with_name(f"{name}-unmasked.jpg"))
        labels = cv2.cvtColor(read_image(masked.with_name(f"{name}-labels.png")), cv2.COLOR_RGB2GRAY)
    except (OSError, PhiltrumError) as error:
        raise DataUnreadable("A photo or label of the mask photos is missing; copy their folder again.") from error
    if labels.shape != photo.shape[:2]:
        raise DataUnreadable("A label of the mask photos differs in size from its photo; copy their folder again.")
    return photo, bare, labels == _MASK_LABEL


def load_templates(folder: str | Path | None) -> list[Template]:
    """The mask pictures of ``templates/`` by name, and those of :data:`RECOLOURED`.

    ``masks.cfg`` names six anchor points of each in the pixels of its original, of which the picture may be a
    thumbnail. The original's width is not written there, but a picture and its mirror image name mirrored points: the x
    of a point in one and of its counterpart in the other sum to the width. A frontal picture is its own mirror image.

    Args:
        folder: holds ``templates/NAME.png`` and ``templates/masks.cfg``.

    Raises:
        DataUnreadable: there are none, or their anchor points are missing.
    """
    paths = sorted(Path(folder).glob("templates/*.png")) if folder else []
    if not paths:
        raise DataUnreadable("There are no pictures of masks; name the folder that holds them.")
    settings = configparser.ConfigParser()
    templates = []
    try:
        settings.read_string((Path(folder) / "templates" / "masks.cfg").read_text())
        for path in paths:
            picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            points, mirrored = _points(settings, path.stem), _points(settings, _mirror(path.stem))
            scale = picture.shape[1] / (points[0, 0] + mirrored[2, 0])
            view = path.stem.rpartition("_")[2] if path.stem != _mirror(path.stem) else "front"
            rgba = cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA)
            templates.append(Template(path.stem, view, rgba, (points * scale).astype(np.float32)))
    except (OSError, configparser.Error, AttributeError, ValueError, cv2.error) as error:
        raise DataUnreadable(
            "A picture of a mask or its anchor points cannot be read; copy their folder again."
        ) from error
    plain = [template for template in templates if template.name == _RECOLOUR_FROM]
    return templates + [_recoloured(template, colour) for template in plain for colour in RECOLOURED]


def view_of(face: Face) -> str:
    """Where the face looks, one of :data:`VIEWS`, from where its nose lies between the jaws."""
    left, right = face.points[list(_JAWS)]
    across = right - left
    place = (face.points[_TIP] - left) @ across / (across @ across)
    return VIEWS[1 + int(place > 1 - _TURNED) - int(place < _TURNED)]


def render(photo: np.ndarray, face: Face, template: Template) -> tuple[np.ndarray, np.ndarray]:
    """The face in a mask: the homography that takes the anchors to the face, in the sense of least squares.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        face: the bare face, in pixels of the photo.
        template: the mask.

    Returns:
        RGB ``uint8`` ``(H, W, 3)``, and where the mask is, ``bool`` ``(H, W)``, without its straps.
    """
    matrix, _ = cv2.findHomography(template.anchors.astype(np.float64), face.points[list(_ANCHORS)].astype(np.float64))
    # Colours are weighted by alpha before they are blended: what lies under the transparent part is of no meaning.
    alpha = template.picture[..., 3:].astype(np.float32) / 255
    layers = np.concatenate([template.picture[..., :3] * alpha, alpha], 2)
    shrink = 4  # per side: the template is finer than the photo and must not alias
    fine = np.diag([shrink, shrink, 1]) @ matrix
    size = tuple(shrink * side for side in photo.shape[1::-1])
    worn = cv2.warpPerspective(layers, fine, size, flags=cv2.INTER_LINEAR)
    worn = cv2.resize(worn, photo.shape[1::-1], interpolation=cv2.INTER_AREA)
    drawn = np.clip(np.round(photo * (1 - worn[..., 3:]) + worn[..., :3]), 0, 255).astype(np.uint8)
    side = 2 * max(1, round(_STRAP * face.eye_distance / 2)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return drawn, cv2.morphologyEx((worn[..., 3] > 0.5).astype(np.uint8), cv2.MORPH_OPEN, disc).astype(bool)


def choose_faces(views: Sequence[str], templates: Sequence[Template], count: int) -> list[list[int]]:
    """Indices of the faces that wear each template: at most ``count`` of its view, different ones if there are enough.

    Args:
        views: where each face looks.
        templates: the masks.
        count: faces a template.
    """
    chosen = []
    for place, template in enumerate(templates):
        fitting = [index for index, view in enumerate(views) if view == template.view]
        before = sum(other.view == template.view for other in templates[:place])
        start = before * count % max(1, len(fitting))
        chosen.append((fitting[start:] + fitting[:start])[:count])
    return chosen


def _mirror(name: str) -> str:
    """The name of the mirrored template; a frontal one's own."""
    stem, _, side = name.rpartition("_")
    return {"left": f"{stem}_right", "right": f"{stem}_left"}.get(side, name)


def _points(settings: configparser.ConfigParser, name: str) -> np.ndarray:
    return np.array([[float(part) for part in settings.get(name, f"mask_{key}").split(",")] for key in "abcdef"])


def _recoloured(template: Template, colour: str) -> Template:
    light = template.picture[..., :3].mean(2, keepdims=True) / 255
    cloth = light * _PATTERNS[colour](*template.picture.shape[:2])
    picture = np.concatenate([np.round(cloth), template.picture[..., 3:]], 2)
    return Template(f"{template.name}_{colour}", template.view, picture.astype(np.uint8), template.anchors)


def _black(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), _BLACK * 255)


def _chequered(height: int, width: int) -> np.ndarray:
    rows, columns = np.indices((height, width)) // max(1, width // _CHEQUERS)
    return np.array(_CHEQUER)[(rows + columns) % 2]


def _striped(height: int, width: int) -> np.ndarray:
    rows, columns = np.indices((height, width))
    return np.array(_STRIPES)[(rows + columns) // max(1, width // _STRIPE) % 2]


def _tartan(height: int, width: int) -> np.ndarray:
    sett = width / _SETT
    cloth = np.full((height, width, 3), _TARTAN[0], float)
    for places in np.indices((height, width)) / sett % 1:
        cloth[places < 0.4] = 0.4 * cloth[places < 0.4] + 0.6 * np.array(_TARTAN[1])
        cloth[np.abs(places - 0.7) < 0.04] = _TARTAN[2]
    return cloth


def _flowered(height: int, width: int) -> np.ndarray:
    """Blooms of five petals with a leaf, each second row moved by half."""
    cloth = np.full((height, width, 3), _FLOWERS[0], np.uint8)
    step = width / _BLOOMS
    for row in range(int(height / step) + 1):
        for column in range(-1, _BLOOMS + 1):
            x, y = (column + 0.5 + row % 2 / 2) * step, (row + 0.5) * step
            turn = row + 2 * column
            around = [
                np.array([x, y]) + 0.2 * step * np.array([np.cos(k), np.sin(k)]) for k in turn + np.arange(5) * 1.257
            ]
            spots = [((x + 0.3 * step, y + 0.34 * step), 0.12, 3), *((at, 0.14, 1) for at in around), ((x, y), 0.1, 2)]
            for at, radius, colour in spots:
                cv2.circle(cloth, tuple(np.round(at).astype(int).tolist()), round(radius * step), _FLOWERS[colour], -1)
    return cloth


_PATTERNS = {
    "black": _black,
    "chequered": _chequered,
    "striped": _striped,
    "tartan": _tartan,
    "flowered": _flowered,
}
