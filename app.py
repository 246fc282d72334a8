"""The app: ``python app.py``, or ``philtrum-app`` where Philtrum is installed; then open http://127.0.0.1:7860."""

import argparse
import contextlib
import sys
from pathlib import Path


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line; ``auth`` becomes a pair of user and password."""
    name = "philtrum-app" if Path(sys.argv[0]).stem == "philtrum-app" else "python app.py"
    parser = argparse.ArgumentParser(prog=name, description="Philtrum's app, on this machine.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (default: 7860)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: auto)")
    parser.add_argument("--precision", default="auto", help="auto, float32, bfloat16 or float16 (default: auto)")
    parser.add_argument("--auth", metavar="USER:FILE", help="ask for this user and the password that FILE holds")
    parser.add_argument(
        "--share", choices=("on", "off"), default="off", help="public link through gradio (default: off)"
    )
    options = parser.parse_args(arguments)
    if options.auth:
        user, _, file = options.auth.partition(":")
        if not user or not file:
            parser.error("--auth needs USER:FILE, a user's name and a file that holds the password.")
        try:
            password = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            parser.error("the password file of --auth cannot be read.")
        if not password:
            parser.error("the password file of --auth is empty.")
        options.auth = (user, password)
    if options.share == "on" and not options.auth:
        parser.error("--share on shows the app to the whole internet; give --auth USER:FILE with it.")
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
        print(f"Philtrum: open {address} (Ctrl+C ends it)", flush=True)


if __name__ == "__main__":
    main()
