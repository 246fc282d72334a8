"""Files are whole or not there."""

import hashlib
import os
import stat

import pytest

from pipelines import files


def test_write_replaces_in_one_step(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    seen = []
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda part, target: (seen.append(target.read_bytes()), real(part, target)))
    files.write_atomic(path, b"new")
    assert seen == [b"old"] and path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").write_bytes(b"")
    files.write_atomic(tmp_path / "ours", b"")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


def test_of_several_files_none_changes_where_one_fails(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        files.write_all_atomic({tmp_path / "a": b"new", tmp_path / "missing" / "b": b"new"})
    assert os.listdir(tmp_path) == ["a"] and (tmp_path / "a").read_bytes() == b"old"


def test_copy_and_hash(tmp_path):
    data = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(data)
    files.copy_atomic(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == data
    assert files.sha256_of(tmp_path / "b") == hashlib.sha256(data).hexdigest()
    with pytest.raises(FileNotFoundError):
        files.copy_atomic(tmp_path / "missing", tmp_path / "c")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
