"""What a likeness of two faces means, in figures of people who are known.

Of two photos each of 300 people the likeness of one person's photos was 0.959 in the middle, 0.932 to 0.979 in 90 of
100 pairs; that of two people's photos 0.838, 0.777 to 0.893. Chance that the one pair is the more alike: 0.9999.

Source: Labeled Faces in the Wild (Huang et al. 2007), none of whose people the embedder has learned from; measured by
``benchmarks.likeness`` with the built-in weights. They hold for no other embedder.
"""

ONE_PERSON = 0.93
"""At least 95 of 100 pairs of photos of one person are as like as this (96 were)."""

TWO_PEOPLE = 0.90
"""At least 95 of 100 pairs of photos of two people are less like than this (97 were)."""

LIMITS = (
    f"two photos of one person score {ONE_PERSON:.2f} or more in 95 of 100 cases, of two people under {TWO_PEOPLE:.2f}"
)
"""The same as a part of a sentence."""
