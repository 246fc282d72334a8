"""What people read, in the language of this process: English, or one that has a catalogue in this folder.

A process speaks one language, so that a text is translated where it stands, in constants too: the language is chosen
before the modules that hold the texts are imported. It is English whatever the system says, for a department decides.
Keys, choices and values that programs read are never translated, nor are CSV and JSON, but for the sentences in them
that are for people: why a photo failed, what a likeness means.
"""

import gettext
import io
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.errors import OptionInvalid

VARIABLE = "PHILTRUM_LANGUAGE"
OPTION = "--language"
ENGLISH = "en"
_CAPITAL_NOUNS = ("de",)

FOLDER = Path(__file__).parent
"""Holds the catalogues: ``de.po`` for German."""


def languages() -> list[str]:
    """The codes of all languages: English, and those with a catalogue."""
    return [ENGLISH, *sorted(path.stem for path in FOLDER.glob("*.po"))]


@cache
def language() -> str:
    """The code of this process's language, as ``PHILTRUM_LANGUAGE`` named it when it was first asked for.

    Raises:
        OptionInvalid: it has no catalogue.
    """
    code = os.environ.get(VARIABLE, "").strip().lower() or ENGLISH
    if code not in languages():
        raise OptionInvalid(f"The language must be one of {', '.join(languages())}.")
    return code


def choose(words: Sequence[str]) -> list[str]:
    """Chooses the language that a command line names, before anything that holds texts is imported.

    Args:
        words: those after the program's name.

    Returns:
        The same without the option and its value.

    Raises:
        OptionInvalid: no language was named, or one without a catalogue.
    """
    rest = list(words)
    for place, word in enumerate(rest):
        name, is_one, value = word.partition("=")
        if word == "--":
            break
        if name == OPTION:
            os.environ[VARIABLE] = value if is_one else "".join(rest[place + 1 : place + 2])
            del rest[place : place + (1 if is_one else 2)]
            language.cache_clear()
            catalogue.cache_clear()
            if not os.environ[VARIABLE]:
                os.environ[VARIABLE] = "none"  # which has no catalogue
            break
    language()
    return rest


@cache
def catalogue() -> gettext.NullTranslations:
    """The texts of this process's language; those of English are the sources' own."""
    if language() == ENGLISH:
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo  # here: English needs nothing of Babel
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with (FOLDER / f"{language()}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language()))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _(text: str) -> str:
    """A text in this process's language; placeholders such as ``{count}`` are still in it."""
    return catalogue().gettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """As :func:`_`, in the form that goes with a number of things."""
    return catalogue().ngettext(one, many, count)


def N_(text: str) -> str:  # noqa: N802, the name that gettext's users know
    """Marks a text for the catalogue that is translated later: where it is shown, by ``_(text)``."""
    return text


def direction() -> str:
    """Which way this process's language is written: ``ltr`` or ``rtl``."""
    if language() == ENGLISH:
        return "ltr"
    from babel import Locale

    return Locale.parse(language()).text_direction


def plural_rule() -> str:
    """Which of its forms a number of things takes: an expression in ``n``, as C and JavaScript write it."""
    said = catalogue().info().get("plural-forms", "plural=(n != 1);")
    return said.partition("plural=")[2].partition(";")[0]


def table() -> dict[str, Any]:
    """All texts as the page's scripts are given them: each with its translation, or its plural forms in their order."""
    found: dict[str, Any] = {}
    texts: dict[Any, str] = getattr(catalogue(), "_catalog", {})
    for key, text in texts.items():
        if isinstance(key, tuple):
            found.setdefault(key[0], []).insert(key[1], text)
        elif key:
            found[key] = text
    return found


def capital(text: str) -> str:
    """A text as it begins a sentence; the rest stays as it is, for German writes nouns with capitals."""
    return text[:1].upper() + text[1:]


def in_sentence(text: str) -> str:
    """A name as it stands inside a sentence: in small letters, but where the language writes nouns with capitals."""
    return text if language() in _CAPITAL_NOUNS else text.lower()
