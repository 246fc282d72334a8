"""What can be chosen and shown of a scored face, and what people call it; free of PyTorch."""

import re
from typing import Literal, TypeAlias, get_args

from pipelines.languages.translation import _, ngettext
from pipelines.results import AnyRegion, ColourSpace, Formula, MapKind, NormalizerName, Region

EVERYONE = "all"
"""The group of all faces of a reference scale."""

CLINIC = "clinic"
"""The group of those that were photographed as in a clinic: from the front, lips closed, light from both sides."""

GROUP_NAMES = {EVERYONE: "", CLINIC: _(", photographed as in a clinic")}
"""Group of faces → what is said behind their number; of a group of an age, its name."""

REGIONS: tuple[Region, ...] = get_args(Region)
"""Mouth and nose; upper lip, philtrum and nostril sill; the whole face without the eyes."""

PAINTED: Literal["painted"] = "painted"
"""The region of a score over a mask that a person painted."""

REGION_NAMES: dict[AnyRegion, str] = {
    "mouth-nose": _("mouth and nose"),
    "upper-lip": _("upper lip and nostril sill"),
    "face": _("whole face without the eyes"),
    PAINTED: _("painted region"),
}
"""Region → what people call it."""

KINDS: tuple[MapKind, ...] = get_args(MapKind)
"""Measures of difference: squared error of pixels, structural similarity, deep features."""

COLOURS: tuple[ColourSpace, ...] = get_args(ColourSpace)
"""Colour spaces in which pictures are compared."""

FORMULAS: tuple[Formula, ...] = get_args(Formula)
"""Equation 6 as it is written; the sentence before it."""

DEFAULT: NormalizerName = "inpainting"
"""The normalizer that needs no download and no GPU."""

SEARCHES, MOST_SEARCHES = 3, 10
"""How often that normalizer searches lips and nose unless the caller says another number, and how often at most."""

ADAPTATION_STEPS, MOST_ADAPTATION_STEPS = 20, 500
"""Steps of StyleGAN2's adaptation unless others are asked for, and how many at most. Before the anomaly is back: the
paper sees most details of the face and none of the anomaly after 50 steps of its generator; ours drew a repaired cleft
again after 28, another anomaly after 41. The first ten steps add tone and light."""

MOST_INVERSION_STEPS = 10_000
"""Of StyleGAN2; how many it takes unless the caller says another number depends on the machine."""

LOCAL_PEAK = 99.5
"""Percentile of the local map over a region that is its local severity: one pixel in 200 is higher."""

ASYMMETRY_PEAK = 98.0
"""Percentile of the asymmetry map over a region that is its asymmetry."""

NORMALIZER_NAMES: dict[NormalizerName, str] = {
    "inpainting": _("repainting of what does not fit"),
    "stylegan2": _("StyleGAN2 with adaptation"),
}
"""Normalizer → what people call it."""

MapName: TypeAlias = Literal["local", "asymmetry", "heat"]
MAPS: dict[MapName, str] = {
    "local": _("What does not fit"),
    "asymmetry": _("Left unlike right"),
    "heat": _("Face against normalized face"),
}
"""Map of a result → what people call it, in the order in which they are looked at."""


def conditions_text(conditions: str) -> str:
    """What else was chosen of a normalizer (:attr:`pipelines.results.Basis.conditions`) in this process's language.

    What no normalizer of ours says stays as it is.
    """
    if found := re.fullmatch(r"(\d+) search(?:es)?", conditions):
        count = int(found[1])
        return ngettext("{count} search", "{count} searches", count).format(count=count)
    if found := re.fullmatch(r"(\d+) \+ (\d+) steps, (.*)", conditions):
        steps = _("{first} + {second} steps, {network}")
        return steps.format(first=found[1], second=found[2], network=_(found[3]))
    return conditions
