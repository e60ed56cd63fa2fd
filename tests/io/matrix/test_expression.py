"""Expression profiles for training: .npz, GCTX and probe maps."""

import numpy as np
import pandas as pd
import pytest

from beadwork.io.files.tables import write_table
from beadwork.io.matrix.expression import read_expression
from beadwork.io.matrix.formats import write_matrix
from beadwork.io.platform.gene_table import probe_table
from beadwork.model.errors import FileError
from beadwork.model.matrix import Matrix


def write_npz(path, **changes):
    arrays = {
        "expr": np.arange(8, dtype=np.float16).reshape(4, 2),
        "probe": np.array(["p1", "p2", "p3", "p4"]),
        "sample": np.array(["s1", "s2"]),
        "dataset": np.array(["a", "b"]),
    } | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def test_npz_with_a_probe_map(tmp_path):
    write_npz(tmp_path / "x.npz")
    write_table(pd.DataFrame({"pr_gene_id": ["20", "10"], "pr_id": ["p4", "p2"]}), tmp_path / "map.tsv")
    matrix = read_expression(tmp_path / "x.npz", tmp_path / "map.tsv")
    assert matrix.rids.tolist() == ["20", "10"] and matrix.cols["dataset"].tolist() == ["a", "b"]
    assert matrix.values.tolist() == [[6, 7], [2, 3]]


def test_probe_sets_of_hg_u133a_need_no_map(tmp_path):
    used = probe_table().query("pr_is_used == 1").index[:4]
    write_npz(tmp_path / "x.npz", probe=used.to_numpy(str))
    assert read_expression(tmp_path / "x.npz").rids.tolist() == probe_table().loc[used, "pr_gene_id"].tolist()


def test_gctx_of_entrez_ids_is_taken_as_it_is(tmp_path):
    cols = pd.DataFrame({"dataset": ["a", "b"]}, index=["s1", "s2"])
    write_matrix(Matrix(np.ones((2, 2)), pd.DataFrame(index=["780", "7849"]), cols), tmp_path / "x.gctx")
    assert read_expression(tmp_path / "x.gctx").rids.tolist() == ["780", "7849"]


def test_another_name_of_the_study_field(tmp_path):
    write_npz(tmp_path / "x.npz", dataset=None, lab=np.array(["a", "b"]))
    assert read_expression(tmp_path / "x.npz", study_field="lab").cols["lab"].tolist() == ["a", "b"]
    write_npz(tmp_path / "y.npz")
    assert read_expression(tmp_path / "y.npz", study_field="lab").cols["lab"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expr": None}, r"x.npz: lacks the arrays expr, gene \(or probe\) and sample; it has dataset, probe, sample"),
        ({"sample": np.array(["s1", "s1"])}, "x.npz: column ids must be unique; repeated: s1"),
        ({"sample": np.array(["s1"])}, r"x.npz: matrix of shape \(4, 2\) does not fit 4 row ids and 1 column ids"),
    ],
)
def test_bad_npz(tmp_path, changes, message):
    write_npz(tmp_path / "x.npz", **changes)
    with pytest.raises(FileError, match=message):
        read_expression(tmp_path / "x.npz")


def test_npz_that_is_none(tmp_path):
    (tmp_path / "x.npz").write_text("hello")
    with pytest.raises(FileError, match=r"x.npz: not a readable .npz file"):
        read_expression(tmp_path / "x.npz")
    with pytest.raises(FileError, match=r"y.npz: no such file"):
        read_expression(tmp_path / "y.npz")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"pr_gene_id": ["1"], "probe": ["p1"]}, "map.tsv: lacks the column pr_id"),
        ({"pr_gene_id": ["1", "1"], "pr_id": ["p1", "p2"]}, "map.tsv: pr_gene_id 1 stands twice"),
        ({"pr_gene_id": ["1", "2"], "pr_id": ["p1", "q2"]}, r"map.tsv: 1 of its 2 rows are not in .*x.npz \(q2\)"),
    ],
)
def test_bad_probe_map(tmp_path, table, message):
    write_npz(tmp_path / "x.npz")
    write_table(pd.DataFrame(table), tmp_path / "map.tsv")
    with pytest.raises(FileError, match=message):
        read_expression(tmp_path / "x.npz", tmp_path / "map.tsv")
