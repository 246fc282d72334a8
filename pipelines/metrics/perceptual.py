"""LPIPS: distance between deep features, weighted to agree with people's judgement of likeness."""

import warnings
from copy import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from pipelines.errors import WeightsCorrupt
from pipelines.languages.translation import _
from pipelines.metrics.backbones import Backbone, read_backbone


class LPIPS(nn.Module):
    """LPIPS 0.1 with an AlexNet (``alex``), SqueezeNet 1.1 (``squeeze``) or VGG16 (``vgg``) backbone.

    The linear weights come with the ``lpips`` package, the backbone from a file (see ``backbones``). Source: Zhang et
    al. 2018, "The unreasonable effectiveness of deep features as a perceptual metric".

    Args:
        network: which backbone.
        folder: folder of backbone files; None looks in the usual places.

    Raises:
        OptionInvalid: there is no such backbone.
        WeightsMissing: the backbone's file is not on this machine.
        WeightsCorrupt: it does not hold this backbone's weights.
    """

    def __init__(self, network: Backbone = "alex", folder: str | Path | None = None) -> None:
        super().__init__()
        state = read_backbone(network, folder)
        import lpips  # here, because training machines may lack it

        # The package first draws a random backbone; the caller's random numbers must not depend on that.
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it calls torchvision by an older signature
            self.metric = lpips.LPIPS(net=network, pnet_rand=True, verbose=False)
        # Its slices regroup the layers and keep their numbers: slice2.3.weight is torchvision's features.3.weight.
        wanted = {key: "features." + key.split(".", 1)[1] for key in self.metric.net.state_dict()}
        try:
            self.metric.net.load_state_dict({key: state[source] for key, source in wanted.items()})
        except (KeyError, RuntimeError) as error:
            raise WeightsCorrupt(
                _("The file of the loss network {network} holds another network; fetch or copy it again.").format(
                    network=network
                )
            ) from error
        self.requires_grad_(False)
        self.eval()

    def forward(self, image: Tensor, target: Tensor) -> Tensor:
        """LPIPS of each picture of a batch.

        Args:
            image: ``float`` ``(N, 3, H, W)`` in [-1, 1].
            target: the true pictures, the same shape and range.

        Returns:
            ``(N,)``, 0 for equal pictures, lower is better.
        """
        return self.metric(image, target).flatten(1).squeeze(1)

    def map(self, image: Tensor, target: Tensor) -> Tensor:
        """LPIPS at each pixel: the layers' weighted differences, enlarged bilinearly to the picture and summed.

        Args:
            image: ``float`` ``(N, 3, H, W)`` in [-1, 1].
            target: the true pictures, the same shape and range.

        Returns:
            ``(N, H, W)``, at least 0, lower is better. Its mean is LPIPS, but for what enlarging a layer moves.
        """
        spatial = copy(self.metric)  # shares the weights; the package's switch on the shared object is no place to race
        spatial.spatial = True
        return spatial(image, target).squeeze(1)
