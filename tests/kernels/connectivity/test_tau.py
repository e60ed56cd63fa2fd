"""Counting by halving is counting."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from beadwork.kernels.connectivity.tau import count_below

NUMBERS = st.one_of(st.sampled_from([0.0, 0.5, 1.0, np.nan, np.inf]), st.floats(0, 3))


@given(st.integers(0, 6), st.integers(1, 20), st.data())
def test_counts_by_halving_are_counts(rows, width, data):
    sizes = np.sort(data.draw(arrays(np.float64, (rows, width), elements=NUMBERS)), axis=1)
    limits = data.draw(arrays(np.float64, rows, elements=NUMBERS))
    expected = [(own < limit).sum() for own, limit in zip(sizes, limits, strict=True)]
    assert count_below(sizes, limits).tolist() == expected
