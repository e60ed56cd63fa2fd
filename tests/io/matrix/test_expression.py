"""Expression profiles for training: the formats, names of genes, probe maps, and what is refused."""

import gzip
import logging
import re

import numpy as np
import pandas as pd
import pytest

from beadwork.io.files.tables import write_table
from beadwork.io.matrix.expression import open_expression, read_expression
from beadwork.io.matrix.formats import write_any
from beadwork.io.platform.gene_table import gene_table, probe_table
from beadwork.model.errors import FileError
from beadwork.model.matrix import Matrix

GENES = gene_table().index[:300]
SYMBOLS = gene_table().loc[GENES, "pr_gene_symbol"].to_numpy(dtype=object)
VALUES = np.random.default_rng(0).integers(0, 2000, (300, 5)).astype(np.float32)
SAMPLES = [f"s{k}" for k in range(5)]


def write_npz(path, **changes):
    arrays = {
        "expr": np.arange(8, dtype=np.float16).reshape(4, 2),
        "probe": np.array(["p1", "p2", "p3", "p4"]),
        "sample": np.array(["s1", "s2"]),
        "dataset": np.array(["a", "b"]),
    } | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def matrix(ids=GENES, **fields) -> Matrix:
    rows = pd.DataFrame(fields, index=pd.Index([str(item) for item in ids], dtype=object))
    return Matrix(VALUES, rows, pd.DataFrame({"dataset": list("aabbb")}, index=SAMPLES))


def check(path) -> None:
    found = read_expression(path)
    assert found.cids.tolist() == SAMPLES
    np.testing.assert_array_equal(found.take_rows(GENES).values, VALUES)


def test_npz_with_a_probe_map(tmp_path):
    write_npz(tmp_path / "x.npz")
    write_table(pd.DataFrame({"pr_gene_id": ["20", "10"], "pr_id": ["p4", "p2"]}), tmp_path / "map.tsv")
    found = read_expression(tmp_path / "x.npz", tmp_path / "map.tsv")
    assert found.rids.tolist() == ["20", "10"] and found.cols["dataset"].tolist() == ["a", "b"]
    assert found.values.tolist() == [[6, 7], [2, 3]]


def test_probe_sets_of_hg_u133a_need_no_map(tmp_path):
    used = probe_table().query("pr_is_used == 1").index[:4]
    write_npz(tmp_path / "x.npz", probe=used.to_numpy(str))
    assert read_expression(tmp_path / "x.npz").rids.tolist() == probe_table().loc[used, "pr_gene_id"].tolist()


@pytest.mark.parametrize("ending", ["gctx", "gct", "gct.gz", "h5ad", "parquet"])
@pytest.mark.parametrize("ids", [GENES, SYMBOLS], ids=["Entrez", "symbol"])
def test_every_format_and_kind_of_name(tmp_path, ending: str, ids):
    write_any(matrix(ids), tmp_path / f"x.{ending}")
    check(tmp_path / f"x.{ending}")
    assert read_expression(tmp_path / f"x.{ending}").cols["dataset"].tolist() == list("aabbb")


@pytest.mark.parametrize("ending", ["tsv", "csv", "txt.gz"])
@pytest.mark.parametrize("turned", [False, True], ids=["genes in rows", "genes in columns"])
def test_text_tables(tmp_path, ending: str, turned: bool):
    table = pd.DataFrame(VALUES, index=SYMBOLS, columns=SAMPLES)
    if not turned:
        table.insert(0, "description", "text")
    text = (table.T if turned else table).to_csv(sep="," if ending == "csv" else "\t")
    path = tmp_path / f"lab.{ending}"
    path.write_bytes(gzip.compress(text.encode()) if ending.endswith("gz") else text.encode())
    check(path)
    with open_expression(path) as source:
        assert source.name == "lab" and "dataset" not in source.cols


def test_tables_of_counts_and_of_r(tmp_path, caplog):
    (tmp_path / "fc.txt").write_text(
        "# Program:counts\nGeneid\tChr\tLength\tb1.bam\nTP53\tchr17\t900\t5\nEGFR\tchr7\t800\t7\n"
    )
    (tmp_path / "r.tsv").write_text("s1\ts2\nTP53\t1\t2\nEGFR\t3\tNA\n")
    with caplog.at_level(logging.INFO):
        counts = read_expression(tmp_path / "fc.txt")
    assert counts.cids.tolist() == ["b1.bam"] and counts.values.tolist() == [[5], [7]]
    assert "Chr, Length are taken as annotation of the genes, not as samples" in caplog.text
    found = read_expression(tmp_path / "r.tsv")
    assert found.cids.tolist() == ["s1", "s2"] and np.isnan(found.values[1, 1])
    (tmp_path / "twice.tsv").write_text("gene\ts1\ts1\nTP53\t1\t2\n")
    with pytest.raises(FileError, match=r"twice.tsv: columns stand twice: s1; rename them"):
        read_expression(tmp_path / "twice.tsv")


@pytest.mark.parametrize(
    ("name", "separator", "decimal", "shown"),
    [
        ("x.txt", " ", ".", '"gene" "a b" "a c"'),
        ("x.txt.gz", " ", ".", '"a b" "a c"'),
        ("x.csv", ";", ".", "gene;a b;a c"),
        ("x.csv", ";", ",", "gene;a b;a c"),
        ("x.csv", "\t", ".", "gene\ta b\ta c"),
        ("x.tsv", ",", ".", "gene,a b,a c"),
    ],
)
def test_what_separates_the_cells_is_seen(tmp_path, name: str, separator: str, decimal: str, shown: str):
    rows = [[symbol, f"{k}.5", f"{2 * k}.25"] for k, symbol in enumerate(SYMBOLS[:20])]
    text = "\n".join([shown, *(separator.join([row[0], *(v.replace(".", decimal) for v in row[1:])]) for row in rows)])
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    found = read_expression(tmp_path / name)
    assert found.cids.tolist() == ["a b", "a c"] and found.rids.tolist() == GENES[:20].tolist()
    assert found.values[3].tolist() == [3.5, 6.25]


@pytest.mark.parametrize("heading", ["gene_id", "entrez", "x"])
def test_a_column_of_entrez_ids_is_no_sample(tmp_path, caplog, heading: str):
    table = pd.DataFrame(VALUES, index=SYMBOLS, columns=SAMPLES)
    table.insert(0, heading, GENES.astype(int))
    table.to_csv(tmp_path / "x.tsv", sep="\t")
    with caplog.at_level(logging.INFO):
        check(tmp_path / "x.tsv")
    assert f"{heading} are taken as annotation of the genes, not as samples" in caplog.text


def test_sparse_counts_with_ensembl_ids_beside_the_names(tmp_path):
    anndata = pytest.importorskip("anndata")
    from scipy.sparse import csr_matrix

    ensembl = ["ENSG00000141510.18", "ENSG00000204580", "ENSG00000012048", "ENSG99999999999"]
    var = pd.DataFrame({"gene_id": ensembl}, index=[f"feature{k}" for k in range(4)])
    obs = pd.DataFrame({"dataset": pd.Categorical(["a", "b"])}, index=["s1", "s2"])
    adata = anndata.AnnData(csr_matrix(np.arange(8, dtype=np.float32).reshape(2, 4)), obs=obs, var=var)
    adata.write_h5ad(tmp_path / "x.h5ad")
    found = read_expression(tmp_path / "x.h5ad")
    assert found.rids.tolist() == ["7157", "780", "672"] and found.cols["dataset"].tolist() == ["a", "b"]
    assert found.values.tolist() == [[0, 4], [1, 5], [2, 6]]


def test_of_several_rows_of_a_gene_the_highest_stands_for_it_whatever_their_order(tmp_path, caplog):
    names = ["TP53", "EGFR", "ENSG00000141510", "TP53"]
    values = np.array([[1, 2], [9, 9], [5, 6], [3, 4]], dtype=np.float32)
    for order in ([0, 1, 2, 3], [2, 3, 1, 0]):
        write_npz(tmp_path / "x.npz", expr=values[order], gene=np.array(names)[order], probe=None)
        with caplog.at_level(logging.INFO):
            found = read_expression(tmp_path / "x.npz")
        assert found.take_rows(["7157", "1956"]).values.tolist() == [[5, 6], [9, 9]]
    assert "3 rows share 1 gene; the row of the highest mean stands for each" in caplog.text


def test_another_name_of_the_study_field(tmp_path):
    for changes in ({"dataset": None, "lab": np.array(["a", "b"])}, {}):
        write_npz(tmp_path / "x.npz", probe=GENES[:4].to_numpy(str), **changes)
        assert read_expression(tmp_path / "x.npz", study_field="lab").cols["lab"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expr": None}, r"x.npz: lacks the arrays expr, gene \(or probe\) and sample; it has dataset, probe, sample"),
        ({"sample": np.array(["s1", "s1"])}, "x.npz: column ids must be unique; repeated: s1"),
        ({"sample": np.array(["s1"])}, r"x.npz: expr of shape \(4, 2\) and type float16 does not fit 4 rows"),
        ({"expr": np.array([["a", "b"]] * 4)}, r"x.npz: expr of shape \(4, 2\) and type <U1 does not fit"),
        ({"sample": np.array(["s1", "s2"], dtype=object)}, r"save names as text \(dtype str\), not as objects"),
        ({"probe": np.array(["a", "b", "c", "d"])}, r"x.npz: none of its 4 rows names a gene of the platform \(a, b"),
    ],
)
def test_bad_npz(tmp_path, changes, message):
    write_npz(tmp_path / "x.npz", **({"probe": GENES[:4].to_numpy(str)} | changes))
    with pytest.raises(FileError, match=message):
        read_expression(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.npz", "hello", "x.npz: not a readable .npz file"),
        ("x.h5ad", "hello", "x.h5ad: not a readable h5ad file"),
        ("x.tsv", "gene\ts1\nTP53\thigh\n", "x.tsv: no column holds numbers only"),
        ("x.csv", "", "x.csv: is empty"),
        ("x.doc", "hello", "x.doc: unknown ending"),
    ],
)
def test_files_of_another_kind(tmp_path, name: str, content: str, message: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(FileError, match=message):
        read_expression(tmp_path / name)


def test_no_such_file(tmp_path):
    with pytest.raises(FileError, match=r"y.npz: no such file; check the name"):
        read_expression(tmp_path / "y.npz")
    with pytest.raises(FileError, match="is a folder"):
        read_expression(tmp_path)


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


@pytest.mark.parametrize("cell", ["abc", "<5", "7,31", "1.2.3"])
def test_text_in_a_column_of_numbers_is_refused(tmp_path, cell: str):
    table = pd.DataFrame(VALUES, index=SYMBOLS, columns=SAMPLES).astype(object)
    table.iloc[2, 1] = cell
    table.to_csv(tmp_path / "x.tsv", sep="\t")
    words = f"x.tsv: row {SYMBOLS[2]}, column {SAMPLES[1]}: {cell!r} is not a number; correct it"
    with pytest.raises(FileError, match=re.escape(words)):
        read_expression(tmp_path / "x.tsv")


def test_text_in_several_columns_and_decimal_commas(tmp_path):
    lines = ["gene;a;b;c", *(f"{name};1,5;2,5;3,5" for name in SYMBOLS[:6]), f"{SYMBOLS[6]};low;4,5;high"]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    words = f"row {SYMBOLS[6]}, column a: 'low' is not a number; so have c; correct it"
    with pytest.raises(FileError, match=re.escape(words)):
        read_expression(tmp_path / "x.csv")


def test_columns_of_text_and_of_chromosomes_annotate(tmp_path, caplog):
    table = pd.DataFrame(VALUES, index=SYMBOLS, columns=SAMPLES)
    table.insert(0, "chromosome_name", ["X", "Y", *["7"] * (len(table) - 2)])
    table.insert(0, "title", "text")
    table.to_csv(tmp_path / "x.tsv", sep="\t")
    with caplog.at_level(logging.INFO):
        check(tmp_path / "x.tsv")
    assert "title, chromosome_name hold text and count as annotation of the genes" in caplog.text
    table.drop(columns="chromosome_name").to_csv(tmp_path / "x.tsv", sep="\t")
    with caplog.at_level(logging.INFO):
        check(tmp_path / "x.tsv")
    assert "title holds text and counts as annotation of the genes" in caplog.text
