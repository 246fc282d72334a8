"""Names of files: which pictures belong to a photo, and what each photo's results are called."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from pipelines.files import composed, folded
from pipelines.languages.translation import _


class Companions:
    """Pictures that are matched with photos by their names, whatever the form of their letters.

    Args:
        names: of the pictures, each another.

    >>> masks = Companions(["anna.png", "anna-2.png", "ben.jpg.png"])
    >>> masks.fitting("anna.jpg"), masks.fitting("ben.jpg"), masks.numbered("anna.jpg", ["anna.jpg"])
    (['anna.png'], ['ben.jpg.png'], ['anna-2.png'])
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = [*names]
        self._by_stem: dict[str, list[str]] = {}
        for name in self.names:
            self._by_stem.setdefault(composed(PurePath(name).stem), []).append(name)

    def fitting(self, photo: str) -> list[str]:
        """Those whose stem is the photo's whole name, else the photo's stem."""
        stems = self._by_stem
        return stems.get(composed(photo)) or stems.get(composed(PurePath(photo).stem), [])

    def numbered(self, photo: str, photos: Iterable[str]) -> list[str]:
        """Those with a number after the photo's stem or name, ``STEM-1``, ``STEM-2``, in the order of the numbers.

        Args:
            photo: whose they are.
            photos: all that are worked on: what is called as one of them is that one's alone.
        """
        names = _both(photo)
        taken = {name for other in photos for name in _both(other)} - names
        found = []
        for stem, pictures in self._by_stem.items():
            before, _, number = stem.rpartition("-")
            if before in names and number.isdecimal() and stem not in taken:
                found += [(int(number), picture) for picture in pictures]
        return [picture for _, picture in sorted(found)]

    def unused(self, photos: Sequence[str], *, several: bool = False) -> list[str]:
        """Those that belong to none of the photos.

        Args:
            photos: all that are worked on.
            several: whether a photo may have :meth:`numbered` ones.
        """
        used = {name for photo in photos for name in self.fitting(photo)}
        if several:
            used |= {name for photo in photos for name in self.numbered(photo, photos)}
        return [name for name in self.names if name not in used]


def output_stems(photos: Sequence[str], endings: Sequence[str]) -> list[str]:
    """What each photo's files are called: its stem, or its whole name where another photo has the same stem.

    Names that differ in case or normalization alone are the same.

    Args:
        photos: names of the photos.
        endings: a photo's files are ``STEM.ENDING``; none of them falls on another's.

    Returns:
        A stem for each photo, in their order.

    >>> output_stems(["a.jpg", "a.png", "b.png"], ["png", "json"])
    ['a.jpg', 'a.png', 'b']
    """

    def names(stem: str) -> set[str]:
        return {folded(f"{stem}.{ending}") for ending in endings}

    own = [PurePath(photo).stem for photo in photos]
    count = Counter(map(folded, own))
    stems: dict[int, str] = {}
    # Stems that nobody shares come first: a.jpg.jpg keeps "a.jpg", and the pair of a.jpg and a.png makes way for it.
    taken: set[str] = set()
    for at in sorted(range(len(photos)), key=lambda at: count[folded(own[at])] > 1):
        wanted = own[at] if count[folded(own[at])] == 1 else photos[at]
        stem, number = wanted, 2
        while names(stem) & taken:
            stem, number = f"{wanted}-{number}", number + 1
        taken |= names(stem)
        stems[at] = stem
    return [stems[at] for at in range(len(photos))]


def unused(what: str) -> str:
    """Why a picture was passed over that belongs to no photo.

    >>> unused("mask")
    'No photo has this name, so the mask was not used.'
    """
    said = {
        "mask": _("No photo has this name, so the mask was not used."),
        "reference": _("No photo has this name, so the reference was not used."),
    }
    return said[what]


def _both(photo: str) -> set[str]:
    """A photo's name and its stem, as names are compared."""
    return {composed(photo), composed(PurePath(photo).stem)}
