"""What can be chosen of a cleft inpainting; free of PyTorch."""

from pipelines.results import Extent

EXTENT: Extent = "lips-to-nose"
"""The region that is suggested unless another is asked for, one of :data:`pipelines.faces.masks.EXTENTS`."""
