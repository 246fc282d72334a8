"""Skips, a plugin of pytest: a test that does not run must say why it cannot, or it fails where nothing may be skipped.

Expected is a skip that stands in the marker ``needs(condition, reason=...)``, or that :func:`skip_as_expected` makes in
a fixture. Every other one (``skip``, ``skipif``, ``importorskip``, no parameters) hides something once a machine
changes, so with :data:`VARIABLE` set, as ``.ci/run`` does, it fails.
"""

import os
from collections.abc import Generator
from typing import NoReturn

import pytest

VARIABLE = "PHILTRUM_NO_SKIPS"


class ExpectedSkip(pytest.skip.Exception):
    """A skip whose reason is a fact about the machine."""


def skip_as_expected(reason: str) -> NoReturn:
    """Skips the test that asks for a fixture."""
    raise ExpectedSkip(reason)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(condition, *, reason): skipped where the condition is false")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        (condition,) = mark.args
        if not condition:
            skip_as_expected(mark.kwargs["reason"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected = call.excinfo is not None and isinstance(call.excinfo.value, ExpectedSkip)
    if report.skipped and not expected and not hasattr(report, "wasxfail"):
        _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        _refuse(report)
    return report


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get(VARIABLE):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason}: nobody expects this skip; declare it with the marker 'needs' (tests/skips.py)."
