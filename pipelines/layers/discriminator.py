"""Patch discriminator with spectral norm: says of every patch whether it is a photo's."""

from torch import Tensor, nn

from pipelines.layers.blocks.spectral import spectral_norm


class PatchDiscriminator(nn.Module):
    """Five 4 x 4 convolutions, spectrally normalized, leaky ReLU between them.

    Source: Isola et al. 2017, section 3.2.2 (patches); Miyato et al. 2018 (spectral norm); the depth is INCLG's.

    Args:
        inputs: channels of the picture.
        width: channels of the first layer; the paper's is 64.
    """

    def __init__(self, inputs: int = 3, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = inputs
        for outputs, stride in ((width, 2), (2 * width, 2), (4 * width, 2), (8 * width, 1)):
            conv = nn.Conv2d(channels, outputs, 4, stride, padding=1, bias=False)
            layers += [spectral_norm(conv), nn.LeakyReLU(0.2, inplace=True)]
            channels = outputs
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(channels, 1, 4, 1, padding=1, bias=False)))

    def forward(self, image: Tensor) -> Tensor:
        """``(N, inputs, H, W)`` → one raw score a patch, ``(N, 1, H / 8 - 2, W / 8 - 2)``."""
        return self.layers(image)


class MarkovianDiscriminator(nn.Module):
    """Six 5 x 5 convolutions of stride 2, spectrally normalized, leaky ReLU between them.

    Source: Lumetti et al., section 4.3.3; Yu et al. 2019 (SN-PatchGAN), section 3.3.

    Args:
        inputs: channels of the picture and its mask.
        width: channels of the first layer; the paper's is 64. They grow to four times that.
    """

    def __init__(self, inputs: int = 4, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = inputs
        for outputs in (width, 2 * width, 4 * width, 4 * width, 4 * width, 4 * width):
            layers += [spectral_norm(nn.Conv2d(channels, outputs, 5, 2, padding=2)), nn.LeakyReLU(0.2, inplace=True)]
            channels = outputs
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, image: Tensor) -> Tensor:
        """``(N, inputs, H, W)`` → raw scores, ``(N, 4 * width, H / 64, W / 64)``."""
        return self.layers(image)
