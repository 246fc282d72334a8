"""Where the weights folder is, and what is said where it may not be written to."""

import errno
import subprocess
import sys

import pytest

from pipelines.errors import PhiltrumError, WeightsReadOnly
from pipelines.models import places
from tests.sources import ROOT


def test_the_folder_is_philtrums_own_or_the_one_that_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("PHILTRUM_WEIGHTS", raising=False)
    assert places.folder() == places.SHIPPED == ROOT / "weights"
    monkeypatch.setenv("PHILTRUM_WEIGHTS", "")
    assert places.folder() == places.SHIPPED
    monkeypatch.setenv("PHILTRUM_WEIGHTS", str(tmp_path))
    assert places.folder() == tmp_path


def test_it_is_found_without_pytorch():
    code = "import sys; sys.modules['torch'] = None; from pipelines.models import places; print(places.folder().name)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (run.stdout, run.stderr) == ("weights\n", "")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_folder_of_somebody_else_is_one_sentence(number):
    sentence = r"cannot be written to; copy it .* variable PHILTRUM_WEIGHTS\.$"
    with pytest.raises(WeightsReadOnly, match=sentence), places.writing():
        raise OSError(number, "no")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), PhiltrumError("another"), ValueError("bug")])
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(type(error)) as caught, places.writing():
        raise error
    assert caught.value is error
