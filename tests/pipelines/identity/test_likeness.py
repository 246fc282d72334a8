from pipelines.identity.likeness import (
    DRAWN_ALONE,
    LIMITS,
    ONE_PERSON,
    TWO_PEOPLE,
    question_of_photos,
    question_of_reference,
)


def test_the_sentence_names_both_limits():
    assert 0 < TWO_PEOPLE < ONE_PERSON < 1
    assert f"one person score {ONE_PERSON:.2f} or more" in LIMITS and f"two people under {TWO_PEOPLE:.2f}" in LIMITS
    assert not LIMITS.endswith(".") and LIMITS[0].islower(), "it stands inside a sentence"


def test_what_is_hardly_one_person_is_asked_and_nothing_else():
    for ask, limit in ((question_of_photos, TWO_PEOPLE), (question_of_reference, DRAWN_ALONE)):
        assert ask(limit) is ask(1.0) is None
        said = ask(limit - 0.014)
        assert said.split("?")[0].endswith("the same person") and f"{limit - 0.014:.2f}" in said
        assert said.endswith("the result stands.")
    assert LIMITS in question_of_photos(0.5) and f"{DRAWN_ALONE:.2f} or more" in question_of_reference(0.5)
