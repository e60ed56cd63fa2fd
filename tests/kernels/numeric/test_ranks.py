"""Ranks and normal scores against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm, rankdata

from beadwork.kernels.numeric.ranks import MAD_TO_SD, blom_scores, mean_ranks, ordinal_ranks, rankit_scores


def test_ranks_with_and_without_ties():
    values = np.array([[3.0, 1.0], [1.0, 1.0], [np.nan, 0.0], [3.0, 5.0]])
    assert ordinal_ranks(values).tolist() == [[2, 2], [1, 3], [4, 1], [3, 4]]
    assert mean_ranks(values[:, 1]).tolist() == [2.5, 2.5, 1.0, 4.0]


@given(
    values=arrays(
        np.float64,
        st.tuples(st.integers(2, 25), st.integers(1, 6)),
        elements=st.integers(-8, 8).map(float),  # few values: many ties
    )
)
def test_mean_ranks_are_scipys(values):
    np.testing.assert_array_equal(mean_ranks(values), rankdata(values, axis=0))
    np.testing.assert_array_equal(mean_ranks(values[:, 0]), rankdata(values[:, 0]))


def test_a_column_with_a_missing_value_has_no_ranks_as_scipys():
    values = np.array([[3.0, 1.0], [1.0, 1.0], [np.nan, 0.0]])
    np.testing.assert_array_equal(mean_ranks(values), rankdata(values, axis=0))


def test_normal_scores_follow_their_formulas():
    ranks = np.arange(1, 978)
    np.testing.assert_allclose(blom_scores(ranks, 977), norm.ppf((ranks - 3 / 8) / (977 + 1 / 4)), rtol=1e-12)
    np.testing.assert_allclose(rankit_scores(ranks, 977), norm.ppf((ranks - 1 / 2) / 977), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(rankit_scores(ranks, 977), -rankit_scores(ranks, 977)[::-1], atol=1e-12)


def test_mad_to_sd_is_cmaps_number():
    assert pytest.approx(1 / norm.ppf(0.75), abs=1e-4) == MAD_TO_SD
