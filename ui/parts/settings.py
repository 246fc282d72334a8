"""How faces are scored, as the tab and its cohort ask for it: the choices, and what they become for the pipeline."""

import html
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import gradio as gr

from pipelines.anomaly_scoring.choices import (
    ADAPTATION_STEPS,
    EVERYONE,
    MOST_ADAPTATION_STEPS,
    MOST_INVERSION_STEPS,
    MOST_SEARCHES,
    PAINTED,
    SEARCHES,
)
from pipelines.anomaly_scoring.scoring.scale import groups
from pipelines.errors import PhiltrumError
from pipelines.languages.translation import _
from ui.parts.scores.facts import COLOURS, FORMULAS, GROUPS, KINDS, NORMALIZERS, REGIONS
from ui.server.engine import Engine

FRAMES_UNTIL = 50
"""How far StyleGAN2's adaptation goes on unless another step is asked for, so that one sees the anomaly come back."""

NAMES = (
    "region", "kind", "normalizer", "group", "searches", "colour", "formula", "erosion", "steps", "adaptation_steps",
    "frames_until", "seed",
)  # fmt: skip
"""Names of the settings, in their order."""

_INPAINTING, _STYLEGAN2 = NORMALIZERS
_KINDS_FOR_SURE = ("pse", "ssim")  # the others need a network that this machine may not have

Word = TypeVar("Word", bound=str)


def choices(names: Mapping[Word, str], keys: Sequence[str] | None = None) -> list[tuple[str, Word]]:
    """Choices of a radio in gradio's order: label, value."""
    return [(label, key) for key, label in names.items() if keys is None or key in keys]


class ScoringSettings:
    """The choices' components.

    Args:
        prefix: begins their ids.
        painted: whether a region can be painted.
    """

    def __init__(self, prefix: str, painted: bool):
        self.prefix = prefix
        self._regions = [key for key in REGIONS if painted or key != PAINTED]

    def build(self) -> None:
        """Lays the choices out that a person may want to change."""
        self.region = self._radio(_("Region"), choices(REGIONS, self._regions), "mouth-nose")
        self.kind = self._radio(
            _("Kind of map"), choices(KINDS, _KINDS_FOR_SURE), "pse",
            meaning=_("How the face is compared with its normalized version, for severity and normality alone."),
        )  # fmt: skip
        self.normalizer = self._radio(
            _("Normalizer"), choices(NORMALIZERS, [_INPAINTING]), _INPAINTING, elem_id=f"{self.prefix}-normalizer"
        )
        self.group = self._radio(
            _("Compare with"), choices(GROUPS, [EVERYONE]), EVERYONE,
            meaning=_("The faces without a cleft that a percentile counts. Like a clinic's photo: from the front, lips "
            "closed, even light."),
        )  # fmt: skip

    def build_advanced(self) -> None:
        """Lays the folded choices out, whose defaults need no change."""
        with gr.Accordion(_("Searches, colour, formula, steps and seed"), open=False, elem_classes="advanced"):
            with gr.Column(elem_classes="only-inpainting"):
                self.searches = gr.Slider(
                    1, MOST_SEARCHES, SEARCHES, step=1, label=_("Searches (fast repainting)"),
                    info=_("How often lips and nose are searched. More find small deformities more surely; each takes "
                    "as long as the first."),
                )  # fmt: skip
            with gr.Row():
                self.colour = gr.Radio(
                    choices(COLOURS), value="ycbcr", label=_("Colour space"), min_width=180,
                    info=_("YCbCr (BT.601) with squared error agreed best with people in the paper."),
                )  # fmt: skip
                self.formula = gr.Radio(
                    choices(FORMULAS), value="equation", label=_("Formula"), min_width=180,
                    info=_("S = −ln(√(Σ h) / N), or −ln(Σ h / N)."),
                )  # fmt: skip
            self.erosion = gr.Checkbox(
                True, label=_("Erode the map"), info=_("Drops differences thinner than three pixels, such as hair.")
            )
            with gr.Column(elem_classes="only-stylegan2"):
                self.steps = gr.Slider(
                    0, MOST_INVERSION_STEPS, 0, step=50, label=_("Steps of the inversion (StyleGAN2)"),
                    info=_("0 takes as many as suit this machine."),
                )  # fmt: skip
                self.adaptation_steps = gr.Slider(
                    0, MOST_ADAPTATION_STEPS, ADAPTATION_STEPS, step=5, label=_("Steps of the adaptation (StyleGAN2)"),
                    info=_("After these the face counts as normalized; too many bring the anomaly back."),
                )  # fmt: skip
                self.frames_until = gr.Slider(
                    0, MOST_ADAPTATION_STEPS, FRAMES_UNTIL, step=5, label=_("Frames until step (StyleGAN2)"),
                    info=_("Only to see when the anomaly reappears; the score stays the same."),
                )  # fmt: skip
            self.seed = gr.Number(
                0, label=_("Seed"), precision=0, minimum=0, maximum=2**32 - 1,
                info=_("The same photo, settings and seed give the same score."),
            )  # fmt: skip

    @property
    def components(self) -> list[gr.components.Component]:
        """In the order in which :meth:`options` takes their values."""
        return [
            self.region, self.kind, self.normalizer, self.group, self.searches, self.colour, self.formula, self.erosion,
            self.steps, self.adaptation_steps, self.frames_until, self.seed,
        ]  # fmt: skip

    @property
    def named(self) -> dict[str, gr.components.Component]:
        """The same, by name."""
        return dict(zip(NAMES, self.components, strict=True))

    @staticmethod
    def options(values: Sequence[Any]) -> dict[str, Any]:
        """What :class:`ui.server.scorers.Scorers` is called with.

        Args:
            values: of :attr:`components`.
        """
        region, kind, normalizer, group, searches, colour, formula, erosion, *steps, seed = values
        return {
            "region": region,
            "kind": kind,
            "normalizer": normalizer,
            "own": own_options(normalizer, searches, *steps),
            "group": group,
            "colour": colour,
            "formula": formula,
            "erosion": bool(erosion),
            "seed": int(seed or 0),
        }

    @property
    def offered(self) -> list[gr.Radio]:
        """The choices that :meth:`offer` updates."""
        return [self.kind, self.normalizer, self.group]

    def connect(self, engine: Engine, **named: Any) -> None:
        """Has the page ask, when it is opened, what this machine can do.

        Args:
            engine: tells when the libraries that know it are loaded.
            named: how the event is called.
        """

        def offer() -> tuple[gr.Radio, ...]:
            engine.ready.wait()
            from ui.server.scorers import kinds_here, normalizers_here  # here: they import PyTorch

            try:
                return self.offer(kinds_here(), normalizers_here(), groups())
            except PhiltrumError:
                return (gr.skip(),) * len(self.offered)  # the status line says what is wrong

        gr.on(None, offer, None, self.offered, **named, concurrency_limit=None)

    def offer(self, *keys: Sequence[str]) -> tuple[gr.Radio, ...]:
        """Updates of the choices to what this machine has.

        Args:
            keys: of the kinds of heat map, the normalizers, and the groups of faces to compare with.
        """
        named = zip((KINDS, NORMALIZERS, GROUPS), keys, strict=True)
        return tuple(gr.Radio(choices=choices(names, here)) for names, here in named)

    def _radio(
        self, label: str, options: list[tuple[str, str]], value: str, meaning: str = "", **more: Any
    ) -> gr.Radio:
        title = f' title="{html.escape(meaning)}"' if meaning else ""
        with gr.Row(elem_classes="setting", equal_height=True):  # the style sheet hides it where there is no choice
            gr.HTML(f"<p{title}>{label}</p>", apply_default_css=False, min_width=90)
            return gr.Radio(
                options, value=value, label=label, show_label=False, container=False, elem_classes="extent",
                min_width=200, **more,
            )  # fmt: skip


def own_options(
    normalizer: str, searches: float, steps: float, adaptation_steps: float, frames_until: float
) -> dict[str, int]:
    """A normalizer's own options, of what is asked for either: 0 steps of inversion leave their number to StyleGAN2."""
    if normalizer != _STYLEGAN2:
        return {"searches": int(searches)}
    own = {"adaptation_steps": int(adaptation_steps), "frames_until": int(max(adaptation_steps, frames_until))}
    return {"steps": int(steps), **own} if steps else own
