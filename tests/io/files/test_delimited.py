"""Cells of delimited text: the same table whatever stands between and around them."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from beadwork.io.files.delimited import split_cells, split_line

words = st.text(st.characters(categories=("Lu", "Ll", "Nd"), max_codepoint=0x24F), min_size=1, max_size=6)
tables = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(words, min_size=width, max_size=width), min_size=3, max_size=8)
)


@given(tables, st.sampled_from("\t;, "), st.booleans(), st.booleans())
def test_the_separator_is_found(rows, separator, quoted, short):
    rows = [rows[0][1:], *rows[1:]] if short and len(rows[0]) > 2 else rows
    text = io.StringIO()
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerows(rows)
    found = split_cells(text.getvalue().splitlines())
    assert (found.rows, found.separator) == (rows, separator)


@given(st.lists(st.text(st.characters(exclude_characters="\0\r\n\\", exclude_categories=("Cs",))).map(str.strip).filter(
    lambda text: not (len(text) > 1 and text[0] == text[-1] == '"')), min_size=2, max_size=5))  # fmt: skip
def test_quoted_cells_come_back(cells):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(cells)
    assert split_line(text.getvalue().rstrip("\r\n"), ",") == cells


def test_odd_quotes_and_broken_lines():
    assert split_line('5" inch\tb', "\t") == ['5" inch', "b"]
    assert split_line(r'"say \"hi\""' + "\tb", "\t") == ['say "hi"', "b"]
    assert split_line('"A B" 1 NA', " ") == ["A B", "1", "NA"]
    found = split_cells(["a,b", '"x', 'y",2', "z,3"])
    assert found.rows == [["a", "b"], ["x y", "2"], ["z", "3"]] and found.lines == [1, 2, 4]
    assert split_cells(["a;b", "x;1,5", "y;2,5"]).rows[1] == ["x", "1,5"]
