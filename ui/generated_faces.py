"""Example pictures that this project's own face generator drew: they show nobody.

``assets/faces/N.png`` is the face of the latent that PyTorch's generator draws from the seed N, truncated, with the
generator's constant noise, enlarged four times by Lanczos' filter.
"""

from functools import lru_cache

import numpy as np

from pipelines.faces.images import read_image
from ui.theme import ASSETS

SEEDS = (62, 16)
"""The seeds of the faces that were chosen."""

TRUNCATION = 0.6
"""How near the mean face they were drawn (Karras et al. 2019, "A style-based generator", section 3, appendix B)."""


@lru_cache(maxsize=len(SEEDS))
def photo(seed: int) -> np.ndarray:
    """The face of a seed, RGB ``uint8`` ``(256, 256, 3)``."""
    return read_image(ASSETS / "faces" / f"{seed}.png")
