import math

import pytest

from pipelines.training.data import load_faces
from pipelines.training.sets.tables import read_column

AGES = "name,age,cover\na.png,42,0.5\nb.png,,0.25\n"


def test_a_column_by_name(tmp_path):
    table = tmp_path / "train.csv"
    table.write_text(AGES)
    assert read_column(table, "cover") == {"a.png": 0.5, "b.png": 0.25}
    ages = read_column(table, "age", gaps=True)
    assert ages["a.png"] == 42 and math.isnan(ages["b.png"])


@pytest.mark.parametrize(
    "content",
    [
        AGES.encode(),  # a gap
        b"name,age\na.png,old\n",
        b"name,age\na.png\n",
        b"picture,age\na.png,4\n",
        b"name,cover\na.png,4\n",
        b"name,age\na.png,\x00\n",
        "name,age\nä.png,4\n".encode("latin-1"),
        b"\xff\xd8\xff\xe0 a picture",
    ],
)
def test_what_is_no_such_column(tmp_path, content):
    table = tmp_path / "train.csv"
    table.write_bytes(content)
    with pytest.raises(ValueError):
        read_column(table, "age")


def test_no_table(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_column(tmp_path / "train.csv", "age")


@pytest.mark.parametrize("content", [b"picture,years\n1,old\n", b"name,age\nx,old\n", b"\xff\xfe\x00"])
def test_a_table_for_other_ends_beside_the_photos_is_passed_over(toy_set, toy_cache, tmp_path, content):
    root = tmp_path / toy_set.name
    root.mkdir()
    (root / "val.tar").write_bytes((toy_set / "val.tar").read_bytes())
    (root / "val.csv").write_bytes(content)
    assert load_faces(root, "val", cache=toy_cache).ages is None
    (root / "val.csv").write_text("name,age\nval-1.png,7\nval-2.png,\n")
    ages = load_faces(root, "val", cache=toy_cache).ages
    assert ages[1] == 7 and math.isnan(ages[0]) and math.isnan(ages[2])
