"""Which photos of a folder are one patient before and after surgery, and how long a score waits."""

from pathlib import Path
from typing import Any

from pipelines.commands.pairs import Pairs

BEFORE, AFTER, ALONE = Path("Zoë_before.jpg"), Path("Zoë_after.png"), Path("Ben_before.png")


def test_the_second_of_a_pair_brings_both_before_first():
    for photos in ([BEFORE, ALONE, AFTER], [AFTER, ALONE, BEFORE]):
        pairs, first = Pairs(photos), photos[0]
        assert set(pairs.names) == {BEFORE, AFTER} and set(pairs.names.values()) == {"Zoë.before-after.pdf"}
        one, other = _Score(), _Score()
        assert pairs.partner(first) is None and pairs.add(first, one, None) is None
        assert pairs.partner(ALONE) is None and pairs.add(ALONE, _Score(), None) is None
        partner = pairs.partner(photos[2])
        assert partner is one and pairs.partner(photos[2]) is None, "it waits no longer"
        assert pairs.add(photos[2], other, partner) == ((one, other) if first is BEFORE else (other, one))


def test_a_photo_whose_partner_failed_has_no_page_and_waits_for_nothing():
    pairs = Pairs([BEFORE, AFTER])
    assert pairs.add(AFTER, _Score(), pairs.partner(AFTER)) is None
    assert pairs.partner(BEFORE) is None


def test_several_photos_of_one_time_are_no_pair():
    assert Pairs([BEFORE, AFTER, Path("zoë_before.png")]).names == {}
    assert Pairs([Path("before.png"), Path("after.png")]).names == {}


def _Score() -> Any:  # noqa: N802 (stands for one)
    return object()
