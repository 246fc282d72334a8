"""Photos of a patient before and after surgery, as their names say, and scores that wait for the other one's."""

from collections.abc import Sequence
from pathlib import Path

from pipelines.anomaly_scoring.study.ratings import TIMES, patient_of
from pipelines.files import folded
from pipelines.results import AnomalyScoringResult


class Pairs:
    """The pairs of a folder: of a patient with several photos of one time there is none.

    Args:
        photos: in the order in which they are scored.

    Attributes:
        names: photo → what the page of it and its partner is called.
    """

    def __init__(self, photos: Sequence[Path]) -> None:
        found: dict[str, list[tuple[str, str, Path]]] = {}
        for photo in photos:
            if (whose := patient_of(photo, None)) is not None:
                patient, time = whose
                found.setdefault(folded(patient), []).append((time, patient, photo))
        pairs = [each for each in found.values() if sorted(time for time, *_ in each) == sorted(TIMES)]
        self.names = {photo: f"{each[0][1]}.before-after.pdf" for each in pairs for *_, photo in each}
        self._before = {photo for each in pairs for time, _, photo in each if time == TIMES[0]}
        # Each list is in the order of the photos.
        self._first = {each[0][2]: each[1][2] for each in pairs}
        self._second = {other: one for one, other in self._first.items()}
        self._waiting: dict[Path, AnomalyScoringResult] = {}

    def partner(self, photo: Path) -> AnomalyScoringResult | None:
        """The score of the photo's partner, which waits no longer; None where there is none yet."""
        return self._waiting.pop(self._second[photo], None) if photo in self._second else None

    def add(
        self, photo: Path, result: AnomalyScoringResult, partner: AnomalyScoringResult | None
    ) -> tuple[AnomalyScoringResult, AnomalyScoringResult] | None:
        """Takes a score.

        Args:
            photo: whose it is.
            result: the score.
            partner: what :meth:`partner` gave.

        Returns:
            It and its partner's, before surgery first, where both are there.
        """
        if photo in self._first:
            self._waiting[photo] = result
        if partner is None:
            return None
        return (result, partner) if photo in self._before else (partner, result)
