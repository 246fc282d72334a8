"""Alignment: the similarity that puts a face where a template wants it, and its exact inverse.

Coordinates are continuous: the centre of the pixel in column i and row j is (i + 0.5, j + 0.5), in the photo and in the
crop. OpenCV counts from pixel centres; the half pixel between the two is handled here and nowhere else
(:func:`centred`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pipelines.arrays import ComplexPoints, Floats, Integers, Mask, Numbers, Pixels, Points, Shape
from pipelines.errors import NoFaceFound
from pipelines.faces.points import Face
from pipelines.languages.translation import _


@dataclass(frozen=True)
class Template:
    """Where the eyes lie in an aligned crop.

    Attributes:
        name: what the template is called.
        size: side of the crop in pixels, unless another is asked for.
        eyes: centres of the image-left and the image-right eye as a share of the side, x then y.
    """

    name: str
    size: int
    eyes: tuple[tuple[float, float], tuple[float, float]]

    def similarity(self, face: Face, size: int) -> tuple[complex, complex]:
        """Turn a and shift b of crop = a photo + b, points as complex numbers, for a crop of ``size`` pixels a side.

        Two points fix a similarity (turn, scale and shift), so it is solved in closed form: a is the quotient of the
        two eye-to-eye vectors.

        Raises:
            NoFaceFound: the two eyes lie on one spot.
        """
        eyes = _complex(face.eyes)
        targets = np.asarray(self.eyes, np.float64) * size @ (1, 1j)
        between = eyes[1] - eyes[0]
        if abs(between) < _LEAST_DISTANCE:
            raise NoFaceFound(_NO_EYES)
        turn = (targets[1] - targets[0]) / between
        return turn, targets.mean() - turn * eyes.mean()


@dataclass(frozen=True)
class SquareTemplate:
    """A square around a point near the eyes, upright and as large as the eyes and the corners of the mouth say.

    Attributes:
        name: what the template is called.
        size: side of the crop in pixels, unless another is asked for.
        eyes: half the square's side in distances between the eyes.
        mouth: the same in distances from the middle of the eyes to that of the mouth; the larger of the two counts.
        shift: how far the square's centre lies from the middle of the eyes, as a share of the way to the mouth's.
    """

    name: str
    size: int
    eyes: float
    mouth: float
    shift: float

    def similarity(self, face: Face, size: int) -> tuple[complex, complex]:
        """As :meth:`Template.similarity`.

        The square's horizontal is the eye-to-eye vector plus the eye-to-mouth vector turned by a quarter: each pair of
        points votes by its length.

        Raises:
            NoFaceFound: the two eyes lie on one spot, or mouth and eyes do not tell which way is up.
        """
        eyes, mouth = _complex(face.eyes), _complex(face.points[list(_MOUTH_CORNERS)])
        across, down = eyes[1] - eyes[0], mouth.mean() - eyes.mean()
        horizontal = across - 1j * down
        if min(abs(across), abs(horizontal)) < _LEAST_DISTANCE:
            raise NoFaceFound(_NO_EYES)
        half = horizontal / abs(horizontal) * max(self.eyes * abs(across), self.mouth * abs(down))
        turn = size / 2 / half
        return turn, size / 2 * (1 + 1j) - turn * (eyes.mean() + self.shift * down)


PROJECT = Template("philtrum", 256, ((0.35, 0.38), (0.65, 0.38)))
"""The project's crop."""

FFHQ = SquareTemplate("ffhq", 1024, eyes=2.0, mouth=1.8, shift=0.1)
"""The crop of generators that learned from FFHQ: a similarity with the eyes at most a quarter of the side apart.

Source: Flickr-Faces-HQ, the data set of Karras et al. 2019, "A style-based generator architecture for generative
adversarial networks" (appendix A); the shares are those of the script that NVIDIA publishes with it. That reads dlib's
68 points, and these are FaceMesh's in the same order.
"""

TEMPLATES: Mapping[str, Template | SquareTemplate] = {template.name: template for template in (PROJECT, FFHQ)}
"""Name → template, as weights name the one that they learned from (key ``alignment`` of the manifest)."""

_MOUTH_CORNERS = (48, 54)  # of the 68 points
_LEAST_DISTANCE = 1e-3  # pixels
_NO_EYES = _("The two eyes of this face cannot be told apart; use a photo in which the face is larger.")

_SUPERSAMPLING = 2  # the photo is averaged to twice the crop's resolution, turned, and averaged again
_BLUR_PER_PIXEL = 0.35  # standard deviation of the blur per pixel of distance from the photo's edge
_BLUR_LEVELS = (1, 2, 4, 8, 16)  # standard deviations in pixels of a 256 px crop, between which the blur grows


@dataclass(frozen=True, eq=False)
class Alignment:
    """A similarity from photo to crop.

    Attributes:
        matrix: ``(2, 3)`` float64, takes photo coordinates to crop coordinates (continuous pixels of each).
        size: side of the crop in pixels.
        photo_shape: height and width of the photo.
    """

    matrix: Floats
    size: int
    photo_shape: Shape

    @property
    def scale(self) -> float:
        """Crop pixels per photo pixel."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    @cached_property
    def inverse(self) -> Floats:
        """``(2, 3)`` float64, takes crop coordinates to photo coordinates."""
        turn = self.matrix[:, :2].T / self.scale**2  # a similarity's inverse is its transpose over the squared scale
        return np.hstack([turn, -turn @ self.matrix[:, 2:]])

    @cached_property
    def covered(self) -> float:
        """Share of the crop that lies inside the photo, 0-1."""
        height, width = self.photo_shape
        photo = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        area, _ = cv2.intersectConvexConvex(photo, self.corners.astype(np.float32))
        return float(np.clip(area * self.scale**2 / self.size**2, 0, 1))

    def to_crop(self, points: Points | Integers) -> Points:
        """Points of the photo, ``(N, 2)``, in crop coordinates; float64."""
        there: Points = np.asarray(points, np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]
        return there

    def to_photo(self, points: Points | Integers) -> Points:
        """Points of the crop, ``(N, 2)``, in photo coordinates; float64. The exact inverse of :meth:`to_crop`."""
        there: Points = (np.asarray(points, np.float64) - self.matrix[:, 2]) @ self.inverse[:, :2].T
        return there

    def face_in_crop(self, face: Face) -> Face:
        """A face of the photo, in pixels of the crop."""
        return Face(self.to_crop(face.mesh).astype(np.float32))

    def crop(self, photo: Pixels) -> Pixels:
        """The aligned crop.

        Where the crop is coarser than the photo, every crop pixel is an average over its area (no aliasing). Where it
        reaches past the photo, the photo is reflected and blurred, the more the farther out.

        Args:
            photo: RGB ``uint8`` ``(H, W, 3)`` of ``photo_shape``.

        Returns:
            RGB ``uint8`` ``(size, size, 3)``.

        Raises:
            ValueError: the photo is not of ``photo_shape``.
        """
        crop = self.sample(photo, cv2.INTER_CUBIC, cv2.BORDER_REFLECT)
        return _blur_outside(crop, self._distance_outside()) if self.covered < 1 else crop

    def crop_mask(self, mask: Mask) -> Mask:
        """The mask in the crop.

        A crop pixel is True where more than a twentieth of it is: no masked photo pixel shines into what is taken as
        known. Outside the photo it is False.

        Args:
            mask: ``bool`` ``(H, W)`` of ``photo_shape``.

        Returns:
            ``bool`` ``(size, size)``.

        Raises:
            ValueError: the mask is not of ``photo_shape``.
        """
        interpolation = cv2.INTER_NEAREST if self.scale >= 1 else cv2.INTER_LINEAR
        return self.sample(mask, interpolation, cv2.BORDER_CONSTANT) > 255 / 20

    @property
    def corners(self) -> Points:
        """The crop's corners in photo coordinates, ``(4, 2)``, from the top left clockwise."""
        size = self.size
        return self.to_photo(np.array([[0, 0], [size, 0], [size, size], [0, size]]))

    def sample(self, picture: Numbers, interpolation: int, border: int) -> Numbers:
        """Anything of the photo's shape, resampled to the crop by area where the crop is coarser.

        Args:
            picture: ``(H, W)`` or ``(H, W, C)`` of ``photo_shape``: ``uint8``, ``float32``, or ``bool`` (taken as 0 and
                255).
            interpolation: OpenCV's ``INTER_`` constant for the turn.
            border: OpenCV's ``BORDER_`` constant for what lies outside the photo.

        Returns:
            ``(size, size)`` or ``(size, size, C)``, of the same type.

        Raises:
            ValueError: the picture is not of ``photo_shape``.
        """
        if picture.shape[:2] != tuple(self.photo_shape):
            raise ValueError("the picture is not of the shape that was aligned")
        left, right = _span(*_range(self.corners[:, 0]), self.photo_shape[1])
        top, bottom = _span(*_range(self.corners[:, 1]), self.photo_shape[0])
        region = picture[top:bottom, left:right]
        if region.dtype == np.bool_:
            region = region.astype(np.uint8) * 255
        factor = _SUPERSAMPLING if self.scale < 1 - 1e-6 else 1

        # Area average first, to the resolution that the turn works at; what is already coarser stays as it is.
        shrink = min(1.0, self.scale * factor)
        width, height = (max(1, round(side * shrink)) for side in region.shape[1::-1])
        ratio = np.array([width / region.shape[1], height / region.shape[0]])
        if shrink < 1:
            region = cv2.resize(region, (width, height), interpolation=cv2.INTER_AREA)

        # Supersampled crop -> crop -> photo -> region -> shrunk region.
        matrix = self.inverse.copy()
        matrix[:, :2] /= factor
        matrix[:, 2] -= (left, top)
        matrix *= ratio[:, None]
        side = self.size * factor
        warped: Numbers = cv2.warpAffine(
            region, centred(matrix), (side, side), flags=interpolation | cv2.WARP_INVERSE_MAP, borderMode=border
        )
        if factor == 1:
            return warped
        averaged: Numbers = cv2.resize(warped, (self.size, self.size), interpolation=cv2.INTER_AREA)
        return averaged

    def _distance_outside(self) -> Floats:
        """Distance of each crop pixel's centre from the photo, in crop pixels; 0 inside."""
        at = np.arange(self.size) + 0.5
        x, y = np.meshgrid(at, at)
        a, b = self.inverse[:, :2], self.inverse[:, 2]
        height, width = self.photo_shape
        px, py = a[0, 0] * x + a[0, 1] * y + b[0], a[1, 0] * x + a[1, 1] * y + b[1]
        outside: Floats = np.hypot(
            np.maximum(0, np.maximum(-px, px - width)), np.maximum(0, np.maximum(-py, py - height))
        )
        return (outside * self.scale).astype(np.float32)


def align(
    photo: Pixels, face: Face, size: int | None = None, template: Template | SquareTemplate = PROJECT
) -> Alignment:
    """The similarity that puts the face where the template wants it.

    Args:
        photo: RGB ``uint8`` ``(H, W, 3)``; only its shape is used.
        face: the face, in pixels of the photo.
        size: side of the crop in pixels; the template's own where None.
        template: where the face shall lie.

    Raises:
        NoFaceFound: the two eyes lie on one spot.
    """
    size = size or template.size
    turn, shift = template.similarity(face, size)
    matrix = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
    return Alignment(matrix, size, photo.shape[:2])


def carried_over(mask: Mask, one: Alignment, other: Alignment) -> Mask:
    """A mask of one photo, moved, turned and scaled so that it lies on the same place of the face in another.

    Args:
        mask: ``bool`` ``(H, W)`` of the first photo.
        one: of the face in that photo.
        other: of the face in the other photo, by the same template and for a crop of the same size.

    Returns:
        ``bool`` ``(H', W')`` of the other photo; what would lie beyond it is left out.

    Raises:
        ValueError: the mask is not of the first photo's shape, or the crops differ in size.
    """
    if mask.shape != tuple(one.photo_shape) or one.size != other.size:
        raise ValueError("mask and alignments do not belong together")
    turn, back = one.matrix[:, :2], other.inverse[:, :2]
    matrix = np.column_stack([back @ turn, back @ one.matrix[:, 2] + other.inverse[:, 2]])
    height, width = other.photo_shape
    moved = cv2.warpAffine(mask.astype(np.uint8) * 255, centred(matrix), (width, height), flags=cv2.INTER_LINEAR)
    there: Mask = moved > 127
    return there


def centred(matrix: Floats) -> Floats:
    """The same map between coordinates that are whole at pixel centres, as OpenCV's warps count them."""
    moved = matrix.astype(np.float64).copy()
    moved[:, 2] += moved[:, :2] @ (0.5, 0.5) - 0.5
    return moved


def _complex(points: Points) -> ComplexPoints:
    """Points ``(N, 2)`` as complex numbers ``(N,)``."""
    z: ComplexPoints = np.asarray(points, np.float64) @ (1, 1j)
    return z


def _range(values: Floats) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _span(low: float, high: float, length: int) -> tuple[int, int]:
    """Whole pixels of 0..length that a crop from low to high reads, with what its reflection past an end reads."""
    if low < 0:
        high = max(high, -low)
    if high > length:
        low = min(low, 2 * length - high)
    margin = 4 + 0.02 * (high - low)  # more than the interpolation's support, in crop pixels too
    first = int(np.clip(np.floor(low - margin), 0, length - 1))
    last = int(np.clip(np.ceil(high + margin), first + 1, length))
    return first, last


def _blur_outside(crop: Pixels, distance: Floats) -> Pixels:
    """Blurs ``crop`` with a standard deviation that grows with ``distance``; untouched where that is 0.

    Linear between a few Gaussian blurs, each of the whole crop, so that the reflection joins the photo smoothly.
    """
    unit = crop.shape[0] / 256
    wanted = _BLUR_PER_PIXEL * distance
    result = crop.astype(np.float32)
    low, weaker = 0.0, result.copy()
    for level in _BLUR_LEVELS:
        high = level * unit
        stronger = cv2.GaussianBlur(crop, (0, 0), high, borderType=cv2.BORDER_REFLECT).astype(np.float32)
        here = wanted > low
        share = np.clip((wanted[here] - low) / (high - low), 0, 1)[:, None]
        result[here] = weaker[here] * (1 - share) + stronger[here] * share
        low, weaker = high, stronger
    return np.clip(result + 0.5, 0, 255).astype(np.uint8)
