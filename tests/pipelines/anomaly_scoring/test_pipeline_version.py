"""The figures of one photo, held against the version of the code that makes them.

Whoever changes what a photo's figures are raises ``VERSION``, writes the new ones here, and measures the scales anew:
otherwise kept scores and percentiles of before would stand beside scores of after.
"""

import pytest
import skimage.data

from pipelines.anomaly_scoring.pipeline import VERSION, AnomalyScoring

pytestmark = pytest.mark.slow

KNOWN = {2: {"weights": "86354b87a0e1", "local": 26.813, "asymmetry": 15.905, "severity": -2.7239}}
"""Version → the figures of the astronaut, mouth and nose, in float32 on a processor."""


def test_figures_move_only_with_the_version():
    result = AnomalyScoring(device="cpu", precision="float32")(skimage.data.astronaut())
    known = KNOWN[VERSION]
    assert result.basis.weights == known["weights"], "new weights: write the new figures here, and measure the scales"
    found = {"local": result.local.value, "asymmetry": result.asymmetry.value, "severity": result.score.severity}
    assert found == pytest.approx({name: known[name] for name in found}, rel=0.01)
