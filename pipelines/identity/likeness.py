"""What a likeness of two faces means, in figures of people who are known.

Of two photos each of 300 people the likeness of one person's photos was 0.959 in the middle, 0.932 to 0.979 in 90 of
100 pairs; that of two people's photos 0.838, 0.777 to 0.893. Chance that the one pair is the more alike: 0.9999.

Source: Labeled Faces in the Wild (Huang et al. 2007), none of whose people the embedder has learned from; measured by
``benchmarks.likeness`` with the built-in weights. They hold for no other embedder.
"""

from pipelines.languages.numbers import figure
from pipelines.languages.translation import _

ONE_PERSON = 0.93
"""At least 95 of 100 pairs of photos of one person are as like as this (96 were)."""

TWO_PEOPLE = 0.90
"""At least 95 of 100 pairs of photos of two people are less like than this (97 were)."""

DRAWN_ALONE = 0.88
"""A face whose hidden part was drawn from the photo alone is as like as this to 97 in 100 photos of the same person,
and less like to 84 in 100 photos of others (48 people of LFW, lower faces hidden, against 60)."""

LIMITS = _("two photos of one person score {one} or more in 95 of 100 cases, of two people under {two}").format(
    one=figure(ONE_PERSON, ".2f"), two=figure(TWO_PEOPLE, ".2f")
)
"""The same as a part of a sentence."""


def question_of_photos(likeness: float) -> str | None:
    """Asks whether two photos show one person, where they hardly do; nothing is refused.

    Args:
        likeness: cosine similarity of the embeddings of both faces.
    """
    if likeness >= TWO_PEOPLE:
        return None
    said = _(
        "Do both photos show the same person? Their likeness is {likeness}; {limits}. If they do, the result stands."
    )
    return said.format(likeness=figure(likeness, ".2f"), limits=LIMITS)


def question_of_reference(likeness: float) -> str | None:
    """Asks whether a reference shows the person, where it hardly does; nothing is refused.

    Args:
        likeness: cosine similarity of the embeddings of the reference and of the face as it was drawn without it: the
            result itself is made from the reference.
    """
    if likeness >= DRAWN_ALONE:
        return None
    said = _(
        "Does the reference show the same person? Its likeness to the face as drawn without it is {likeness}; photos "
        "of the same person score {least} or more in 97 of 100 cases, of another in 16. If it does, the result stands."
    )
    return said.format(likeness=figure(likeness, ".2f"), least=figure(DRAWN_ALONE, ".2f"))
