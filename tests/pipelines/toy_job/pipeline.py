"""From a photo to a brighter one."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from pipelines import devices
from pipelines.cases.case import Case
from pipelines.models import loading
from pipelines.results import WeightsUsed, pixels_sha256


@dataclass(frozen=True, kw_only=True)
class BrightenedResult:
    """A brighter photo; see :class:`pipelines.results.PhotoResult`."""

    photo: np.ndarray
    image: np.ndarray
    weights: tuple[WeightsUsed, ...]
    device: str
    seed: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    face: int = 0
    faces: int = 1
    case: Case | None = None

    @property
    def photo_sha256(self) -> str:
        return pixels_sha256(self.photo)


class Brightening:
    """Makes photos brighter."""

    def __init__(self, weights: str | None = None, device: str = "auto", precision: str = "auto") -> None:
        self.weights, self.device = weights, devices.choose(device, precision)

    @torch.inference_mode()
    def __call__(
        self, photo: np.ndarray, *, seed: int = 0, progress: Callable[[float, str], None] | None = None
    ) -> BrightenedResult:
        tell = progress or (lambda fraction, text: None)
        tell(0.0, "loading")
        model = loading.load(self.weights, self.device.torch_device, job="brightening")
        light = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255
        image = (model.network(light)[0] * 255).round().byte().permute(1, 2, 0).numpy()
        tell(1.0, "done")
        return BrightenedResult(
            photo=photo,
            image=image,
            weights=(WeightsUsed(model.name, model.sha256[:12]),),
            device=self.device.label,
            seed=seed,
        )
