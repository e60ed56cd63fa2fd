"""Pages that describe code agree with it."""

import re
from pathlib import Path

import pytest

from beadwork.io.matrix.gctx.layout import COL, DATA, ROW
from beadwork.model.matrix import SPACE_SIZES, Level, Space
from beadwork.simulate.study import FAULTS

DOCS = Path(__file__).resolve().parents[1] / "docs"


def table_below(text: str, heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its header."""
    lines = text.partition(f"\n## {heading}\n")[2].strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    end = next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return rows[2:end]


@pytest.fixture
def levels() -> str:
    return (DOCS / "formats" / "levels.md").read_text(encoding="utf-8")


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
    text = (DOCS / "simulator.md").read_text(encoding="utf-8")
    for fault in FAULTS:
        assert fault.split()[0] in text
