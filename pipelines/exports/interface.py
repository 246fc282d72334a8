"""What ``exports.py`` of every job says: the door by which app and command line get a result's files."""

from collections.abc import Sequence
from typing import Any, Protocol

from pipelines.arrays import Pixels
from pipelines.exports.pages.layout import Card, Page
from pipelines.exports.summary import PhotoTable
from pipelines.jobs import JOBS, resolve


class JobExports(Protocol):
    """The module ``exports.py`` of a job. What becomes of these parts is the same for all jobs:
    :mod:`pipelines.exports.bundles`.

    Nothing in them holds a file name, or anything else of the machine or the photo's metadata; of the person only what
    was typed for the case. The same result always gives the same bytes.

    Attributes:
        ENDINGS: how the names of a photo's files may end, without the dot; see :meth:`files`.
        STAGES: names that :meth:`stage_pictures` may give, in the order of work.
        TABLE: the table of many photos.
    """

    ENDINGS: tuple[str, ...]
    STAGES: tuple[str, ...]
    TABLE: PhotoTable

    def facts(self, result: Any, /) -> dict[str, Any]:
        """Everything about a result but its pictures, ready for JSON. It begins with
        :func:`pipelines.exports.tables.origin`.
        """

    def files(self, result: Any, /) -> dict[str, bytes]:
        """Ending of the name → content of each file that the command line writes of one photo."""

    def contents(self, result: Any, /) -> dict[str, bytes]:
        """Name → content of each file in the ZIP, in its order, but for the report and the pictures of stages."""

    def row(self, result: Any, references: Sequence[str] = (), /) -> dict[str, Any]:
        """What a photo's row of :attr:`TABLE` says of its result, by column.

        Args:
            result: of the photo.
            references: names of the further photos that were given with it, in their order.
        """

    def page(self, result: Any, /) -> Page:
        """What stands on the report, one A4 page."""

    def card(self, result: Any, /) -> Card:
        """The result in short, for an overview of several."""

    def stage_pictures(self, result: Any, /) -> dict[str, Pixels]:
        """Name → RGB ``uint8`` ``(H, W, 3)`` of what each stage made, in the order of work; none where the job shows
        no stages.
        """


class PairExports(Protocol):
    """The module of a job that compares two of its results, before and after surgery."""

    def page(self, before: Any, after: Any, /) -> Page:
        """What stands on the page of both.

        Raises:
            OptionInvalid: they do not compare.
        """

    def card(self, before: Any, after: Any, /) -> Card:
        """Both in short, for an overview of several.

        Raises:
            OptionInvalid: they do not compare.
        """


def pairs_of(job: str) -> PairExports:
    """The pairs of a job.

    Raises:
        KeyError: there is no such job.
        ValueError: it compares none.
    """
    pairs: PairExports = resolve(JOBS[job].pairs)
    return pairs


def exports_of(job: str) -> JobExports:
    """The exports of a job.

    Raises:
        KeyError: there is no such job.
        ValueError: it has no results.
    """
    exports: JobExports = resolve(JOBS[job].exports)
    return exports
