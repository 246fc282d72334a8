"""Adaptation of the generator: its copy learns the face's own details, the latent stays as it is.

Source: Hayajneh et al. 2022, section 1.2.2 and algorithm 2 (which writes dL/dz and updates the weights): LPIPS + L2.
The paper gives no learning rate; 3e-4 is that of its nearest published relative, pivotal tuning (Roich et al. 2021).
"""

from collections.abc import Collection
from copy import deepcopy
from math import ceil

import torch
from torch import Tensor

from pipelines.arrays import Pixels
from pipelines.devices import Device
from pipelines.stylegan.likeness import Distance
from pipelines.stylegan.projection import Announce, Projection, gradient_scaler
from pipelines.stylegan.stylegan2 import SynthesisNetwork
from pipelines.tensors import to_pixels

_FRAMES = 50
_RATE = 3e-4


def kept_steps(last: int, shown: int) -> list[int]:
    """Steps after which the picture is kept: every n-th up to ``last``, with the least n that keeps 50 or fewer after
    the first; and the last, and ``shown``, whose picture is the normalized face."""
    every = max(1, ceil(last / _FRAMES))
    return sorted({*range(0, last + 1, every), last, shown})


def adapt(
    synthesis: SynthesisNetwork,
    projection: Projection,
    target: Tensor,
    distance: Distance,
    device: Device,
    *,
    keep: Collection[int],
    announce: Announce | None = None,
) -> tuple[tuple[int, Pixels], ...]:
    """Adapts a copy of the network to the target and keeps pictures on the way.

    L2 is the mean squared difference of pixels in [-1, 1].

    Args:
        synthesis: the network that the projection is of; it is not changed, and neither is the projection.
        projection: the latent and the noise maps, both frozen.
        target: ``(1, 3, R, R)`` in [-1, 1].
        distance: from the target.
        device: where it runs.
        keep: after how many steps a picture is kept; the greatest is how many are taken. 0 is before the first.
        announce: called before each step with the number of steps done.

    Returns:
        The steps of ``keep`` in order, each with the picture after it, ``uint8`` ``(R, R, 3)``.
    """
    network = deepcopy(synthesis).requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters(), lr=_RATE)
    scaler = gradient_scaler(network, device)
    frames: list[tuple[int, Pixels]] = []
    last = max(keep)
    for step in range(last):
        if announce:
            announce(step)
        optimizer.zero_grad()
        with torch.enable_grad():
            with device.autocast():
                image = projection.draw(network)
                unlike = distance(image)
            loss = unlike + (image.float() - target).square().mean()
            scaler.scale(loss).backward()
        if step in keep:
            frames.append((step, to_pixels(image.detach())))
        scaler.step(optimizer)
        scaler.update()
    with torch.no_grad(), device.autocast():
        frames.append((last, to_pixels(projection.draw(network))))
    return tuple(frames)
