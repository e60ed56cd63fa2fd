"""Files that the page writes itself: the same bytes as the server's for the same rows; each cell one cell."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from beadwork.model.connectivity.signature_table import SignatureTable
from beadwork.serve.answer.files import gct_lines, tsv_lines
from beadwork.serve.answer.pages import plain

SAVE = Path(__file__).parents[3] / "web" / "src" / "core" / "save.js"
SCRIPT = """
import {{ readFileSync }} from "node:fs";
const {{ gct, gmt, tsv }} = await import({address});
const {{ columns, rows, sets }} = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify({{ tsv: tsv(columns, rows), gct: gct(columns, rows, "sig_id"), gmt: gmt(sets) }}));
"""
BAD = "\t\r\n\"'=+-@#,; |\u2028"
LETTERS = st.one_of(st.sampled_from(BAD), st.characters(exclude_categories=["Cs"]))
TEXTS = st.one_of(st.none(), st.text(LETTERS, max_size=8))
NAMES = st.text(st.one_of(st.sampled_from(BAD), st.characters(categories=["L", "Nd"])), min_size=1, max_size=6)
NUMBERS = st.one_of(
    st.none(),
    st.integers(-(2**53) + 1, 2**53 - 1).map(float),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.integers(-(10**8), 10**8).map(lambda number: number / 16),  # many ties
    st.floats(-1e3, 1e3),
)
SETS = st.fixed_dictionaries({"name": NAMES, "note": TEXTS, "genes": st.lists(NAMES, max_size=4)})


def written(columns, rows, sets=()):
    """Files that the page writes of some rows."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    script = SCRIPT.format(address=json.dumps(SAVE.as_uri()))
    asked = json.dumps({"columns": columns, "rows": rows, "sets": list(sets)})
    command = [node, "--input-type=module", "-e", script]
    run = subprocess.run(command, input=asked, capture_output=True, check=False, encoding="utf-8")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def both(texts, numbers, ids):
    """What the page writes, and the server, of the same rows."""
    known = {name: [np.nan if value is None else value for value in values] for name, values in numbers.items()}
    words = {"sig_id": ids, **texts}
    columns = {name: pa.array(values, pa.string()) for name, values in words.items()}
    columns |= {name: pa.array(values, pa.float64()) for name, values in known.items()}
    table, rows, names = SignatureTable(pa.table(columns)), np.arange(len(ids)), list(columns)
    server = {"tsv": "".join(tsv_lines(table, rows, names)), "gct": "".join(gct_lines(table, rows, names, "sig_id"))}
    seen = [{name: plain(values[row]) for name, values in (words | known).items()} for row in rows.tolist()]
    return written([{"name": name, "numeric": name in numbers} for name in names], seen), server


@st.composite
def tables(draw):
    size = draw(st.integers(1, 6))
    names = draw(st.lists(NAMES.filter(lambda name: name != "sig_id"), min_size=2, max_size=5, unique=True))
    some = draw(st.integers(1, len(names) - 1))
    texts, numbers = (st.lists(values, min_size=size, max_size=size) for values in (TEXTS, NUMBERS))
    first, rest = {name: draw(texts) for name in names[:some]}, {name: draw(numbers) for name in names[some:]}
    return first, rest, draw(texts)


@settings(max_examples=40, deadline=None)
@given(tables())
@example(({"a\tb": ["x\r\ny"]}, {"c\n=d": [100000.5]}, [None]))
@example(({"=a": ["-666"]}, {"n": [12345.25], "m": [1e-5], "k": [-0.0], "all missing": [None]}, ["=1+1"]))
def test_the_page_and_the_server_write_the_same_bytes(table):
    page, server = both(*table)
    assert page["tsv"] == server["tsv"]
    assert page["gct"] == server["gct"]


@settings(max_examples=20, deadline=None)
@given(
    tables(),
    st.lists(
        st.fixed_dictionaries({"name": NAMES, "note": TEXTS, "genes": st.lists(NAMES, max_size=4)}),
        min_size=1,
        max_size=4,
    ),
)
def test_every_cell_is_one_cell(table, sets):
    texts, numbers, ids = table
    names = ["sig_id", *texts, *numbers]
    rows = [
        {name: column[row] for name, column in {"sig_id": ids, **texts, **numbers}.items()} for row in range(len(ids))
    ]
    made = written([{"name": name, "help": "one\ttwo\nthree"} for name in names], rows, sets)
    for text, wide, above in ((made["tsv"], len(names), len(names)), (made["gct"], len(names), 2)):
        lines = text.removesuffix("\n").split("\n")
        assert len(lines) == above + 1 + len(ids) and "\r" not in text
        assert {len(line.split("\t")) for line in lines[above:]} == {wide}
    lines = made["gmt"].removesuffix("\n").split("\n")
    assert [len(line.split("\t")) for line in lines] == [2 + len(item["genes"]) for item in sets]
    assert not [cell for line in lines for cell in line.split("\t") if len(cell) > 1 and cell[0] in "=@"]


LIMITS = SAVE.parents[1] / "plots" / "limits.js"


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(40, 60), min_size=8, max_size=96), st.sampled_from([-1e6, 0.0, 1e6]))
@example([50.0] * 9 + [50.1, 50.2], 5000.0)
def test_an_odd_value_does_not_stretch_a_scale(values, odd):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    script = (
        f"const {{ limitsOf }} = await import({json.dumps(LIMITS.as_uri())});"
        "const { readFileSync } = await import('node:fs');"
        "const values = JSON.parse(readFileSync(0, 'utf8')), found = limitsOf(values);"
        "process.stdout.write(JSON.stringify([found.low, found.high, ...values.map(found.share)]));"
    )
    run = subprocess.run([node, "--input-type=module", "-e", script], input=json.dumps([*values, odd]),
                         capture_output=True, check=True, encoding="utf-8")  # fmt: skip
    low, high, *shares = json.loads(run.stdout)
    assert 40 <= low <= high <= 60
    assert shares[-1] < 0 if odd < 40 else shares[-1] > 1
    for value, share in zip(values, shares, strict=False):
        assert (0 <= share <= 1) == (low <= value <= high)
