"""Text that fits its place on a page."""

import pytest

from pipelines.exports.pages.sheet import cut, lines, wide


def test_lines_are_no_wider_than_their_place_and_keep_every_word():
    text = "Unilateral complete cleft of lip and palate.\nRepaired at four months. " * 6
    found = lines(text, 8, 2.0, 100)
    assert max(wide(line, 8) for line in found) <= 2 and " ".join(found) == " ".join(text.split())
    assert found[1].endswith("palate."), "a line of the notes ends a line"


@pytest.mark.parametrize("text", ["W" * 200, "word " * 100, "a\n" * 50])
def test_what_has_no_room_ends_in_dots(text):
    found = lines(text, 8, 1.0, 3, "bold")
    assert len(found) == 3 and found[-1].endswith("…") and max(wide(line, 8, "bold") for line in found) <= 1


def test_a_text_is_cut_only_where_it_is_wider():
    assert cut("short", 8, 1.0) == "short"
    assert cut("much too long for that", 8, 0.5).endswith("…") and wide(cut("W" * 99, 8, 0.5), 8) <= 0.5
    assert lines("", 8, 1.0, 3) == []
