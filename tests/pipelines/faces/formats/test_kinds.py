"""Each kind that is not read gets a sentence of its own that says what to do."""

import io
import struct

import pytest

from pipelines.errors import ImageUnreadable
from pipelines.faces.formats.kinds import CHOSEN, ENDINGS, UNREAD, refusal
from pipelines.faces.images import read_image, read_mask
from tests.pipelines.faces.drawn_files import quadrants, saved, tiff_of

BOX = struct.pack(">I", 24)

FILES = {
    "raw file": [
        b"II*\0\x10\0\0\0CR\x02\0",
        BOX + b"ftypcrx \0\0\0\x01crx isom",
        b"II\x1a\0\0\0HEAPCCDR\x02\0",
        b"IIRO\x08\0\0\0",
        b"IIRS\x08\0\0\0",
        b"MMOR\0\0\0\x08",
        b"IIU\0\x18\0\0\0",
        b"FUJIFILMCCD-RAW 0201",
        b"\0MRM\0\x01\0\0",
        b"FOVb\0\0\x02\0",
    ],
    "JPEG XL": [b"\xff\x0a\xfa\x7f", b"\0\0\0\x0cJXL \r\n\x87\n"],
    "JPEG 2000": [b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51\0\x29"],
    "DICOM": [bytes(128) + b"DICM\x02\0\0\0", b"#" * 128 + b"DICM"],
    "PDF": [b"%PDF-1.7\n", b"\n%PDF-1.4"],
    "SVG": [b"<svg/>", b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="x">', b"\xef\xbb\xbf<svg>"],
    "video": [BOX + b"ftypqt  ", BOX + b"ftypisom", BOX + b"ftypmp42", BOX + b"ftyp3gp5"],
}


@pytest.mark.parametrize(("said", "head"), [(said, head) for said, heads in FILES.items() for head in heads])
def test_each_kind_has_its_sentence(said, head):
    for read in (read_image, read_mask):
        with pytest.raises(ImageUnreadable, match=said) as caught:
            read(head + bytes(2000))
        assert any(word in str(caught.value) for word in ("save", "export", "choose"))
        assert str(caught.value).endswith(".")


def test_the_sentences_differ():
    assert len({refusal(heads[0]) for heads in FILES.values()}) == len(FILES)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF"])
def test_nothing_that_is_read_is_refused(kind):
    assert refusal(saved(quadrants(), kind)[:1024]) is None


def test_endings():
    assert {".jfif", ".pjpeg", ".jif", ".heic", ".heif", ".avif"} <= set(ENDINGS)
    assert {".dng", ".cr2", ".nef", ".jxl", ".jp2", ".dcm"} <= set(UNREAD)
    assert not set(ENDINGS) & set(UNREAD) and set(CHOSEN) == {*ENDINGS, *UNREAD}
    assert all(ending == ending.lower() and ending[0] == "." for ending in CHOSEN)


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff\xd8", b"\x89PNG", b"II*\0", b"GIF89a", b"BM", b"RIFF", b"P6"])
def test_a_beginning_alone_is_no_picture(content):
    with pytest.raises(ImageUnreadable):
        read_image(io.BytesIO(content))


def test_big_tiff_of_the_other_byte_order_is_refused_not_misread():
    with pytest.raises(ImageUnreadable):
        read_image(tiff_of(quadrants(), photometric="rgb", bigtiff=True, byteorder=">"))
