"""The examples in docstrings do what they say."""

import doctest
import importlib

import pytest

from tests.sources import module_name, source_files

MODULES = [module_name(path) for path in source_files() if ">>> " in path.read_text(encoding="utf-8")]


def test_there_are_examples():
    assert len(MODULES) >= 10 and {name.partition(".")[0] for name in MODULES} == {"pipelines", "ui"}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of(name, capsys):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0 and found.failed == 0, capsys.readouterr().out
