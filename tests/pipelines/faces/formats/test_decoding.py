"""What holds for every format: bounds before pixels, and a sentence whatever happens."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import ImageTooLarge, ImageTooSmall, ImageUnreadable
from pipelines.faces.formats import decoding
from pipelines.faces.formats.decoding import MAX_BYTES, MAX_PIXELS, MAX_SIDE, decode
from pipelines.faces.images import read_image, read_mask
from tests.pipelines.faces.drawn_files import PNG_SIGNATURE, chunk, quadrants, saved, tiff_of


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("width", "height"), [(MAX_PIXELS // 1000 + 1, 1000), (65535, 65535), (2**31 - 1, 2**31 - 1)])
def test_too_large_is_said_from_the_header(width, height):
    """The file claims its size and holds no pixel: whoever decoded first would say something else."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    with pytest.raises(ImageTooLarge, match="120 megapixels"):
        read_image(PNG_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", b""))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "PPM", "WEBP", "AVIF"])
def test_the_bound_itself_is_accepted(monkeypatch, kind):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 64 * 64)
    assert read_image(saved(Image.new("RGB", (64, 64)), kind)).shape == (64, 64, 3)
    with pytest.raises(ImageTooLarge):
        read_image(saved(Image.new("RGB", (64, 65)), kind))


def test_a_side_that_is_too_long():
    assert read_mask(saved(Image.new("L", (MAX_SIDE, 1)), "PNG")).shape == (1, MAX_SIDE)
    for picture in (Image.new("L", (MAX_SIDE + 1, 1)), Image.new("L", (1, MAX_SIDE + 1))):
        with pytest.raises(ImageTooLarge, match="on a side"):
            read_mask(saved(picture, "PNG"))


def test_too_small():
    assert decode(saved(Image.new("RGB", (3, 5)), "PNG"), least=3).size == (3, 5)
    with pytest.raises(ImageTooSmall, match="3 × 5 pixels"):
        decode(saved(Image.new("RGB", (3, 5)), "PNG"), least=4)
    with pytest.raises(ImageTooSmall):
        decode(tiff_of(np.zeros((3, 5), np.uint16)), least=4)


def test_a_file_with_too_many_bytes(monkeypatch, tmp_path):
    """A file with a hole takes no room."""
    path = tmp_path / "large.png"
    with open(path, "wb") as file:
        file.write(saved(quadrants(), "PNG"))
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ImageTooLarge, match="1 GB"):
        read_image(path)
    monkeypatch.setattr(decoding, "MAX_BYTES", 100)

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    for source in (saved(quadrants(), "PNG"), Pipe(saved(quadrants(), "PNG"))):
        with pytest.raises(ImageTooLarge):
            read_image(source)


def test_streams_of_every_kind():
    data = saved(quadrants(), "PNG")

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    behind = io.BytesIO(b"head" + data)
    behind.seek(4)
    for source in (Pipe(data), behind, bytearray(data), memoryview(data)):
        assert np.array_equal(read_image(source), quadrants())


def test_a_picture_written_as_text():
    text = f"P3 60 40 255 {' '.join(map(str, quadrants().ravel()))}".encode()
    assert np.array_equal(read_image(text), quadrants())
    with pytest.raises(ImageTooLarge, match="save it as PNG"):
        read_image(text + b" " * 2**22)


def test_a_file_is_opened_only_as_what_it_begins_with():
    """Pillow asks each of its readers, and some take more beginnings than the checks here know."""
    data = tiff_of(quadrants(), photometric="rgb")
    for head in (b"II\0*", b"MM*\0"):
        with pytest.raises(ImageUnreadable, match="not a picture"):
            read_image(head + data[4:])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "PPM", "WEBP", "AVIF"])
def test_flipped_bytes_end_in_a_picture_or_a_sentence(kind):
    random = np.random.default_rng(0)
    data = saved(quadrants(), kind)
    for _ in range(60):
        mutated = bytearray(data)
        for at in random.integers(0, min(len(data), 400), 3):
            mutated[at] = random.integers(0, 256)
        try:
            assert read_image(bytes(mutated)).dtype == np.uint8
        except (ImageUnreadable, ImageTooLarge, ImageTooSmall) as error:
            assert str(error).endswith(".")
