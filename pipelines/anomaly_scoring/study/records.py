"""Scores of a study that are kept as they come, so that a stopped study goes on where it was.

One line of JSON a photo, found by what the photo is and how it was scored, never by its name.
"""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines.files import write_atomic


@dataclass(frozen=True)
class Record:
    """A photo's score.

    Attributes:
        key: see :func:`key_of`.
        severity: −S of equation 6.
        percentile: per cent of open-set faces with a lower severity, or None.
        local_severity: peak of what does not fit the face, in grey levels.
        local_percentile: per cent of open-set faces with a lower local severity, or None.
        asymmetry: peak of what differs between the sides, in per cent of light.
        asymmetry_percentile: per cent of open-set faces with a lower asymmetry, or None.
        region: what was scored.
        normalizer: what drew the normalized face.
        seconds: that it took.
        photo_pixels_sha256: of the photo's decoded pixels: tells which photo a row is of, whatever its file is called.
        cells: normality by key of :class:`pipelines.anomaly_scoring.study.ablation.Comparison`.
    """

    key: str
    severity: float
    percentile: float | None
    local_severity: float
    local_percentile: float | None
    asymmetry: float
    asymmetry_percentile: float | None
    region: str
    normalizer: str
    seconds: float
    photo_pixels_sha256: str
    cells: Mapping[str, float] = field(default_factory=dict)


def key_of(digest: str, settings: Mapping[str, Any]) -> str:
    """What a score is found by: SHA-256 over the photo's own and everything that its score depends on.

    Args:
        digest: SHA-256 of the photo's file.
        settings: ready for JSON.
    """
    text = json.dumps([digest, settings], sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Records:
    """The kept scores of one file; threads may share it.

    A line that is broken, as of a run that was killed, counts as not there.

    Args:
        path: the file; it and its folder are made with the first score.

    Raises:
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        found = [_parse(line) for line in text.splitlines()]
        self._known = {record.key: record for record in found if record}
        if None in found or (text and not text.endswith("\n")):
            write_atomic(path, "".join(map(_line, self._known.values())).encode())

    def get(self, key: str) -> Record | None:
        """The score of that key, or None."""
        return self._known.get(key)

    def keep(self, record: Record) -> None:
        """Adds a score to the file.

        Raises:
            OSError: the file cannot be written to.
        """
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_line(record))
            self._known[record.key] = record


def _line(record: Record) -> str:
    return json.dumps(asdict(record), allow_nan=False) + "\n"


def _parse(line: str) -> Record | None:
    try:
        facts = json.loads(line)
        record = Record(**facts)
        figures = (record.severity, record.local_severity, record.asymmetry)
        return record if isinstance(record.key, str) and all(isinstance(one, float) for one in figures) else None
    except (ValueError, TypeError):
        return None
