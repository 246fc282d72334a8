"""Masks of a folder's photos: laid, painted, taken, and carried over to the same place of another face."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from pipelines.faces.landmarks import find_face
from pipelines.faces.masks import suggest_mask
from tests.ui.folders.stub import PAGE, View
from ui.folders.base import MASK
from ui.folders.editing import CARRIED, NO_FACE
from ui.pictures.masks import layer_url


def turned(photo: np.ndarray, scale: float, shift: tuple[int, int], degrees: float) -> np.ndarray:
    """The photo, smaller, moved and turned, on a larger picture of another shape."""
    matrix = cv2.getRotationMatrix2D((256, 256), degrees, scale)
    matrix[:, 2] += shift
    return cv2.warpAffine(photo, matrix, (700, 560), borderMode=cv2.BORDER_REPLICATE)


def choose(view: View, name: str, **page) -> list:
    return view.tab.choose(SimpleNamespace(key=view.row(name).key), PAGE, *view.values(view=MASK, **page))


def painted(view: View, mask: np.ndarray) -> dict:
    """What the editor sends of its photo with this mask."""
    photo = view.folder.edited.photo
    return {"photo": photo.key, "base": None, "layer": layer_url(mask.astype(np.uint8) * 255)}


@pytest.fixture
def faces(view: View, astronaut: np.ndarray) -> View:
    view.drop("a.png", picture=astronaut)
    view.drop("b.png", picture=turned(astronaut, 0.7, (120, 40), 12))
    view.drop("none.png", picture=np.full((300, 200, 3), 120, np.uint8))
    return view


def test_a_carried_mask_lies_on_the_same_landmarks_of_a_moved_scaled_and_turned_face(
    faces: View, astronaut: np.ndarray
):
    choose(faces, "a.png")
    lips = suggest_mask(find_face(astronaut), astronaut.shape[:2], "lips")
    updates = choose(faces, "b.png", carry=True, editor=painted(faces, lips))
    assert faces.row("a.png").mask is not None and np.array_equal(faces.row("a.png").read_painted(), lips)
    assert updates[-1].props["base"]["said"] == CARRIED
    other = faces.folder.edited.photo
    (base,) = other.bases.values()
    wanted = suggest_mask(other.faces[0], other.pixels.shape[:2], "lips")
    assert (base.mask & wanted).sum() / (base.mask | wanted).sum() > 0.75
    assert not np.array_equal(
        base.mask[: lips.shape[0], : lips.shape[1]], lips[: base.mask.shape[0], : base.mask.shape[1]]
    )
    # Seen and left as it is, it is the photo's own.
    choose(faces, "a.png", editor={"photo": other.key, "base": next(iter(other.bases)), "layer": layer_url(base.layer)})
    assert np.array_equal(faces.row("b.png").read_painted(), base.mask)


def test_without_a_face_it_is_said_that_nothing_was_carried_over(faces: View, astronaut: np.ndarray, toasts: list[str]):
    choose(faces, "a.png")
    lips = suggest_mask(find_face(astronaut), astronaut.shape[:2], "lips")
    updates = choose(faces, "none.png", carry=True, editor=painted(faces, lips))
    assert NO_FACE in toasts[-1] and updates[-1].props["base"] is None and updates[-1].props["photo"]


def test_a_suggestion_that_nobody_touched_stays_one(faces: View):
    choose(faces, "a.png")
    photo = faces.folder.edited.photo
    (key,), (base,) = photo.bases.keys(), photo.bases.values()
    choose(faces, "b.png", carry=True, editor={"photo": photo.key, "base": key, "layer": layer_url(base.layer)})
    assert faces.row("a.png").mask is None and faces.folder.painted is None
    assert faces.folder.edited.laid is None and not faces.folder.edited.carried


def test_a_suggestion_in_the_editor_follows_the_region_until_it_is_painted_on(faces: View, astronaut: np.ndarray):
    choose(faces, "a.png")
    photo = faces.folder.edited.photo

    def asked(extent: str, editor: dict) -> dict:
        _, update = faces.tab.restate(PAGE, *faces.values(view=MASK, extent=extent, editor=editor))
        return update.props if hasattr(update, "props") else {}

    (key,), (base,) = photo.bases.keys(), photo.bases.values()
    untouched = {"photo": photo.key, "base": key, "layer": layer_url(base.layer)}
    assert asked("lips-to-nose", untouched) == {}, "it is what is shown"
    assert asked("lips", untouched)["base"]["said"] == "Lips, as suggested."
    lips = suggest_mask(find_face(astronaut), astronaut.shape[:2], "lips")
    assert any(np.array_equal(one.mask, lips) for one in photo.bases.values())
    assert asked("lower-face", painted(faces, lips)) == {}, "a person's mask stays"


def test_a_painted_mask_makes_its_photo_stale_is_used_and_can_be_taken_back(faces: View):
    faces.run()
    choose(faces, "a.png")
    mask = np.zeros((512, 512), bool)
    mask[140:160, 200:240] = True
    faces.tab.turn(PAGE, *faces.values(editor=painted(faces, mask)))
    assert faces.states() == {"a.png": "stale", "b.png": "done", "none.png": "done"}
    faces.run()
    assert np.array_equal(faces.stub.calls[-1]["mask"], mask) and faces.row("a.png").made.cells[0] == "painted"
    faces.tab.turn(PAGE, *faces.values(editor=painted(faces, np.zeros((512, 512), bool))))
    assert faces.row("a.png").mask is None and faces.states()["a.png"] == "stale"


def test_what_lies_in_the_editor_counts_when_the_folder_is_run(faces: View):
    choose(faces, "a.png")
    mask = np.zeros((512, 512), bool)
    mask[140:160, 200:240] = True
    faces.tab.begin(PAGE)
    list(faces.tab.work_on(PAGE, *faces.values(editor=painted(faces, mask))))
    assert np.array_equal(faces.stub.calls[0]["mask"], mask)


def test_a_mask_of_the_photos_name_is_laid_and_stays_the_files_until_it_is_painted_on(faces: View):
    given = np.zeros((512, 512, 3), np.uint8)
    given[140:160, 200:240] = 255
    faces.drop("a.bmp.png", "a.png", what="mask", picture=given)
    choose(faces, "a.png", carry=True)
    photo = faces.folder.edited.photo
    (key,), (base,) = photo.bases.keys(), photo.bases.values()
    assert base.mask.sum() == 800
    choose(faces, "b.png", editor={"photo": photo.key, "base": key, "layer": layer_url(base.layer)})
    assert faces.row("a.png").mask is None
