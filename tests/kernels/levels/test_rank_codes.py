"""Ranks within profiles against scipy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import norm, rankdata

from beadwork.kernels.levels.rank_codes import normal_scores, rank_codes

VALUES = st.floats(-(2.0**99), 2.0**99, width=32) | st.sampled_from([np.nan, -np.inf, 0.0, -0.0, 1.0])


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40), elements=VALUES))
@settings(max_examples=100, deadline=None)
def test_codes_are_twice_the_average_rank_of_what_is_there(values: np.ndarray):
    codes = rank_codes(values)
    for row, found in zip(values, codes, strict=True):
        there = ~np.isnan(row)
        assert (found[~there] == 0).all()
        np.testing.assert_array_equal(found[there], 2 * rankdata(row[there]))


def test_scores_are_those_of_the_normal_distribution():
    values = np.random.default_rng(0).integers(0, 6, (3, 25)).astype(np.float32)
    values[1, 4] = np.nan
    codes = rank_codes(values)
    scores = normal_scores(codes, (codes > 0).sum(axis=1))
    there = ~np.isnan(values[1])
    np.testing.assert_allclose(
        scores[1, there], norm.ppf((rankdata(values[1, there]) - 0.5) / 24), rtol=1e-12, atol=1e-12
    )
    assert np.isnan(scores[1, 4]) and np.isfinite(scores[0]).all()


@given(st.integers(0, 10_000), st.floats(0.1, 3))
@settings(max_examples=20, deadline=None)
def test_only_the_order_within_a_profile_matters(seed: int, power: float):
    values = np.random.default_rng(seed).uniform(1, 15, (4, 50)).astype(np.float32)
    np.testing.assert_array_equal(
        rank_codes(values), rank_codes((3 + values.astype(float) ** power).astype(np.float32))
    )
