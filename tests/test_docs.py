"""Pages that describe code agree with it."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from beadwork.io.matrix.gctx.layout import COL, DATA, ROW
from beadwork.model.matrix import SPACE_SIZES, Level, Space
from beadwork.simulate.study import FAULTS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
LINKED = [
    *DOCS.rglob("*.md"),
    *ROOT.glob("*.md"),
    *(ROOT / name for name in ("config/README.md", "resources/README.md")),
]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
MOST_IMAGE_BYTES = 300_000
LONGEST_DECISION = 360


def table_below(text: str, heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its header."""
    lines = text.partition(f"\n## {heading}\n")[2].strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    end = next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return rows[2:end]


@pytest.fixture
def levels() -> str:
    return (DOCS / "reference" / "formats" / "levels.md").read_text(encoding="utf-8")


def test_levels(levels):
    rows = table_below(levels, "Levels")
    assert {row[0] for row in rows} == {str(level) for level in Level}
    steps = {row[0]: (row[1], row[2]) for row in rows}
    assert steps["GEX"] == steps["CAL"] == ("2", "deconvolve")
    assert steps["MODZ"] == ("5", "consensus")


def test_spaces(levels):
    rows = table_below(levels, "Spaces")
    assert {row[0]: int(row[1].replace(",", "")) for row in rows} == {
        str(space): size for space, size in SPACE_SIZES.items()
    }
    assert len(rows) == len(Space)


def test_tree(levels):
    for name in (f"/{DATA}", f"/{ROW}/id", f"/{COL}/id", "beadwork_level", "beadwork_space", "beadwork_provenance"):
        assert re.search(rf"^\s*{re.escape(name)}\s", levels, re.MULTILINE), name


def test_simulator_page_names_its_faults():
    text = (DOCS / "validation" / "simulator.md").read_text(encoding="utf-8")
    for fault in FAULTS:
        assert fault.split()[0] in text


def prose(path: Path) -> str:
    """Text of a page without its code."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """Ids of the headings of a page, as the site and the usual viewers make them."""
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    words = (re.sub(r"[^\w\s-]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)) for title in titles)
    return {re.sub(r"[\s-]+", "-", word.strip().lower()) for word in words}


@pytest.mark.parametrize("page", LINKED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_are_sound(page):
    for target in LINK.findall(prose(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        assert other.exists(), f"{page}: {target} is not there"
        if anchor and other.suffix == ".md":
            assert anchor in anchors(other), f"{page}: {target} has no such heading"


def in_menu(entries) -> set[str]:
    """Pages of a part of the site's menu."""
    if isinstance(entries, str):
        return {entries}
    return set().union(*(in_menu(item) for item in (entries.values() if isinstance(entries, dict) else entries)))


def test_every_page_is_in_the_menu_and_reached_from_the_first():
    menu = in_menu(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    notebooks = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.ipynb")}
    assert menu == set(PAGES) | notebooks
    reached, open_pages = set(), {"index.md"}
    while open_pages:
        page = open_pages.pop()
        reached.add(page)
        if page.endswith(".ipynb"):
            continue
        targets = {target.partition("#")[0] for target in LINK.findall(prose(DOCS / page)) if ":" not in target}
        found = {(DOCS / page).parent.joinpath(name).resolve() for name in targets if name.endswith((".md", ".ipynb"))}
        open_pages |= {path.relative_to(DOCS).as_posix() for path in found if path.is_relative_to(DOCS)} - reached
    assert (set(PAGES) | notebooks) - reached == set()


def test_decisions_are_numbered_without_holes_and_half_a_page_each():
    paths = sorted((DOCS / "decisions").glob("0*.md"))
    listed = re.findall(r"\((0\d+-[\w-]+\.md)\)", (DOCS / "decisions" / "index.md").read_text(encoding="utf-8"))
    assert listed == [path.name for path in paths]
    for number, path in enumerate(paths, start=1):
        text = path.read_text(encoding="utf-8")
        assert path.name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        assert len(text.split()) <= LONGEST_DECISION, f"{path.name}: research belongs to docs/research"


def test_images_have_a_text_and_are_small():
    for page in LINKED:
        for text, target in IMAGE.findall(prose(page)):
            assert len(text) > 20, f"{page}: {target} needs a text that says what it shows"
            assert (page.parent / target).stat().st_size < MOST_IMAGE_BYTES


def test_files_named_in_code_are_there():
    for folder, pattern in (("src", "*.py"), ("benchmarks", "*.py"), ("tests", "*.py"), ("profiles", "*.yaml")):
        for path in (ROOT / folder).rglob(pattern):
            for name in re.findall(r"\bdocs/[\w/-]+\.md\b", path.read_text(encoding="utf-8")):
                assert (ROOT / name).exists(), f"{path}: {name}"


@pytest.mark.parametrize("page", LINKED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_scripts_named_in_pages_are_there(page):
    if page.name == "CHANGELOG.md":
        pytest.skip("names of the past stay")
    for name in re.findall(r"\b(?:benchmarks|tests|src|resources)/[\w/.-]+\.(?:py|tsv|sh)\b", page.read_text("utf-8")):
        assert (ROOT / name).exists(), f"{page}: {name}"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="the site needs the packages of the group docs (make site)")
def test_the_site_is_built_without_warnings(tmp_path):
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "reference" / "api" / "stages.html").exists()
    for page in tmp_path.rglob("*.html"):
        fetched = re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=.?https?:[^ >]*", page.read_text(encoding="utf-8"))
        assert fetched == [], f"{page.name} is not complete without a network"
