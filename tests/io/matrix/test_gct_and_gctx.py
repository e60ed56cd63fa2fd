"""GCT and GCTX: what is written comes back, here and in cmapPy, and damaged files are refused in one line."""

import gzip
import importlib
import logging
import random
import resource
import warnings

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beadwork.io.files.typed_column import typed_column
from beadwork.io.matrix.formats import read_annotation, read_matrix, read_provenance, write_matrix
from beadwork.io.matrix.gctx.layout import COL, DATA, ROW
from beadwork.io.platform.gene_table import gene_table
from beadwork.model.cmappy import corrected_cmappy, load_cmappy
from beadwork.model.errors import AlignmentError, BeadworkError, FileError
from beadwork.model.fields import FIELDS
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.spaces import guess_space, space_genes
from toys import annotated_matrix

logging.getLogger("cmap_logger").setLevel(logging.CRITICAL)


def assert_same(found: Matrix, expected: Matrix, digits: float = 0) -> None:
    np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=digits)
    for mine, theirs in ((found.rows, expected.rows), (found.cols, expected.cols)):
        assert mine.index.tolist() == theirs.index.tolist()
        assert mine.columns.tolist() == theirs.columns.tolist()
        for name in theirs:
            left, right = mine[name].tolist(), theirs[name].tolist()
            for a, b in zip(left, right, strict=True):
                assert (pd.isna(a) and pd.isna(b)) or a == b, f"{name}: {a!r} is not {b!r}"


# ---- our files, our reader -----------------------------------------------------------------------------------------


def test_gctx_round_trip_keeps_everything(tmp_path):
    matrix = annotated_matrix()
    write_matrix(matrix, tmp_path / "m.gctx")
    found = read_matrix(tmp_path / "m.gctx")
    assert_same(found, matrix)
    assert (found.level, found.space, found.provenance) == (Level.QNORM, None, matrix.provenance)
    kinds = {name: column.dtype.kind for name, column in found.cols.items()}
    assert kinds == {"pert_id": "O", "pert_dose": "f", "dose µM / l": "O", "count": "i", "code": "O", "flag": "i",
                     "empty": "f"}  # fmt: skip


def test_gct_round_trip_keeps_ids_and_annotation(tmp_path):
    matrix = annotated_matrix()
    for name in ("m.gct", "m.gct.gz"):
        write_matrix(matrix, tmp_path / name)
        found = read_matrix(tmp_path / name)
        found = found.with_values(found.values, cols=found.cols.assign(code=found.cols["code"].astype(str)))
        assert_same(found, matrix, digits=5.1e-5)
        assert found.cols["pert_id"].tolist()[:2] == ["001", "002"]


def test_same_matrix_same_bytes(tmp_path):
    for ending in ("gctx", "gct", "gct.gz"):
        write_matrix(annotated_matrix(), tmp_path / f"one.{ending}")
        write_matrix(annotated_matrix(), tmp_path / f"two.{ending}")
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


def test_nullable_and_categorical_columns(tmp_path):
    cols = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "all_whole": pd.array([1, 2, 3], dtype="Int64"),
            "maybe": pd.array([True, None, False], dtype="boolean"),
            "small": np.array([1, 2, 3], dtype=np.uint8),
            "kind": pd.Categorical(["a", None, "b"]),
            "text": pd.array(["x", None, "y"], dtype="string"),
            "mixed": [1, "two", None],
        },
        index=["a", "b", "c"],
    )
    matrix = Matrix(np.zeros((1, 3)), pd.DataFrame(index=["1"]), cols)
    write_matrix(matrix, tmp_path / "m.gctx")
    found = read_matrix(tmp_path / "m.gctx").cols
    assert found["whole"].tolist()[0::2] == [1.0, 3.0]
    assert np.isnan(found["whole"].tolist()[1])
    assert found["all_whole"].tolist() == [1, 2, 3]
    assert found["all_whole"].dtype == np.int64
    assert found["maybe"].tolist()[0::2] == [1.0, 0.0]
    assert found["kind"].tolist()[0::2] == ["a", "b"]
    assert found["text"].isna().tolist() == [False, True, False]
    assert found["mixed"].tolist()[:2] == ["1", "two"]


def test_long_provenance_and_empty_matrices(tmp_path):
    long = {"inputs": {"lxb": [{"name": f"well{k}", "digest": "0" * 40} for k in range(4000)]}}
    matrix = annotated_matrix()
    write_matrix(matrix.with_values(matrix.values, provenance=long), tmp_path / "m.gctx")
    assert read_provenance(tmp_path / "m.gctx") == long
    for shape in ((0, 3), (4, 0)):
        part = annotated_matrix(*shape)if all(shape) else Matrix(
            np.zeros(shape), pd.DataFrame(index=[str(k) for k in range(shape[0])]),
            pd.DataFrame(index=[f"c{k}" for k in range(shape[1])]))  # fmt: skip
        for ending in ("gctx", "gct"):
            write_matrix(part, tmp_path / f"none.{ending}")
            assert read_matrix(tmp_path / f"none.{ending}").values.shape == shape


def test_level_and_space_of_the_file_win_over_the_hint(tmp_path):
    write_matrix(annotated_matrix(), tmp_path / "m.gctx")
    assert read_matrix(tmp_path / "m.gctx", level=Level.GEX).level is Level.QNORM
    write_matrix(annotated_matrix(), tmp_path / "m.gct")
    assert read_matrix(tmp_path / "m.gct", level=Level.GEX).level is Level.GEX


texts = st.text(st.characters(exclude_characters="\0\r\n\t", exclude_categories=("Cs",)), max_size=8).map(str.strip)
names = texts.filter(lambda text: text not in ("", ".", "id", *FIELDS) and "\N{DIVISION SLASH}" not in text)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(names, st.sampled_from(["text", "float", "int"]), max_size=4),
    st.integers(1, 4),
    st.data(),
)
def test_any_annotation_survives_gctx(tmp_path, fields, n, data):
    items = {
        "text": texts.map(lambda text: text if text not in ("-666", "-666.0", "NA", "NaN", "nan") else "x"),
        "float": st.floats(allow_infinity=False).filter(lambda x: x != -666),
        "int": st.integers(-(2**53), 2**53).filter(lambda x: x != -666),
    }
    table = pd.DataFrame(
        {
            name: pd.Series(data.draw(st.lists(items[kind], min_size=n, max_size=n)),
                            dtype={"text": object, "float": float, "int": np.int64}[kind])
            for name, kind in fields.items()
        }
    ).set_axis([f"c{k}" for k in range(n)], axis=0)  # fmt: skip
    table = table if len(table.columns) else pd.DataFrame(index=[f"c{k}" for k in range(n)])
    matrix = Matrix(np.ones((1, n)), pd.DataFrame(index=["1"]), table)
    write_matrix(matrix, tmp_path / "m.gctx")
    found = read_matrix(tmp_path / "m.gctx").cols
    assert set(found.columns) == set(fields)
    for name, kind in fields.items():
        for mine, theirs in zip(found[name], table[name], strict=True):
            if kind == "text":
                assert mine == theirs or (pd.isna(mine) and theirs.strip() == "")
            else:
                assert mine == theirs or (pd.isna(mine) and pd.isna(theirs))


# ---- parts of a file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["gctx", "gct", "gct.gz"])
def test_part_of_a_file(tmp_path, ending):
    matrix = annotated_matrix(40, 30)
    write_matrix(matrix, tmp_path / f"m.{ending}", decimals=9)
    rids, cids = matrix.rids[[30, 2, 3, 39]], matrix.cids[[29, 5, 6, 7, 0]]
    part = read_matrix(tmp_path / f"m.{ending}", rids=rids, cids=cids)
    np.testing.assert_allclose(part.values, matrix.take_rows(rids).take_cols(cids).values, rtol=1e-6)
    assert part.rids.tolist() == rids.tolist()
    assert part.cids.tolist() == cids.tolist()
    assert part.cols["count"].tolist() == [29, 5, 6, 7, 0]
    assert read_matrix(tmp_path / f"m.{ending}", cids=[]).values.shape == (40, 0)
    with pytest.raises(AlignmentError, match=r"m\.gct.*ids are not in the matrix: nobody"):
        read_matrix(tmp_path / f"m.{ending}", cids=["nobody"])
    with pytest.raises(AlignmentError, match=r"m\.gct.*row ids? (is|are) not in the matrix: 0"):
        read_matrix(tmp_path / f"m.{ending}", rids=["0"])


def test_blocks_agree_with_the_whole(tmp_path, monkeypatch):
    matrix = annotated_matrix(7, 50)
    monkeypatch.setattr("beadwork.io.matrix.gctx.columns._PORTION", 20)
    monkeypatch.setattr("beadwork.io.matrix.gctx.columns._FEWEST", 1)
    monkeypatch.setattr("beadwork.io.matrix.gctx.writer._PORTION", 20)
    write_matrix(matrix, tmp_path / "m.gctx")
    np.testing.assert_array_equal(read_matrix(tmp_path / "m.gctx").values, matrix.values)
    cids = matrix.cids[np.random.default_rng(0).permutation(50)[:33]]
    part = read_matrix(tmp_path / "m.gctx", cids=cids)
    np.testing.assert_array_equal(part.values, matrix.take_cols(cids).values)


def test_annotation_without_values(tmp_path):
    matrix = annotated_matrix()
    for ending in ("gctx", "gct"):
        write_matrix(matrix, tmp_path / f"m.{ending}")
        found = read_annotation(tmp_path / f"m.{ending}")
        assert found.cols.index.tolist() == matrix.cids.tolist()
        assert found.rows["pr_analyte_num"].tolist() == [11, 12, 13, 14]
    assert read_annotation(tmp_path / "m.gctx").level is Level.QNORM


# ---- cmapPy --------------------------------------------------------------------------------------------------------


def cmappy_parse(path):
    with warnings.catch_warnings(), corrected_cmappy():
        warnings.simplefilter("ignore")
        return load_cmappy("parse").parse(str(path))


@pytest.mark.parametrize("ending", ["gctx", "gct"])
def test_cmappy_reads_our_files(tmp_path, ending):
    matrix = annotated_matrix()
    write_matrix(matrix, tmp_path / f"m.{ending}")
    theirs = cmappy_parse(tmp_path / f"m.{ending}")
    frame = theirs.data_df.loc[matrix.rids, matrix.cids]
    np.testing.assert_allclose(frame.to_numpy(), matrix.values, atol=5.1e-5)
    cols = theirs.col_metadata_df.loc[matrix.cids]
    rows = theirs.row_metadata_df.loc[matrix.rids]
    slash = "/" if ending == "gct" else "\N{DIVISION SLASH}"
    assert set(cols.columns) == {name.replace("/", slash) for name in matrix.cols}
    assert cols["pert_dose"].tolist()[:2] == [10.0, pytest.approx(0.1234567890123456, abs=1e-15)]
    assert cols[f"dose µM {slash} l"].tolist()[0::2] == ["10 µM", "3,3 µM"]
    assert cols[f"dose µM {slash} l"].isna().tolist() == [False, True, False]
    assert cols["count"].astype(int).tolist() == [0, 1, 2]
    assert rows["pr_analyte_num"].astype(int).tolist() == [11, 12, 13, 14]
    assert rows[f"title{slash}alias"].tolist()[0] == "β-catenin, Übergang"
    assert cols["pert_id"].tolist()[2] == "BRD-K81418486"


@pytest.mark.parametrize("ending", ["gctx", "gct"])
def test_we_read_files_of_cmappy(tmp_path, ending):
    ours = annotated_matrix()
    plain = ours.with_values(
        ours.values, rows=ours.rows.drop(columns="title/alias"), cols=ours.cols[["pert_id", "pert_dose", "code"]]
    )
    with warnings.catch_warnings(), corrected_cmappy():
        warnings.simplefilter("ignore")
        writer = load_cmappy(f"write_{ending}")
        path = str(tmp_path / f"m.{ending}")
        if ending == "gctx":
            writer.write(plain.to_gctoo(), path)
        else:
            writer.write(plain.to_gctoo(), path, data_float_format="%.6f")
    found = read_matrix(path)
    assert found.rids.tolist() == plain.rids.tolist()
    assert found.cids.tolist() == plain.cids.tolist()
    np.testing.assert_allclose(found.values, plain.values, atol=1e-5)
    assert found.cols["pert_id"].tolist() == ["001", "002", "BRD-K81418486"]
    np.testing.assert_allclose(found.cols["pert_dose"].to_numpy(float)[:2], [10.0, 0.12345678901234], rtol=1e-4)
    assert np.isnan(found.cols["pert_dose"].iloc[2])
    assert found.rows["pr_gene_symbol"].tolist() == plain.rows["pr_gene_symbol"].tolist()
    assert found.level is None


def test_gctoo_round_trip_keeps_order():
    matrix = annotated_matrix()
    gctoo = matrix.to_gctoo()
    again = Matrix.from_gctoo(gctoo, level=Level.QNORM)
    assert_same(again, matrix)
    shuffled = load_cmappy("GCToo").GCToo(
        data_df=gctoo.data_df,
        row_metadata_df=gctoo.row_metadata_df.iloc[::-1],
        col_metadata_df=gctoo.col_metadata_df.iloc[::-1],
    )
    assert_same(Matrix.from_gctoo(shuffled), matrix)


def test_official_files(shared_data):
    golden = shared_data / "golden"
    gex = read_matrix(next((shared_data / "plates" / "TEST_A375_24H_X1_B20" / "official").glob("*_GEX_*.gct.gz")))
    assert gex.values.shape == (978, 26)
    assert gex.cols["pert_dose"].dtype.kind == "f"
    assert gex.rows["pr_gene_id"].map(type).eq(str).all()
    modz = read_matrix(golden / "modz" / "modzs_gct_n3x978.gctx.gz")
    assert modz.values.shape == (978, 3)
    signatures = read_matrix(shared_data / "signatures" / "modzs_n272x978.gctx.gz")
    assert signatures.values.shape == (978, 272)
    for path in (golden / "kspeak" / "RAW_n2x976.gct", golden / "query_contest" / "contest_results_n10x10.gctx"):
        ours, theirs = read_matrix(path), cmappy_parse(path)
        frame = theirs.data_df.loc[ours.rids, ours.cids]
        np.testing.assert_allclose(ours.values, frame.to_numpy(), rtol=1e-6)


# ---- other people's files ------------------------------------------------------------------------------------------


def write_hdf5(path, values, rids, cids, rows=None, cols=None):
    with h5py.File(path, "w") as file:
        file.create_dataset(DATA, data=values)
        for group, ids, fields in ((ROW, rids, rows or {}), (COL, cids, cols or {})):
            file.create_dataset(f"{group}/id", data=ids)
            for name, items in fields.items():
                file.create_dataset(f"{group}/{name}", data=items)
    return path


def test_latin_1_fixed_width_and_numbers_as_text(tmp_path):
    path = write_hdf5(
        tmp_path / "m.gctx", np.ones((2, 1), dtype=np.float64), np.array([780], dtype=np.int32),
        np.array([b"a ", b"b"]),
        cols={
            "desc": np.array(["Bj\xf6rk".encode("latin-1"), b"ok"]),
            "utf": np.array(["µ".encode(), b"x"]),
            "number": np.array([b"1.5", b"-666"]),
            "code": np.array([b"001", b"002"]),
            "gone": np.array([-666, 5]),
            "pert_dose": np.array([b"10", b"3"]),
            "pert_id": np.array([17, -666]),
            "det_plate": np.array([1.0, np.nan]),
        },
    )  # fmt: skip
    found = read_matrix(path)
    assert (found.rids.tolist(), found.cids.tolist()) == (["780"], ["a", "b"])
    cols = found.cols
    assert cols["desc"].tolist() == ["Björk", "ok"]
    assert cols["utf"].tolist() == ["µ", "x"]
    assert (cols["number"].iloc[0], cols["number"].isna().iloc[1]) == (1.5, True)
    assert cols["code"].tolist() == ["001", "002"]
    assert cols["gone"].isna().tolist() == [True, False]
    assert cols["pert_dose"].tolist() == [10.0, 3.0]
    assert (cols["pert_id"].iloc[0], pd.isna(cols["pert_id"].iloc[1])) == ("17", True)
    assert (cols["det_plate"].iloc[0], pd.isna(cols["det_plate"].iloc[1])) == ("1", True)


def test_gzipped_gctx(tmp_path):
    write_matrix(annotated_matrix(), tmp_path / "m.gctx")
    packed = tmp_path / "m.gctx.gz"
    packed.write_bytes(gzip.compress((tmp_path / "m.gctx").read_bytes()))
    assert_same(read_matrix(packed), annotated_matrix())
    assert read_annotation(packed).level is Level.QNORM
    assert read_provenance(packed)["command"] == "test"


def test_gct_12_marks_windows_ends_and_rare_characters(tmp_path):
    body = "#1.2\n2\t2\nNAME\tDescription\ta\tb\n1\tone\x0btwo\u2028x\t1\t-666\n2\t\t3e2\tNA\n\n"
    for raw in (body.encode(), b"\xef\xbb\xbf" + body.encode(), body.replace("\n", "\r\n").encode()):
        (tmp_path / "m.gct").write_bytes(raw)
        found = read_matrix(tmp_path / "m.gct")
        np.testing.assert_array_equal(found.values, [[1, np.nan], [300, np.nan]])
        assert found.rows["Description"].tolist()[0] == "one\x0btwo\u2028x"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "2"], [1, 2]),
        (["1", ""], [1.0, None]),
        (["1.0", "2"], [1.0, 2.0]),
        (["1e3", "2"], [1000.0, 2.0]),
        (["001", "2"], ["001", "2"]),
        (["0.5", "0"], [0.5, 0.0]),
        (["-666", "x"], [None, "x"]),
        (["1_000", "2"], ["1_000", "2"]),
        (["inf", "2"], ["inf", "2"]),
        (["１", "2"], ["１", "2"]),
        (["12345678901234567890", "2"], ["12345678901234567890", "2"]),
        (["0.12345678901234567", "2"], [0.12345678901234567, 2.0]),
        (["", "-666"], [None, None]),
    ],
)
def test_types_of_text_columns(texts, expected):
    found = typed_column("something", np.array(texts, dtype=object)).tolist()
    assert [None if pd.isna(item) else item for item in found] == expected
    assert [type(item) for item in found if not pd.isna(item)] == [type(item) for item in expected if item is not None]


def test_spaces():
    genes = gene_table()
    for space in Space:
        assert guess_space(space_genes(genes, space)[::-1], genes) is space
    assert guess_space(space_genes(genes, Space.LM)[1:], genes) is None


# ---- damage --------------------------------------------------------------------------------------------------------


def gct(*lines: str) -> bytes:
    return ("\n".join(lines) + "\n").encode()


GOOD = ("#1.3", "2\t2\t1\t1", "id\tsym\ta\tb", "dose\tna\t1\t2", "1\tA\t1\t2", "2\tB\t3\t4")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; a GCT or GCTX file is needed"),
        (b"id\ta\n1\t2\n", "neither GCT (first line #1.2 or #1.3) nor GCTX (HDF5)"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (gzip.compress(b"hello", mtime=0), "neither GCT"),
        (gzip.compress(gct(*GOOD), mtime=0)[:-12], "damaged gzip file"),
        (gct("#1.4", *GOOD[1:]), "line 1 is '#1.4'; only GCT #1.2 and #1.3 are known"),
        (gct(GOOD[0], "2\ttwo\t1\t1", *GOOD[2:]), "line 2 must hold the numbers of rows, columns"),
        (gct(GOOD[0], "2\t2", *GOOD[2:]), "line 2 must hold the numbers of rows, columns"),
        (gct(GOOD[0], "-2\t2\t1\t1", *GOOD[2:]), "line 2 must hold the numbers of rows, columns"),
        (gct(GOOD[0], f"{'9' * 5000}\t2\t1\t1", *GOOD[2:]), "line 2 must hold the numbers of rows, columns"),
        (gct(GOOD[0], "1000000000000\t2\t1\t1", *GOOD[2:]), "6 lines, but its header promises 1000000000004"),
        (gct(GOOD[0], "2\t1000000000000\t1\t1", *GOOD[2:]), "line 3 has 4 columns, but its header"),
        (gct(GOOD[0], "2\t2\t1000000000000\t1", *GOOD[2:]), "line 3 has 4 columns"),
        (gct(*GOOD[:-1]), "5 lines, but its header promises 6; the file is truncated or edited"),
        (gct(*GOOD[:-1], "2\tB\t3"), "line 6 has 3 columns instead of 4"),
        (gct(*GOOD[:-1], "2\tB\t3\tfour"), "line 6: could not convert string to float: 'four'; numbers are needed"),
        (gct(*GOOD[:-1], "1\tB\t3\t4"), "row ids must be unique; repeated: 1"),
        (gct(GOOD[0], GOOD[1], "id\tsym\ta\ta", *GOOD[3:]), "column ids must be unique; repeated: a"),
        (gct(GOOD[0], "2\t2\t1\t1", *GOOD[2:3], "dose\tna\t1", *GOOD[4:]), "line 4 has 3 columns instead of 4"),
        (gct("#1.3", "1\t1\t2\t0", "id\tx\tx\ta", "1\t2\t3\t4"), "row fields stand twice: x"),
        (gct("#1.3"), "line 2 must hold the numbers"),
    ],
)  # fmt: skip
def test_damaged_text(tmp_path, content, message):
    path = tmp_path / "m.gct"
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_matrix(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_absent_folder_and_forbidden(tmp_path):
    with pytest.raises(FileError, match="no such file; check the name"):
        read_matrix(tmp_path / "none.gctx")
    with pytest.raises(FileError, match="is a folder"):
        read_matrix(tmp_path)


def test_a_gzip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("beadwork.io.files.unpack._FREE", 1 << 16)
    (tmp_path / "m.gct.gz").write_bytes(gzip.compress(b"#1.3\n" + b"0" * (1 << 22)))
    with pytest.raises(FileError, match="unpacks to more than 200 times its size"):
        read_matrix(tmp_path / "m.gct.gz")


def test_hdf5_that_is_no_gctx(tmp_path):
    path = tmp_path / "m.gctx"
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(FileError, match="HDF5, but not GCTX: no 0/DATA/0/matrix"):
        read_matrix(path)
    with h5py.File(path, "w") as file:
        file.create_group(DATA)
        file.create_group(f"{ROW}/id")
        file.create_group(f"{COL}/id")
    with pytest.raises(FileError, match="HDF5, but not GCTX"):
        read_matrix(path)


def test_sizes_that_the_file_cannot_hold(tmp_path):
    path = tmp_path / "m.gctx"
    with h5py.File(path, "w") as file:
        file.create_dataset(DATA, shape=(10**7, 10**7), chunks=(1000, 1000), dtype="f4")
        for group in (ROW, COL):
            file.create_dataset(f"{group}/id", shape=(10**12,), chunks=(1000,), dtype="S20")
    with pytest.raises(FileError, match=r"was never written in whole .0 of 100,000,000 parts are there"):
        read_matrix(path)
    with h5py.File(path, "w") as file:
        file.create_dataset(DATA, shape=(3000, 3000), chunks=(3000, 3000), dtype="f8", compression="gzip")
        file[DATA].id.write_direct_chunk((0, 0), b"x" * 100)
        for group in (ROW, COL):
            file.create_dataset(f"{group}/id", data=[f"i{k}" for k in range(3000)])
    with pytest.raises(FileError, match="promises 9,000,000 values"):
        read_matrix(path)


def test_shapes_and_kinds_that_do_not_fit(tmp_path):
    path = tmp_path / "m.gctx"
    write_hdf5(path, np.ones((2, 3)), ["1", "2"], ["a", "b"])
    with pytest.raises(FileError, match=r"matrix of shape \(2, 3\) does not fit 2 column and 2 row ids"):
        read_matrix(path)
    write_hdf5(path, np.array([[b"x"]]), ["1"], ["a"])
    with pytest.raises(FileError, match=r"the matrix holds .*, not numbers"):
        read_matrix(path)
    write_hdf5(path, np.ones((1, 1)), ["1"], ["a"], rows={"sym": ["x", "y"]})
    with pytest.raises(FileError, match="field sym has 2 values for 1 ids"):
        read_matrix(path)
    write_hdf5(path, np.ones((1, 1)), ["1"], ["a"], rows={"sym": np.zeros(1, dtype=[("a", "i4")])})
    with pytest.raises(FileError, match=r"field sym holds .*, neither numbers nor text"):
        read_matrix(path)
    write_hdf5(path, np.ones((2, 1)), ["1"], ["a", "a"])
    with pytest.raises(FileError, match="column ids must be unique; repeated: a"):
        read_matrix(path)
    with pytest.raises(FileError, match="column ids must be unique; repeated: a"):
        read_matrix(path, cids=["a"])


def test_fields_that_gctx_cannot_name(tmp_path):
    for name in (".", ""):
        cols = pd.DataFrame({name: [1]}, index=["a"])
        with pytest.raises(AlignmentError, match="no name that GCTX can hold; rename it"):
            write_matrix(Matrix(np.ones((1, 1)), pd.DataFrame(index=["1"]), cols), tmp_path / "m.gctx")
    cols = pd.DataFrame([[1, 2]], columns=["x", "x"], index=["a"])
    with pytest.raises(AlignmentError, match="'x' stands twice"):
        write_matrix(Matrix(np.ones((1, 1)), pd.DataFrame(index=["1"]), cols), tmp_path / "m.gctx")
    assert list(tmp_path.iterdir()) == []


def read_or_refuse(path) -> bool:
    try:
        read_matrix(path)
    except BeadworkError as error:
        assert "\n" not in str(error)
        return False
    return True


@pytest.mark.parametrize("ending", ["gctx", "gct", "gct.gz"])
def test_truncated_files_are_refused(tmp_path, ending):
    write_matrix(annotated_matrix(12, 8), tmp_path / f"m.{ending}")
    whole = (tmp_path / f"m.{ending}").read_bytes()
    for share in (0.001, 0.05, 0.3, 0.5, 0.8, 0.97):
        (tmp_path / "cut").write_bytes(whole[: int(len(whole) * share)])
        assert not read_or_refuse(tmp_path / "cut")


@pytest.mark.parametrize("ending", ["gctx", "gct", "gct.gz"])
def test_mutated_files_are_read_or_refused(tmp_path, ending):
    """Never another exception, a crash or a blow-up, whatever bytes change."""
    write_matrix(annotated_matrix(12, 8), tmp_path / f"m.{ending}")
    whole = (tmp_path / f"m.{ending}").read_bytes()
    draw = random.Random(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(draw.choice((1, 2, 8, 40))):
                data[draw.randrange(min(len(data), draw.choice((200, len(data)))))] = draw.randrange(256)
            (tmp_path / "mutant").write_bytes(bytes(data))
            read_or_refuse(tmp_path / "mutant")


def test_cmappy_and_numpy_are_changed_for_the_length_of_a_block_only():
    """The one line that cmapPy needs on NumPy 2 names what NumPy 2 took away."""
    numpy, parser = importlib.import_module("numpy"), load_cmappy("parse_gctx")
    before, names = parser.parse_metadata_df, set(dir(numpy))
    with corrected_cmappy():
        with corrected_cmappy():
            assert numpy.string_ is np.bytes_ and parser.parse_metadata_df is not before
        assert numpy.string_ is np.bytes_ and parser.parse_metadata_df is not before
    assert set(dir(numpy)) == names and parser.parse_metadata_df is before
    with pytest.raises(ZeroDivisionError), corrected_cmappy():
        1 / 0  # noqa: B018
    assert set(dir(numpy)) == names and parser.parse_metadata_df is before


def test_a_text_that_claims_to_be_longer_than_the_file_takes_no_memory(tmp_path):
    """Found by fuzzing: HDF5 takes as much memory as a reference to a text claims, 3 GB for a file of 9 kB."""
    path = tmp_path / "m.gctx"
    write_matrix(annotated_matrix(12, 8), path)
    with h5py.File(path) as file:
        offset = file["0/META/ROW/id"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[offset : offset + 4] = (3_000_000_000).to_bytes(4, "little")
    path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read in (read_matrix, read_annotation):
        with pytest.raises(FileError, match="texts of 0/META/ROW/id longer than it"):
            read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
