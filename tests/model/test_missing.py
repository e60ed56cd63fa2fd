"""What is missing: words of the field, R's integers, and what is not missing though it looks like it."""

import numpy as np
import pytest

from beadwork.model.missing import NO_GENE, OWN_WORDS, WORDS, is_missing, missing_numbers, missing_texts


@pytest.mark.parametrize(
    "text",
    ["", "  ", "-666", "-666.0", "-666.0000", "NA", "na", "N/A", "n/a", "#N/A", "#NA", "#N/A!", "NULL", "null", "None",
     "nan", "NaN", "-nan", "-NaN", "#VALUE!", "#DIV/0!", "<NA>", " NA ", "-2147483648", "-2147483648.0"],
)  # fmt: skip
def test_words(text):
    assert is_missing(text)


@pytest.mark.parametrize(
    "text",
    ["0", "-66", "-6660", "666", "Na", "none", "inf", "-", "NAT2", "nanog", "N", "A", "#", "2147483648", "-214748364"],
)
def test_what_only_looks_missing(text):
    assert not is_missing(text)


def test_narrower_and_wider_words():
    assert OWN_WORDS < WORDS < NO_GENE
    assert missing_texts(["None", "-666", "x"], OWN_WORDS).tolist() == [False, True, False]
    assert missing_texts(np.array(["None", "-666", "x"], object)).tolist() == [True, True, False]
    assert missing_texts([]).shape == (0,)


@pytest.mark.parametrize("kind", ["i1", "i2", "<i4", ">i4", "i8"])
def test_the_lowest_integer_is_what_r_keeps_for_missing(kind):
    numbers = np.array([np.iinfo(kind).min, 0, np.iinfo(kind).max], kind)
    assert missing_numbers(numbers).tolist() == [True, False, False]
    if np.dtype(kind).itemsize > 1:
        assert missing_numbers(np.array([-666, 666], kind)).tolist() == [True, False]


def test_the_missing_integer_of_r_in_wider_integers():
    assert missing_numbers(np.array([-(2**31), -(2**31) + 1, 0], "i8")).tolist() == [True, False, False]
    assert not missing_numbers(np.array([2**31], "u4")).any()


def test_other_numbers():
    assert missing_numbers(np.array([np.nan, -666.0])).all()
    assert not missing_numbers(np.array([np.inf, -665.5, -(2.0**31)])).any()
    assert not missing_numbers(np.array([0, 2**32 - 1], np.uint32)).any()
    assert not missing_numbers(np.array([True, False])).any()
