"""The job's tab: an end point for programs alone."""

from typing import Any

import gradio as gr

from pipelines.exports.bundles import bundle
from pipelines.exports.interface import exports_of
from pipelines.exports.tables import of_case
from pipelines.faces.images import read_image
from ui.server.engine import GPU, Engine
from ui.server.sessions import Sessions
from ui.server.uploads import take


class BrighteningTab:
    def __init__(self, engine: Engine, sessions: Sessions) -> None:
        self.engine, self.sessions = engine, sessions

    def build(self, status: gr.HTML) -> None:
        gr.HTML("<p>Brighter photos, for programs.</p>")
        gr.api(self.api, api_name="brightening", **GPU)

    def api(self, request: gr.Request, photo: gr.FileData, case: str | None = None) -> tuple[dict, gr.FileData]:
        (data,) = take(photo["path"])
        result = of_case(self.engine.run("brightening", read_image(data)), case)
        exports = exports_of("brightening")
        path = self.sessions.get(request.session_hash).work("brightening").new_folder() / "everything.zip"
        path.write_bytes(bundle(exports, result))
        answer: dict[str, Any] = exports.facts(result)
        return answer, gr.FileData(path=str(path), orig_name=path.name).model_dump()
