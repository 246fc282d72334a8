"""Compositing: a repainted crop put back into the photo at the photo's own resolution.

The crop is coarse (256 px) and the photo may be fine (12 megapixels and more), so three things happen on the way back,
all under the blend weights ``alpha`` and nowhere else:

1. The network may draw a face a shade lighter or redder than the photo is. That drift of its colours is taken off
   (:mod:`pipelines.faces.blending.drift`).
2. The crop is resampled bicubically through the alignment's exact inverse.
3. An enlarged crop has no grain: next to real skin it looks like a plaster. The fine texture of the skin around the
   mask is measured, and so is what the repainted skin has of it; noise of the colours, strength and spectrum that are
   missing is added.
"""

import cv2
import numpy as np
from scipy import fft

from pipelines.arrays import Floats, Integers, Numbers, Pixels
from pipelines.faces.alignment import Alignment, centred
from pipelines.faces.blending.drift import drift
from pipelines.faces.blending.tone import IN_COLOUR, Tone

_RAMP = 4.0  # crop px over which alpha fades towards the crop's border, past which nothing was drawn
_TILE = 512  # px side of the periodic noise tile
_PATCHES = 250  # about how many places are looked at for skin
_PATCH = 12  # crop px of 256; larger patches find no skin without eyes, lips or hair
_FACE = (0.5, 0.48), (0.27, 0.36)  # centre and radii, as shares of the crop, of an ellipse within any aligned face
_FADE = 0.5  # grain grows from none where crop and photo are equally fine to all where the crop is this much coarser
_COARSE = 1.5  # crop px; standard deviation of the blur that parts shape from texture


def composite(
    photo: Pixels,
    crop: Pixels,
    alpha: Floats,
    alignment: Alignment,
    *,
    seed: int = 0,
    tone: Tone = IN_COLOUR,
) -> Pixels:
    """Blends the repainted crop into the photo.

    Outside the square that the crop covers nothing was repainted, so alpha fades to 0 towards its border.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``.
        crop: RGB ``uint8`` ``(size, size, 3)``, the repainted crop; best as the network drew it, also outside the mask,
            because the drift of its colours is measured there.
        alpha: ``float32`` ``(H, W)`` in [0, 1], 1 = the repainted crop alone.
        alignment: takes the photo to the crop.
        seed: seed of the grain.
        tone: of the photo; what is blended in gets it.

    Returns:
        RGB ``uint8`` ``(H, W, 3)``, a new array, bit-identical to ``photo`` where ``alpha`` is 0.

    Raises:
        ValueError: shapes do not fit together.
    """
    if photo.shape[:2] != tuple(alignment.photo_shape) or alpha.shape != photo.shape[:2]:
        raise ValueError("photo, alpha and alignment are of different shapes")
    if crop.shape != (alignment.size, alignment.size, 3):
        raise ValueError("the crop is not of the alignment's size")
    result = photo.copy()
    left, top, width, height = cv2.boundingRect((alpha > 0).view(np.uint8))
    if not width:
        return result
    box = (slice(top, top + height), slice(left, left + width))
    before = alignment.crop(photo)
    weight = alpha[box] * _inside(alignment, left, top, width, height)
    drawn = tone(crop) + drift(before, crop, alpha, alignment)
    fresh = _enlarge(drawn, alignment, left, top, width, height)
    old = photo[box].astype(np.float32)
    blend = old + weight[..., None] * (fresh - old)
    if alignment.scale < 1:
        noise = _grain(photo, before, drawn, alpha, alignment, (left, top, width, height), np.random.default_rng(seed))
        if noise is not None:
            # Grain of the photo and of the noise are independent: with this weight their variances add up to the
            # photo's own all through the feather.
            strength = min(1.0, (1 - alignment.scale) / _FADE)  # a crop as fine as the photo needs no grain
            blend += strength * np.sqrt(weight * (2 - weight))[..., None] * noise
    blend = tone(np.clip(blend + 0.5, 0, 255).astype(np.uint8))  # grain's colours are known to rounding only
    result[box] = np.where((weight > 0)[..., None], blend, photo[box])
    return result


def _enlarge(crop: Floats, alignment: Alignment, left: float, top: float, width: int, height: int) -> Floats:
    """The crop as seen in ``width`` × ``height`` photo pixels from (``left``, ``top``)."""
    scale = alignment.scale
    if scale > 1:  # the crop is finer than the photo: low-pass before sampling it
        crop = cv2.GaussianBlur(crop, (0, 0), 0.4 * np.sqrt(scale**2 - 1) + 1e-3, borderType=cv2.BORDER_REFLECT)
    matrix = alignment.matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ (left, top)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    seen: Floats = cv2.warpAffine(crop, centred(matrix), (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return seen


def _inside(alignment: Alignment, left: int, top: int, width: int, height: int) -> Floats | np.float32:
    """1 inside the crop's square, falling to 0 at its border: ``(height, width)`` float32, or one 1 for all."""
    corners = np.array([[left, top], [left + width, top], [left + width, top + height], [left, top + height]])
    mapped = alignment.to_crop(corners)
    if mapped.min() >= _RAMP and mapped.max() <= alignment.size - _RAMP:
        return np.float32(1)
    x, y = np.meshgrid(left + 0.5 + np.arange(width), top + 0.5 + np.arange(height))
    at = alignment.to_crop(np.stack([x, y], -1).reshape(-1, 2))
    depth: Floats = np.minimum(at, alignment.size - at).min(1).reshape(height, width)
    inside: Floats = np.clip(depth / _RAMP, 0, 1).astype(np.float32)
    return inside


def _grain(
    photo: Pixels,
    before: Pixels,
    drawn: Floats,
    alpha: Floats,
    alignment: Alignment,
    box: tuple[int, int, int, int],
    rng: np.random.Generator,
) -> Floats | None:
    """Noise like the texture that the repainted skin lacks, ``(height, width, 3)`` float32; None if it is unknown.

    Texture = what a blur by :data:`_COARSE` takes away. Along the principal axes of its colours, independent Gaussian
    noise is drawn with the power spectrum of the photo's skin less that of the repainted skin, both scaled to their
    median absolute deviations: a random-phase texture (Galerne, Gousseau and Morel 2011), which suits pores, film grain
    and sensor noise alike.
    """
    side = next(side for side in (64, 32, 16) if side * alignment.scale <= _PATCH or side == 16)
    around, within = _places(alpha, alignment, side)
    if len(around) < 8:
        return None
    shown = before.astype(np.float32)
    coarse_shown, coarse_drawn = _blur(shown, _COARSE, alignment), _blur(drawn, _COARSE, alignment)

    def seen(crop: Floats, places: Integers) -> Floats:
        return np.stack([_enlarge(crop, alignment, x, y, side, side) for x, y in places])

    real = np.stack([photo[y : y + side, x : x + side] for x, y in around]).astype(np.float32)
    skin = np.median(real.mean((1, 2)), axis=0)
    texture = real - seen(coarse_shown, around)
    chosen = _calm_skin(texture, real, skin)
    if len(within) >= 4:
        painted = seen(drawn, within)
        lacking = painted - seen(coarse_drawn, within)
        lacking = lacking[_calm_skin(lacking, painted, skin)]
    else:  # a mask too small to measure in: taken to be as fine as a crop of the photo
        lacking = seen(shown - coarse_shown, around)[chosen]
    texture = texture[chosen]

    pixels = _centred(texture).reshape(-1, 3)
    deviation = 1.4826 * np.median(np.abs(pixels), axis=0) + 1e-3
    clipped = np.clip(pixels, -3 * deviation, 3 * deviation)  # single hairs and highlights are no grain
    _, axes = np.linalg.eigh(clipped.T @ clipped / len(clipped))
    power = np.maximum(_power(texture @ axes) - _power(lacking @ axes), 0)

    # The autocorrelation carries the spectrum from the patch's grid to the tile's; the window's own is divided out.
    correlation, seen_share = (fft.ifft2(p, axes=(0, 1)).real for p in (power, np.abs(_spectra(_window(side))) ** 2))
    correlation = fft.fftshift(correlation / np.maximum(seen_share / seen_share.max(), 0.2), axes=(0, 1))
    start = (_TILE - side) // 2
    spread = np.zeros((_TILE, _TILE, 3), np.float32)
    spread[start : start + side, start : start + side] = correlation * np.sqrt(_window(side))
    spectrum = np.sqrt(np.maximum(fft.rfft2(fft.ifftshift(spread, axes=(0, 1)), axes=(0, 1)).real, 0))
    white = rng.standard_normal((_TILE, _TILE, 3), dtype=np.float32)
    tile = fft.irfft2(fft.rfft2(white, axes=(0, 1)) * spectrum, s=(_TILE, _TILE), axes=(0, 1))
    tile *= np.sqrt(power.mean((0, 1))) / np.maximum(tile.std((0, 1)), 1e-6)
    tile = (tile @ axes.T).astype(np.float32)
    _, _, width, height = box
    return np.tile(tile, (-(-height // _TILE), -(-width // _TILE), 1))[:height, :width]


def _places(alpha: Floats, alignment: Alignment, side: int) -> tuple[Integers, Integers]:
    """Left and top of patches where alpha is 0, and of patches where it is 1; ``(N, 2)`` each.

    All lie wholly in the photo and in :data:`_FACE`, where hair and background are rare.
    """
    centre, radii = (np.array(pair) * alignment.size for pair in _FACE)
    reach = alignment.to_photo(centre + radii * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]))
    limit = np.array(alpha.shape[::-1])
    (x0, y0), (x1, y1) = np.clip(reach.min(0), 0, limit).astype(int), np.clip(reach.max(0), 0, limit).astype(int) - side
    step = max(side // 2, round(np.sqrt(max(0, x1 - x0) * max(0, y1 - y0) / _PATCHES)))
    x, y = np.meshgrid(np.arange(x0, x1 + 1, step), np.arange(y0, y1 + 1, step))
    places = np.stack([x.ravel(), y.ravel()], 1)
    corners = places[:, None] + np.array([[0, 0], [side, 0], [side, side], [0, side]])
    off = (alignment.to_crop(corners.reshape(-1, 2)) - centre) / radii
    places = places[(np.hypot(*off.T) <= 1).reshape(-1, 4).all(1)]
    lowest = np.array([alpha[y : y + side, x : x + side].min() for x, y in places])
    highest = np.array([alpha[y : y + side, x : x + side].max() for x, y in places])
    return places[highest == 0], places[lowest > 0.99]


def _calm_skin(texture: Floats, patches: Floats, colour: Floats) -> Integers:
    """Indices of the patches nearest to the skin's colour (half of all), and of these of the calmest third.

    The first leaves hair, lips and background out, the second wrinkles and edges.
    """
    off = np.linalg.norm(patches.mean((1, 2)) - colour, axis=1)
    skin = np.argsort(off, kind="stable")[: max(6, len(off) // 2)]
    calm = np.argsort(np.abs(texture[skin]).mean((1, 2, 3)), kind="stable")[: max(4, len(skin) // 3)]
    chosen: Integers = skin[calm]
    return chosen


def _power(patches: Floats) -> Floats:
    """Mean power spectrum of ``(N, side, side, C)`` patches; its mean over frequencies is their robust variance."""
    patches = _centred(patches)
    power = (np.abs(_spectra(patches * _window(patches.shape[1]))) ** 2).mean(0)
    variance = (1.4826 * np.median(np.abs(patches), axis=(0, 1, 2))) ** 2
    scaled: Floats = power * (variance / np.maximum(power.mean((0, 1)), 1e-9))
    return scaled


def _spectra(patches: Floats) -> Numbers:
    spectra: Numbers = fft.fft2(patches, axes=(-3, -2))
    return spectra


def _centred(patches: Floats) -> Floats:
    centred: Floats = patches - patches.mean((1, 2), keepdims=True)
    return centred


def _window(side: int) -> Floats:
    """A Hann window without its zeros, ``(side, side, 1)`` float32."""
    window = np.hanning(side + 2)[1:-1].astype(np.float32)
    return (window[:, None] * window)[..., None]


def _blur(crop: Floats, deviation: float, alignment: Alignment) -> Floats:
    sigma = deviation * alignment.size / 256
    blurred: Floats = cv2.GaussianBlur(crop, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return blurred
