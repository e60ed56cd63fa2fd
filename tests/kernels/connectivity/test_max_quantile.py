"""Max-quantiles and medians of many groups: the fast forms against the definition, the compiled one to the bit."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from beadwork.kernels.connectivity.max_quantile import (
    HIGH,
    LOW,
    SMALL,
    group_max_quantile,
    max_quantile,
    run_max_quantile,
    run_median,
)
from beadwork.kernels.connectivity.max_quantile_numba import RunsOfGroups
from beadwork.kernels.connectivity.tau import count_smaller, count_there
from beadwork.kernels.connectivity.tau_numba import count_background


@st.composite
def runs(draw):
    """Scores of groups that lie one after the other, with ties, zeros and, at times, gaps; where each group begins."""
    sizes = draw(st.lists(st.integers(1, 9) | st.sampled_from([SMALL, SMALL + 1]), min_size=1, max_size=6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.normal(size=(sum(sizes), draw(st.integers(1, 5)))).astype(np.float32).round(draw(st.integers(0, 6)))
    values[rng.random(values.shape) < draw(st.sampled_from([0.0, 0.0, 0.2]))] = np.nan
    return values, np.cumsum([0, *sizes])


@settings(max_examples=60, deadline=None)
@given(runs())
@example((np.array([[0.0], [1.0], [-1.0]], np.float32), np.array([0, 3])))
def test_every_form_is_the_definition(case):
    values, starts = case
    found = run_max_quantile(values, starts)
    groups = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    shuffled = np.random.default_rng(0).permutation(len(groups))
    np.testing.assert_array_equal(group_max_quantile(values[shuffled], groups[shuffled], len(starts) - 1), found)
    compiled = RunsOfGroups(values.shape[1]).max_quantile(values, starts)
    assert compiled.dtype == np.float64
    np.testing.assert_array_equal(np.abs(compiled), np.abs(found))
    medians = run_median(values, starts)
    for group, (start, stop) in enumerate(pairwise(starts)):
        for query, scores in enumerate(values[start:stop].T):
            known = scores[~np.isnan(scores)]
            low, high = np.percentile(known.astype(np.float64), [LOW, HIGH], method="hazen") if len(known) else (0, 0)
            sides = [max_quantile(scores)]
            if abs(low) == pytest.approx(abs(high), rel=1e-12, abs=1e-12):
                sides = [max_quantile(scores), -max_quantile(scores)]  # a tie: rounding says which end is the larger
            assert any(found[group, query] == pytest.approx(one, rel=1e-12, abs=1e-12, nan_ok=True) for one in sides)
            expected = np.median(known.astype(np.float64)) if len(known) else np.nan
            assert medians[group, query] == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_groups_may_be_left_out():
    values = np.array([[1.0], [5.0], [2.0]], np.float32)
    assert group_max_quantile(values, np.array([0, -1, 1]), 3)[:2].tolist() == [[1.0], [2.0]]
    assert np.isnan(group_max_quantile(values, np.array([0, -1, 1]), 3)[2, 0])


@settings(max_examples=40, deadline=None)
@given(runs(), st.integers(0, 2**32))
def test_background_is_counted_as_by_numpy(case, seed):
    background = case[0].astype(np.float64)
    ncs = np.random.default_rng(seed).choice([0.0, -0.5, 1.0, np.nan, background[0, 0]], (len(background), 3))
    smaller, there = count_background(ncs, background)
    np.testing.assert_array_equal(smaller, count_smaller(ncs, np.abs(background)))
    np.testing.assert_array_equal(there, count_there(background))


@settings(max_examples=40, deadline=None)
@given(runs(), st.integers(0, 2**32))
def test_one_pass_over_a_background_is_both_steps(case, seed):
    values, starts = case
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(values))
    runs_of_groups = RunsOfGroups(values.shape[1])
    expected = runs_of_groups.max_quantile(values, starts)
    ncs = rng.choice([0.0, -0.5, 1.0, np.nan, expected[0, 0]], (len(starts) - 1, 3))
    rolled, smaller, there = runs_of_groups.count(values[np.argsort(order)], order, starts, ncs)
    assert rolled.dtype == np.float32
    np.testing.assert_array_equal(rolled, expected.astype(np.float32))
    np.testing.assert_array_equal(smaller, count_smaller(ncs, np.abs(expected)))
    np.testing.assert_array_equal(np.broadcast_to(there, (len(ncs), 1)), count_there(expected))
