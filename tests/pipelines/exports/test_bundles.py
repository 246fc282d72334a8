"""What becomes of a job's parts: written whole or not at all, the same bytes always, nothing about anybody."""

import json
import socket
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO

import numpy as np
import pytest
from pypdf import PdfReader

from pipelines import files
from pipelines.cleft_inpainting import exports as cleft
from pipelines.exports import bundles
from pipelines.faces.images import read_image
from pipelines.mask_removal import exports as removal
from tests.pipelines.exports.made_results import chunks, make_alone, make_removal, make_result


@pytest.fixture(scope="module")
def result():
    return make_result()


@pytest.fixture(scope="module")
def bundle(result):
    return bundles.bundle(cleft, result)


@pytest.mark.slow
@pytest.mark.parametrize(("exports", "make"), [(cleft, make_result), (removal, make_removal), (removal, make_alone)])
@pytest.mark.parametrize(("height", "width"), [(1200, 300), (300, 1200), (64, 64), (3000, 4000)])
def test_the_report_of_any_shape_stays_one_small_page(exports, make, height, width):
    result = make(height, width)
    data = bundles.report(exports, result)
    assert len(PdfReader(BytesIO(data)).pages) == 1
    assert len(data) < 6e6
    page = read_image(bundles.report(exports, result, "png", dpi=50))
    assert page.shape[:2] == (584, 413)
    margin = np.concatenate([page[:, :28].reshape(-1, 3), page[:, -28:].reshape(-1, 3)])
    assert (margin == 255).all()  # nothing runs over the page's margin


@pytest.mark.slow
def test_reports_drawn_at_once_are_the_same(result):
    others = [make_result(seed=seed) for seed in (1, 2)]
    alone = [bundles.report(cleft, one) for one in (result, *others)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(partial(bundles.report, cleft), (result, *others)))
    assert together == alone
    assert len(set(alone)) == 3


@pytest.mark.slow
def test_the_same_result_gives_the_same_bytes(result, bundle):
    assert bundles.bundle(cleft, result) == bundle
    assert bundles.bundle(removal, make_removal()) == bundles.bundle(removal, make_removal())
    assert {info.date_time for info in zipfile.ZipFile(BytesIO(bundle)).infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.slow
def test_exports_tell_nothing_about_user_machine_or_time(result, monkeypatch):
    for name in ("USER", "LOGNAME", "HOSTNAME", "HOME"):
        monkeypatch.setenv(name, "/home/doctor-secret")
    monkeypatch.setattr(socket, "gethostname", lambda: "clinic-secret")
    archive = zipfile.ZipFile(BytesIO(bundles.bundle(cleft, result)))
    assert b"secret" not in b"".join(archive.read(name) for name in archive.namelist())
    report = PdfReader(BytesIO(archive.read("report.pdf")))
    assert set(report.metadata) == {"/Title", "/Subject", "/Creator", "/Producer"}
    assert report.xmp_metadata is None
    for name in ("result.png", "mask.png"):
        assert chunks(archive.read(name)) == {b"IHDR", b"IDAT", b"IEND"}


def test_write_writes_picture_and_facts(result, tmp_path):
    paths = bundles.write(cleft, result, tmp_path / "new" / "folder", "anna.left")
    assert tuple(paths) == cleft.ENDINGS
    picture, facts = paths.values()
    assert (picture.name, facts.name) == ("anna.left.png", "anna.left.json")
    assert np.array_equal(read_image(picture), result.image)
    assert json.loads(facts.read_text(encoding="utf-8")) == cleft.facts(result)
    assert sorted(path.name for path in picture.parent.iterdir()) == ["anna.left.json", "anna.left.png"]


def test_write_writes_stages_where_they_are_asked_for(result, tmp_path):
    alone = make_alone()
    bundles.write(removal, alone, tmp_path, "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.png"]
    bundles.write(removal, alone, tmp_path, "a", stages=True)
    shown = removal.stage_pictures(alone)
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "a.png", *(f"a.{name}.png" for name in shown)}
    assert np.array_equal(read_image(tmp_path / "a.refined.png"), alone.refined)
    bundles.write(cleft, result, tmp_path / "cleft", "a", stages=True)
    assert sorted(path.name for path in (tmp_path / "cleft").iterdir()) == ["a.json", "a.png"]


def test_a_failed_write_leaves_the_old_files_and_no_rubbish(result, tmp_path, monkeypatch):
    for name in ("a.png", "a.json"):
        (tmp_path / name).write_bytes(b"old")
    monkeypatch.setattr(cleft, "facts", lambda result: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        bundles.write(cleft, result, tmp_path, "a")
    monkeypatch.undo()
    real = files.Path.write_bytes

    def full_disk(path, data):
        if data.startswith(b"{"):  # the facts, which are written last
            real(path, data[:10])
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(files.Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        bundles.write(cleft, result, tmp_path, "a")
    monkeypatch.undo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.png"]
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "a.json").read_bytes() == b"old"
