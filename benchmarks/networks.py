"""Networks to measure: registered weights, or a checkpoint that a training run has just written."""

import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import nn

from pipelines.cleft_inpainting.network import INCLG
from pipelines.errors import WeightsCorrupt, WeightsMissing
from pipelines.files import sha256_of
from pipelines.mask_removal.network import MaskRemovalNetwork
from pipelines.models import loading

CLASSES = {"cleft-inpainting": INCLG, "mask-removal": MaskRemovalNetwork}
"""Job -> its network; without arguments of the paper's width."""


@dataclass(frozen=True)
class MeasuredNetwork:
    """A network and what it is called in a table; ``sha256`` is its file's, 64 hex digits."""

    name: str
    network: nn.Module
    sha256: str


def load_network(
    weights: str | None = None, checkpoint: str | Path | None = None, *, job: str = "cleft-inpainting"
) -> MeasuredNetwork:
    """A job's network of ``checkpoint`` where one is given, else of the registered ``weights`` (None: the default).

    A checkpoint is a safetensors file whose header carries the network's arguments as JSON under ``architecture``.

    Raises:
        WeightsMissing: the file is not there.
        WeightsCorrupt: it cannot be read as weights of the job's network.
        WeightsUnknown: the manifest has no weights of that name, or they belong to another job.
    """
    if checkpoint is None:
        loaded = loading.load(weights, job=job)
        return MeasuredNetwork(loaded.name, loaded.network, loaded.sha256)
    path = Path(checkpoint)
    if not path.is_file():
        raise WeightsMissing("The checkpoint file does not exist; give the safetensors file that the recipe wrote.")
    try:
        with safe_open(path, "pt") as stored:
            arguments = json.loads(stored.metadata()["architecture"])
            state = {key: stored.get_tensor(key).float() for key in stored.keys()}  # noqa: SIM118 (not a mapping)
        network = CLASSES[job](**arguments)
        network.load_state_dict(state)
    except (SafetensorError, TypeError, KeyError, ValueError, RuntimeError) as error:
        raise WeightsCorrupt(
            f"The checkpoint cannot be read as weights of the {job} network; give a safetensors file that the recipe "
            "wrote."
        ) from error
    return MeasuredNetwork(path.stem, network.eval(), sha256_of(path))
