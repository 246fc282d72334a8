"""Colours of photos brought to sRGB by the profile that their file carries (ICC.1:2022), with LittleCMS.

Every step after reading takes numbers for sRGB. Phones write Display P3, cameras Adobe RGB, raw developers ProPhoto:
taken for sRGB, skin in them is paler than it was.
"""

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from pipelines.arrays import Pixels

SAME = 2
"""Most levels, of 255, by which a profile may differ from sRGB anywhere and its pixels still are taken as they are."""

_MAX_PROFILE = 2**24  # bytes; nobody makes a larger one


def to_srgb(image: Image.Image) -> Image.Image:
    """Converts a picture from its colour profile to sRGB.

    The intent is relative colorimetric with black-point compensation: colours that sRGB has stay what they were, and
    what lies outside is clipped to its edge. A profile that is broken, or made for another kind of colour than the
    pixels', counts as none. One that is sRGB, whoever made it, changes no pixel. CIELAB needs no profile.

    Args:
        image: 8 bits a channel, of any mode, with the profile in ``info["icc_profile"]``. It may be changed in place,
            so that a large photo is not held twice.

    Returns:
        The picture, of another mode where colour or transparency demands it; without a profile ``image`` itself.
    """
    try:
        if image.mode == "LAB":
            return _transform(ImageCms.createProfile("LAB"), "LAB").apply(image)
        content = image.info.get("icc_profile")
        if not content or len(content) > _MAX_PROFILE:
            return image
        profile = ImageCms.ImageCmsProfile(BytesIO(content))
        convert = {"RGB ": _from_rgb, "GRAY": _from_grey, "CMYK": _from_cmyk}.get(profile.profile.xcolor_space)
        return convert(image, profile) if convert else image
    except (ImageCms.PyCMSError, OSError):  # LittleCMS does not take the profile
        return image


def _from_rgb(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    if image.mode in ("CMYK", "YCbCr", "HSV"):
        return image
    steps = np.stack(np.meshgrid(*[np.linspace(0, 255, 18).round().astype(np.uint8)] * 3), axis=-1).reshape(18, -1, 3)
    if _differ(steps, _transform(profile, "RGB").apply(Image.fromarray(steps))) <= SAME:
        return image
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    return _transform(profile, mode, mode).apply_in_place(image)


def _from_grey(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """A curve for all that is grey: quick, and grey it stays."""
    mode = "LA" if image.has_transparency_data else "L"
    if image.mode not in ("L", "LA"):
        return image
    ramp = np.arange(256, dtype=np.uint8)[None]
    curve = _transform(profile, "L").apply(Image.fromarray(ramp)).getchannel("G")
    if _differ(ramp, curve) <= SAME:
        return image
    image = image if image.mode == mode else image.convert(mode)
    return image.point([*np.asarray(curve)[0].tolist(), *range(256)][: 256 * len(mode)])


def _from_cmyk(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    return _transform(profile, "CMYK").apply(image) if image.mode == "CMYK" else image


def _transform(
    profile: ImageCms.ImageCmsProfile | ImageCms.core.CmsProfile, mode: str, out: str = "RGB"
) -> ImageCms.ImageCmsTransform:
    srgb = ImageCms.createProfile("sRGB")
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    return ImageCms.buildTransform(profile, srgb, mode, out, intent, flags)


def _differ(before: Pixels, after: Image.Image) -> int:
    return int(np.abs(np.asarray(after).astype(int) - before).max())
