"""Files are whole or not there."""

import errno
import hashlib
import os
import stat
import unicodedata
from pathlib import Path

import pytest

from pipelines import files


def test_data_of_a_package_lies_inside_it_where_installed_and_beside_it_in_a_checkout(tmp_path):
    package = tmp_path / "package"
    (package / "deep").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    assert files.shipped(package, "data") == tmp_path / "data"
    (package / "data").mkdir()
    assert files.shipped(package, "data") == files.shipped(package / "deep" / "..", "data") == package / "data"


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


def test_a_folder_of_that_name_is_in_the_way_of_all(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "b")
    for name in ("b", "link"):
        with pytest.raises(IsADirectoryError, match="A folder of that name is in the way"):
            files.write_all_atomic({tmp_path / "a": b"new", tmp_path / name: b"new"})
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "link"] and (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path / "b") == []


def test_new_files_go_again_where_another_cannot_be_put_into_its_place(tmp_path, monkeypatch):
    real = os.replace

    def locked(part, target):
        if Path(target).name == "c":
            raise PermissionError(errno.EACCES, "Permission denied")
        real(part, target)

    monkeypatch.setattr(os, "replace", locked)
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(PermissionError):
        files.write_all_atomic({tmp_path / name: b"new" for name in "abc"})
    assert os.listdir(tmp_path) == ["a"]


def test_the_longest_name_that_fits_can_be_written(tmp_path):
    files.write_atomic(tmp_path / ("a" * 255), b"new")
    assert (tmp_path / ("a" * 255)).read_bytes() == b"new"
    with pytest.raises(OSError, match="File name too long"):
        files.write_atomic(tmp_path / ("a" * 256), b"new")
    assert len(os.listdir(tmp_path)) == 1


def test_a_link_is_replaced_and_not_written_through(tmp_path):
    (tmp_path / "original").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "original")
    files.write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "original").read_bytes() == b"old" and (tmp_path / "link").read_bytes() == b"new"


def test_names_that_are_one():
    apart = unicodedata.normalize("NFD", "Zoë.PNG")
    assert apart != "Zoë.PNG" == files.composed(apart)
    assert files.folded(apart) == files.folded("zoë.png") != files.folded("zoe.png")


def test_a_stream_that_breaks_off_leaves_the_old_file(tmp_path):
    def broken(file):
        file.write(b"ne")
        raise OSError(errno.ENOSPC, "disk full")

    path = tmp_path / "a"
    files.stream_atomic(path, lambda file: file.write(b"old"))
    with pytest.raises(OSError, match="disk full"):
        files.stream_atomic(path, broken)
    assert os.listdir(tmp_path) == ["a"] and path.read_bytes() == b"old"


def test_copy_and_hash(tmp_path):
    data = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(data)
    files.copy_atomic(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == data
    assert files.sha256_of(tmp_path / "b") == hashlib.sha256(data).hexdigest()
    with pytest.raises(FileNotFoundError):
        files.copy_atomic(tmp_path / "missing", tmp_path / "c")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
