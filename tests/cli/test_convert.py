"""``beadwork convert``: the same matrix in every format."""

import itertools

import numpy as np
import pandas as pd
import pytest

from beadwork.io.matrix.formats import read_any, write_any
from beadwork.model.matrix import Level, Matrix


@pytest.fixture
def source(tmp_path):
    matrix = Matrix(
        np.array([[1.25, np.nan], [3.0, -4.5]]),
        pd.DataFrame({"pr_gene_symbol": ["A", "B"]}, index=["1", "2"]),
        pd.DataFrame({"pert_id": ["001", "x"], "pert_dose": [1.5, np.nan]}, index=["P:A01", "P:A02"]),
        level=Level.ZSPC,
        provenance={"command": "zscore"},
    )
    write_any(matrix, tmp_path / "in.gctx")
    return tmp_path / "in.gctx"


def test_there_and_back_through_all_formats(run, source, tmp_path):
    chain = [source, *(tmp_path / f"out.{ending}" for ending in ("h5ad", "parquet", "gctx", "gct", "gct.gz"))]
    for one, two in itertools.pairwise(chain):
        outcome = run("convert", one, two)
        assert (outcome.code, outcome.err) == (0, "")
    first, last = read_any(source), read_any(chain[-1])
    np.testing.assert_array_equal(first.values, last.values)
    assert last.cols["pert_id"].tolist() == ["001", "x"]
    assert read_any(chain[3]).level is Level.ZSPC
    assert read_any(chain[3]).provenance == {"command": "zscore"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none.gctx", "out.gct"), "none.gctx: no such file; check the name"),
        (("in.gctx", "out.csv"), "out.csv: unknown ending; one of .gct"),
        (("in.gctx", "out.gctx.gz"), "GCTX is not written gzipped; leave .gz away"),
        (("text.gctx", "out.gct"), "text.gctx: neither GCT (first line #1.2 or #1.3) nor GCTX (HDF5)"),
        (("text.h5ad", "out.gct"), "text.h5ad: not a readable h5ad file of a matrix"),
        (("in.gctx", "folder"), "unknown ending"),
        (("in.gctx", "text.gct/out.gct"), "text.gct/out.gct: cannot be written"),
        (("in.gctx",), "Missing argument 'OUT'"),
    ],
)
def test_mistakes(run, source, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    for name in ("text.gctx", "text.h5ad", "text.gct"):
        (tmp_path / name).write_text("hello")
    before = sorted(tmp_path.rglob("*"))
    outcome = run("convert", *words)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.startswith("beadwork: error: ")
    assert outcome.err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_damaged_input_leaves_the_old_output(run, source, tmp_path):
    (tmp_path / "out.gct").write_text("mine")
    source.write_bytes(source.read_bytes()[:-500])
    outcome = run("convert", source, tmp_path / "out.gct")
    assert (outcome.code, "damaged GCTX file" in outcome.err) == (2, True)
    assert (tmp_path / "out.gct").read_text() == "mine"
