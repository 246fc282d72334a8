"""What a folder view gives in the end: a row a photo, every photo's files, all of the case."""

import csv
import json
import zipfile
from io import StringIO
from pathlib import Path

import numpy as np

from pipelines.cases.case import Case
from pipelines.cleft_inpainting.exports import TABLE, row
from pipelines.faces.images import read_image
from tests.pipelines.exports.made_results import make_result
from tests.ui.folders.stub import FACELESS, PAGE, View


def rows(table: Path) -> dict[str, dict[str, str]]:
    text = table.read_bytes().decode("utf-8-sig")
    return {line["photo"]: line for line in csv.DictReader(StringIO(text, newline=""))}


def test_zip_and_table_hold_every_photo_and_what_was_not_done(view: View):
    view.drop("a.jpg", "a.png", "b.jpg")
    view.drop("none.jpg", level=FACELESS)
    view.drop("lost.png", what="mask")
    view.run()
    view.drop("late.jpg", level=130)
    zipped, table = view.files()
    assert (zipped.name, table.name) == ("everything.zip", "summary.csv")
    with zipfile.ZipFile(zipped) as archive:
        assert archive.read("summary.csv") == table.read_bytes()
        assert sorted(archive.namelist()) == sorted(
            ["summary.csv", *(f"{stem}.{ending}" for stem in ("a.jpg", "a.png", "b") for ending in ("png", "json"))]
        )
        (folder := table.parent / "out").mkdir()
        archive.extractall(folder)
    assert np.array_equal(read_image(folder / "b.png"), np.full((96, 72, 3), 255 - 92))
    found = rows(table)
    assert {name: line["status"] for name, line in found.items()} == {
        "a.jpg": "done", "a.png": "done", "b.jpg": "done", "none.jpg": "failed", "late.jpg": "skipped",
        "lost.png": "skipped",
    }  # fmt: skip
    assert found["a.png"]["result"] == "a.png.png" and "No face was found" in found["none.jpg"]["error"]
    assert found["late.jpg"]["error"] == "It was not run yet."
    assert found["lost.png"]["error"] == "No photo has this name, so the mask was not used."
    whole = [*TABLE.columns, *row(make_result())]
    assert list(found["a.jpg"]) == whole, "the columns of the command line"


def test_results_of_other_settings_are_not_among_the_files(view: View):
    view.drop("a.jpg", "b.jpg")
    view.run()
    zipped, table = view.files(seed=5)
    assert {line["error"] for line in rows(table).values()} == {
        "Its result is of other settings or another mask; run it again."
    }
    with zipfile.ZipFile(zipped) as archive:
        assert archive.namelist() == ["summary.csv"]


def test_files_bear_the_case_that_is_typed_afterwards(view: View):
    view.drop("a.jpg")
    view.run()
    view.files()
    session = view.sessions.get(PAGE.session_hash)
    assert all(isinstance(update, dict) for update in view.tab.outdated(PAGE)), "nothing new while the case is the same"
    session.case = Case("P07", side="left")
    assert [button.interactive for button in view.tab.outdated(PAGE)] == [False, False]
    zipped, table = (Path(button.value["path"] if isinstance(button.value, dict) else button.value)
                     for button in view.tab.rewrite(PAGE))  # fmt: skip
    assert (zipped.name, table.name) == ("P07-everything.zip", "P07-summary.csv")
    (line,) = rows(table).values()
    assert (line["case"], line["case_side"], line["result"]) == ("P07", "left", "P07-a.png")
    with zipfile.ZipFile(zipped) as archive:
        assert archive.namelist() == ["P07-summary.csv", "P07-a.png", "P07-a.json"]
        facts = json.loads(archive.read("P07-a.json"))
    assert facts["case"] == "P07" and list(facts)[:3] == ["job", "case", "case_date"]
    assert len([*view.folder.place.glob("files/*")]) == 1, "those before are gone"
