"""A hundred bad inputs, each with its name, and each answered by one clear line that is pinned in messages.tsv.

After a change of wording: BEADWORK_PIN=1 pytest tests/bad_inputs, and read what changed in messages.tsv.
"""

import os
import resource
from pathlib import Path

import pytest

from beadwork.io.beads.lxb import read_events, read_plate
from beadwork.io.beads.maps import read_map
from beadwork.io.connectivity.gene_sets import pair_sets, read_gene_sets
from beadwork.io.files.tables import read_table
from beadwork.io.matrix.expression import read_expression
from beadwork.io.matrix.formats import read_any, read_matrix
from beadwork.model.errors import BeadworkError
from beadwork.model.plates.sheet import count_wells, parse_plate_sheet

from .cases import CASES

MESSAGES = Path(__file__).parent / "messages.tsv"
READERS = {
    "lxb": lambda path: read_events(path.read_bytes(), name=path.name),
    "tar": read_plate,
    "tar.gz": read_plate,
    "zip": read_plate,
    "map": read_map,
    "sheet": lambda path: parse_plate_sheet(path.read_text(), path.name, files=False),
    "counts": lambda path: count_wells(path.read_text(), path.name),
    "gct": read_matrix,
    "gctx": read_matrix,
    "npz": read_expression,
    "parquet": read_any,
    "gmt": lambda path: pair_sets(read_gene_sets(path)),
    "grp": read_gene_sets,
    "gmx": read_gene_sets,
    "sets": read_gene_sets,
    "table": read_table,
}
ENDINGS = {"sets": "tsv", "table": "tsv", "sheet": "tsv", "counts": "map"}


def pinned() -> dict[str, str]:
    lines = MESSAGES.read_text(encoding="utf-8").splitlines() if MESSAGES.is_file() else []
    return dict(line.split("\t", 1) for line in lines[1:])


def answer(kind: str, data: bytes, path: Path) -> str:
    """Message of the reader."""
    path.write_bytes(data)
    with pytest.raises(BeadworkError) as said:
        READERS[kind](path)
    return str(said.value).replace(f"{path.parent}/", "").replace("\n", " | ")


def test_there_are_a_hundred_and_each_is_pinned(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("NOT_SET_9", raising=False)
    if os.environ.get("BEADWORK_PIN"):
        lines = ["case\tmessage"]
        for name, (kind, data) in CASES.items():
            lines.append(f"{name}\t{answer(kind, data, tmp_path / f'bad.{ENDINGS.get(kind, kind)}')}")
        MESSAGES.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert len(CASES) >= 100
    assert list(pinned()) == list(CASES)


@pytest.mark.parametrize("name", CASES, ids=lambda name: name.replace(" ", "_"))
def test_a_bad_input_is_answered_by_one_clear_line(name: str, tmp_path: Path, monkeypatch):
    monkeypatch.delenv("NOT_SET_9", raising=False)
    kind, data = CASES[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    message = answer(kind, data, tmp_path / f"bad.{ENDINGS.get(kind, kind)}")
    assert kind == "sheet" or " | " not in message  # a sheet tells all its mistakes at once
    assert message.startswith("bad.")
    if "bomb" not in name:  # a bomb may take its 256 MB before it is refused
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10, "took more than 300 MB"
    assert message == pinned()[name]
