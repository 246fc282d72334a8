"""What fills a hole: our network, and the three baselines it is measured against."""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch import Tensor

from benchmarks.networks import MeasuredNetwork
from pipelines.cleft_inpainting.network import predict
from pipelines.devices import Device
from pipelines.training.data import FaceSet

BASELINES = ("telea", "navier-stokes", "mean-face")
METHODS = ("ours", *BASELINES)

LABELS = {
    "ours": "Philtrum",
    "telea": "OpenCV Telea",
    "navier-stokes": "OpenCV Navier-Stokes",
    "mean-face": "Mean face, colour-shifted",
}

_RADIUS = 3  # px; OpenCV's own example
_FLAGS = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}


@dataclass(frozen=True)
class Filled:
    """A batch of repainted crops.

    Attributes:
        crops: ``uint8`` ``(N, S, S, 3)``, known pixels untouched.
        points: ``float32`` ``(N, 68, 2)``, landmarks that the method itself predicts, as a fraction of the side; None
            where it predicts none.
    """

    crops: np.ndarray
    points: np.ndarray | None = None


@dataclass(frozen=True)
class Method:
    """A way to fill holes.

    Attributes:
        key: one of :data:`METHODS`.
        fill: ``(crops (N, S, S, 3) uint8, masks (N, S, S) bool)`` -> :class:`Filled`.
        facts: what its pictures depend on beside the photos and holes, as the hash of weights.
    """

    key: str
    fill: Callable[[np.ndarray, np.ndarray], Filled] = field(repr=False)
    facts: Mapping[str, str] = field(default_factory=dict)


def network_method(measured: MeasuredNetwork, device: Device) -> Method:
    """Our network at the crop's own size, as the app runs it."""
    network = measured.network.to(device.torch_device, memory_format=device.memory_format).eval()

    @torch.inference_mode()
    def fill(crops: np.ndarray, masks: np.ndarray) -> Filled:
        image = to_tensor(crops).to(device.torch_device, memory_format=device.memory_format)
        hole = torch.from_numpy(masks)[:, None].to(device.torch_device, torch.float32)
        with device.autocast():
            answer = predict(network, image, hole)
        drawn = answer.image.float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
        drawn = drawn.permute(0, 2, 3, 1).cpu().numpy()
        return Filled(_composite(crops, drawn, masks), answer.landmarks.float().cpu().numpy())

    precision = str(device.dtype).removeprefix("torch.")
    return Method("ours", fill, {"weights": measured.name, "weights_sha256": measured.sha256, "precision": precision})


def opencv_method(key: str) -> Method:
    """OpenCV's inpainting: ``telea`` (Telea 2004) or ``navier-stokes`` (Bertalmio et al. 2001)."""

    def one(crop: np.ndarray, mask: np.ndarray) -> np.ndarray:
        # OpenCV leaves the first row and column as they are and looks at some pixels of the hole beside them: a frame
        # to cut off again, and a hole that does not hold the truth.
        blank = np.where(mask[..., None], crop[~mask].mean(0).astype(np.uint8), crop)
        framed, hole = (cv2.copyMakeBorder(a, 1, 1, 1, 1, cv2.BORDER_REPLICATE) for a in (blank, mask.astype(np.uint8)))
        return cv2.inpaint(framed, hole, _RADIUS, _FLAGS[key])[1:-1, 1:-1]

    def fill(crops: np.ndarray, masks: np.ndarray) -> Filled:
        with ThreadPoolExecutor() as pool:  # OpenCV lets go of the interpreter
            return Filled(np.stack(list(pool.map(one, crops, masks))))

    return Method(key, fill)


def mean_face_method(faces: FaceSet) -> Method:
    """The mean of ``faces``, its colour shifted so that its known pixels have the photo's mean."""
    mean = np.zeros((*faces.images.shape[2:], 3), np.float64)
    for face in faces.images:
        mean += face.permute(1, 2, 0).numpy()
    mean /= len(faces)

    def one(crop: np.ndarray, mask: np.ndarray) -> np.ndarray:
        shift = (crop[~mask] - mean[~mask]).mean(0) if not mask.all() else 0.0
        return np.clip(np.round(mean + shift), 0, 255).astype(np.uint8)

    def fill(crops: np.ndarray, masks: np.ndarray) -> Filled:
        drawn = np.stack([one(crop, mask) for crop, mask in zip(crops, masks, strict=True)])
        return Filled(_composite(crops, drawn, masks))

    return Method("mean-face", fill, {"mean_face_sha256": hashlib.sha256(mean.tobytes()).hexdigest()})


def to_tensor(crops: np.ndarray) -> Tensor:
    """``uint8`` ``(N, S, S, 3)`` -> ``float32`` ``(N, 3, S, S)`` in [-1, 1]."""
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def _composite(crops: np.ndarray, drawn: np.ndarray, masks: np.ndarray) -> np.ndarray:
    return np.where(masks[..., None], drawn, crops)
