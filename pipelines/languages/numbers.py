"""Numbers for people, as this process's language writes them. What programs read is formatted by Python alone."""

from functools import cache

from pipelines.languages.translation import ENGLISH, direction, language

_FROM_THE_LEFT = "\u200e"


@cache
def _signs() -> dict[int, str]:
    """What stands for a decimal point, and between thousands."""
    from babel import Locale  # here: English needs nothing of Babel

    symbols = Locale.parse(language()).number_symbols["latn"]
    return str.maketrans({".": symbols["decimal"], ",": symbols["group"]})


def figure(value: float, form: str = "") -> str:
    """A number with the digits that Python's format says, in the signs of the language.

    Args:
        value: the number.
        form: as in a format string: ``.1f`` has one digit after the point, ``,`` separates thousands.
    """
    return in_signs(format(value, form))


def in_signs(text: str) -> str:
    """A number that Python has formatted, in the signs of the language.

    Where people write from the right, a mark keeps its plus or minus to the left of it.
    """
    if language() == ENGLISH:
        return text
    mark = _FROM_THE_LEFT if text[:1] in ("+", "-") and direction() == "rtl" else ""
    return mark + text.translate(_signs())
