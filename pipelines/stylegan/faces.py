"""Which StyleGAN2 networks the jobs can use: those whose faces are in colour, and that draw without a label.

Photos and what is compared with them are RGB. A network that draws in grey is refused rather than spread over three
channels: a grey normalized face would differ from every photo in colour everywhere.
"""

from collections.abc import Mapping
from typing import Any

from pipelines.errors import OptionInvalid

_CHANNELS = 3  # also where an architecture does not say


def check_generator(architecture: Mapping[str, Any]) -> None:
    """Refuses a generator that no job can use.

    Args:
        architecture: keyword arguments of :class:`~pipelines.stylegan.stylegan2.Generator`.

    Raises:
        OptionInvalid: it does not draw in three channels, or draws by label.
    """
    if architecture.get("image_channels", _CHANNELS) != _CHANNELS:
        raise OptionInvalid("This generator does not draw in colour; choose one of pictures in three channels, RGB.")
    if architecture.get("c_dim"):
        raise OptionInvalid("This generator draws faces by label; choose one without labels.")


def check_discriminator(architecture: Mapping[str, Any]) -> None:
    """Refuses a discriminator whose features no picture of ours has. A label changes none of them.

    Args:
        architecture: keyword arguments of :class:`~pipelines.stylegan.stylegan2.Discriminator`.

    Raises:
        OptionInvalid: it does not look at three channels.
    """
    if architecture.get("image_channels", _CHANNELS) != _CHANNELS:
        raise OptionInvalid(
            "This discriminator does not look at colour; choose one of pictures in three channels, RGB."
        )
