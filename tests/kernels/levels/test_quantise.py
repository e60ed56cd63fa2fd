"""Rounding to int8."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from beadwork.kernels.levels.quantise import quantise_rows


@given(st.integers(0, 1000), st.floats(1e-4, 1e-2))
@settings(max_examples=30, deadline=None)
def test_noise_is_what_was_asked_for(seed: int, share: float):
    values = np.random.default_rng(seed).normal(size=(20, 500)) * np.linspace(2, 1, 20)[:, None]
    whole, scale = quantise_rows(values, share)
    assert whole.dtype == np.int8 and scale.shape == (20,)
    error = whole * scale[:, None].astype(float) - values
    assert (np.abs(error) <= 0.51 * scale[:, None]).all()
    assert 0.8 * share < (error**2).mean() / (values**2).mean() < 1.3 * share


def test_a_large_row_gets_a_step_of_its_own_and_zeros_stay():
    values = np.array([[1000.0, -1.0], [1.0, 0.5], [0.0, 0.0]])
    whole, scale = quantise_rows(values, 1e-6)
    np.testing.assert_allclose(whole * scale[:, None], values, atol=4.0)
    assert abs(int(whole[0, 0])) == 127 and (whole[2] == 0).all()
