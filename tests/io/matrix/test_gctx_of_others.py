"""GCTX as R, Python and CMap's tools write it: what is missing, what ids mean, and what lies elsewhere."""

import gzip
import itertools
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beadwork.io.matrix.column_stream import open_columns
from beadwork.io.matrix.formats import read_annotation, read_matrix, read_summary, write_matrix
from beadwork.io.matrix.gctx import columns as gctx_columns_module
from beadwork.io.matrix.gctx.layout import COL, DATA, ROW
from beadwork.io.platform.inference_model import read_inference_model
from beadwork.model.errors import FileError
from beadwork.model.matrix import Matrix

VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)
"""(columns, rows), as on disk."""
RIDS, CIDS = ["780", "7849", "2978"], ["P:A01", "P:A02", "P:A03", "P:A04"]


def make(path: Path, *, data=VALUES, rids=RIDS, cids=CIDS, rows=None, cols=None, **storage) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["version"] = "GCTX1.0"
        if data is not None:
            file.create_dataset(DATA, data=data, **storage)
        for group, ids, fields in ((ROW, rids, rows or {}), (COL, cids, cols or {})):
            file.create_dataset(f"{group}/id", data=ids)
            for name, items in fields.items():
                file.create_dataset(f"{group}/{name}", data=items)
    return path


def read_all(path: Path) -> np.ndarray:
    """Values as (columns, rows), by every way of reading; all must agree."""
    whole = read_matrix(path)
    with open_columns(path) as stream:
        portions = np.vstack([stream.read(start, start + 3) for start in range(0, len(stream.cols), 3)])
        assert stream.cols.equals(whole.cols) and stream.rows.equals(whole.rows)
    np.testing.assert_array_equal(portions, whole.values.T)
    part = read_matrix(path, rids=whole.rids[::-1], cids=whole.cids[::2])
    np.testing.assert_array_equal(part.values, whole.values[::-1, ::2])
    assert read_annotation(path).cols.equals(whole.cols)
    assert read_summary(path)[0] == len(whole.cids)
    return whole.values.T


def refusals(path: Path) -> str:
    """The one line by which every way of reading refuses a file."""

    def stream():
        with open_columns(path) as opened:
            opened.read(0, 2)

    said = set()
    for read in (lambda: read_matrix(path), lambda: read_annotation(path), stream):
        with pytest.raises(FileError) as caught:
            read()
        said.add(str(caught.value))
    assert len(said) == 1
    (line,) = said
    assert line.startswith(f"{path}: ") and "\n" not in line
    return line


# ---- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "storage",
    [
        {},
        {"chunks": (2, 3)},
        {"chunks": (1, 2), "compression": "gzip"},
        {"chunks": (4, 1), "compression": "lzf", "shuffle": True},
        {"chunks": (4, 3), "compression": "szip", "compression_opts": ("nn", 8)},
        {"chunks": (2, 2), "fletcher32": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", ">f8", "f2", "i1", "u1", "<i2", ">i4", "i8", "u8"])
def test_matrices_of_every_kind(tmp_path, storage, kind):
    path = make(tmp_path / "m.gctx", data=VALUES.astype(kind), **storage)
    np.testing.assert_array_equal(read_all(path), VALUES)
    packed = tmp_path / "m.gctx.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(read_matrix(packed).values.T, VALUES)


@pytest.mark.parametrize("kind", ["f4", ">f4", "f8", "f2", "i2", "i4", "i8"])
def test_minus_666_is_a_missing_value_as_in_gct(tmp_path, kind):
    values = VALUES.astype(kind)
    values[1, 2] = -666
    found = read_all(make(tmp_path / "m.gctx", data=values))
    assert np.argwhere(np.isnan(found)).tolist() == [[1, 2]]
    write_matrix(Matrix(np.nan_to_num(found.T, nan=-666), pd.DataFrame(index=RIDS), pd.DataFrame(index=CIDS)),
                 tmp_path / "m.gct")  # fmt: skip
    np.testing.assert_array_equal(read_matrix(tmp_path / "m.gct").values.T, found)


@pytest.mark.parametrize("kind", ["i1", "i2", "i4", ">i4", "i8"])
def test_missing_integers_of_r_among_the_values(tmp_path, kind):
    values = VALUES.astype(kind)
    values[3, 0] = np.iinfo(kind).min
    found = read_all(make(tmp_path / "m.gctx", data=values))
    assert np.argwhere(np.isnan(found)).tolist() == [[3, 0]]


@pytest.mark.parametrize(
    ("shape", "rids", "cids"), [((3,), RIDS, ["c"]), ((4,), ["1"], CIDS), ((1,), ["1"], ["c"]), ((), ["1"], ["c"])]
)
def test_one_row_or_column_whose_dimension_was_dropped(tmp_path, shape, rids, cids):
    data = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    found = read_all(make(tmp_path / "m.gctx", data=data, rids=rids, cids=cids))
    np.testing.assert_array_equal(found.ravel(), data.ravel())
    assert found.shape == (len(cids), len(rids))


def test_values_that_float32_cannot_hold_are_refused(tmp_path):
    values = VALUES.astype(float)
    values[0, 0] = 1e39
    path = make(tmp_path / "m.gctx", data=values)
    with pytest.raises(FileError, match=r"holds values beyond 3.4e.38, too large for float32"):
        read_matrix(path)
    (tmp_path / "m.gct").write_text("#1.3\n1\t1\t0\t0\nid\ta\n1\t1e39\n")
    with pytest.raises(FileError, match="line 4 holds a value beyond"):
        read_matrix(tmp_path / "m.gct")
    values[0, 0] = np.inf
    assert np.isinf(read_all(make(tmp_path / "m.gctx", data=values))[0, 0])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 7)),
    chunk=st.none() | st.tuples(st.integers(1, 40), st.integers(1, 7)),
    portion=st.integers(1, 60),
    data=st.data(),
)
def test_any_choice_of_columns_is_the_one_asked_for(tmp_path, monkeypatch, shape, chunk, portion, data):
    monkeypatch.setattr(gctx_columns_module, "_PORTION", portion)
    monkeypatch.setattr(gctx_columns_module, "_FEWEST", 1)
    monkeypatch.setattr(gctx_columns_module, "_GAP", 2)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    storage = {} if chunk is None else {"chunks": tuple(map(min, chunk, shape))}
    rids, cids = [f"r{k}" for k in range(shape[1])], [f"c{k}" for k in range(shape[0])]
    path = make(tmp_path / "m.gctx", data=values, rids=rids, cids=cids, **storage)
    chosen = data.draw(st.lists(st.sampled_from(range(shape[0])), unique=True))
    np.testing.assert_array_equal(read_matrix(path).values.T, values)
    np.testing.assert_array_equal(read_matrix(path, cids=[cids[k] for k in chosen]).values.T, values[chosen])


# ---- fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (np.array([24, 6, 24, -(2**31)], "<i4"), [24, 6, 24, None]),
        (np.array([24, 6, 24, -(2**31)], ">i4"), [24, 6, 24, None]),
        (np.array([1, 0, 1, -128], "i1"), [1, 0, 1, None]),
        (np.array([1, 0, 1, -(2**31)], "i4"), [1, 0, 1, None]),
        (np.array([1, 0, 1, 1], bool), [1, 0, 1, 1]),
        (np.array([1, 2, 3, -(2**63)], "i8"), [1, 2, 3, None]),
        (np.array([1, 2, 3, -(2**31)], "i8"), [1, 2, 3, None]),
        (np.array([1, 2, 3, 255], "u1"), [1, 2, 3, 255]),
        (np.array([1.5, np.nan, -666, 2], "f4"), [1.5, None, None, 2]),
        (np.array([b"a", b"NA", b"-666", b""]), ["a", None, None, None]),
        (np.array([b"a", b"NULL", b"#N/A", b"None"]), ["a", None, None, None]),
        (np.array([b"1", b"NA", b"na", b"2"]), [1.0, None, None, 2.0]),
        (np.array([b"b'x'", b"b'y'", b'b"z"', b"w"]), ["x", "y", "z", "w"]),
    ],
    ids=lambda item: str(item)[:40],
)
def test_fields_and_what_is_missing_in_them(tmp_path, stored, expected):
    path = make(tmp_path / "m.gctx", cols={"some_field": stored})
    read_all(path)
    found = read_matrix(path).cols["some_field"]
    assert [None if pd.isna(item) else item for item in found] == expected
    assert found.dtype.isnative


def enum(names: dict[str, int], codes: list[int], base: str = "i4") -> np.ndarray:
    return np.array(codes, h5py.enum_dtype(names, basetype=base))


@pytest.mark.parametrize("base", ["i1", "i4", "u1"])
def test_logicals_and_factors_of_r_are_read_by_their_names(tmp_path, base):
    logical = enum({"FALSE": 0, "TRUE": 1, "NA": 2}, [1, 0, 2, 1], base)
    factor = enum({"A375": 1, "MCF7": 2, "NA": 3}, [2, 1, 1, 3], base)
    fields = {"is_gold": logical, "cell_id": factor}
    if base != "u1":
        fields["other"] = enum({"x": 1, "y": 2}, [1, 2, np.iinfo(base).min, 1], base)
    found = read_matrix(make(tmp_path / "m.gctx", cols=fields)).cols
    assert found["is_gold"].tolist()[:2] == [1, 0] and np.isnan(found["is_gold"].iloc[2])
    assert found["cell_id"].tolist()[:3] == ["MCF7", "A375", "A375"] and pd.isna(found["cell_id"].iloc[3])
    if base != "u1":
        assert found["other"].tolist()[:2] == ["x", "y"] and pd.isna(found["other"].iloc[2])
    path = make(tmp_path / "m.gctx", cols={"f": enum({"x": 1}, [1, 1, 7, 1], base)})
    assert "field f has codes without a name (7)" in refusals(path)


def test_field_names_with_a_slash_that_became_groups(tmp_path):
    path = make(tmp_path / "m.gctx", cols={"dose/unit": np.array([b"um"] * 4), "a/b/c": np.arange(4)})
    assert set(read_matrix(path).cols.columns) == {"dose/unit", "a/b/c"}


def test_fields_that_are_neither_numbers_nor_texts(tmp_path):
    path = make(tmp_path / "m.gctx")
    with h5py.File(path, "r+") as file:
        file.create_dataset(f"{COL}/lists", shape=(4,), dtype=h5py.vlen_dtype(np.int32))[0] = [1, 2]
    assert "field lists holds lists, neither numbers nor text" in refusals(path)
    path = make(tmp_path / "m.gctx")
    with h5py.File(path, "r+") as file:
        file[f"{COL}/nothing"] = h5py.Empty("f4")
    assert "0/META/COL/nothing holds nothing" in refusals(path)


@pytest.mark.parametrize("kind", [None, "S12"])
def test_texts_of_fixed_and_variable_length_in_latin_1_and_utf_8(tmp_path, kind):
    names = ["Björk", "µ", "x", "y"]
    for encoding in ("utf-8", "latin-1"):
        raw = [name.encode(encoding) for name in names]
        stored = np.array(raw, kind) if kind else np.array(raw, object)
        path = tmp_path / "m.gctx"
        make(path)
        with h5py.File(path, "r+") as file:
            dtype = kind or h5py.string_dtype("ascii" if encoding == "latin-1" else "utf-8")
            file.create_dataset(f"{COL}/desc", data=stored, dtype=dtype)
            del file[f"{COL}/id"]
            file.create_dataset(f"{COL}/id", data=stored, dtype=dtype)
        found = read_matrix(path).cols
        assert found["desc"].tolist() == found.index.tolist() == names


# ---- ids -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ids",
    [
        np.array([780, 7849, 2978]),
        np.array([780, 7849, 2978], ">i4"),
        np.array([780, 7849, 2978], "u2"),
        np.array([780.0, 7849.0, 2978.0]),
        np.array([780.0, 7849.0, 2978.0], ">f4"),
        np.array([b"780.0", b"7849.0", b"2978.0"]),
        np.array([b"780.", b"7849.", b"2978."]),
        np.array([b"780.00", b"7849.0", b"2978"]),
        np.array([b"b'780'", b"b'7849'", b'b"2978"']),
        np.array([b"b'780.0'", b"b'7849.0'", b"b'2978.0'"]),
        np.array([b" 780 ", b"7849\t", b"2978"]),
        np.array([[780], [7849], [2978]]),
        enum({"780": 1, "7849": 2, "2978": 3}, [1, 2, 3]),
    ],
    ids=str,
)
def test_row_ids_become_what_they_mean(tmp_path, ids):
    path = make(tmp_path / "m.gctx", rids=ids)
    assert read_matrix(path).rids.tolist() == ["780", "7849", "2978"]
    np.testing.assert_array_equal(read_all(path), VALUES)


@pytest.mark.parametrize("texts", [["780.0", "7849.0", "100000.0"], ["b'780'", "b'7849'", "b'100000'"],
                                   ["780", "7849", "1e+05"], ['"780"', '"7849"', '"100000"']])  # fmt: skip
def test_row_ids_of_gct_too(tmp_path, texts, caplog):
    lines = ["#1.3", "3\t1\t0\t0", "id\tc.0", *(f"{text}\t1" for text in texts)]
    (tmp_path / "m.gct").write_text("\n".join(lines))
    found = read_matrix(tmp_path / "m.gct")
    assert found.rids.tolist() == ["780", "7849", "100000"] and found.cids.tolist() == ["c.0"]
    if '"' not in texts[0]:
        assert f"row ids are written such as {texts[-1] if texts[0] == '780' else texts[0]}; read as" in caplog.text


@pytest.mark.parametrize(
    "ids", [["1.0", "1.5", "2.0"], ["NM_1.0", "x", "y"], ["001", "002", "003"], ["E10", "2310009E13Rik", "b"]]
)
def test_ids_that_are_what_they_look_like_stay(tmp_path, ids):
    assert read_matrix(make(tmp_path / "m.gctx", rids=ids)).rids.tolist() == ids


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (np.array([780.5, 7849, 2978]), "row ids are numbers that are no ids (780.5)"),
        (np.array([780, np.inf, 2978]), "row ids are numbers that are no ids (inf)"),
        (np.array([780, np.nan, 2978]), "row 2 has no id (it is missing)"),
        (np.array([780, -(2**31), 2978], "i4"), "row 2 has no id (it is missing)"),
        (np.array([780, -666, 2978]), "row 2 has no id (it is missing)"),
        (np.array([780, 2.0**25, 2978], "f4"), "row ids are numbers that are no ids (33554432.0)"),
        (np.array([780, 2.0**60, 2978]), "row ids are numbers that are no ids"),
        (np.array([b"780", b"NA", b"2978"]), "row 2 has no id (NA)"),
        (np.array([b"780", b"", b"2978"]), "row 2 has no id (empty)"),
        (np.array([b"780", b"1.00E+05", b"2978"]), "row ids were shortened to few digits (1.00E+05)"),
        (np.array([b"780", b"1e+06", b"2978"]), "row ids were shortened to few digits (1e+06)"),
        (np.array([b"780", b"780.0", b"2978"]), "row ids 780 and 780.0 mean the same, 780; keep one of them"),
        (np.array([b"780", b"b'780'", b"2978"]), "row ids 780 and b'780' mean the same, 780; keep one of them"),
        (np.array([780.0, 780.0, 2978.0]), "row ids must be unique; repeated: 780"),
        (np.array([b"a", b"a", b"b"]), "row ids must be unique; repeated: a"),
        (np.array([True, False, True]), "row ids are bool, neither texts nor numbers"),
    ],
    ids=lambda item: str(item)[:50],
)
def test_ids_that_would_be_a_guess_are_refused(tmp_path, ids, said):
    assert said in refusals(make(tmp_path / "m.gctx", rids=ids))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 2**31), min_size=3, max_size=3, unique=True), st.sampled_from(["f8", "i8", "S", "repr"]))
def test_whole_numbers_survive_whatever_they_were_stored_as(tmp_path, numbers, kind):
    stored = {
        "f8": np.array(numbers, "f8"), "i8": np.array(numbers), "S": np.array([f"{item}.0" for item in numbers], "S"),
        "repr": np.array([repr(str(item).encode()) for item in numbers], "S"),
    }[kind]  # fmt: skip
    assert read_matrix(make(tmp_path / "m.gctx", rids=stored)).rids.tolist() == [str(item) for item in numbers]


# ---- what the file does not hold -------------------------------------------------------------------------------------

PLACES = (DATA, f"{ROW}/id", f"{COL}/id", f"{COL}/note")


def elsewhere(file: h5py.File, name: str, how: str, folder: Path) -> None:
    """Put a dataset of a file elsewhere."""
    content = file[name][()]
    other = folder / "other.h5"
    with h5py.File(other, "w") as written:
        written["x"] = content
    raw = folder / "raw.bin"
    raw.write_bytes(np.ascontiguousarray(content).tobytes() + bytes(4096))
    del file[name]
    shape, kind = content.shape, content.dtype if content.dtype != object else np.dtype("S8")
    if how == "external link":
        file[name] = h5py.ExternalLink("other.h5", "/x")
    elif how == "external link to nothing":
        file[name] = h5py.ExternalLink("absent.h5", "/x")
    elif how == "external storage":
        file.create_dataset(name, shape=shape, dtype=kind, external=[(str(raw), 0, raw.stat().st_size)])
    elif how == "virtual":
        layout = h5py.VirtualLayout(shape, kind)
        layout[:] = h5py.VirtualSource(str(other), "x", shape=shape, dtype=kind)
        file.create_virtual_dataset(name, layout)
    elif how == "soft link out of the tree":
        file["elsewhere"] = content
        file[name] = h5py.SoftLink("/elsewhere")
    elif how == "soft link to an external link":
        file["0/hidden"] = h5py.ExternalLink("other.h5", "/x")
        file[name] = h5py.SoftLink("/0/hidden")
    elif how == "never written":
        file.create_dataset(name, shape=shape, dtype=kind)
    elif how == "chunks never written":
        file.create_dataset(name, shape=shape, dtype=kind, chunks=(2, *shape[1:]))
    elif how == "written in part":
        file.create_dataset(name, shape=shape, dtype=kind, chunks=(1, *shape[1:]), compression="gzip")
        file[name][:2] = content[:2].astype(kind)


HOW = {
    "external link": "lies in another file (other.h5)",
    "external link to nothing": "lies in another file (absent.h5)",
    "external storage": "lie in another file (",
    "virtual": "is put together from other data (",
    "soft link out of the tree": "is a link to /elsewhere, out of the matrix",
    "soft link to an external link": "lies in another file (other.h5)",
    "never written": "was never written; fetch or make the file anew",
    "chunks never written": "parts are there); fetch or make the file anew",
    "written in part": "was never written in whole (2 of ",
}


@pytest.mark.parametrize(("name", "how"), list(itertools.product(PLACES, HOW)))
def test_what_the_file_does_not_hold_is_refused(tmp_path, name, how):
    path = make(tmp_path / "m.gctx", cols={"note": np.array([b"a", b"b", b"c", b"d"])})
    with h5py.File(path, "r+") as file:
        elsewhere(file, name, how, tmp_path)
    line = refusals(path)
    assert name in line and HOW[how] in line
    with pytest.raises(FileError):
        read_summary(path)


@pytest.mark.parametrize("group", ["0", "0/META", COL, "0/DATA"])
def test_groups_in_another_file_are_refused(tmp_path, group):
    make(tmp_path / "other.gctx")
    path = make(tmp_path / "m.gctx")
    with h5py.File(path, "r+") as file:
        del file[group]
        file[group] = h5py.ExternalLink("other.gctx", f"/{group}")
    assert "lies in another file (other.gctx)" in refusals(path)


def test_links_within_the_tree_are_followed_and_circles_end(tmp_path):
    path = make(tmp_path / "m.gctx")
    with h5py.File(path, "r+") as file:
        file["0/store"] = file[DATA][()]
        del file[DATA]
        file[DATA] = h5py.SoftLink("/0/store")
    np.testing.assert_array_equal(read_all(path), VALUES)
    with h5py.File(path, "r+") as file:
        del file[DATA]
        file[DATA] = h5py.SoftLink(f"/{DATA}")
    assert "is a link to" in refusals(path)


@pytest.mark.parametrize("missing", ["0/META", ROW, COL, "0/DATA", f"{ROW}/id", DATA])
def test_parts_of_the_tree_that_are_not_there(tmp_path, missing):
    path = make(tmp_path / "m.gctx")
    with h5py.File(path, "r+") as file:
        del file[missing]
    assert "HDF5, but not GCTX: no 0/DATA/0/matrix with 0/META/ROW/id and 0/META/COL/id" in refusals(path)


def test_a_filter_that_is_not_there_is_named(tmp_path, monkeypatch):
    path = make(tmp_path / "m.gctx", chunks=(2, 3), compression="gzip")
    monkeypatch.setattr("h5py.h5z.filter_avail", lambda code: code != 1)
    assert "0/DATA/0/matrix is packed by gzip, which cannot be unpacked here" in refusals(path)


# ---- other files in HDF5 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["loadings", "components", "intercept", "genes"])
@pytest.mark.parametrize("how", sorted(HOW.keys() - {"soft link out of the tree", "soft link to an external link"}))
def test_an_inference_model_holds_its_own_weights(tmp_path, name, how):
    path = write_model(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        elsewhere(file, name, how, tmp_path)
    with pytest.raises(FileError) as caught:
        read_inference_model(path)
    assert str(caught.value).startswith(f"{path}: ") and HOW[how] in str(caught.value)


@pytest.mark.parametrize("name", ["loadings", "components", "intercept"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_inference_model_has_finite_weights(tmp_path, name, value):
    path = write_model(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        content = file[name][()]
        content.flat[1] = value
        file[name][...] = content
    with pytest.raises(FileError, match="missing or infinite weights for"):
        read_inference_model(path)


def test_weights_that_are_all_zero_were_never_written(tmp_path):
    path = write_model(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        for name in ("components", "intercept"):
            content = file[name][()]
            content[..., 2] = 0
            file[name][...] = content
    with pytest.raises(FileError, match="all weights are zero for 1 gene"):
        read_inference_model(path)


def write_model(path: Path) -> Path:
    from beadwork.io.platform.gene_table import gene_table
    from beadwork.io.platform.inference_model import write_inference_model
    from beadwork.model.levels.inference_model import InferenceModel
    from beadwork.model.matrix import Space
    from beadwork.model.spaces import space_genes

    genes, rng = gene_table(), np.random.default_rng(2)
    landmarks = space_genes(genes, Space.LM)
    others = genes.index.difference(landmarks)[:5]
    write_inference_model(
        InferenceModel(landmarks, others, rng.normal(size=5), rng.normal(size=(978, 3)), rng.normal(size=(3, 5)),
                       np.full(5, 0.5), {"name": "small"}),
        path,
    )  # fmt: skip
    return path


# ---- one writer ------------------------------------------------------------------------------------------------------


def test_both_readers_give_our_own_texts_as_texts(tmp_path):
    """Once the streaming reader made numbers of "12" in files of ours."""
    cols = pd.DataFrame({"code": ["12", "7", "3", "None"], "n": [1, 2, 3, 4]}, index=CIDS)
    write_matrix(Matrix(VALUES.T, pd.DataFrame(index=RIDS), cols), tmp_path / "m.gctx")
    with open_columns(tmp_path / "m.gctx") as stream:
        assert stream.cols["code"].tolist() == ["12", "7", "3", "None"]
    assert read_matrix(tmp_path / "m.gctx").cols["code"].tolist() == ["12", "7", "3", "None"]


def test_a_field_whose_link_leads_nowhere_is_reported(tmp_path, caplog):
    path = make(tmp_path / "x.gctx")
    with h5py.File(path, "r+") as file:
        file[f"{COL}/lost"] = h5py.SoftLink(f"/{COL}/nowhere")
    assert "lost" not in read_matrix(path).cols
    assert "field lost is a link that leads nowhere; it is left out" in caplog.text
