"""A matrix without samples ends every step in one line, and writes nothing."""

import numpy as np
import pandas as pd
import pytest

from beadwork.cli import main
from beadwork.io.matrix.formats import write_matrix
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.spaces import space_genes

FIELDS = ["det_plate", "det_well", "pert_id", "pert_type", "brew_prefix", "pert_dose", "pert_dose_unit", "pert_time"]


@pytest.mark.parametrize(
    ("level", "words"),
    [
        (Level.GEX, ["normalize", "MATRIX", "--calibrators", "CAL", "-o", "made.gctx"]),
        (Level.QNORM, ["infer", "MATRIX", "-o", "made.gctx"]),
        (Level.INF, ["zscore", "MATRIX", "-o", "made.gctx"]),
        (Level.INF, ["zscore", "MATRIX", "--population", "vehicle", "-o", "made.gctx"]),
        (Level.ZSPC, ["denoise", "MATRIX", "-o", "made.gctx"]),
        (Level.MODZ, ["denoise", "MATRIX", "-o", "made.gctx"]),
        (Level.ZSPC, ["train-noise", "MATRIX", "-o", "made.h5"]),
        (Level.ZSPC, ["consensus", "MATRIX", "-o", "made.gctx", "--siginfo", "made.tsv"]),
        (Level.GEX, ["check-plates", "MATRIX", "-o", "made.tsv"]),
        (Level.ZSPC, ["figures", "brew", "MATRIX", "-o", "made"]),
        (Level.MODZ, ["index", "build", "made", "MATRIX"]),
    ],
)
def test_one_line_and_no_output(tmp_path, monkeypatch, capsys, level, words):
    monkeypatch.chdir(tmp_path)
    cols = pd.DataFrame({name: pd.Series(dtype=object) for name in FIELDS}, index=pd.Index([], dtype=object))

    def write(name, level, rids):
        rows = pd.DataFrame(index=pd.Index(rids, dtype=object))
        write_matrix(Matrix(np.zeros((len(rids), 0), np.float32), rows, cols, level=level), tmp_path / name)

    write("matrix.gctx", level, space_genes(gene_table(), Space.LM))
    write("cal.gctx", Level.CAL, [f"CAL{number:02d}" for number in range(1, 11)])
    names = {"MATRIX": "matrix.gctx", "CAL": "cal.gctx"}
    with pytest.raises(SystemExit) as stop:
        main([names.get(word, word) for word in words])
    lines = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert stop.value.code == 2
    assert len(lines) == 1 and "matrix.gctx" in lines[0]
    assert not list(tmp_path.glob("made*"))
