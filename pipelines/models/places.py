"""Where weights lie. Free of PyTorch: the page asks before that is imported."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import WeightsReadOnly
from pipelines.files import shipped
from pipelines.languages.translation import _

VARIABLE = "PHILTRUM_WEIGHTS"
"""Environment variable that names another weights folder."""

SHIPPED = shipped(Path(__file__).parents[1], "weights")
"""The weights folder that comes with Philtrum."""


def folder() -> Path:
    """The weights folder in use: the one that :data:`VARIABLE` names, else :data:`SHIPPED`."""
    return Path(os.environ.get(VARIABLE) or SHIPPED)


@contextmanager
def writing() -> Iterator[None]:
    """Around what a person does to the weights folder: says what to do where it belongs to somebody else.

    Raises:
        WeightsReadOnly: nothing can be written there, as where Philtrum was installed for all users of a machine.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise WeightsReadOnly(
            _(
                "The weights folder cannot be written to; copy it to a folder of your own, and name that "
                "in the environment variable {variable}."
            ).format(variable=VARIABLE)
        ) from error
