"""Every text is in the catalogue, every catalogue is whole, and a page in a language has no English left."""

import ast
import json
import os
import re
import string
import subprocess
import sys
from html import unescape

import pytest
from babel.messages.catalog import Catalog

from pipelines.languages.translation import languages
from tests.catalogue import FOLDER, OPEN, SHUT, TEMPLATE, read, template, write_bracketed, written
from tests.sources import ROOT, source_files

CATALOGUES = sorted(FOLDER.glob("*.po"))


@pytest.fixture(scope="module")
def texts() -> Catalog:
    return template()


@pytest.mark.slow
def test_the_template_is_what_the_sources_say(texts):
    assert TEMPLATE.read_text(encoding="utf-8") == written(texts), "run make catalogue"


def test_there_are_german_and_spanish():
    assert [path.stem for path in CATALOGUES] == ["de", "es"]


@pytest.mark.slow
@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_catalogue_has_every_text_once_and_whole(path, texts):
    known = read(path)
    assert {one.id for one in known if one.id} == {one.id for one in texts if one.id}, "run make catalogue"
    assert not [one.id for one in known if one.id and one.fuzzy]
    forms = {one.id: one.string if isinstance(one.string, tuple) else (one.string,) for one in known if one.id}
    assert not [text for text, said in forms.items() if not all(said)]
    assert not [text for text, said in forms.items() if isinstance(text, tuple) and len(said) != known.num_plurals]


def places(text: str) -> list[str]:
    """What a text has places for, and its marks: fields, per cent fields of argparse, tags, keys, and whether bars."""
    fields = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None} if "{" in text else set()
    marks = re.findall(r"%(?:\(\w+\))?[sr]\b|</?[a-z]+>", text)
    return sorted([*fields, *marks, *(["|"] if "|" in text else []), "`" * text.count("`")])


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_translation_has_the_places_of_its_text(path):
    for one in read(path):
        if not one.id:
            continue
        ids = one.id if isinstance(one.id, tuple) else (one.id,)
        for said in one.string if isinstance(one.string, tuple) else (one.string,):
            assert places(said) in [places(text) for text in ids], (one.id, said)
            assert (said[0] == " ", said[-1] == " ") == (ids[0][0] == " ", ids[0][-1] == " "), one.id
            assert not set(said) & {"<", '"'} or set(ids[0]) & {"<", '"'}, f"{one.id}: a text is no HTML"


def test_no_text_is_composed_before_it_is_translated():
    """``_(f"...")`` is never found, and so is ``_(name)`` of what nobody marked; names are marked by ``N_``."""
    for path in source_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("_", "N_", "ngettext")
            ):
                assert not any(isinstance(one, ast.JoinedStr | ast.BinOp) for one in node.args), (path, node.lineno)


# --- a language that nobody speaks ------------------------------------------------------------------------------------

BUILD = """
import json, sys
from pathlib import Path
from pipelines.languages import translation
translation.FOLDER = Path(sys.argv[1])
from ui.server.engine import Engine
from ui.shell import build
from ui.theme import HEAD
page = build(Engine())
found = [{"type": one["type"], **one["props"]} for one in page.config["components"]]
print(json.dumps({"components": found, "head": HEAD}, default=str))
"""


@pytest.fixture(scope="module")
def strange(tmp_path_factory, texts):
    """A folder with a catalogue of a language that nobody speaks."""
    folder = tmp_path_factory.mktemp("languages")
    write_bracketed(folder, texts)
    return folder


def ran(code: str, folder) -> str:
    environment = {**os.environ, "PHILTRUM_LANGUAGE": "ar"}
    words = [sys.executable, "-c", code, str(folder)]
    run = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    return run.stdout


NAMES = re.compile(r"\$\{value\}|Philtrum [\d.]+|Philtrum|YCbCr|RGB|SSIM|LPIPS|StyleGAN2|SHA-256|P0\d\w*\.\w+|px|MB")
"""What is called the same in every language."""


def english(text: str) -> str:
    """What of a text is in no brackets, but for names."""
    while (shorter := re.sub(f"{OPEN}[^{OPEN}{SHUT}]*{SHUT}", "", text)) != text:
        text = shorter
    return " ".join(re.findall(r"[^\W\d_]{2,}", NAMES.sub("", text)))


def seen_in(html: str) -> list[str]:
    """Texts of HTML that people see or hear, without what is filled in by scripts."""
    html = re.sub(r"<(?:script|style|kbd)\b.*?</(?:script|style|kbd)>", " ", html, flags=re.S)
    heard = re.findall(r'\b(?:aria-label|title|placeholder|alt)="([^"]*)"', html)
    return [*heard, unescape(re.sub(r"<[^>]*>", " ", html))]


def seen(component: dict) -> list[str]:
    """Texts of a component of the page."""
    found = []
    for name in ("label", "info", "placeholder"):
        found += [component.get(name)]
    for one in component.get("choices") or []:
        found += [one[0]]
    for name in ("headers", "columns", "names"):
        value = component.get(name)
        found += value if isinstance(value, list) else []
    found += (component.get("named") or {}).values()
    found += seen_in(component.get("html_template") or "")
    if isinstance(component.get("value"), str) and component["type"] in (
        "html",
        "button",
        "downloadbutton",
        "uploadbutton",
    ):
        found += seen_in(component["value"])
    return [text for text in found if isinstance(text, str)]


@pytest.mark.slow
def test_no_english_is_left_on_a_page_in_another_language(strange):
    page = json.loads(ran(BUILD, strange).splitlines()[-1])
    shown = [text for one in page["components"] if one["type"] != "api" for text in seen(one)]
    assert sum(OPEN in text for text in shown) > 300
    assert not sorted({text for text in shown if english(text)})
    assert '"code": "ar", "direction": "rtl"' in page["head"]


SAY = r"""
import json, re, sys
from pathlib import Path
from pipelines.languages import translation
translation.FOLDER = Path(sys.argv[1])
from pipelines.anomaly_scoring import before_after, exports as scoring
from pipelines.cleft_inpainting import exports as cleft
from pipelines.mask_removal import exports as removal
from tests.pipelines.anomaly_scoring.test_exports import make_result as make_score
from tests.pipelines.exports.made_results import make_removal, make_result
made = [(cleft, (make_result(),)), (removal, (make_removal(),)), (scoring, (make_score(),))]
for exports, results in [*made, (before_after, (make_score(), make_score()))]:
    page, card = exports.page(*results), exports.card(*results)
    print(json.dumps([page.title, page.subtitle, page.subject, card.title, *(name for name, _ in card.facts),
        *(name for _, facts in page.facts for name, _ in facts), *(picture.title for picture in page.large),
        *(picture.title for picture in page.maps), *(table.title for table in page.tables),
        *(row.name for table in page.tables for row in table.rows),
        *(column for table in page.tables for column in table.columns)]))
for exports, (result,) in made:
    told = json.dumps(exports.facts(result), default=str, ensure_ascii=False)
    told = re.sub(r'"(?:identity_meaning|identity_question)": "[^"]*"', "", told)  # sentences for people
    assert "⟦" not in told, told
"""


@pytest.mark.slow
def test_no_english_is_left_on_printed_pages_and_none_other_in_json(strange):
    lines = ran(SAY, strange).splitlines()
    assert len(lines) == 4
    said = [text for line in lines for text in json.loads(line)]
    assert len(said) > 40
    assert not [text for text in said if english(text)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["cleft-inpainting", "mask-removal", "anomaly-scoring", "study", "case", "weights", "doctor"]
)
def test_help_is_in_the_language(strange, command):
    code = (
        "import sys; from pathlib import Path; from pipelines.languages import translation\n"
        "translation.FOLDER = Path(sys.argv[1])\n"
        f"from pipelines.__main__ import main; main([{command!r}, '--help'])\n"
    )
    said = re.sub(r"^\S*usage:.*?\n\n", "", ran(code, strange), flags=re.S)
    left = " ".join(line.strip() for line in said.splitlines())
    left = re.sub(r"\{[\w,-]+\}|--[\w-]+|(?<= )-h\b|\b[A-Z][A-Z|=]+\b", "", left)
    left = re.sub(r"\b(?:list|verify|get|import|show|extract|report)(?= +⟦)", "", left)
    assert OPEN in said and not english(left), english(left)


PRINT = """
from pipelines.anomaly_scoring import before_after, exports as scoring
from pipelines.cleft_inpainting import exports as cleft
from pipelines.exports.pages.page import draw_page
from pipelines.mask_removal import exports as removal
from tests.pipelines.anomaly_scoring.test_exports import make_result as make_score
from tests.pipelines.exports.clashes import clashes
from tests.pipelines.exports.made_results import make_removal, make_result
pages = [cleft.page(make_result()), removal.page(make_removal()), scoring.page(make_score())]
pages.append(before_after.page(make_score(), make_score()))
print([one for page in pages for one in clashes(draw_page(page))])
"""


@pytest.mark.slow
@pytest.mark.parametrize("code", languages())
def test_printed_texts_keep_clear_of_one_another(code):
    environment = {**os.environ, "PHILTRUM_LANGUAGE": code}
    words = [sys.executable, "-c", PRINT]
    run = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert (run.stdout, run.stderr) == ("[]\n", "")
