"""Texts as cells: no formulas, no lost values."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.io.files.cells import is_plain, no_formulas, plain_cell


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "-2+3+cmd|' /C calc'!A0", "=\tx", "--5", "-1-1"])
def test_formulas_begin_with_a_blank(text):
    assert plain_cell(text) == " " + text.replace("\t", " ")


@pytest.mark.parametrize(
    "text",
    ["", "-666", "-1.5", "+5", "-.5", "-5.", "1e-5", "-1E+05", "-inf", "-", "+", "(+)-jq1", "a=b", "x-y", "5-FU"],
)
def test_numbers_and_other_texts_stay(text):
    assert plain_cell(text) == text


@given(st.lists(st.one_of(st.none(), st.text(alphabet="=+-@. 1a|é", max_size=6)), max_size=20))
def test_the_same_for_columns(texts):
    expected = [None if text is None else plain_cell(text) for text in texts]
    assert no_formulas(pa.array(texts, pa.string())).to_pylist() == expected
    assert all(
        found is None or found.removeprefix(" ") in (text, text[1:])
        for found, text in zip(expected, texts, strict=True)
    )


@given(st.lists(st.none() | st.text(alphabet='ab=+-@1.\t\r\n"µ', max_size=4), max_size=8), st.integers(0, 3))
def test_texts_that_are_plain_need_nothing(texts, start):
    column = pa.array(texts, pa.string())[start:]
    changed = [item for item in texts[start:] if item and ('"' in item or plain_cell(item) != item)]
    if is_plain(column):
        assert not changed
    elif not changed:  # it may be said of numbers and lone signs too, which stay as they are
        assert any(item and item[0] in "=+-@" for item in texts[start:])


def test_columns_of_another_type_are_looked_at_in_full():
    assert not is_plain(pa.array(["a"], pa.large_string())) and is_plain(pa.array([], pa.string()))
