"""What a case says of a person is in the files that were asked for, and in nothing that the command line tells or logs.

``case show`` alone prints it, which is what it is for.
"""

import logging

import pytest

from tests.pipelines.commands.written import names

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("weights")]

NAME, DATE, NOTES = "Canary Zebedee", "1987-06-05", "quokka was repaired"
WORDS = ("Canary", "Zebedee", DATE, "quokka")


@pytest.fixture
def told(run, caplog):
    """``told(*words) -> exit status``; what it said and logged holds nothing of the case."""
    caplog.set_level(logging.DEBUG)

    def told(*words) -> int:
        status, said, trouble = run(*words)
        assert said or trouble, "something was captured"
        for word in WORDS:
            assert word not in said + trouble + caplog.text, (words, word)
        return status

    return told


def test_a_case_is_in_nothing_that_is_told(told, photos, tmp_path, face_png):
    for time in ("before", "after"):
        (photos / f"Zebedee_{time}.png").write_bytes(face_png)
    (photos / "Zebedee_broken.png").write_bytes(b"no picture")
    case = ("--case", NAME, "--case-date", DATE, "--case-notes", NOTES)
    file = tmp_path / "Zebedee.philtrum"
    assert told("cleft-inpainting", photos, *case, "--out", tmp_path / "a", "--save-case", file) == 1
    assert (
        told("anomaly-scoring", photos, "--searches", 1, "--case", file, "--save-case", file, "--out", tmp_path / "b")
        == 1
    )
    assert any(name.startswith("Canary_Zebedee-") for name in names(tmp_path / "b")), (
        "files bear it, which were asked for"
    )
    assert told("case", "extract", file, "--out", tmp_path / "c") == 0
    assert told("case", "report", file, "--output", tmp_path / "Zebedee.pdf") == 0


def test_a_case_is_in_no_error(told, photos, tmp_path):
    out = tmp_path / "Zebedee"
    assert told("cleft-inpainting", photos, "--case", NAME, "--case-date", "quokka", "--out", out) == 2
    assert told("cleft-inpainting", photos, "--case", f"{NAME} " * 9, "--out", out) == 2
    assert told("cleft-inpainting", photos, "--case", "Zebedee.philtrum", "--out", out) == 2
    assert told("case", "report", tmp_path / "Zebedee.philtrum", "--output", out) == 2
    (tmp_path / "Zebedee.philtrum").write_bytes(NAME.encode())
    assert told("case", "report", tmp_path / "Zebedee.philtrum", "--output", out) == 2
