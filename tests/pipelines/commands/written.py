"""What a command on photos wrote and said."""

import csv
from pathlib import Path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def summary(folder: Path) -> list[dict[str, str]]:
    with (folder / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def assert_one_sentence(text: str) -> None:
    assert text.count("\n") == 1 and text.endswith(".\n"), text
