"""Tab-separated tables: types, missing values, odd encodings, and answers to what is no table."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beadwork.io.files.tables import read_table, write_table
from beadwork.model.errors import FileError
from beadwork.model.lines import iter_lines, split_lines
from beadwork.model.missing import WORDS


def table(tmp_path, content: str | bytes, **options) -> pd.DataFrame:
    path = tmp_path / "t.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, **options)


def test_types_and_missing_values(tmp_path):
    found = table(tmp_path, "rna_well\tpert_dose\tplate_no\tcount\tx\nA01\t10\t001\t5\t1.5\nA02\t-666\t002\t6\t\n")
    assert found["rna_well"].tolist() == ["A01", "A02"]
    assert found["pert_dose"].tolist()[0] == 10.0
    assert np.isnan(found["pert_dose"].tolist()[1])
    assert found["plate_no"].tolist() == ["001", "002"]
    assert found["count"].dtype == np.int64
    assert np.isnan(found["x"].tolist()[1])


def test_text_only(tmp_path):
    found = table(tmp_path, "a\tb\n1\t-666\n2\t\n", text_only=True)
    assert found["a"].tolist() == ["1", "2"]
    assert found["b"].isna().all()


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffa\tb\n1\tµ\n".encode(),
        "a\tb\r\n1\tµ\r\n".encode(),
        "a\tb\r1\tµ\r".encode(),
        "a\tb\n1\tµ\n".encode("latin-1"),
        "# a note\n#another\na\tb\n\n1\tµ\n\n".encode(),
        '"a"\t"b"\n"1"\t"µ"\n'.encode(),
        " a \t b\n 1\tµ \n".encode(),
        gzip.compress("a\tb\n1\tµ\n".encode(), mtime=0),
        "a\tb\n1\tµ\t\t\n".encode(),
    ],
)
def test_what_spreadsheets_and_systems_make_of_a_table(tmp_path, content):
    assert table(tmp_path, content).to_dict("list") == {"a": [1], "b": ["µ"]}


def test_short_lines_and_rare_line_characters(tmp_path):
    found = table(tmp_path, "a\tb\tc\nx\u2028y\t1\nz\x0bz\t2\t3\n")
    assert found["a"].tolist() == ["x\u2028y", "z\x0bz"]
    assert found["c"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, "is empty; a tab-separated table with a header line is needed"),
        (b"# only a note\n\n", {}, "is empty; a tab-separated table with a header line is needed"),
        (b"a\x00b", {}, "is not a text file; a tab-separated table is needed"),
        ("a\tb\n".encode("utf-16")[:-1], {}, "is damaged UTF-16 text"),
        (b"a\tb\ta\n", {}, "columns stand twice: a; rename them"),
        (b"a,b\n1,2\n", {"required": ("a", "b")}, "lacks the column(s) a, b; columns must be separated by tabs"),
        (b"a\tc\n1\t2\n", {"required": ("a", "b")}, "lacks the column(s) b; it has a, c"),
        (b"a\tb\n1\t2\t3\n", {}, "line 2 has 3 cells, but the header has 2 columns"),
        (gzip.compress(b"a\tb\n1\t2\n", mtime=0)[:-9], {}, "damaged gzip file"),
    ],
)
def test_what_is_no_table(tmp_path, content, options, message):
    with pytest.raises(FileError) as caught:
        table(tmp_path, content, **options)
    assert str(caught.value).startswith(f"{tmp_path / 't.tsv'}: ")
    assert message in str(caught.value)


def test_absent_and_folder(tmp_path):
    with pytest.raises(FileError, match="no such file; check the name"):
        read_table(tmp_path / "none.tsv")
    with pytest.raises(FileError, match="is a folder, but a file is needed"):
        read_table(tmp_path)


texts = st.text(st.characters(exclude_characters="\0\t\r\n", exclude_categories=("Cs",)), max_size=6).map(str.strip)
quoted = texts.filter(lambda text: not (len(text) > 1 and text[0] == text[-1] == '"'))
words = quoted.filter(lambda text: not text.startswith("#") and text not in WORDS - {""})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(words, st.floats(allow_nan=False, allow_infinity=False), st.integers(-9999, 9999)), min_size=1)
)
def test_round_trip(tmp_path, rows):
    rows = [row for row in rows if row[1] != -666 and row[2] != -666] or [("x", 1.5, 2)]
    made = pd.DataFrame(rows, columns=["pert_iname", "pert_dose", "number"])
    write_table(made, tmp_path / "t.tsv")
    found = read_table(tmp_path / "t.tsv")
    assert found["pert_dose"].tolist() == made["pert_dose"].tolist()
    assert found["number"].tolist() == made["number"].tolist()
    for mine, theirs in zip(found["pert_iname"], made["pert_iname"], strict=True):
        assert mine == theirs or (pd.isna(mine) and theirs == "")


def test_writing_keeps_one_line_a_row(tmp_path):
    made = pd.DataFrame({"a\tb": ["x\ty\nz\r", 'say "hi"', None], "n": [1.0, np.nan, 3.0]})
    write_table(made, tmp_path / "t.tsv")
    assert (tmp_path / "t.tsv").read_text() == 'a b\tn\nx y z \t1.0\nsay "hi"\t\n\t3.0\n'
    assert made.columns[0] == "a\tb", "the caller's table stays as it was"


def test_a_quoted_cell_with_a_line_end_is_refused_not_torn(tmp_path):
    for ends in ("\n", "\r\n", "\r"):
        with pytest.raises(FileError, match="line 3 ends within quotes; put each row on one line"):
            table(tmp_path, '"a"\t"b"\n"x"\t1\n"first\nsecond"\t2\n'.replace("\n", ends))


@given(st.text("ab\r\n\t ", max_size=30))
def test_lines_one_by_one_are_those_of_all(text):
    assert list(iter_lines(text)) == split_lines(text)


@pytest.mark.parametrize("count", [3, 5000, 9000])
def test_columns_of_ids_and_of_repetitions_keep_every_cell(tmp_path, count):
    """Whether texts repeat from the start, later, or never."""
    ids = [f"id{number}" for number in range(count)]
    late = [f"x{number if number < 4500 else number % 3}" for number in range(count)]
    few = [("", " yes ", '"no"')[number % 3] for number in range(count)]
    lines = ["a\tb\tc\td", *(f"{one}\t{two}\t{three}\t{number}" for number, (one, two, three)
             in enumerate(zip(ids, late, few, strict=True)))]  # fmt: skip
    found = table(tmp_path, "\n".join(lines) + "\n")
    assert found["a"].tolist() == ids and found["b"].tolist() == late
    assert found["c"].fillna("").tolist() == [("", "yes", "no")[number % 3] for number in range(count)]
    assert found["d"].tolist() == list(range(count)) and found["d"].dtype == np.int64
