"""Values of groups: each helper against the plain way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.kernels.numeric.groups import first_and_last, group_rows, median, sort_within

NUMBERS = st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=60)


@given(NUMBERS, st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_sorted_within_groups_is_lexsort(numbers, n_groups, seed):
    values = np.array(numbers, np.float32)
    codes = np.random.default_rng(seed).integers(0, n_groups, len(values))
    assert (sort_within(codes, values) == values[np.lexsort([values, codes])]).all()


def test_what_is_missing_comes_last_in_its_group():
    values = np.array([np.nan, 1.0, -np.inf, np.inf, -0.0], np.float32)
    found = sort_within(np.array([0, 1, 0, 0, 0]), values)
    assert found[:3].tolist() == [-np.inf, 0.0, np.inf] and np.isnan(found[3]) and found[4] == 1.0


@given(NUMBERS)
def test_median_is_numpys(numbers):
    assert median(np.array(numbers)) == pytest.approx(np.median(numbers))


@given(st.lists(st.integers(-3, 3), max_size=40), st.integers(1, 8))
def test_ends_are_those_of_a_stable_sort(numbers, count):
    values = np.array(numbers, np.float32)
    order = np.argsort(-values, kind="stable")
    expected = order if len(order) <= 2 * count else np.concatenate([order[:count], order[-count:]])
    assert first_and_last(values, count).tolist() == expected.tolist()


@pytest.mark.parametrize("n_groups", [4, 70_000])
def test_rows_by_group(n_groups):
    codes = np.random.default_rng(0).integers(0, n_groups, 1000)
    rows, starts = group_rows(codes, n_groups)
    assert (rows == np.argsort(codes, kind="stable")).all() and starts[-1] == 1000
    assert (np.diff(starts) == np.bincount(codes, minlength=n_groups)).all()
