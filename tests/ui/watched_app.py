"""``app.py``, with every address that it asks for or connects to written to the file named by WATCHED_SOCKETS."""

import json
import os
import runpy
import sys

record = open(os.environ["WATCHED_SOCKETS"], "a", buffering=1)  # noqa: SIM115 (open until the process ends)


def watch(event: str, arguments: tuple) -> None:
    if event in ("socket.connect", "socket.sendto"):
        record.write(json.dumps([event, str(arguments[0].family), arguments[1]], default=str) + "\n")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        record.write(json.dumps([event, "", arguments[0]], default=str) + "\n")


sys.addaudithook(watch)
sys.argv[0] = "app.py"
sys.path.insert(0, os.getcwd())
runpy.run_path("app.py", run_name="__main__")
