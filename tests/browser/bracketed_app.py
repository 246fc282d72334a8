"""The app in a language that nobody speaks: ``python tests/browser/bracketed_app.py``; CATALOGUES has its catalogue."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from pipelines.languages import translation  # noqa: E402, of this repository

translation.FOLDER = Path(os.environ["CATALOGUES"])

if __name__ == "__main__":
    import app

    app.main()
