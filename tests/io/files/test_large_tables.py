"""Large tables read as small ones do, whatever is in them."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beadwork.io.files.large_tables import find_header, read_large_table
from beadwork.io.files.tables import read_table
from beadwork.model.errors import FileError

CELLS = st.one_of(
    st.sampled_from(
        ["", "-666", "-666.0", "NA", "nan", "1", "-1", "+5", "001", "1.5", ".5", "5.", "1e3", "-0.2", "1_000", "inf",
         "x", '"quoted"', ' "a b" ', " 7 ", "12345678901234567890", "1234567890123456", "0.1234567890123456789", "TRUE",
         "\u0663", "µM", "-", "+-1", "0x10"]
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-1000, 1000).map(str),
)  # fmt: skip
NAMES = ["tas", "pert_dose", "distil_nsample", "cell_id", "other"]


def same(one: pd.DataFrame, two: pd.DataFrame) -> None:
    assert list(one.columns) == list(two.columns)
    assert len(one) == len(two)
    for name in one.columns:
        left, right = one[name], two[name]
        if isinstance(left.dtype, pd.CategoricalDtype):
            left = left.astype(object)
        assert pd.api.types.is_numeric_dtype(left) == pd.api.types.is_numeric_dtype(right), name
        assert [_plain(item) for item in left] == [_plain(item) for item in right], name


def _plain(item: object) -> object:
    return None if item != item else item


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.tuples(*[CELLS] * len(NAMES)), min_size=1, max_size=12))
def test_same_answer_as_the_plain_reader(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    path = tmp_path / "table.txt"
    lines = ["\t".join([f"s{place}", *row]) for place, row in enumerate(rows)]
    path.write_text("\n".join(["\t".join(["sig_id", *NAMES]), *lines]) + "\n", encoding="utf-8")
    same(read_large_table(path), read_table(path))


@pytest.mark.parametrize(
    "content",
    [
        b"sig_id\ta\ns1\t1\ns2\n",  # ragged
        b"# made by R\nsig_id\ta\ns1\t1\n",
        b"sig_id\ta\r\ns1\t1\r\n\r\ns2\t2\r\n",
        "sig_id\ta\ns1\tµM\n".encode("latin-1"),
        "sig_id\ta\ns1\t1\n".encode("utf-16"),
        b"\xef\xbb\xbfsig_id\ta\ns1\t1\n",
        b'"sig_id"\t"a"\n"s1"\t"x y"\n',
        b"sig_id\ta\n",
        b"\tsig_id\ta\n0\ts1\t5\n1\ts2\t\n",
    ],
)
def test_tables_as_people_have_them(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.txt"
    path.write_bytes(content)
    same(read_large_table(path), read_table(path).drop(columns="", errors="ignore"))
    path.write_bytes(gzip.compress(content))
    same(read_large_table(path), read_table(path).drop(columns="", errors="ignore"))


def test_rows_and_columns_that_are_wanted(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.write_text("sig_id\ttas\tkind\ns1\t0.1\ta\ns2\t0.4\tb\ns3\t\tb\n")
    table = read_large_table(path, wanted=lambda name: name != "kind", keep=lambda get: pc.equal(get("kind"), "b"))
    assert list(table.columns) == ["sig_id", "tas"]
    assert table["sig_id"].tolist() == ["s2", "s3"]
    assert np.isnan(table["tas"].iloc[1])


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.txt"):
        read_large_table(tmp_path / "none.txt")
    path = tmp_path / "table.txt"
    path.write_text("a\tb\n1\t2\n")
    with pytest.raises(FileError, match=r"lacks the column\(s\) sig_id; it has a, b"):
        read_large_table(path, required=("sig_id",))
    assert find_header(path) == (["a", "b"], 0)


def test_older_encodings_are_streamed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "sig_info.txt"
    path.write_bytes("sig_id\tpert_idose\ns1\t10 µM\ns2\t10 µM\ns3\t5 µM\n".encode("latin-1"))
    expected = read_table(path)
    caplog.clear()
    monkeypatch.setattr("beadwork.io.files.large_tables.read_table", None)
    same(read_large_table(path), expected)
    assert "is not UTF-8; read as Windows-1252" in caplog.text
