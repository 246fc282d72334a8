"""``--case`` and ``--save-case``: whose photos they are, and one file of all that was made."""

import numpy as np
import pytest

from pipelines import Case, open_case, read_image

WORDS = ("--case", "P07", "--case-date", "2026-11-27")


@pytest.mark.slow
def test_results_are_saved_in_a_case_and_added_to_it(run, photos, tmp_path):
    file, photo = tmp_path / "new" / "a.philtrum", photos / "anna.png"
    assert (
        run("cleft-inpainting", photo, "--out", tmp_path / "out", *WORDS, "--feather", "5", "--save-case", file)[0] == 0
    )
    (entry,) = open_case(file).entries
    assert open_case(file).case == Case("P07", date="2026-11-27")
    assert np.array_equal(entry.photos["photo"].pixels, read_image(photo)) and entry.photos["photo"].mask.any()
    assert np.array_equal(entry.results[0].image, read_image(tmp_path / "out" / "P07-anna.png"))
    assert entry.settings == {"extent": "lips-to-nose", "feather": 5, "seed": 0}
    assert (entry.results[0].grow, entry.results[0].feather) == (0, 5)
    more = ("--case", file, "--case-side", "right", "--save-case", file, "--seed", "3")
    assert run("cleft-inpainting", photo, "--out", tmp_path / "out", *more)[0] == 0
    opened = open_case(file)
    assert opened.case == Case("P07", date="2026-11-27", side="right")
    assert [one.settings["seed"] for one in opened.entries] == [0, 3]
    assert {one.case for one in opened.results} == {opened.case}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--case", "a" * 81), "more than 80 characters"),
        (("--case-date", "27.11.2026"), "written as in 2026-11-27"),
        (("--case", "nothing.philtrum"), "check its path"),
        (("--save-case", "a.zip"), "ends in .philtrum"),
    ],
)
def test_what_is_no_case_is_said_before_anything_is_written(run, photos, tmp_path, words, sentence):
    status, _, trouble = run("cleft-inpainting", photos / "anna.png", "--out", tmp_path / "out", *words)
    assert status == 2 and sentence in trouble and not (tmp_path / "out").exists()


def test_no_file_that_is_there_is_overwritten_by_a_case(run, photos, tmp_path):
    file = tmp_path / "a.philtrum"
    file.write_bytes(b"mine")
    words = ("cleft-inpainting", photos / "anna.png", "--out", tmp_path / "out", "--save-case", file)
    status, _, trouble = run(*words)
    assert status == 2 and "give --save-case another name" in trouble
    assert run(*words, "--case", file)[0] == 2
    assert file.read_bytes() == b"mine" and not (tmp_path / "out").exists()
