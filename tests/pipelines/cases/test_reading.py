"""Case files that somebody altered or made to do harm: each is refused by a sentence, and nothing of it is opened."""

import hashlib
import json
import struct
import warnings
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest

import pipelines.cases.reading as reading
from pipelines import Case, PhiltrumError, open_case, save_case
from pipelines.cases.reading import ALTERED, CUT_OFF, FOREIGN, LOCKED, NEWER, NO_CASE, TOO_LARGE
from pipelines.errors import CaseFileInvalid, CaseFileTooLarge
from pipelines.exports.bundles import add_member
from pipelines.faces.images import encode_png
from tests.pipelines.exports.made_results import make_result, make_several

NAME = "Anna Secret"
PHOTO = "1-cleft-inpainting/photo/pixels.png"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "a.philtrum"
    save_case(path, Case(NAME, date="2026-11-27"), [make_result(), make_several()])
    return path.read_bytes()


def parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] | None = None) -> bytes:
    """A ZIP of files, as ours; ``change`` alters what is said of each."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            if change is None:
                add_member(archive, name, content)
            else:
                info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                change(info)
                archive.writestr(info, content)
    return buffer.getvalue()


def with_index(data: bytes, change: Callable[[dict[str, Any]], None], **members: bytes) -> bytes:
    """The file with another ``case.json``; its hashes are right."""
    files = parts(data) | members
    index = json.loads(files["case.json"])
    change(index)
    for name, content in files.items():
        if name in index["members"] and name in members:
            index["members"][name] |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    return zipped(files | {"case.json": json.dumps(index).encode()})


def refused(data: bytes, sentence: str) -> None:
    with pytest.raises(PhiltrumError) as raised:
        open_case(data)
    said = str(raised.value)
    assert sentence in said and NAME not in said and said.endswith(".")


def test_the_file_that_the_others_are_made_of_is_good(good):
    assert open_case(good).case.name == NAME
    assert open_case(zipped(parts(good))).case.name == NAME
    assert open_case(with_index(good, lambda index: None)).case.name == NAME


@pytest.mark.parametrize("data", [b"", b"PK", b"\x89PNG\r\n\x1a\n" + bytes(99), b"Jane Doe" * 99])
def test_what_is_no_case_file(data):
    refused(data, NO_CASE)


def test_other_zips_are_no_cases(good):
    refused(zipped({"a.txt": b"hello"}), NO_CASE)
    refused(zipped({"case.json": b"{}"}), NO_CASE)
    refused(zipped({"case.json": b"[1, 2]"}), NO_CASE)
    refused(zipped({"case.json": b"{" * 100_000}), "damaged")
    refused(zipped({"case.json": b"[" * 1_000_000}), "damaged")


def test_a_file_that_is_cut_off_anywhere_is_refused(good):
    for share in np.linspace(0.01, 1, 40, endpoint=False):
        refused(good[: int(share * len(good))], CUT_OFF)
    refused(good[:-1], CUT_OFF)
    refused(good + b"more", CUT_OFF)


def test_one_byte_that_changes_is_noticed_anywhere(good):
    """Every byte of the content is under a hash; what is around it is compared with what we write."""
    rng = np.random.default_rng(0)
    opened = 0
    for at in rng.integers(0, len(good), 300):
        changed = bytearray(good)
        changed[at] ^= 0x10
        try:
            found = open_case(bytes(changed))
        except PhiltrumError:
            continue
        opened += 1
        assert found.case.name == NAME and len(found.results) == 2
    assert opened < 10, "but for times and versions in the ZIP's own lists"


def test_a_member_of_another_hash(good):
    files = parts(good)
    refused(zipped(files | {PHOTO: encode_png(np.zeros((480, 360, 3), np.uint8))}), ALTERED)
    refused(zipped(files | {"1-cleft-inpainting/result/numbers.json": b"{}"}), ALTERED)


def test_paths_that_lead_out_of_the_file(good):
    files = parts(good)
    for name in (
        "../evil.png",
        "/etc/passwd",
        "a/../../b",
        "C:/evil",
        "a\\b",
        "A/b",
        "a//b",
        "a/.b",
        "nul\x00.png",
        "ä.png",
    ):

        def renamed(index: dict, name: str = name) -> None:
            index["members"][name] = index["members"].pop(PHOTO)

        index = json.loads(files["case.json"])
        renamed(index)
        moved = {(name if one == PHOTO else one): content for one, content in files.items()}
        refused(zipped(moved | {"case.json": json.dumps(index).encode()}), FOREIGN)


def test_members_that_are_missing_too_many_or_twice_there(good):
    files = parts(good)
    refused(zipped({name: content for name, content in files.items() if name != PHOTO}), FOREIGN)
    refused(zipped(files | {"more.png": b"x"}), FOREIGN)
    buffer = BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        for name, content in [*files.items(), (PHOTO, files[PHOTO])]:
            add_member(archive, name, content)
    refused(buffer.getvalue(), FOREIGN)


def test_links_folders_comments_and_encrypted_members(good):
    files = parts(good)
    for mode in (0o120777, 0o040755, 0o060644):
        refused(zipped(files, lambda info, mode=mode: setattr(info, "external_attr", mode << 16)), FOREIGN)
    refused(zipped(files, lambda info: setattr(info, "comment", b"Jane")), FOREIGN)
    refused(zipped(files, lambda info: setattr(info, "compress_type", zipfile.ZIP_LZMA)), FOREIGN)
    locked = bytearray(zipped(files))
    for begin, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(begin) + flags] |= 1
    refused(bytes(locked), LOCKED)


def test_bombs_are_refused_before_they_go_off(good, monkeypatch):
    """By what they claim where they are honest, and by reading no further than that where they lie."""
    files = parts(good)
    monkeypatch.setattr(reading, "MOST_BYTES", 30_000_000)
    refused(zipped(files | {"bomb.json": bytes(40_000_000)}), TOO_LARGE)
    index = json.loads(files["case.json"])
    bomb = bytes(2_000_000)
    index["members"]["bomb.npy"] = {"sha256": hashlib.sha256(bomb).hexdigest(), "bytes": 10}
    lying = bytearray(zipped(files | {"case.json": json.dumps(index).encode(), "bomb.npy": bomb}))
    for begin, size in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = lying.rindex(begin)
        lying[at + size : at + size + 4] = struct.pack("<I", 10)
    refused(bytes(lying), ALTERED)


def test_a_picture_that_would_fill_the_memory_is_not_decoded(good, monkeypatch):
    def huge(index: dict) -> None:
        index["members"][PHOTO]["shape"] = [60_000, 60_000, 3]

    refused(with_index(good, huge), TOO_LARGE)

    def many(index: dict) -> None:
        for said in index["members"].values():
            if "shape" in said:
                said["shape"] = [10_000, 10_000, 3]

    refused(with_index(good, many), TOO_LARGE)
    refused(with_index(good, lambda index: index["members"][PHOTO].update(shape=[48, 36, 3])), "damaged")
    header = files_header(60_000, 60_000)
    refused(with_index(good, lambda index: None, **{PHOTO: header}), "damaged")


def files_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0) + bytes(4)


def test_a_list_of_more_members_than_any_case_has(good, monkeypatch):
    many = bytearray(good)
    many[-14:-10] = struct.pack("<HH", 60_000, 60_000)
    refused(bytes(many), TOO_LARGE)
    monkeypatch.setattr(reading, "MOST_INDEX", 1000)
    refused(good, TOO_LARGE)


def test_a_newer_format(good):
    refused(with_index(good, lambda index: index.update(format_version=2, new={"a": 1})), NEWER)


CHANGES = {
    "no version": lambda index: index.pop("format_version"),
    "a version of text": lambda index: index.update(format_version="1"),
    "a version before the first": lambda index: index.update(format_version=0),
    "a name that is none": lambda index: index["case"].update(name="a\nb"),
    "a date that is none": lambda index: index["case"].update(date="27.11.2026"),
    "an unknown side": lambda index: index["case"].update(side="up"),
    "something more": lambda index: index.update(more=1),
    "an entry of text": lambda index: index.update(entries=["x"]),
    "entries of text": lambda index: index.update(entries="x"),
    "an array that is not there": lambda index: index["entries"][0]["photos"]["photo"].update(
        pixels={"array": "x.png"}
    ),
    "a mask for a photo": lambda index: index["entries"][0]["photos"]["photo"].update(
        pixels={"array": "1-cleft-inpainting/photo/mask.png"}
    ),
    "a photo's name that is a path": lambda index: index["entries"][0]["photos"].update(
        {"../x": index["entries"][0]["photos"]["photo"]}
    ),
    "a setting that is a table": lambda index: index["entries"][0].update(settings={"grow": {"a": 1}}),
    "a face that is not there": lambda index: index["entries"][0]["photos"]["photo"].update(face=-1),
    "a seed of text": lambda index: index["entries"][0]["results"][0].update(seed="7"),
    "a field that no result has": lambda index: index["entries"][0]["results"][0].update(other=1),
    "a result without its picture": lambda index: index["entries"][0]["results"][0].pop("image"),
    "a picture of another size": lambda index: index["entries"][0]["results"][0].update(
        image=index["entries"][0]["results"][0]["crop"]
    ),
    "an alpha that is points": lambda index: index["entries"][0]["results"][0].update(
        alpha=index["entries"][0]["results"][0]["landmarks"]
    ),
    "fewer measurements": lambda index: index["entries"][0]["results"][0].update(measurements=[]),
    "half a reference": lambda index: index["entries"][1]["results"][0].update(warped=None),
    "an array of pickles": lambda index: index["members"][PHOTO].update(dtype="object"),
    "an array without a size": lambda index: index["members"][PHOTO].update(shape=[-1, 5, 3]),
    "a member's hash of no text": lambda index: index["members"][PHOTO].update(sha256=5),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_does_not_fit_together_is_damaged(good, change):
    with pytest.raises(CaseFileInvalid) as raised:
        open_case(with_index(good, change))
    assert NAME not in str(raised.value)


def test_work_that_this_philtrum_cannot_do(good):
    refused(with_index(good, lambda index: index["entries"][0].update(job="time-travel")), "cannot do; update Philtrum")
    refused(with_index(good, lambda index: index["entries"][0].update(job="repaint")), "case file")


def test_numbers_that_json_does_not_have(good):
    files = parts(good)
    text = files["case.json"].replace(b'"seed": 7', b'"seed": NaN', 1)
    assert text != files["case.json"]
    refused(zipped(files | {"case.json": text}), "damaged")
    twice = files["case.json"].replace(b'"format":', b'"format": "philtrum-case", "format":', 1)
    refused(zipped(files | {"case.json": twice}), "damaged")


def test_a_file_of_more_bytes_than_are_read(good, monkeypatch, tmp_path):
    monkeypatch.setattr(reading, "MOST_BYTES", 1000)
    (tmp_path / "a").write_bytes(good)
    with pytest.raises(CaseFileTooLarge):
        open_case(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        open_case(tmp_path / "b")
