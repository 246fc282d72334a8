"""The site of the documents: built strictly, and nothing in it comes from another host."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import pipelines
from tests.sources import ROOT

_LOADING = {"audio", "embed", "iframe", "image", "img", "input", "link", "object", "script", "source", "track", "video"}
"""Elements whose addresses a browser asks for by itself; what ``<a href>`` names, it asks for when somebody clicks."""

_ELSEWHERE = re.compile(r"\s*(?:https?:)?//", re.I)


class _Loaded(HTMLParser):
    """Collects what a page makes a browser load from another host."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if tag in _LOADING and name in ("src", "href", "data", "poster") and _ELSEWHERE.match(value or ""):
                self.found.append(f"<{tag} {name}={value}>")
            if name == "srcset":
                self.found += [part for part in (value or "").split(",") if _ELSEWHERE.match(part)]
            if name == "style":
                self.found += loaded_by_style(value or "")


def loaded_by_style(text: str) -> list[str]:
    """What a style sheet loads from another host."""
    named = re.findall(r"url\(\s*[\"']?([^\"')]+)|@import\s+[\"']([^\"']+)", text)
    return [address for pair in named for address in pair if _ELSEWHERE.match(address)]


def loaded_by_page(text: str) -> list[str]:
    """What a page loads from another host."""
    parser = _Loaded()
    parser.feed(text)
    inside = re.findall(r"<style[^>]*>(.*?)</style>", text, re.S)
    return [*parser.found, *(address for sheet in inside for address in loaded_by_style(sheet))]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.mark.slow
def test_every_document_is_a_page(site):
    documents = list((ROOT / "docs").rglob("*.md"))
    assert len(documents) > 15
    for document in documents:
        assert (site / document.relative_to(ROOT / "docs")).with_suffix(".html").is_file(), document


@pytest.mark.slow
def test_pages_load_nothing_from_another_host(site):
    pages, sheets = list(site.rglob("*.html")), list(site.rglob("*.css"))
    assert len(pages) > 15 and sheets
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert loaded_by_page(text) == [], page
        assert 'class="mermaid"' not in text, "the theme would fetch what draws it"
    for sheet in sheets:
        assert loaded_by_style(sheet.read_text(encoding="utf-8")) == [], sheet


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('<script src="https://cdn.example/a.js"></script>', 1),
        ('<script src="//cdn.example/a.js"></script>', 1),
        ('<link rel="stylesheet" href="https://fonts.example/css">', 1),
        ('<img src="http://example/a.png" srcset="http://example/b.png 2x, c.png">', 2),
        ('<p style="background: url(https://example/a.png)">', 1),
        ('<style>@import "https://example/a.css";</style>', 1),
        ('<a href="https://example">a link</a><img src="a.png"><script src="../a.js"></script>', 0),
        ("<img src='data:image/png;base64,AAAA'><style>a { background: url(a.png) }</style>", 0),
    ],
)
def test_what_comes_from_another_host_is_noticed(text, count):
    assert len(loaded_by_page(text)) == count


def described(page: Path) -> set[str]:
    """Full names of what a page of the API reference describes."""
    return set(re.findall(r'id="(pipelines\.[\w.]+)"', page.read_text(encoding="utf-8")))


@pytest.mark.slow
def test_reference_describes_the_public_face(site):
    pages = [described(page) for page in (site / "reference").glob("*.html")]
    names = {name.rpartition(".")[2] for page in pages for name in page}
    assert not set(pipelines.__all__) - names


@pytest.mark.slow
@pytest.mark.parametrize("document", sorted((ROOT / "docs/reference").glob("*.md")), ids=lambda path: path.stem)
def test_reference_describes_all_that_it_names(document, site):
    """mkdocstrings passes over members that a module lacks, and so would miss what moves elsewhere."""
    blocks = re.findall(r"^::: (\S+)\n((?: .*\n)*)", document.read_text(encoding="utf-8"), re.M)
    assert blocks
    found = described(site / f"reference/{document.stem}.html")
    for name, options in blocks:
        members = re.search(r"members: \[(.*)\]", options)
        wanted = [f"{name}.{member}" for member in members[1].split(", ")] if members else [name]
        for one in wanted:
            assert one in found or any(other.startswith(f"{one}.") for other in found), one


@pytest.mark.slow
def test_roles_of_docstrings_are_links(site):
    text = (site / "reference/jobs.html").read_text(encoding="utf-8")
    assert 'href="pictures.html#pipelines.faces.masks.EXTENTS"' in text
    for page in site.rglob("*.html"):
        assert not re.search(r":(attr|class|data|func|meth|mod):<", page.read_text(encoding="utf-8")), page
