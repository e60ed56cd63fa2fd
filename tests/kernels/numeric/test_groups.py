"""Values of groups: each helper against the plain way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beadwork.kernels.numeric.groups import (
    descending_order,
    first_and_last,
    group_rows,
    median,
    number_codes,
    sort_within,
    stable_order,
)

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


@given(st.lists(st.integers(-1, 5), max_size=40))
def test_order_of_codes_is_a_stable_sort(codes):
    codes = np.array(codes, np.int64)
    assert stable_order(codes).tolist() == np.argsort(codes, kind="stable").tolist()
    assert stable_order(codes.astype(np.int32)).tolist() == np.argsort(codes, kind="stable").tolist()


@given(st.lists(st.floats(width=32) | st.sampled_from([0.0, -0.0, 1.0, np.nan, np.inf, -np.inf]), max_size=40))
def test_order_of_scores_is_a_stable_sort_from_the_largest(numbers):
    values = np.array(numbers, np.float32)
    expected = np.argsort(-values.astype(np.float64), kind="stable")
    assert descending_order(values).tolist() == expected.tolist()


@pytest.mark.parametrize("spread", [1, 10**9])
@given(codes=st.lists(st.integers(0, 6), max_size=40))
def test_codes_are_numbered_as_by_numpy(codes, spread):
    codes = np.array(codes, np.int64) * spread
    distinct, first, number = np.unique(codes, return_index=True, return_inverse=True)
    found = number_codes(codes)
    for left, right in zip(found, (distinct, first, number), strict=True):
        assert left.tolist() == right.reshape(-1).tolist()
