"""Which kinds of files are read, and the sentence for those that are not.

A file's kind is told from its first bytes, never from its name. What is no photo yet (a camera's raw file), is of a
format that no decoder here reads, or is no picture at all, gets one sentence that says what to do next.
"""

import re

from pipelines.languages.translation import _

ENDINGS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".mpo", ".png", ".apng", ".webp", ".tif", ".tiff",
    ".bmp", ".dib", ".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".heic", ".heif", ".hif", ".avif",
)  # fmt: skip
"""Endings that names of readable pictures have, in lower case."""

HEAD = 1024
"""Bytes from a file's beginning that :func:`refusal` wants to see."""

NOT_A_PICTURE = _("This file is not a picture that can be read; save it as JPEG or PNG and choose it again.")
DAMAGED = _("This picture is damaged or incomplete; copy it again from its source, or save it anew as JPEG or PNG.")
RAW = _("This is a camera's raw file, not a finished picture; export the photo as JPEG, TIFF or PNG and choose that.")

_JPEG_XL = _("JPEG XL pictures cannot be read; save the photo as JPEG, TIFF or PNG and choose that.")
_JPEG_2000 = _("JPEG 2000 pictures cannot be read; save the photo as JPEG, TIFF or PNG and choose that.")
_DICOM = _(
    "DICOM files cannot be read; export the photo as PNG or JPEG from the program that shows it and choose that."
)
_PDF = _("This is a PDF document, not a photo; save the photo in it as JPEG or PNG and choose that.")
_SVG = _("This is an SVG drawing, not a photo; choose a photo, as JPEG, TIFF or PNG.")
_VIDEO = _("This is a video; save a still picture from it as JPEG or PNG and choose that.")

UNREAD = {
    ".jxl": _JPEG_XL,
    **dict.fromkeys((".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"), _JPEG_2000),
    **dict.fromkeys((".dcm", ".dicom"), _DICOM),
    **dict.fromkeys((".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".orf", ".rw2",
                     ".pef", ".srw", ".x3f", ".3fr", ".fff", ".iiq", ".mrw", ".erf", ".kdc", ".dcr", ".mos"), RAW),
}  # fmt: skip
"""Endings of pictures that are not read, in lower case -> the sentence that is said of such a file in a folder."""

CHOSEN = (*ENDINGS, *UNREAD)
"""Endings of files that a person may choose; some then get a sentence."""

_REFUSED = (
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", _JPEG_XL),
    (rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n", _JPEG_2000),
    (rb".{128}DICM", _DICOM),
    (rb"\s*%PDF-", _PDF),
    (rb"(\xef\xbb\xbf)?\s*<(svg|[?!].*<svg)\b", _SVG),
    # Canon CR2, CR3 and CRW, Olympus ORF, Panasonic RW2, Fujifilm RAF, Minolta MRW, Sigma X3F. Nikon NEF, Sony ARW, DNG
    # and others begin as any TIFF file does; formats/tiff.py tells them by their tags.
    (rb"II\*\0.{4}CR|.{4}ftypcrx |IIR[OS]|MMOR|IIU\0|II.{4}HEAPCCDR|FUJIFILMCCD-RAW|\0MRM|FOVb", RAW),
    (rb".{4}ftyp(qt  |isom|iso2|iso4|iso5|iso6|mp4[12]|M4V |avc1|3gp.|dash|MSNV)", _VIDEO),
)  # first bytes -> what is said of such a file


def refusal(head: bytes) -> str | None:
    """The sentence for a file that is of a kind known and not read; None for any other.

    Args:
        head: the file's first :data:`HEAD` bytes, or all of them.
    """
    return next((sentence for first, sentence in _REFUSED if re.match(first, head, re.DOTALL)), None)
