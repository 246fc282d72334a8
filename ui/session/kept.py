"""A photo and a result as a session keeps them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pipelines.arrays import Pixels
from pipelines.cases.case import Case
from pipelines.exports.tables import of_case
from pipelines.faces.points import Face
from pipelines.results import AnomalyScoringResult, RepaintResult
from ui.pictures.masks import Base


@dataclass
class Photo:
    """A photo as it was given, and what was found in it.

    Attributes:
        key: unguessable name of this photo in this session.
        pixels: RGB ``uint8`` ``(H, W, 3)``, the file's own pixels.
        faces: largest first; empty where none was found.
        size: width and height of the copy that the browser paints on.
        bases: suggested and uploaded masks by name, at the photo's resolution.
        face: which of its faces was chosen, 0 = the largest.
    """

    key: str
    pixels: Pixels
    faces: list[Face]
    size: tuple[int, int]
    bases: dict[str, Base] = field(default_factory=dict)
    face: int = 0


Result = TypeVar("Result", bound=RepaintResult | tuple[AnomalyScoringResult, ...])


@dataclass
class Outcome(Generic[Result]):
    """A result and its files.

    Attributes:
        result: what the pipeline gave back; of anomaly scoring, a result for each photo.
        folder: where the files of this run lie.
        views: before and after pictures for the screen, by what is drawn over them.
    """

    result: Result
    folder: Path
    views: dict[frozenset[str], tuple[str, str]] = field(default_factory=dict)

    @property
    def results(self) -> tuple[RepaintResult | AnomalyScoringResult, ...]:
        """Every result, one a photo."""
        return self.result if isinstance(self.result, tuple) else (self.result,)

    @property
    def case(self) -> Case | None:
        """Whose it is."""
        return self.results[0].case

    def give_to(self, case: Case | None) -> None:
        """Makes it another case's."""
        if isinstance(self.result, tuple):
            self.result = tuple(of_case(one, case) for one in self.result)  # type: ignore[assignment]  # as it was
        else:
            self.result = of_case(self.result, case)
