"""Percentiles, ranks and quantile normalisation: against scipy, against their definition, on edge cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata

from beadwork.kernels.numeric.percentiles import hazen_percentile, quantile_normalize

matrices = arrays(
    np.float64,
    st.tuples(st.integers(2, 25), st.integers(1, 6)),
    elements=st.integers(-8, 8).map(float),  # few values: many ties
)


@given(values=matrices, percent=st.floats(0, 100))
def test_hazen_percentile_is_numpys(values, percent):
    expected = np.percentile(values, percent, axis=0, method="hazen")
    np.testing.assert_allclose(hazen_percentile(values, percent), expected, rtol=1e-12, atol=1e-12)


def test_hazen_percentile_of_nan_is_nan():
    assert np.isnan(hazen_percentile(np.array([1.0, np.nan, 3.0]), 25))


def quantile_normalize_by_definition(values):
    target = np.median(np.sort(values, axis=0), axis=1)
    positions = np.arange(1, len(values) + 1)
    return np.column_stack([np.interp(rankdata(column), positions, target) for column in values.T])


@given(values=matrices)
def test_quantile_normalize_is_its_definition(values):
    np.testing.assert_allclose(quantile_normalize(values), quantile_normalize_by_definition(values), atol=1e-12)


@given(values=arrays(np.float64, (15, 4), elements=st.floats(-1e3, 1e3), unique=True))
@settings(max_examples=50)
def test_columns_share_one_distribution_and_keep_their_order(values):
    result = quantile_normalize(values)
    assert (np.sort(result, axis=0) == np.sort(result, axis=0)[:, :1]).all()
    np.testing.assert_array_equal(np.sort(result, axis=0)[:, 0], np.median(np.sort(values, axis=0), axis=1))
    for before, after in zip(values.T, result.T, strict=True):
        assert (np.diff(after[np.argsort(before)]) >= 0).all()


def test_target_is_the_median_not_the_mean():
    values = np.array([[1.0, 2.0, 30.0], [4.0, 5.0, 60.0]])
    np.testing.assert_array_equal(quantile_normalize(values), [[2.0] * 3, [5.0] * 3])


def test_ties_take_the_target_at_their_average_rank():
    values = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 3.0], [4.0, 4.0]])  # target 1, 1.5, 3, 4
    np.testing.assert_array_equal(quantile_normalize(values)[:, 1], [1.25, 1.25, 3.0, 4.0])


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_wells_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    values, order = rng.normal(size=(50, 8)), rng.permutation(8)
    np.testing.assert_array_equal(quantile_normalize(values)[:, order], quantile_normalize(values[:, order]))
