"""Files of pictures as tests need them: written by libraries, or byte by byte where no library writes such a one."""

import io
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Colorants of RGB spaces as their ICC profiles give them: XYZ of red, green and blue under D50.
SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
PROPHOTO = ((0.7977, 0.2880, 0.0000), (0.1352, 0.7119, 0.0000), (0.0313, 0.0001, 0.8249))
WHITE_D50 = (0.9642, 1.0, 0.8249)


def quadrants(height: int = 40, width: int = 60) -> np.ndarray:
    """A picture with another colour in every corner, so that any turn or swap of channels shows."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = 200, 30, 40
    picture[: height // 2, width // 2 :] = 20, 180, 60
    picture[height // 2 :, : width // 2] = 40, 60, 220
    picture[height // 2 :, width // 2 :] = 230, 220, 90
    return picture


def stored(picture: np.ndarray, orientation: int) -> np.ndarray:
    """The picture as it lies in a file with this EXIF orientation."""
    lying = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.swapaxes(0, 1),
        6: np.rot90(picture),
        7: picture[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(picture, -1),
    }[orientation]
    return np.ascontiguousarray(lying)


def saved(picture: Image.Image | np.ndarray, kind: str, **options) -> bytes:
    """A file by Pillow."""
    buffer = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff_of(array: np.ndarray, **options) -> bytes:
    """A TIFF file by tifffile, which writes more kinds than Pillow."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes, checksum: int | None = None) -> bytes:
    """A chunk of a PNG file, with its own checksum or a wrong one."""
    crc = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def png_with(picture: np.ndarray, *chunks: bytes) -> bytes:
    """A PNG file with more chunks before its pixels."""
    data = saved(picture, "PNG")
    at = data.index(b"IDAT") - 4
    return data[:at] + b"".join(chunks) + data[at:]


def exif_bomb(tags: int = 60_000) -> bytes:
    """EXIF of a megabyte that claims forty gigabytes: every tag points at the same bytes."""
    size = 8 + 2 + 12 * tags + 4
    entries = b"".join(struct.pack("<HHII", tag, 1, size - 8, 8) for tag in range(tags))
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, tags) + entries + bytes(4)


def icc(space: bytes, tags: dict[bytes, bytes], kind: bytes = b"mntr", connection: bytes = b"XYZ ") -> bytes:
    """An ICC profile of version 2.4."""
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s12s4s", size, bytes(4), 0x02400000, kind, space, connection, bytes(12), b"acsp")
    return head + bytes(28) + xyz(WHITE_D50)[8:] + bytes(128 - len(head) - 40) + table + body


def xyz(values: tuple[float, float, float]) -> bytes:
    """Three numbers as profiles hold them."""
    return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def gamma(value: float) -> bytes:
    """A curve of tones."""
    return b"curv" + struct.pack(">IIH", 0, 1, round(value * 256))


def srgb_curve() -> bytes:
    """The curve of sRGB and Display P3."""
    steps = np.linspace(0, 1, 1024)
    light = np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
    return b"curv" + struct.pack(">II", 0, 1024) + np.round(light * 65535).astype(">u2").tobytes()


def rgb_profile(colorants: tuple, curve: bytes) -> bytes:
    """The profile of an RGB space."""
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return icc(b"RGB ", {b"wtpt": xyz(WHITE_D50), **dict(zip(names, map(xyz, colorants), strict=True)), **curves})


def grey_profile(value: float) -> bytes:
    """The profile of grey with a gamma."""
    return icc(b"GRAY", {b"wtpt": xyz(WHITE_D50), b"kTRC": gamma(value)})


def cmyk_profile() -> bytes:
    """A press on which any ink takes away a quarter of the light, and of no colour: all four of them are black."""
    levels = [sum(bits) for bits in np.ndindex(2, 2, 2, 2)]
    lab = bytes(value for inks in levels for value in (round(255 * (1 - inks / 4)), 128, 128))
    ramp = bytes(range(256))
    matrix = np.eye(3, dtype=">i4").tobytes()  # counts only where the connection space is XYZ
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix
    return icc(b"CMYK", {b"wtpt": xyz(WHITE_D50), b"A2B0": table + ramp * 4 + lab + ramp * 3}, b"prtr", b"Lab ")
