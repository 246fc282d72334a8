"""What fills a hole: our networks, and the baselines they are measured against."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.networks import MeasuredNetwork
from pipelines.devices import Device
from pipelines.faces.blending.skin import visible_face
from pipelines.faces.landmarks import find_crop_face
from pipelines.mask_removal.covered import covered, skin_beside
from pipelines.mask_removal.painting import Painter
from pipelines.training.data import FaceSet

METHODS = ("ours", "telea", "navier-stokes", "mean-face")
"""Methods of the inpainting benchmark."""

REMOVAL_METHODS = (
    *("ours", "ours-self", "ours-reference", "paper", "paper-self", "paper-reference"),
    *("telea", "navier-stokes", "paste"),
)
"""Methods of the mask-removal benchmark."""

LABELS = {
    "ours": "Philtrum",
    "telea": "OpenCV Telea",
    "navier-stokes": "OpenCV Navier-Stokes",
    "mean-face": "Mean face, colour-shifted",
}
"""Method -> what the inpainting benchmark's table calls it."""

REMOVAL_LABELS = {
    "ours": "Philtrum, no reference",
    "ours-self": "Philtrum, self-made reference",
    "ours-reference": "Philtrum, true reference",
    "telea": LABELS["telea"],
    "navier-stokes": LABELS["navier-stokes"],
    "paste": "Reference pasted over Telea",
    "paper": "The paper's networks, no reference",
    "paper-self": "The paper's networks, self-made reference",
    "paper-reference": "The paper's networks, true reference",
}
"""Method -> what the mask-removal benchmark's table calls it."""

GUIDED = ("ours-self", "ours-reference", "paper-self", "paper-reference", "paste")
"""Methods that look at a reference."""

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

    @classmethod
    def joined(cls, parts: Sequence["Filled"]) -> "Filled":
        """Batches of one method after one another."""
        points = None if parts[0].points is None else np.concatenate([part.points for part in parts])
        return cls(np.concatenate([part.crops for part in parts]), points)


@dataclass(frozen=True)
class Method:
    """A way to fill holes.

    Attributes:
        key: one of :data:`METHODS` or :data:`REMOVAL_METHODS`.
        fill: ``(crops (N, S, S, 3) uint8, masks (N, S, S) bool)`` -> :class:`Filled`. Where the key is in
            :data:`GUIDED`, two more arguments follow: warped references ``(N, S, S, 3)`` uint8 and their confidences
            ``(N, S, S)`` float32 in [0, 1].
        facts: what its pictures depend on beside the photos and holes, as the hash of weights.
    """

    key: str
    fill: Callable[..., Filled] = field(repr=False)
    facts: Mapping[str, str] = field(default_factory=dict)


def network_method(measured: MeasuredNetwork, device: Device, key: str = "ours") -> Method:
    """The cleft-inpainting network at the crop's own size, as the app runs it."""
    network = _ready(measured, device)

    @torch.inference_mode()
    def fill(crops: np.ndarray, masks: np.ndarray) -> Filled:
        face = _each(_shown, crops, masks, device)
        with device.autocast():
            answer = network.predict(_pictures(crops, device), _maps(masks, device), face)
        return Filled(_composite(crops, _pixels(answer.image), masks), answer.landmarks.float().cpu().numpy())

    return Method(key, fill, _facts(measured, device, key))


def removal_method(
    measured: MeasuredNetwork, device: Device, key: str, inpainter: MeasuredNetwork | None = None
) -> Method:
    """Mask removal at the crop's own size, as the app runs it.

    Args:
        measured: the job's network.
        device: where it runs.
        key: of the method; says with or without reference.
        inpainter: the network that makes the draft; None leaves all to the paper's two.
    """
    painter = Painter(_ready(measured, device), inpainter and _ready(inpainter, device))

    @torch.inference_mode()
    def fill(
        crops: np.ndarray,
        masks: np.ndarray,
        references: np.ndarray | None = None,
        confidences: np.ndarray | None = None,
    ) -> Filled:
        image, hole = _pictures(crops, device), _maps(masks, device)
        face = _each(skin_beside, crops, masks, device)
        with device.autocast():
            answer = painter.alone(image, hole, face)
            if references is not None:
                hint = (_pictures(references, device), _maps(confidences, device))
                answer = painter.guided(answer, image, hole, *hint, face)
        return Filled(_composite(crops, _pixels(answer.image), masks))

    drafted = {} if inpainter is None else _facts(inpainter, device, "draft")
    return Method(key, fill, _facts(measured, device, "paper" if inpainter is None else "ours") | drafted)


def paste_method() -> Method:
    """The warped reference where it can be trusted, Telea's inpainting elsewhere; no network."""
    telea = opencv_method("telea")

    def fill(crops: np.ndarray, masks: np.ndarray, references: np.ndarray, confidences: np.ndarray) -> Filled:
        under = telea.fill(crops, masks).crops.astype(np.float32)
        pasted = under + confidences[..., None] * (references - under)
        return Filled(_composite(crops, np.round(pasted).astype(np.uint8), masks))

    return Method("paste", fill)


def opencv_method(key: str) -> Method:
    """OpenCV's inpainting: ``telea`` (Telea 2004) or ``navier-stokes`` (Bertalmio et al. 2001)."""

    def one(crop: np.ndarray, mask: np.ndarray) -> np.ndarray:
        # OpenCV leaves the first row and column as they are and looks at some pixels of the hole beside them: a frame
        # to cut off again, and a hole that does not hold the truth.
        pictures = (covered(crop, mask), mask.astype(np.uint8))
        framed, hole = (cv2.copyMakeBorder(picture, 1, 1, 1, 1, cv2.BORDER_REPLICATE) for picture in pictures)
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


def _each(
    see: Callable[[np.ndarray, np.ndarray], np.ndarray], crops: np.ndarray, masks: np.ndarray, device: Device
) -> Tensor:
    return _maps(np.stack([see(crop, mask) for crop, mask in zip(crops, masks, strict=True)]), device)


def _shown(crop: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What the app shows of a face whose hole is no cloth: it is found in the photo as it is."""
    face = find_crop_face(crop)
    return np.ones_like(mask) if face is None else visible_face(crop, face, mask)


def _ready(measured: MeasuredNetwork, device: Device) -> nn.Module:
    return measured.network.to(device.torch_device, memory_format=device.memory_format).eval()


def _facts(measured: MeasuredNetwork, device: Device, key: str) -> dict[str, str]:
    prefix = "" if key == "ours" else f"{key.replace('-', '_')}_"
    precision = str(device.dtype).removeprefix("torch.")
    return {f"{prefix}weights": measured.name, f"{prefix}weights_sha256": measured.sha256, "precision": precision}


def _pictures(crops: np.ndarray, device: Device) -> Tensor:
    return to_tensor(crops).to(device.torch_device, memory_format=device.memory_format)


def _maps(maps: np.ndarray, device: Device) -> Tensor:
    return torch.from_numpy(maps)[:, None].to(device.torch_device, torch.float32)


def _pixels(images: Tensor) -> np.ndarray:
    drawn = images.float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return drawn.permute(0, 2, 3, 1).cpu().numpy()


def _composite(crops: np.ndarray, drawn: np.ndarray, masks: np.ndarray) -> np.ndarray:
    return np.where(masks[..., None], drawn, crops)
