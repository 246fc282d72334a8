"""The benchmark of anomaly scores, with a normalizer that knows the untouched face."""

import csv
import json

import numpy as np
import pytest

from benchmarks import anomaly, ordering
from benchmarks.anomaly import LOCAL, MAIN, STANDARD, main
from benchmarks.appraisals import CHANGES, SEVERITIES, WAYS, Picture, Setting, Subject, appraise_subject, draw, plan
from benchmarks.deformations import deform
from pipelines.anomaly_scoring.normalizers import base as normalization
from pipelines.anomaly_scoring.normalizers.base import Normalized, Statement
from pipelines.anomaly_scoring.pipeline import AnomalyScoring
from pipelines.anomaly_scoring.scoring.heatmaps import unlikeness
from pipelines.anomaly_scoring.study.ablation import COMPARISONS
from pipelines.faces.alignment import align
from pipelines.faces.images import read_image
from pipelines.faces.points import Face
from pipelines.training.data import FaceSet

ALL_CHANGES = dict(CHANGES)
MEASURED_CHANGES = {"brighter", "mirrored"}  # enough for one that moves scores, and the table


class Undeformed:
    """Gives back the face as it was before it was deformed: the nearest of those it knows."""

    known: tuple[np.ndarray, ...] = ()

    def __init__(self, weights, device):
        pass

    def state(self):
        return Statement(())

    def __call__(self, photo, face, *, seed=0, progress=None):
        nearest = min(self.known, key=lambda one: np.abs(one.astype(float) - photo).mean())
        alignment = align(photo, face)
        crop, image, there = alignment.crop(photo), alignment.crop(nearest), alignment.face_in_crop(face)
        return Normalized(
            alignment=alignment,
            face=there,
            crop=crop,
            image=image,
            residual=unlikeness(crop.astype(np.float32) - image, there.eye_distance),
            searched=np.ones(crop.shape[:2], bool),
        )


@pytest.fixture(scope="module")
def crops(faces) -> np.ndarray:
    return np.ascontiguousarray(faces.images.permute(0, 2, 3, 1).numpy())


@pytest.fixture(scope="module")
def patched(faces, crops):
    """The four faces as the validation split, and the normalizer that knows them under the name "undeformed"."""

    def load(root, split, *, cache):
        assert split == "val"
        return FaceSet(faces.names, faces.images, faces.meshes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anomaly, "load_faces", load)
        patch.setattr(Undeformed, "known", tuple(crops))
        patch.setitem(normalization.NORMALIZERS, "undeformed", f"{__name__}:Undeformed")
        patch.setattr(ordering, "RESAMPLES", 50)
        for change in MEASURED_CHANGES ^ CHANGES.keys():
            patch.delitem(CHANGES, change)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    yaws = {"a.png": 3.0, "b.png": -25.0, "nobody.png": 0.0, "c.png": -5.0, "d.png": 0.0}
    (folder / "val.csv").write_text("name,yaw_degrees\n" + "".join(f"{name},{yaw}\n" for name, yaw in yaws.items()))
    return folder


def run(out, data, loss_weights, *more) -> int:
    fixed = ("--weights-dir", str(loss_weights), "--device", "cpu", "--precision", "float32", "--workers", "1")
    chosen = ("--normalizers", "undeformed", "--kinds", "cleft", "--both-sides", "1", "--invariance", "1")
    return main(["--data", str(data), "--out", str(out), "--most", "2", *fixed, *chosen, *more])


@pytest.fixture(scope="module")
def written(patched, data, loss_weights, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    assert run(out, data, loss_weights) == 0
    return out


@pytest.fixture(scope="module")
def document(written) -> dict:
    return json.loads((written / "anomaly.json").read_text())


def figure(document, deformity, metric, comparison=STANDARD) -> dict:
    wanted = {"deformity": deformity, "metric": metric, "region": comparison.region, "kind": comparison.kind}
    wanted |= {"colour": comparison.colour, "erosion": comparison.erosion}
    (found,) = (one for one in document["figures"] if wanted.items() <= one.items())
    return found


@pytest.mark.parametrize("way", [STANDARD, LOCAL])
def test_a_normalizer_that_knows_the_face_keeps_the_order(document, way):
    assert figure(document, "cleft", "auroc_5", way)["value"] == 1
    assert figure(document, "cleft", "order_all", way)["value"] >= 0.9
    assert figure(document, "cleft", "spearman_within", way)["value"] >= 0.9
    assert figure(document, "cleft, other side", "order_two_apart", way)["value"] >= 0.9
    assert figure(document, "cleft, other side", "order_two_apart", way)["n"] == 1


def test_a_way_scores_what_the_app_shows(crops, faces, loss_weights, patched):
    """Local severity and asymmetry over mouth and nose are the result's own, and S is."""
    subject = Subject("one", crops[0], faces.meshes[0].numpy() * 256, (Picture("cleft", "left", 4),), False)
    scores = appraise_subject(subject, Setting("undeformed", 0, str(loss_weights), "cpu", "float32"))
    result = AnomalyScoring("undeformed", device="cpu", precision="float32")(
        draw(subject.pictures[0], crops[0], Face(subject.mesh))
    )
    found = dict(zip((way.key for way in WAYS), scores.values["severity"][0], strict=True))
    assert found["mouth-nose local  whole"] == pytest.approx(result.local.value)
    assert found["mouth-nose asymmetry  whole"] == pytest.approx(result.asymmetry.value)
    assert found[STANDARD.key] == pytest.approx(result.score.severity)
    lip = AnomalyScoring("undeformed", device="cpu", precision="float32")(
        draw(subject.pictures[0], crops[0], Face(subject.mesh)), region="upper-lip"
    )
    assert found["upper-lip local  whole"] == pytest.approx(lip.local.value)
    assert found["upper-lip pse ycbcr eroded"] == pytest.approx(lip.score.severity)


def test_every_way_has_every_figure(document):
    assert set(COMPARISONS) < set(WAYS) and set(MAIN) < set(WAYS) and len(WAYS) == len(set(WAYS)) == 29
    for comparison in WAYS:
        for metric in ("order_neighbours", "order_two_apart", "order_all", "spearman_within", "spearman_pooled"):
            found = figure(document, "cleft", metric, comparison)
            assert found["n"] == 2 and found["low"] <= found["value"] <= found["high"]
        for severity in SEVERITIES[1:]:
            assert 0 <= figure(document, "cleft", f"auroc_{severity}", comparison)["value"] <= 1


def test_changes_of_light_and_pose_are_measured_on_two_faces(document):
    for change in CHANGES:
        for deformity in ("untouched", "cleft 3"):
            moved = figure(document, deformity, f"{change}_percent")
            assert moved["n"] == 1 and moved["value"] == figure(document, deformity, f"{change}_percent_p95")["value"]
    severe = figure(document, "cleft 3", "brighter_steps")["value"]
    assert severe > 0


def test_who_is_left_out_and_why_is_said(document):
    assert document["subjects"] == 2
    assert document["left_out_turned_more_than_20_degrees"] == 1
    assert document["left_out_no_face_found"] == 1
    assert document["undeformed_pictures_without_a_face"] == 0


def test_tables_and_sheets_are_written(written, document):
    text = (written / "anomaly.md").read_text()
    assert "| PSE |" in text and "Mirrored" in text and "Unilateral cleft, other side" in text
    assert "### By deformity: Local severity, upper lip and nostril sill" in text
    assert "### What should not change: Asymmetry, mouth and nose" in text
    rows = list(csv.DictReader((written / "anomaly.csv").open()))
    assert len(rows) == len(document["figures"])
    assert float(rows[0]["value"]) == pytest.approx(document["figures"][0]["value"], rel=1e-5)
    for name, columns in (("undeformed", 9), ("deformations", 4)):
        assert read_image((written / f"{name}.png").read_bytes()).shape[:2] == (24 + 2 * 256, columns * 256)


def test_those_that_took_part_in_choosing_can_be_skipped(data, patched, tmp_path, loss_weights, monkeypatch):
    seen = []

    def seeing(subject, setting):
        seen.append(subject.name)
        raise KeyboardInterrupt

    monkeypatch.setattr(anomaly, "appraise_subject", seeing)
    for skip in ("0", "1"):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / skip, data, loss_weights, "--skip", skip)
    assert seen == ["a.png", "c.png"]  # b.png is turned too far, and nobody.png shows no face


def test_kept_scores_are_used_again(written, patched, data, loss_weights, monkeypatch):
    before = {path.name: path.read_bytes() for path in written.glob("anomaly.*")}

    def never(subject, setting):
        raise AssertionError("measured again")

    monkeypatch.setattr(anomaly, "appraise_subject", never)
    assert run(written, data, loss_weights) == 0
    assert {path.name: path.read_bytes() for path in written.glob("anomaly.*")} == before
    with pytest.raises(AssertionError, match="measured again"):
        run(written, data, loss_weights, "--seed", "1")


def test_a_picture_without_a_face_has_no_score(patched, crops, faces, loss_weights):
    mesh = faces.meshes[0].numpy() * 256
    nobody = Subject("nobody", np.full_like(crops[0], 127), mesh, (Picture(), Picture("notch", "left", 1)), True)
    scores = appraise_subject(nobody, Setting("undeformed", 0, str(loss_weights), "cpu", "float32"))
    assert np.isnan(scores.values["severity"]).all() and scores.values["severity"].shape == (2, len(WAYS))
    assert len(scores.first) == 0


def test_sides_alternate_and_few_subjects_get_more_pictures():
    first, second = plan(0, ["cleft", "gap"], True, True), plan(1, ["cleft", "gap"], False, False)
    assert {one.side for one in second} == {"", "right"} and len(second) == 1 + 2 * 5
    assert len(first) == 1 + 2 * 5 + 5 + 2 * len(CHANGES) == len(set(first))
    assert {one.kind for one in first if one.side == "right"} == {"cleft"}


def test_pictures_are_deformed_first_and_changed_then(crops, faces):
    face = Face(faces.meshes[0].numpy() * 256)
    deformed = deform(crops[0], face, "gap", 3, "right")
    picture = Picture("gap", "right", 3)
    assert np.array_equal(draw(picture, crops[0], face), deformed)
    assert np.array_equal(draw(picture._replace(change="mirrored"), crops[0], face), deformed[:, ::-1])
    changed = {change: ALL_CHANGES[change](draw(picture, crops[0], face)) for change in ALL_CHANGES}
    assert np.array_equal(changed["mirrored"], deformed[:, ::-1])
    assert changed["brighter"].mean() / deformed.mean() == pytest.approx(1.15, abs=0.06)  # highlights are clipped
    assert changed["darker"].mean() / deformed.mean() == pytest.approx(0.8, abs=0.01)
    assert 0 < np.abs(changed["jpeg"].astype(float) - deformed).mean() < 4
    assert np.abs(changed["turned-left"].astype(float) - changed["turned-right"]).mean() > 4


@pytest.mark.parametrize(
    ("table", "sentence"),
    [(None, "needs the table val.csv"), ("name,yaw_degrees\na.png,80\n", "shows a face from the front")],
)
def test_what_is_missing_is_said_in_one_sentence(patched, loss_weights, tmp_path, capsys, table, sentence):
    if table:
        (tmp_path / "val.csv").write_text(table)
    assert run(tmp_path / "out", tmp_path, loss_weights) == 2
    said = capsys.readouterr().err
    assert sentence in said and "Traceback" not in said
    assert not (tmp_path / "out").exists()
