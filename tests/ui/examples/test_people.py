"""What the tabs offer to click: whom it shows, what it opens, and what is needed to show it."""

import base64
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import cv2
import gradio as gr
import numpy as np
import pytest

from pipelines.faces.landmarks import find_face
from pipelines.faces.masks import suggest_mask
from ui.examples import drawn_anomalies, masked_faces
from ui.examples import people as examples
from ui.server.sessions import Sessions
from ui.tabs.cleft_inpainting import CleftInpaintingTab
from ui.tabs.mask_removal import WITH, MaskRemovalTab

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
REQUEST = SimpleNamespace(session_hash="page")
PICTURES = {
    "cleft inpainting": {key: (each.picture,) for key, each in examples.EXAMPLES.items()},
    "mask removal": {key: (each.picture,) for key, each in masked_faces.EXAMPLES.items()},
    "anomaly scoring": {key: each.pictures for key, each in drawn_anomalies.EXAMPLES.items()},
}
"""Tab → key of each example → the pictures that it opens."""

CLEFTS = ("a-cleft", "b-before", "b-after", "c-cleft")


def person(name: str) -> str:
    """Whom a picture shows: names of pictures of one person differ only after the first hyphen."""
    return name.partition("-")[0]


@pytest.mark.parametrize("tab", PICTURES)
def test_no_tab_shows_a_person_three_times_and_no_example_shows_two(tab):
    people = [{person(picture) for picture in pictures} for pictures in PICTURES[tab].values()]
    assert len(people) == 3 and all(len(each) == 1 for each in people)
    shown = Counter(person(picture) for pictures in PICTURES[tab].values() for picture in pictures)
    assert max(shown.values()) <= 2


def test_the_first_example_is_a_cleft_where_the_job_is_clefts():
    for tab in ("cleft inpainting", "anomaly scoring"):
        assert next(iter(PICTURES[tab].values()))[0] in CLEFTS
    assert PICTURES["anomaly scoring"]["pair"] == ("b-before", "b-after")


@pytest.mark.parametrize("name", CLEFTS)
def test_a_cleft_is_drawn_into_mouth_and_nose_of_a_large_face(name):
    picture, bare = examples.photo(name), examples.photo(person(name))
    points = find_face(picture).points
    assert np.linalg.norm(points[16] - points[0]) >= 400
    changed = np.abs(picture.astype(int) - bare).max(2) > 40
    place = suggest_mask(find_face(bare), bare.shape[:2], "lips-to-nose")
    assert changed.sum() > 200 and not (changed & ~place).any()


def built(tab):
    """A tab with its components, of a page that nobody serves."""
    with gr.Blocks():
        tab.build(gr.HTML())
    return tab


@pytest.mark.parametrize("module", [examples, masked_faces, drawn_anomalies])
def test_examples_are_small_pictures_with_names(module):
    shown = module.gallery()
    assert [each["key"] for each in shown] == list(module.EXAMPLES)
    assert [each["label"] for each in shown] == [each.label for each in module.EXAMPLES.values()]
    assert len({each["url"] for each in shown}) == len(shown)
    for each in shown:
        data = base64.b64decode(each["url"].partition(",")[2])
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (144, 144, 3)


def test_examples_are_shown_without_torch():
    """The page asks for them as soon as it is served, while PyTorch is imported behind it."""
    code = (
        "import sys; from ui.examples import drawn_anomalies, masked_faces, people\n"
        "shown = [len(module.gallery()) for module in (people, masked_faces, drawn_anomalies)]\n"
        "print(shown, [name for name in ('torch', 'pipelines.models.store') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.stdout.strip() == "[3, 3, 3] []", run.stdout + run.stderr


@pytest.mark.parametrize("key", examples.EXAMPLES)
def test_an_example_of_cleft_inpainting_opens_its_photo_with_its_mask(key, tmp_path):
    tab, example = built(CleftInpaintingTab(None, Sessions(tmp_path))), examples.EXAMPLES[key]
    extent, editor, *_ = tab.open_example(SimpleNamespace(example=key), REQUEST)
    photo = tab.work(REQUEST).photo_of(editor.props["photo"]["key"])
    assert np.array_equal(photo.pixels, examples.photo(example.picture))
    (base,) = photo.bases.values()
    assert np.array_equal(base.mask, suggest_mask(photo.faces[0], photo.pixels.shape[:2], example.extent))
    assert base.made_by == {"face": 0, "extent": example.extent} and extent == example.extent


@pytest.mark.parametrize("key", masked_faces.EXAMPLES)
def test_an_example_of_mask_removal_opens_with_a_found_mask_and_the_same_persons_reference(key, tmp_path):
    tab = built(MaskRemovalTab(None, Sessions(tmp_path)))
    field, _, _, choice, editor, *_ = tab.open_example(SimpleNamespace(example=key), REQUEST)
    work = tab.work(REQUEST)
    photo = work.photo_of(editor.props["photo"]["key"])
    reference = work.photo_of(field.props["photo"]["key"], "reference")
    assert np.array_equal(photo.pixels, masked_faces.masked(key)) and len(photo.bases) == 1
    assert len(reference.faces) == 1 and choice == WITH
    mirrored = np.ascontiguousarray(reference.pixels[:, ::-1])
    apart = {
        other: np.sqrt(cv2.matchTemplate(examples.photo(each.picture), mirrored, cv2.TM_SQDIFF).min() / mirrored.size)
        for other, each in masked_faces.EXAMPLES.items()
    }
    assert 1 < apart.pop(key) < 10 and min(apart.values()) > 30, "this face in a little other light, and nobody else's"
