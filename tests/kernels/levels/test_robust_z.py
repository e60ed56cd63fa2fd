"""Robust z-scores: against scipy, invariances, the floor, missing values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import median_abs_deviation

from beadwork.kernels.levels.robust_z import MAD_TO_SD, reliabilities, robust_zscore

values_of = arrays(np.float64, (6, 9), elements=st.floats(-50, 50).map(lambda value: round(value, 3)))


@given(values=values_of)
def test_against_scipy(values):
    mad = median_abs_deviation(values, axis=1)
    expected = (values - np.median(values, axis=1, keepdims=True)) / (np.maximum(mad, 0.1) * 1.4826)[:, None]
    z, found = robust_zscore(values, values, 0.1)
    np.testing.assert_allclose(z, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found, mad, atol=1e-12)


@given(values=values_of, shift=st.floats(-20, 20), factor=st.floats(1, 5))
@settings(max_examples=50)
def test_shift_moves_nothing_and_scale_cancels(values, shift, factor):
    values = values + np.linspace(0, 40, 9)  # so that no MAD reaches the floor
    z, mad = robust_zscore(values, values, 0.1)
    shifted, _ = robust_zscore(values + shift, values + shift, 0.1)
    np.testing.assert_allclose(shifted, z, atol=1e-7)
    wide = mad > 0.1
    scaled, _ = robust_zscore(values * factor, values * factor, 0.1)
    np.testing.assert_allclose(scaled[wide], z[wide], rtol=1e-7, atol=1e-7)


def test_floor_applies_before_the_factor():
    values = np.array([[5.0, 5.0, 5.0, 6.0]])
    z, mad = robust_zscore(values, values, 0.1)
    assert mad[0] == 0
    np.testing.assert_allclose(z, [[0, 0, 0, 1 / (0.1 * MAD_TO_SD)]])


def test_population_sets_median_and_mad():
    values = np.array([[0.0, 1.0, 2.0, 100.0]])
    z, _ = robust_zscore(values, values[:, :3], 0.1)
    np.testing.assert_allclose(z, (values - 1) / MAD_TO_SD)


def test_missing_values_stay_missing_and_count_for_nothing():
    values = np.array([[1.0, 2.0, np.nan, 3.0], [np.nan] * 4])
    z, mad = robust_zscore(values, values, 0.1)
    np.testing.assert_allclose(z[0], [-1 / MAD_TO_SD, 0, np.nan, 1 / MAD_TO_SD])
    assert np.isnan(z[1]).all() and np.isnan(mad[1])


def test_reliability_takes_off_only_what_is_less_sure_than_usual():
    sd = np.array([[0.1, 0.1, 0.1, 0.5, 0.05], [np.nan] * 5])
    found = reliabilities(sd, np.array([0.3, 0.3]), 1.5)
    expected = 1 / (1 + 1.5**2 * (0.5**2 - 0.1**2) / 0.3**2)
    np.testing.assert_allclose(found, [[1, 1, 1, expected, 1], [1] * 5])
    sd[0, 1] = np.nan  # no bead says anything of it
    np.testing.assert_allclose(reliabilities(sd, np.array([0.3, 0.3]), 1.5)[0], [1, 0, 1, expected, 1])
    assert (reliabilities(np.nan_to_num(sd, nan=0.3), np.array([0.3, 0.3]), 0.0) == 1).all()


@pytest.mark.parametrize("own", [True, False])
def test_single_precision_in_and_out_is_double_between(own):
    """As values are stored: the scores are those of values as doubles, rounded once."""
    values = np.random.default_rng(4).normal(8, 2, (600, 21)).astype(np.float32)
    values[3, 4] = np.nan
    population = values if own else values[:, :9]
    wide = values.astype(float)
    wanted, mad = robust_zscore(wide, wide if own else wide[:, :9], 0.1)
    out = np.empty(values.shape, np.float32)
    found, same_mad = robust_zscore(values, population, 0.1, out)
    assert found is out
    np.testing.assert_array_equal(out, wanted.astype(np.float32))
    np.testing.assert_array_equal(mad, same_mad)
    np.testing.assert_array_equal(robust_zscore(np.asfortranarray(values), population, 0.1)[0], wanted)
