"""What the tab of mask removal tells of a photo, a reference and a result."""

import base64
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from pipelines.errors import OptionInvalid, SurgicalMaskNotFound
from pipelines.faces.landmarks import find_face, find_faces
from pipelines.faces.masks import clean
from pipelines.identity.likeness import LIMITS, question_of_reference
from pipelines.mask_removal.references.warping import CONTROL
from pipelines.mask_removal.segmentation import segment_mask
from tests.pipelines.exports.made_results import make_removal, make_several
from ui import CACHE
from ui.examples import masked_faces
from ui.examples import people as examples
from ui.parts.editor import photo_props, reference_props
from ui.parts.stages import show_stages
from ui.pictures.masks import Base, editor_size, is_untouched, layer_url
from ui.server.engine import Engine
from ui.server.sessions import Sessions
from ui.server.uploads import take
from ui.session.kept import Photo
from ui.tabs.mask_removal import MaskRemovalTab, _versions, found_base, likeness_html, note_html
from ui.tabs.repainting import mask_options

pytestmark = pytest.mark.slow


@pytest.fixture
def photo(masked: np.ndarray) -> Photo:
    return Photo("key", masked, find_faces(masked), editor_size(masked.shape))


def result(**differing) -> SimpleNamespace:
    facts = {
        "mask_source": "found",
        "mask": np.eye(4, dtype=bool),
        "reference": np.zeros((9, 9, 3), np.uint8),
        "reference_yaw": -12.4,
        "confidence": np.full((4, 4), 0.5, np.float32),
        "hole": np.ones((4, 4), bool),
        "identity": None,
        "references": (),
    }
    return SimpleNamespace(**facts | differing)


@pytest.mark.parametrize("key", masked_faces.EXAMPLES)
def test_drawn_masks_are_found_where_they_were_drawn(key: str):
    picture, bare = masked_faces.masked(key), examples.photo(masked_faces.EXAMPLES[key].picture)
    drawn = masked_faces.fill(picture, masked_faces.outline(find_face(bare))) > 0.5
    found = segment_mask(picture, find_faces(picture)[0]).mask
    assert (found & drawn).sum() > 0.9 * (found | drawn).sum()


def test_found_mask_in_the_editor_is_the_one_that_the_pipeline_makes(photo: Photo, weights, monkeypatch):
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(weights))
    from pipelines.mask_removal.pipeline import MaskRemoval
    from pipelines.models import loading

    base = found_base(photo, 0)
    assert base["said"] == "Mask found; repair it with the brush."
    kept = photo.bases[base["key"]]
    options = mask_options({"base": base["key"], "layer": base["url"]}, photo, 0)
    assert options == {"face": 0, "extent": None}, "the pipeline finds it itself, so that it can say so"
    made = MaskRemoval(device="cpu")(photo.pixels, **options)
    loading.clear()
    assert made.mask_source == "found"
    assert np.array_equal(made.mask, clean(kept.mask))


def test_repaired_mask_and_another_face_are_sent_as_painted(photo: Photo):
    base = found_base(photo, 0)
    kept = photo.bases[base["key"]]
    assert set(mask_options({"base": base["key"], "layer": base["url"]}, photo, 1)) == {"mask"}
    layer = kept.layer.copy()
    layer[300:310, 300:310] = 255
    assert is_untouched(kept.layer, kept) and not is_untouched(layer, kept) and not is_untouched(None, kept)
    sent = mask_options({"base": base["key"], "layer": layer_url(layer)}, photo, 0)["mask"]
    assert sent[305, 305] and (sent ^ kept.mask).sum() == 100


def test_no_mask_on_a_bare_face(astronaut: np.ndarray):
    bare = Photo("key", astronaut, find_faces(astronaut), editor_size(astronaut.shape))
    with pytest.raises(SurgicalMaskNotFound):
        found_base(bare, 0)
    assert bare.bases == {}


def test_reference_is_told_with_its_landmarks_and_control_points(astronaut: np.ndarray):
    large = cv2.resize(astronaut, (2048, 2048))
    photo = Photo("key", large, find_faces(large), editor_size(large.shape))
    (marks,) = reference_props(photo, CONTROL)["marks"]
    assert len(marks["dots"]) == len(CONTROL) and sum(map(len, marks["lines"])) == 68 + 4  # four closed features
    (left, top, right, bottom) = photo_props(photo)["faces"][0]
    points = np.array([point for line in marks["lines"] for point in line])
    assert (points > (left - 5, top - 5)).all() and (points < (right + 5, bottom + 5)).all()


def test_note_says_where_the_mask_is_from_and_how_the_reference_was_used():
    note = note_html(result())
    assert "Mask found, 25.0 % of the photo" in note
    assert "reference turned 12° to the left" in note and "trusted by 50 %" in note and "Likeness" not in note
    assert f"Likeness to the reference: −0.25; {LIMITS}." in likeness_html(result(identity=-0.25))
    assert "from the front" in note_html(result(reference_yaw=3.0))
    alone = note_html(result(reference=None, reference_yaw=None, confidence=None, mask_source="given"))
    assert "painted or uploaded" in alone and "without a reference" in alone and "trusted" not in alone


def test_note_says_how_much_each_of_several_references_fills():
    used = tuple(SimpleNamespace(number=number, share=share) for number, share in ((1, 0.25), (3, 0.75)))
    assert "references used: 1 by 25 %, 3 by 75 %" in note_html(result(references=used))
    assert "references used" not in note_html(result(references=used[:1]))


def test_the_strip_names_the_colours_of_the_sources():
    stages = {one["label"]: one["meaning"] for one in show_stages(make_several()).props["stages"]}
    assert stages["Sources"].endswith("Orange: reference 1, 75 %; purple: reference 4, 25 %.")
    assert "Sources" not in {one["label"] for one in show_stages(make_removal()).props["stages"]}


def test_a_reference_that_hardly_shows_the_person_is_asked_about(tmp_path: Path, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr("gradio.Warning", lambda text, **options: said.append(text))
    tab = MaskRemovalTab(Engine("cpu"), Sessions(tmp_path))
    for alike, asked in ((0.8, 1), (0.95, 0), (None, 0)):
        said.clear()
        tab.remark(replace(make_removal(), identity_alone=alike))
        assert len(said) == asked
    said.clear()
    tab.remark(replace(make_removal(), identity_alone=0.8))
    assert len(tab.tell(make_removal())) == 4
    assert said == [f"<b>A question.</b> {question_of_reference(0.8)}"]


def test_both_engines_stand_side_by_side_last():
    own = make_removal()
    other = replace(own, image=255 - own.image)
    *stages, both = show_stages(own, other).props["stages"]
    assert stages == show_stages(own).props["stages"]
    assert both["label"] == "Both" and both["meaning"].startswith("Left the result, right what the paper's")
    data = np.frombuffer(base64.b64decode(both["url"].partition(",")[2]), np.uint8)
    left, right = np.hsplit(cv2.imdecode(data, cv2.IMREAD_COLOR).astype(int), 2)
    assert np.abs(left + right - 255)[:, 8:-8].max() < 40, "the same place of both"


def test_what_a_result_can_be_drawn_with():
    assert _versions(0) == [("With the reference", "all"), ("Without", "without")]
    assert [value for _, value in _versions(2)] == ["all", "without", "1", "2", "3"]


def test_without_a_result_the_strip_is_empty():
    assert show_stages(None).props["stages"] == []


def test_uploads_are_read_all_before_any_is_forgotten(tmp_path: Path):
    one, other = (Path(CACHE) / name for name in ("one", "other"))
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    assert take(str(one), None, str(one), str(other)) == [b"1", None, b"1", b"2"]
    assert not one.exists() and not other.exists()
    one.write_bytes(b"1")
    outside = tmp_path / "outside"
    outside.write_bytes(b"3")
    with pytest.raises(OptionInvalid, match="choose the file again"):
        take(str(one), str(outside))
    assert outside.exists() and not one.exists()


def test_masks_that_are_suggested_say_how_they_are_made(photo: Photo):
    tab = MaskRemovalTab(None, None)
    base = tab.suggested(photo, 0, "lower-face")
    assert photo.bases[base["key"]].made_by == {"face": 0, "extent": "lower-face"}
    assert Base.of(np.ones((3, 3), bool), (3, 3)).made_by is None, "an uploaded one is nobody's but the person's"
