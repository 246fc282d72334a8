"""What can be chosen of a scored face, as people read it."""

import pytest

from pipelines.anomaly_scoring.choices import conditions_text
from pipelines.languages import translation
from pipelines.stylegan.likeness import pyramid_likeness

INVERSION = f"400 + 20 steps, {pyramid_likeness().name}"


@pytest.mark.parametrize(
    "said", ["", "1 search", "3 searches", INVERSION, "400 + 20 steps, LPIPS, AlexNet 0123", "else"]
)
def test_conditions_stand_as_they_were_stated(said):
    assert conditions_text(said) == said


def test_conditions_in_another_language():
    translation.choose(["--language", "de"])
    assert conditions_text("1 search") == "1 Suchlauf"
    assert conditions_text("3 searches") == "3 Suchläufe"
    assert conditions_text(INVERSION) == "400 + 20 Schritte, ohne Netz: quadratischer Fehler, Laplace-Pyramide"
    assert conditions_text("400 + 20 steps, LPIPS, AlexNet 0123") == "400 + 20 Schritte, LPIPS, AlexNet 0123"
