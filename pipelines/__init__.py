"""Philtrum's pipelines: face-photo jobs for craniofacial research, usable from Python.

What is meant for use from outside stands in :data:`__all__`, and is imported when it is first asked for: ``import
pipelines`` alone loads neither PyTorch nor MediaPipe. ``__init__.pyi`` says the same to type checkers.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    "AnomalyScoring": "anomaly_scoring.pipeline",
    "AnomalyScoringResult": "results",
    "Case": "cases.case",
    "CaseFile": "cases.contents",
    "CleftInpainting": "cleft_inpainting.pipeline",
    "CleftInpaintingResult": "results",
    "MaskRemoval": "mask_removal.pipeline",
    "MaskRemovalResult": "results",
    "PhiltrumError": "errors",
    "open_case": "cases.reading",
    "read_image": "faces.images",
    "read_mask": "faces.images",
    "save_before_after": "anomaly_scoring.before_after",
    "save_case": "cases.writing",
    "save_report": "cases.report",
    "write_png": "faces.images",
}
"""Name → the module of this package that it lives in."""

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
