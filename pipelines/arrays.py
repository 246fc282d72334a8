"""What arrays hold, by name. A type says which numbers, and mypy tells a mask from a photo by it; the shape is in the
docstring of whatever takes or returns the array.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
"""A picture in grey levels, 0-255: RGB ``(H, W, 3)`` unless said otherwise."""

Mask: TypeAlias = NDArray[np.bool_]
"""Which pixels are meant: ``(H, W)``."""

Points: TypeAlias = NDArray[np.floating[Any]]
"""x and y in pixels: ``(N, 2)``, ``float32`` unless said otherwise."""

ComplexPoints: TypeAlias = NDArray[np.complexfloating[Any, Any]]
"""Points as complex numbers x + iy: ``(N,)``."""

Floats: TypeAlias = NDArray[np.floating[Any]]
"""Real numbers: maps, blend weights, matrices, colours; ``float32`` unless said otherwise."""

Integers: TypeAlias = NDArray[np.integer[Any]]
"""Whole numbers: indices, labels, places."""

Numbers: TypeAlias = NDArray[Any]
"""Numbers of any type, where a function takes several."""

Shape: TypeAlias = tuple[int, ...]
"""Height and width of a picture, as in ``picture.shape[:2]``."""
