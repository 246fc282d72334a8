"""Numbers for people."""

import pytest

from pipelines.languages import numbers, translation


@pytest.fixture
def spoken(monkeypatch):
    def speak(code: str) -> None:
        monkeypatch.setenv(translation.VARIABLE, code)
        for cached in (translation.language, translation.catalogue, numbers._signs):
            cached.cache_clear()

    yield speak
    speak("")
    monkeypatch.undo()
    translation.language.cache_clear()


@pytest.mark.parametrize(
    ("code", "decimal", "grouped"),
    [("en", "1234.50", "1,234,567"), ("de", "1234,50", "1.234.567"), ("es", "1234,50", "1.234.567")],
)
def test_the_digits_are_the_same_and_the_signs_the_languages(spoken, code, decimal, grouped):
    spoken(code)
    assert numbers.figure(1234.5, ".2f") == decimal
    assert numbers.figure(1234567, ",") == grouped
    assert numbers.figure(-0.001, "z.1f") in ("0.0", "0,0")
    assert numbers.figure(3) == "3"


def test_a_sign_stays_to_the_left_of_its_number_where_people_write_from_the_right(spoken, monkeypatch, tmp_path):
    (tmp_path / "ar.po").write_text('msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n')
    monkeypatch.setattr(translation, "FOLDER", tmp_path)
    spoken("ar")
    assert numbers.figure(-1.5, ".1f") == "\u200e-1.5"
    assert numbers.figure(1.5, "+.1f") == "\u200e+1.5"
    assert numbers.figure(1.5, ".1f") == "1.5"
