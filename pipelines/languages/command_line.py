"""The words of Python's own command-line parser: it asks gettext for them, whose catalogues are not ours."""

import argparse

from pipelines.languages.translation import N_, _

N_("usage: ")
N_("positional arguments")
N_("options")
N_("show this help message and exit")
N_("%(prog)s: error: %(message)s\n")
N_("argument %(argument_name)s: %(message)s")
N_("the following arguments are required: %s")
N_("one of the arguments %s is required")
N_("unrecognized arguments: %s")
N_("not allowed with argument %s")
N_("ambiguous option: %(option)s could match %(matches)s")
N_("invalid choice: %(value)r (choose from %(choices)s)")
N_("invalid %(type)s value: %(value)r")
N_("ignored explicit argument %r")
N_("expected one argument")
N_("expected at most one argument")
N_("expected at least one argument")


def speak() -> None:
    """Has argparse take its words from the catalogue; one that is not there stays English."""
    # It has no door for this: the name is what it imported from gettext, and looks up as it speaks.
    setattr(argparse, "_", _)  # noqa: B010, a name that type checkers do not know of
