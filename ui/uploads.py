"""What people upload: read once, and forgotten."""

from pathlib import Path

from pipelines.errors import OptionInvalid
from ui import CACHE


def take(*files: str | None) -> list[bytes | None]:
    """Contents of uploaded files; every one of them is removed, whatever becomes of it: it was needed once.

    Args:
        files: where gradio put them; None for a file that was not given.

    Raises:
        OptionInvalid: one is not there, or was not uploaded.
    """
    sources = [None if file is None else Path(file).resolve() for file in files]
    uploaded = [source for source in sources if source is not None and source.is_relative_to(CACHE)]
    try:
        if any(source not in uploaded or not source.is_file() for source in sources if source is not None):
            raise OptionInvalid("The upload is no longer there; choose the file again.")
        return [None if source is None else source.read_bytes() for source in sources]
    finally:
        for source in uploaded:
            source.unlink(missing_ok=True)
