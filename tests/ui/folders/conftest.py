"""A folder view before a job that costs nothing."""

from pathlib import Path

import pytest

from tests.ui.folders.stub import View


@pytest.fixture
def view(tmp_path: Path) -> View:
    return View(tmp_path / "sessions")


@pytest.fixture
def toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    for kind in ("Warning", "Info"):
        monkeypatch.setattr(f"gradio.{kind}", lambda text, **options: said.append(text))
    return said
