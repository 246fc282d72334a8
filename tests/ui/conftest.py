"""The app in its own process, for programs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.ui.apps import Served, launched, weights_of_both


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "served" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")  # the first of them starts the app


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with both jobs."""
    return weights_of_both(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="session")
def served(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """``python app.py`` under watch."""
    folder = tmp_path_factory.mktemp("served")
    cache, log, sockets = folder / "cache", folder / "log", folder / "sockets"
    environment = {
        "GRADIO_TEMP_DIR": str(cache),
        "WATCHED_SOCKETS": str(sockets),
        "PHILTRUM_WEIGHTS": str(weights),
    }
    with launched("tests/ui/watched_app.py", log, environment) as address:
        app = Served(address, cache, log, sockets)
        yield app
    assert app.files() == [], "ending by a signal leaves nothing in the cache"


@pytest.fixture
def masked() -> np.ndarray:
    """The astronaut in a blue mask."""
    from ui.examples.masked_faces import masked

    return masked("blue")
