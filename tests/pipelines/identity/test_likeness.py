from pipelines.identity.likeness import LIMITS, ONE_PERSON, TWO_PEOPLE


def test_the_sentence_names_both_limits():
    assert 0 < TWO_PEOPLE < ONE_PERSON < 1
    assert f"one person score {ONE_PERSON:.2f} or more" in LIMITS and f"two people under {TWO_PEOPLE:.2f}" in LIMITS
    assert not LIMITS.endswith(".") and LIMITS[0].islower(), "it stands inside a sentence"
