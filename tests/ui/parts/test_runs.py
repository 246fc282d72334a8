"""What the strip of results is told."""

import base64
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from ui.parts.runs import compare_runs, show_runs, told
from ui.session.kept import Outcome, Photo
from ui.session.runs import Desk, Runs


def decoded(url: str) -> np.ndarray:
    data = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


def runs_of(folder: Path, count: int) -> Runs:
    runs = Runs()
    for number in range(count):
        picture = np.full((300, 200, 3), 40 * number, np.uint8)
        photo = Photo("photo", picture, [], (200, 300))
        outcome = Outcome(SimpleNamespace(), folder)
        runs.add(outcome, Desk({"photo": photo}, {}, {}), told(picture, ["lips", f"seed {number}"], 1.26))
    return runs


def test_cards_tell_number_settings_and_seconds(tmp_path: Path):
    runs = runs_of(tmp_path, 2)
    one, two = runs
    runs.choose(two.key)
    cards = show_runs(runs, one).props["runs"]
    assert [(card["number"], card["said"], card["seconds"]) for card in cards] == [
        (1, "lips, seed 0", "1.3 s"),
        (2, "lips, seed 1", "1.3 s"),
    ]
    assert [card["shown"] for card in cards] == [True, False] and [card["chosen"] for card in cards] == [False, True]
    small = decoded(cards[1]["url"])
    assert max(small.shape) == 160 and abs(int(small.mean()) - 40) <= 1


def test_a_comparison_shows_both_results_and_what_they_were_made_of(tmp_path: Path):
    pictures = [np.full((60, 50, 3), value, np.uint8) for value in (10, 90, 170, 250)]
    one, two = runs_of(tmp_path, 2)
    told_of = compare_runs([(one, *pictures[:2]), (two, *pictures[2:])]).props["compared"]
    again = compare_runs([(one, *pictures[:2]), (two, *pictures[2:])]).props["compared"]
    assert told_of != again, "it opens again where the same two are asked for"
    sides = told_of["sides"]
    assert [side["title"] for side in sides] == ["1 · lips, seed 0", "2 · lips, seed 1"]
    values = [round(decoded(side[which]).mean()) for side in sides for which in ("after", "before")]
    assert np.allclose(values, (10, 90, 170, 250), atol=1)
