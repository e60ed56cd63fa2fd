"""Every format carries the same matrix, and what is no matrix is refused in one line."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beadwork.io.matrix.formats import read_any, write_any
from beadwork.model.errors import BeadworkError, FileError
from beadwork.model.matrix import Level, Matrix


def make_matrix() -> Matrix:
    rows = pd.DataFrame(
        {"pr_gene_symbol": ["DDR1", "β-catenin", "PAX8"], "pr_analyte_num": [11, 12, 13]},
        index=pd.Index(["780", "1499", "7849"], dtype=object),
    )
    cols = pd.DataFrame(
        {
            "pert_id": ["001", "BRD-1"],
            "pert_dose": [0.1234567890123456, np.nan],
            "dose µM / l": ["10 µM", np.nan],
            "count": [3, 4],
        },
        index=pd.Index(["P:A01", "P:A02"], dtype=object),
    )
    values = np.array([[1.5, np.nan], [-2.25, 3.0], [0.1, 7.0]], dtype=np.float32)
    return Matrix(values, rows, cols, level=Level.ZSPC, provenance={"command": "zscore", "µ": [1, 2]})


def assert_same_tables(found: Matrix, expected: Matrix) -> None:
    for mine, theirs in ((found.rows, expected.rows), (found.cols, expected.cols)):
        assert mine.index.tolist() == theirs.index.tolist()
        assert mine.columns.tolist() == theirs.columns.tolist()
        for name in theirs:
            for a, b in zip(mine[name].tolist(), theirs[name].tolist(), strict=True):
                assert (pd.isna(a) and pd.isna(b)) or (a == b and type(a) is type(b)), f"{name}: {a!r}, {b!r}"


@pytest.mark.parametrize("ending", ["gctx", "h5ad", "parquet", "gct", "gct.gz"])
def test_round_trip(tmp_path, ending):
    matrix, path = make_matrix(), tmp_path / f"m.{ending}"
    write_any(matrix, path)
    found = read_any(path)
    np.testing.assert_allclose(found.values, matrix.values, rtol=0, atol=1e-4 if "gct" in ending else 0)
    assert_same_tables(found, matrix)
    if not ending.startswith("gct") or ending == "gctx":
        np.testing.assert_array_equal(found.values, matrix.values)
        assert (found.level, found.space, dict(found.provenance)) == (Level.ZSPC, None, matrix.provenance)


@pytest.mark.parametrize("ending", ["gctx", "parquet", "gct", "gct.gz"])
def test_same_bytes(tmp_path, ending):
    for name in ("one", "two"):
        write_any(make_matrix(), tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


def test_h5ad_is_what_scanpy_users_expect(tmp_path):
    import anndata

    write_any(make_matrix(), tmp_path / "m.h5ad")
    adata = anndata.read_h5ad(tmp_path / "m.h5ad")
    assert adata.shape == (2, 3)
    assert adata.obs_names.tolist() == ["P:A01", "P:A02"]
    assert adata.var["pr_gene_symbol"].tolist() == ["DDR1", "β-catenin", "PAX8"]


def test_anndata_of_someone_else():
    import anndata
    from scipy import sparse

    adata = anndata.AnnData(
        X=sparse.csr_matrix(np.array([[0.0, 2.0], [3.0, 0.0]])),
        obs=pd.DataFrame({"kind": pd.Categorical(["a", "b"])}, index=["s1", "s2"]),
        var=pd.DataFrame(index=["g1", "g2"]),
    )
    matrix = Matrix.from_anndata(adata)
    np.testing.assert_array_equal(matrix.values, [[0, 3], [2, 0]])
    assert matrix.cols["kind"].tolist() == ["a", "b"]
    assert (matrix.level, matrix.space) == (None, None)


def test_parquet_of_someone_else(tmp_path):
    frame = pd.DataFrame({"gene": ["780", "1499"], "a": [1.0, 2.0], "b": [3, 4]})
    frame.to_parquet(tmp_path / "m.parquet", index=False)
    found = read_any(tmp_path / "m.parquet")
    assert (found.rids.tolist(), found.cids.tolist()) == (["780", "1499"], ["a", "b"])
    np.testing.assert_array_equal(found.values, [[1, 3], [2, 4]])
    frame.assign(note="x").to_parquet(tmp_path / "m.parquet", index=False)
    with pytest.raises(FileError, match="columns note hold no numbers; rows must be genes and columns samples"):
        read_any(tmp_path / "m.parquet")


def test_a_sample_named_rid(tmp_path):
    matrix = Matrix(np.ones((1, 2)), pd.DataFrame(index=["1"]), pd.DataFrame(index=["rid", "gene"]))
    write_any(matrix, tmp_path / "m.parquet")
    assert read_any(tmp_path / "m.parquet").cids.tolist() == ["rid", "gene"]


@pytest.mark.parametrize("ending", ["h5ad", "parquet"])
def test_damaged_files(tmp_path, ending):
    path = tmp_path / f"m.{ending}"
    write_any(make_matrix(), path)
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:-1] if ending == "parquet" else whole[:600]):
        path.write_bytes(content)
        with pytest.raises(FileError, match=f"not a readable {ending} file of a matrix") as caught:
            read_any(path)
        assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_mutated_parquet_is_read_or_refused(tmp_path, data):
    path = tmp_path / "m.parquet"
    write_any(make_matrix(), path)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(whole))
    try:
        read_any(path)
    except BeadworkError as error:
        assert "\n" not in str(error)


def test_endings(tmp_path):
    with pytest.raises(FileError, match=r"unknown ending; one of \.gct, \.gct\.gz, \.gctx, .* is needed"):
        write_any(make_matrix(), tmp_path / "m.csv")
    with pytest.raises(FileError, match=r"GCTX is not written gzipped; leave \.gz away"):
        write_any(make_matrix(), tmp_path / "m.gctx.gz")
    with pytest.raises(FileError, match="no such file; check the name"):
        read_any(tmp_path / "none.parquet")
    (tmp_path / "folder.gctx").mkdir()
    with pytest.raises(FileError, match="is a folder"):
        read_any(tmp_path / "folder.gctx")
