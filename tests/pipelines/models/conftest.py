"""What tests of the store share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import jobs
from pipelines.models import loading


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty weights folder, and a job with one tiny network."""
    network = jobs.Network(key="tiny", built_by="tests.pipelines.models.tiny:Tiny", weights="cleft-inpainting")
    monkeypatch.setitem(jobs.JOBS, "tiny", jobs.Job(name="tiny", package="tests", networks=(network,)))
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(folder))
    loading.clear()
    yield folder
    loading.clear()
