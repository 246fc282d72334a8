"""The folder view of anomaly scoring: figures in the table, and the maps of the face that was chosen."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from pipelines.anomaly_scoring.choices import MAPS
from pipelines.arrays import Pixels
from pipelines.faces.images import write_png
from pipelines.languages.numbers import figure
from pipelines.languages.translation import _
from pipelines.results import AnomalyScoringResult
from ui.folders.base import FolderJob, Given
from ui.parts.comparison import comparison_slider, pair
from ui.parts.scores.facts import scores_html, verdict_html
from ui.parts.scores.heat_map import heat_maps, heat_view
from ui.parts.settings import NAMES, ScoringSettings, choices
from ui.parts.widgets import step
from ui.session.folders import Folder, Made, Row


class ScoringFolder(FolderJob):
    """Adds to what every folder view has: how faces are scored, and the maps."""

    prefix = "scoring"
    columns = (_("Local severity"), _("Percentile"), _("Asymmetry"))
    names = (_("Aligned face"), _("Normalized face"))

    def build_settings(self) -> None:
        self.own = ScoringSettings(self.id, painted=False)
        self.own.build()
        self.own.build_advanced()
        self.settings = self.own.named

    def connect(self, **named: Any) -> None:
        self.own.connect(self.engine, **named)

    def build_pictures(self) -> None:
        self.verdict = gr.HTML(verdict_html(), apply_default_css=False)
        self.choices["map"] = gr.Radio(
            choices(MAPS), value=next(iter(MAPS)), label=_("Map"), show_label=False, container=False,
            elem_classes="extent", elem_id=f"{self.id}-map",
        )  # fmt: skip
        self.shown = [heat_view(f"{self.id}-heat")]

    def build_facts(self) -> list[gr.components.Component]:
        scores = gr.HTML(scores_html(), apply_default_css=False)
        gr.HTML(step(_("Face and normalized face")), apply_default_css=False)
        awaited = _("The face and its normalized version appear here.")
        slider = comparison_slider(f"{self.id}-slider", *self.names, awaited)
        self.shown.append(slider)
        return [self.verdict, scores]

    # --- run --------------------------------------------------------------------------------------------------------

    def given(self, pixels: Pixels, row: Row, folder: Folder, settings: Mapping[str, Any]) -> Given:
        return Given(ScoringSettings.options([settings[name] for name in NAMES]))

    def cells(self, result: AnomalyScoringResult, given: Given) -> tuple[str, ...]:
        local = result.local
        percentile = local.percentile if local else None
        return (
            figure(local.value, ".1f") if local else "–",
            figure(percentile.value, ".0f") + " %" if percentile else "–",
            figure(result.asymmetry.value, ".1f") + " %",
        )

    # --- result -----------------------------------------------------------------------------------------------------

    def keep_pictures(self, result: AnomalyScoringResult, folder: Path) -> None:
        write_png(folder / "face.png", result.crop)
        write_png(folder / "normalized.png", result.normalized)
        for name in MAPS:
            _map_file(folder, name).write_text(json.dumps(heat_maps([result], name)), encoding="utf-8")

    def tell(self, result: AnomalyScoringResult) -> list[str]:
        return [verdict_html([result]), scores_html([result])]

    def pictures(self, row: Row, made: Made, choices: Sequence[Any]) -> list[Any]:
        maps = json.loads(_map_file(made.folder, choices[0]).read_text(encoding="utf-8"))
        return [maps, pair(str(made.folder / "face.png"), str(made.folder / "normalized.png"))]

    def nothing(self) -> list[Any]:
        return [None, None, *self.no_facts()]

    def no_facts(self) -> list[Any]:
        return [verdict_html(), scores_html()]


def _map_file(folder: Path, name: str) -> Path:
    if name not in MAPS:
        raise KeyError(name)
    return folder / f"map-{name}.json"
