"""How the app looks: one calm theme on the system's own fonts, in light and dark, and the style sheet."""

import html
import json
import re
from pathlib import Path
from string import Template
from typing import Any

import gradio as gr

from pipelines.files import shipped
from pipelines.languages.translation import _, direction, language, plural_rule, table

ASSETS = shipped(Path(__file__).parent, "assets")

STYLE = ASSETS / "style.css"

_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Helvetica Neue", "sans-serif")
_MONO = ("ui-monospace", "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", "monospace")

# What the whole page does, in the order in which the parts need each other.
_PARTS = ("words", "said", "toasts", "focus", "running", "keys")

_TEXT = re.compile(r"\[\[(.+?)\]\]", re.S)
_KEY = re.compile("`([^`]+)`")


def _spoken() -> str:
    """The language as the page's scripts know it: its code, direction, plural rule and texts."""
    facts = {"code": language(), "direction": direction(), "texts": table()}
    # In a script of HTML, where only "<" could end it.
    said = json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c")
    return f"const LANGUAGE = {said};\nLANGUAGE.plural = (n) => Number({plural_rule()});\n"


# The person's own choice of light or dark, else the system's. Gradio sets the same class when it mounts, from the
# system alone: so the class is watched, not set once.
HEAD = """
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<script>
  (() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    let choice = null;
    try { choice = localStorage.getItem("philtrum-theme"); } catch {}
    const dark = () => (choice ? choice === "dark" : system.matches);
    const paint = () => {
      if (document.body.classList.contains("dark") !== dark()) document.body.classList.toggle("dark", dark());
    };
    window.philtrumTheme = () => {
      choice = dark() ? "light" : "dark";
      try { localStorage.setItem("philtrum-theme", choice); } catch {}
      paint();
    };
    system.addEventListener("change", paint);
    const start = () => {
      paint();
      new MutationObserver(paint).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    };
    document.body ? start() : document.addEventListener("DOMContentLoaded", start);
  })();
</script>
""" + "<script>(() => {\n{script}\n})();</script>\n".replace(
    "{script}",
    _spoken() + "".join((ASSETS / f"{part}.js").read_text(encoding="utf-8") for part in _PARTS),
)


def template(name: str, /, **words: Any) -> str:
    """A piece of the page from ``assets/``, in this process's language.

    Texts stand in ``[[...]]`` there. What is between backticks in them is a key of the keyboard, and what stands
    between bars, or behind the last one, is left out where there is no room.

    Args:
        name: of the file.
        words: what its ``$name`` places hold, as HTML.
    """
    source = (ASSETS / name).read_text(encoding="utf-8")
    return Template(_TEXT.sub(lambda found: _as_html(_(found[1])), source)).substitute(words)


def _as_html(text: str) -> str:
    safe = html.escape(text, quote=False).replace('"', "&quot;").replace("$", "$$")
    parts = enumerate(_KEY.sub(r"<kbd>\1</kbd>", safe).split("|"))
    return "".join(f"<span>{part}</span>" if number % 2 else part for number, part in parts)


def theme() -> gr.themes.Base:
    """The theme: slate greys, one blue that stands out, no web fonts."""
    ink, ink_dark = "#16202c", "#e8edf3"
    muted, muted_dark = "#556372", "#a3b0be"
    page, page_dark = "#f4f6f8", "#11161c"
    card, card_dark = "#ffffff", "#19202a"
    line, line_dark = "#dbe1e8", "#2c3744"
    accent, accent_dark = "#0b63c5", "#2f81e0"
    made = gr.themes.Base(
        primary_hue=gr.themes.colors.blue,
        secondary_hue=gr.themes.colors.slate,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        spacing_size=gr.themes.sizes.spacing_md,
        text_size=gr.themes.sizes.text_md,
        font=_SANS,
        font_mono=_MONO,
    )
    return made.set(
        body_background_fill=page,
        body_background_fill_dark=page_dark,
        body_text_color=ink,
        body_text_color_dark=ink_dark,
        body_text_color_subdued=muted,
        body_text_color_subdued_dark=muted_dark,
        background_fill_primary=card,
        background_fill_primary_dark=card_dark,
        background_fill_secondary=page,
        background_fill_secondary_dark=page_dark,
        border_color_primary=line,
        border_color_primary_dark=line_dark,
        color_accent=accent,
        border_color_accent=accent,
        border_color_accent_dark=accent_dark,
        block_background_fill=card,
        block_background_fill_dark=card_dark,
        block_border_color=line,
        block_border_color_dark=line_dark,
        block_border_width="1px",
        block_shadow="none",
        block_label_text_color=muted,
        block_label_text_color_dark=muted_dark,
        block_title_text_color=ink,
        block_title_text_color_dark=ink_dark,
        block_title_text_weight="500",
        block_title_text_size="*text_sm",
        block_info_text_color=muted,
        block_info_text_color_dark=muted_dark,
        input_background_fill=card,
        input_background_fill_dark="#10161d",
        input_border_width="1px",
        input_border_color="#b9c4cf",
        input_border_color_dark="#465464",
        input_shadow_focus="0 0 0 3px rgba(11, 99, 197, .25)",
        input_shadow_focus_dark="0 0 0 3px rgba(47, 129, 224, .35)",
        button_primary_background_fill=accent,
        button_primary_background_fill_hover="#094f9e",
        button_primary_background_fill_dark="#1f6fd0",
        button_primary_background_fill_hover_dark="#1960b8",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        button_secondary_background_fill=card,
        button_secondary_background_fill_hover="#eef2f6",
        button_secondary_background_fill_dark="#222c38",
        button_secondary_background_fill_hover_dark="#2b3744",
        button_secondary_border_color="#b9c4cf",
        button_secondary_border_color_dark="#465464",
        button_secondary_text_color=ink,
        button_secondary_text_color_dark=ink_dark,
        button_border_width="1px",
        button_large_text_weight="600",
        button_small_text_weight="500",
        slider_color=accent,
        slider_color_dark=accent_dark,
        checkbox_background_color_selected=accent,
        checkbox_background_color_selected_dark=accent_dark,
        checkbox_border_color_selected=accent,
        checkbox_border_color_selected_dark=accent_dark,
        checkbox_label_background_fill=card,
        checkbox_label_background_fill_dark="#222c38",
        checkbox_label_background_fill_selected="#e4effb",
        checkbox_label_background_fill_selected_dark="#1c3c63",
        checkbox_label_border_color="#b9c4cf",
        checkbox_label_border_color_dark="#465464",
        checkbox_label_text_color=ink,
        checkbox_label_text_color_dark=ink_dark,
        table_even_background_fill=card,
        table_even_background_fill_dark=card_dark,
        table_odd_background_fill=page,
        table_odd_background_fill_dark=page_dark,
        table_border_color=line,
        table_border_color_dark=line_dark,
        loader_color=accent,
        loader_color_dark=accent_dark,
        stat_background_fill="rgba(11, 99, 197, .16)",
        stat_background_fill_dark="rgba(47, 129, 224, .28)",
    )
