"""What kept scores are named by."""

import pytest

from benchmarks import scores
from benchmarks.scores import CLEFT_INPAINTING_CODE, CODE, code_hash


def test_the_code_that_scores_depend_on_is_there():
    assert code_hash((*CODE, *CLEFT_INPAINTING_CODE)) != code_hash(CODE)
    with pytest.raises(ValueError, match=r"nothing matches benchmarks/gone\.py"):
        code_hash((*CODE, "benchmarks/gone.py"))


def test_every_benchmark_names_code_that_is_there():
    from benchmarks import groups, inpainting, mask_removal

    named = (groups._CODE, inpainting._CODE, mask_removal._CODE, mask_removal._REMOVAL_CODE)
    assert len({scores.code_hash(patterns) for patterns in named}) == len(named)
