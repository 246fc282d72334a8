"""The language of a process: how it is chosen, and what it needs."""

import os
import subprocess
import sys

import pytest

from pipelines.errors import OptionInvalid
from pipelines.languages import translation
from tests.sources import ROOT


@pytest.fixture(autouse=True)
def unsettled(one_language, monkeypatch):
    """Each test chooses by itself."""
    monkeypatch.delenv(translation.VARIABLE, raising=False)
    translation.language.cache_clear()
    translation.catalogue.cache_clear()


def test_english_unless_asked(monkeypatch):
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    assert translation.choose(["doctor"]) == ["doctor"]
    assert translation.language() == "en" and translation.direction() == "ltr"
    assert translation._("Photo") == "Photo"
    assert translation.ngettext("{count} photo", "{count} photos", 1) == "{count} photo"
    assert translation.table() == {}


@pytest.mark.parametrize(
    ("words", "rest"),
    [
        (["--language", "de", "doctor"], ["doctor"]),
        (["doctor", "--language=de"], ["doctor"]),
        (["--language", "DE"], []),
        (["study", "--out", "x", "--language", "de", "y"], ["study", "--out", "x", "y"]),
    ],
)
def test_an_option_chooses_it_wherever_it_stands(words, rest):
    assert translation.choose(words) == rest
    assert translation.language() == "de"
    assert translation._("Photo") == "Foto"
    assert translation.ngettext("{count} mask", "{count} masks", 2) == "{count} Masken"
    assert translation.table()["{count} mask"] == ["{count} Maske", "{count} Masken"]
    assert "n" in translation.plural_rule()


def test_what_stands_behind_two_dashes_is_no_option():
    assert translation.choose(["case", "--", "--language", "de"]) == ["case", "--", "--language", "de"]
    assert translation.language() == "en"


@pytest.mark.parametrize("words", [["--language", "xx"], ["--language"], ["--language="], ["--language", "../de"]])
def test_a_language_without_a_catalogue_is_refused(words):
    with pytest.raises(OptionInvalid, match=r"^The language must be one of en, de, es\.$"):
        translation.choose(words)


def test_names_inside_sentences_keep_their_capitals_in_german():
    assert translation.in_sentence("Photo") == "photo"
    translation.choose(["--language", "de"])
    assert translation.in_sentence("Foto") == "Foto"
    assert translation.capital("untere Lippe") == "Untere Lippe"


@pytest.mark.slow
def test_english_needs_nothing_of_babel_and_commands_begin_with_the_language():
    code = (
        "import sys; import pipelines.__main__ as m; from pipelines.languages import translation as t\n"
        "assert not t.language.cache_info().currsize, 'a text was read before the language was chosen'\n"
        "m.main(['--help']); assert 'babel' not in sys.modules\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("program", "command"), [(["app.py"], []), (["-m", "pipelines"], ["doctor"])])
def test_programs_speak_the_language_that_is_asked_for(program, command):
    def said(*words: str, **more: str) -> str:
        environment = {**os.environ, **more}
        words = [sys.executable, *program, *words]
        run = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
        return run.stdout + run.stderr

    assert "Sprache: en, de, es" in said("--language", "de", "--help")
    assert "idioma: en, de, es" in said("--help", **{translation.VARIABLE: "es"})
    assert "language: en, de, es" in said("--language", "en", "--help", **{translation.VARIABLE: "es"})
    assert "Fehler: unbekannte Argumente: --nothing" in said("--language", "de", *command, "--nothing")
    assert said("--language", "xx") == "The language must be one of en, de, es.\n"
