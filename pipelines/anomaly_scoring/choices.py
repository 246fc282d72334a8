"""What can be chosen and shown of a scored face, and what people call it; free of PyTorch."""

from typing import Literal, TypeAlias

from pipelines.results import AnyRegion, NormalizerName

EVERYONE = "all"
"""The group of all faces of a reference scale."""

CLINIC = "clinic"
"""The group of those that were photographed as in a clinic: from the front, lips closed, light from both sides."""

GROUP_NAMES = {EVERYONE: "", CLINIC: ", photographed as in a clinic"}
"""Group of faces → what is said behind their number; of a group of an age, its name."""

REGION_NAMES: dict[AnyRegion, str] = {
    "mouth-nose": "mouth and nose",
    "upper-lip": "upper lip and nostril sill",
    "face": "whole face without the eyes",
    "painted": "painted region",
}
"""Region → what people call it."""

NORMALIZER_NAMES: dict[NormalizerName, str] = {
    "inpainting": "repainting of what does not fit",
    "stylegan2": "StyleGAN2 with adaptation",
}
"""Normalizer → what people call it."""

MapName: TypeAlias = Literal["local", "asymmetry", "heat"]
MAPS: dict[MapName, str] = {
    "local": "What does not fit",
    "asymmetry": "Left unlike right",
    "heat": "Face against normalized face",
}
"""Map of a result → what people call it, in the order in which they are looked at."""
