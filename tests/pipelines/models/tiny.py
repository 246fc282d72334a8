"""A network small enough to write in a millisecond, and weights of it."""

from typing import Any

import torch

from pipelines.models import manifest, registering, store
from pipelines.models.manifest import Entry


class Tiny(torch.nn.Module):
    """The network."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(3, width, 3)
        self.norm = torch.nn.BatchNorm2d(width)  # its counter is an integer: it must stay one in float16 files
        self.register_buffer("scratch", torch.arange(3.0), persistent=False)


def saved(name: str = "first", width: int = 4, **metadata: Any) -> tuple[Entry, dict[str, torch.Tensor]]:
    """Writes weights; gives their entry and what they are."""
    metadata = {"job": "cleft-inpainting", "licence": "research only", "default": True, **metadata}
    state = Tiny(width).state_dict()
    return registering.save(name, state, network="tiny", architecture={"width": width}, **metadata), state


def edit(name: str, **keys: Any) -> None:
    """Changes keys of an entry by hand, as in a text editor."""
    tables = manifest.read_tables(store.manifest_path())
    tables[name] |= keys
    manifest.write_tables(store.manifest_path(), tables)
