"""What can be chosen and shown of a scored face, and what people call it; free of PyTorch."""

EVERYONE = "all"
"""The group of all faces of a reference scale."""

CLINIC = "clinic"
"""The group of those that were photographed as in a clinic: from the front, lips closed, light from both sides."""

GROUP_NAMES = {EVERYONE: "", CLINIC: ", photographed as in a clinic"}
"""Group of faces → what is said behind their number; of a group of an age, its name."""

REGIONS = ("mouth-nose", "upper-lip", "face")
"""Mouth and nose; upper lip, philtrum and nostril sill; the whole face without the eyes."""

REGION_NAMES = {
    "mouth-nose": "mouth and nose",
    "upper-lip": "upper lip and nostril sill",
    "face": "whole face without the eyes",
    "painted": "painted region",
}
"""Region → what people call it."""

KINDS = ("pse", "ssim", "lpips")
"""Measures of difference: squared error of pixels, structural similarity, deep features."""

COLOURS = ("ycbcr", "rgb")
"""Colour spaces in which pictures are compared."""

FORMULAS = ("equation", "text")
"""Equation 6 as it is written; the sentence before it."""

DEFAULT = "inpainting"
"""The normalizer that needs no download and no GPU."""

SEARCHES, MOST_SEARCHES = 3, 10
"""How often that normalizer searches lips and nose unless the caller says another number, and how often at most."""

NORMALIZER_NAMES = {"inpainting": "repainting of what does not fit", "stylegan2": "StyleGAN2 with adaptation"}
"""Normalizer → what people call it."""

MAPS = {"local": "What does not fit", "asymmetry": "Left unlike right", "heat": "Face against normalized face"}
"""Map of a result → what people call it, in the order in which they are looked at."""
