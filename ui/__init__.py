"""The app's screens: one module a tab, and what the tabs share.

Importing this package settles two things before gradio is first imported: nothing calls home, and whatever gradio
caches lies in a folder that only this process's user can enter and that goes when the process ends.
"""

import atexit
import os
import shutil
import tempfile

os.environ.update(
    GRADIO_ANALYTICS_ENABLED="False",
    GRADIO_RUN_HISTORY="False",
    GRADIO_VIBE_MODE="",
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    DO_NOT_TRACK="1",
)

_parent = os.environ.get("GRADIO_TEMP_DIR")
if _parent:
    os.makedirs(_parent, exist_ok=True)

CACHE = os.path.realpath(tempfile.mkdtemp(prefix="philtrum-", dir=_parent))
"""Folder of everything that the app writes: uploads until they are read, results until their tab is closed."""

os.environ["GRADIO_TEMP_DIR"] = CACHE


@atexit.register
def forget_cache() -> None:
    """Removes everything that the app has written."""
    shutil.rmtree(CACHE, ignore_errors=True)
