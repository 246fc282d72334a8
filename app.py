"""The app: ``python app.py``, or ``philtrum-app`` where Philtrum is installed; then open http://127.0.0.1:7860."""

import argparse
import contextlib
import sys
from pathlib import Path

from pipelines.errors import OptionInvalid
from pipelines.languages import command_line
from pipelines.languages.translation import OPTION, _, choose, languages


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line; ``auth`` becomes a pair of user and password."""
    try:
        arguments = choose(sys.argv[1:] if arguments is None else arguments)
    except OptionInvalid as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    command_line.speak()
    name = "philtrum-app" if Path(sys.argv[0]).stem == "philtrum-app" else "python app.py"
    parser = argparse.ArgumentParser(prog=name, description=_("Philtrum's app, on this machine."))
    parser.add_argument("--host", default="127.0.0.1", help=_("address to listen on (default: this machine only)"))
    parser.add_argument("--port", type=int, default=7860, help=_("port to listen on (default: 7860)"))
    parser.add_argument("--device", default="auto", help=_("auto, cpu, cuda, cuda:N or mps (default: auto)"))
    parser.add_argument("--precision", default="auto", help=_("auto, float32, bfloat16 or float16 (default: auto)"))
    parser.add_argument("--auth", metavar="USER:FILE", help=_("ask for this user and the password that FILE holds"))
    parser.add_argument(
        "--share", choices=("on", "off"), default="off", help=_("public link through gradio (default: off)")
    )
    parser.add_argument(
        OPTION, metavar="CODE", help=_("language: {codes} (default: en)").format(codes=", ".join(languages()))
    )
    options = parser.parse_args(arguments)
    if options.auth:
        user, _colon, file = options.auth.partition(":")
        if not user or not file:
            parser.error(_("--auth needs USER:FILE, a user's name and a file that holds the password."))
        try:
            password = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            parser.error(_("the password file of --auth cannot be read."))
        if not password:
            parser.error(_("the password file of --auth is empty."))
        options.auth = (user, password)
    if options.share == "on" and not options.auth:
        parser.error(_("--share on shows the app to the whole internet; give --auth USER:FILE with it."))
    return options


def main(arguments: list[str] | None = None) -> None:
    """Serves the app until it is stopped."""
    options = parse(arguments)
    from pipelines.threads import wait_passively

    wait_passively()
    from ui.server.engine import Engine  # after the arguments: --help and errors answer at once
    from ui.shell import build, serve, serving

    engine = Engine(options.device, options.precision)
    launch = serving(options.host, options.port, options.share == "on", options.auth)
    serve(build(engine), engine, launch, announce)


def announce(address: str) -> None:
    """Says where the app answers; it is served all the same where nobody reads it."""
    with contextlib.suppress(OSError):
        print(_("Philtrum: open {address} (Ctrl+C ends it)").format(address=address), flush=True)


if __name__ == "__main__":
    main()
