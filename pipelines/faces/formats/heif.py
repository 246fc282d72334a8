"""HEIF files (HEIC and AVIF, ISO/IEC 23008-12): which decoder is for which, and what is checked before.

HEIC is decoded by libheif, in the build that only decodes, and AVIF by Pillow, which believes whatever EXIF says while
it opens a file. libheif reads the boxes of both kinds.
"""

from typing import BinaryIO

import pi_heif

from pipelines.faces.formats import tiff

pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)  # of the photo nothing but it

_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF = {b"avif", b"avis"}


def formats(head: bytes) -> tuple[str, ...]:
    """Formats, by Pillow's names, that a file says it may have; none if it is no HEIF file.

    Args:
        head: the file's first bytes.
    """
    if head[4:8] != b"ftyp" or head[8:12] not in _HEIC | _AVIF:
        return ()
    size = int.from_bytes(head[:4], "big")
    brands = {head[at : at + 4] for at in (8, *range(16, min(size, len(head)), 4))}
    return ("AVIF", "HEIF") if brands & _AVIF else ("HEIF",)


def check(file: BinaryIO) -> None:
    """Checks that the EXIF of an AVIF file claims no more bytes than it has.

    Raises:
        ImageUnreadable: it does.
        Exception: the boxes are damaged.
    """
    for image in pi_heif.open_heif(file):
        tiff.check(image.info["exif"] or b"")
    file.seek(0)
