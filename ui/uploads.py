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
    try:
        sources = [None if file is None else _uploaded(file) for file in files]
        return [None if source is None else source.read_bytes() for source in sources]
    finally:
        forget(*files)


def move(file: str, target: Path) -> None:
    """Moves an uploaded file to ``target``, where another file may lie, without reading it.

    Raises:
        OptionInvalid: it is not there, or was not uploaded.
    """
    _uploaded(file).replace(target)


def forget(*files: str | None) -> None:
    """Removes uploaded files."""
    for file in files:
        if file is not None and (source := Path(file).resolve()).is_relative_to(CACHE):
            source.unlink(missing_ok=True)


def _uploaded(file: str) -> Path:
    source = Path(file).resolve()
    if not (source.is_relative_to(CACHE) and source.is_file()):
        raise OptionInvalid("The upload is no longer there; choose the file again.")
    return source
