"""MODZ kernels against scipy, plain loops, and cmapPy (which differs, as documented)."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from beadwork.kernels.levels.modz import (
    activity_score,
    correlation_q75,
    moderate_by_gene,
    moderate_zscores,
    percentile_or_nan,
    replicate_correlations,
    replicate_weights,
    sibling_ranks,
    signature_strength,
    standard_ranks,
    strong_genes,
)


def replicates(n: int, genes: int = 200, seed: int = 0, noise: float = 1.0) -> np.ndarray:
    """n noisy copies of one profile (n, genes), rounded so that ties occur."""
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(size=genes) * 1.5 + rng.normal(0, noise, (n, genes)), 1)


def modz(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    weights = replicate_weights(replicate_correlations(standard_ranks(np.clip(z, -10, 10))), 0.01)
    return moderate_zscores(z, weights, 10.0), weights


@pytest.mark.parametrize("n", [2, 3, 5])
def test_correlations_are_spearmans(n: int):
    z = replicates(n, noise=3.0, seed=n)
    expected = np.array([[spearmanr(a, b).statistic for b in z] for a in z])
    expected = np.where(np.eye(n, dtype=bool), 0, np.clip(expected, 0, None))
    np.testing.assert_allclose(replicate_correlations(standard_ranks(z)), expected, atol=1e-12)


def test_weights_follow_the_definition():
    correlation = np.array([[0, 0.4, 0.2], [0.4, 0, 0.0], [0.2, 0.0, 0]])
    raw = [0.3, 0.2, 0.1]
    np.testing.assert_allclose(replicate_weights(correlation, 0.01), np.array(raw) / 0.6)
    np.testing.assert_allclose(replicate_weights(np.zeros((4, 4)), 0.01), 0.25)  # nobody agrees: plain mean
    np.testing.assert_allclose(replicate_weights(np.zeros((1, 1)), 0.01), 1.0)


def test_one_replicate_is_itself_but_clipped():
    z = np.array([[0.5, -30.0, 12.0, 3.0]])
    values, weights = modz(z)
    np.testing.assert_array_equal(values, [0.5, -10, 10, 3])
    assert weights.tolist() == [1.0]


@given(st.integers(2, 6), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_the_order_of_replicates_does_not_matter(n: int, seed: int):
    z = replicates(n, seed=seed, noise=2.0)
    order = np.random.default_rng(seed).permutation(n)
    values, weights = modz(z)
    again, reordered = modz(z[order])
    np.testing.assert_allclose(again, values, atol=1e-12)
    np.testing.assert_allclose(reordered, weights[order], atol=1e-12)


@given(st.integers(2, 6), st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_identical_replicates_give_themselves(n: int, seed: int):
    one = np.clip(replicates(1, seed=seed), -10, 10)
    values, weights = modz(np.repeat(one, n, axis=0))
    np.testing.assert_allclose(values, one[0], atol=1e-12)
    np.testing.assert_allclose(weights, 1 / n, atol=1e-12)


@given(st.integers(1, 6), st.integers(0, 10_000), st.floats(1e-6, 1e6))
@settings(max_examples=30, deadline=None)
def test_equal_reliabilities_change_no_bit(n: int, seed: int, common: float):
    z = replicates(n, seed=seed, noise=2.0)
    plain, weights = modz(z)
    per_gene = np.random.default_rng(seed).uniform(1e-3, 1, z.shape[1]) * common
    found = moderate_by_gene(z, weights, np.broadcast_to(per_gene, z.shape), 10.0)
    assert found.tobytes() == plain.tobytes()


@given(st.integers(2, 6), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_genes_are_averaged_by_weights_of_their_own(n: int, seed: int):
    z = np.clip(replicates(n, seed=seed, noise=2.0), -10, 10)
    weights = modz(z)[1]
    reliability = np.random.default_rng(seed).uniform(0, 1, z.shape)
    found = moderate_by_gene(z, weights, reliability, 10.0)
    shares = weights[:, None] * reliability
    np.testing.assert_allclose(found, (shares * z).sum(axis=0) / shares.sum(axis=0), rtol=1e-9, atol=1e-12)
    assert (found <= z.max(axis=0) + 1e-12).all()
    assert (found >= z.min(axis=0) - 1e-12).all()


def test_missing_reliabilities_count_for_nothing():
    z = np.array([[1.0, 2.0, 30.0], [3.0, 4.0, 5.0]])
    reliability = np.array([[np.nan, 0.0, 1.0], [0.5, np.nan, 0.0]])
    weights = np.array([0.25, 0.75])
    # the second gene has no reliable value: the replicates' weights alone
    np.testing.assert_allclose(moderate_by_gene(z, weights, reliability, 10.0), [3.0, 3.5, 10.0])


def test_a_replicate_without_variation_correlates_with_nothing():
    z = np.vstack([replicates(2), np.full(200, 1.0)])
    correlation = replicate_correlations(standard_ranks(z))
    assert correlation[2].tolist() == [0, 0, 0]
    assert np.isfinite(replicate_weights(correlation, 0.01)).all()


def test_percentiles_are_matlabs():
    assert percentile_or_nan([1, 2, 3, 4], 75) == 3.5  # prctile([1 2 3 4], 75)
    assert percentile_or_nan([1, 2, 3], 75) == 2.75
    assert percentile_or_nan([7], 25) == 7
    assert np.isnan(percentile_or_nan([], 50))


def test_facts_of_a_signature():
    correlation = np.array([[0, 0.4, 0.2], [0.4, 0, 0.1], [0.2, 0.1, 0]])
    assert correlation_q75(correlation) == pytest.approx(0.35)
    assert np.isnan(correlation_q75(np.zeros((1, 1))))
    assert strong_genes(np.array([1.0, -1.2, 0.9, 2.0]), 4, 2.0) == 3
    ends = np.concatenate([np.full(100, 2.0), np.zeros(50), np.full(100, -1.0)])
    assert signature_strength(np.random.default_rng(0).permutation(ends)) == 3.0
    assert np.isnan(signature_strength(np.zeros(199)))


def test_activity_score():
    assert activity_score(303, 0.33768, 978) == pytest.approx(0.32345, abs=1e-5)
    assert activity_score(0, 0.0, 978) == pytest.approx(0.001 / np.sqrt(978))
    assert activity_score(978, 1.5, 978) == 1.0
    assert np.isnan(activity_score(300, float("nan"), 978))


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_sibling_ranks_by_counting(block: int):
    rng = np.random.default_rng(2)
    group = rng.permutation(np.repeat([0, 1, 2, 3], [3, 1, 5, 4]))
    z = np.round(rng.normal(size=(13, 8)) + rng.normal(size=(4, 8))[group], 1)
    z[2] = z[5]  # ties between instances
    ranks = standard_ranks(z)
    correlation = ranks @ ranks.T
    expected = [[] for _ in range(4)]
    for i in range(13):
        others = [k for k in range(13) if k != i]
        for j in others:
            if group[j] == group[i]:
                better = sum(correlation[i, k] > correlation[i, j] + 1e-9 for k in others)
                same = sum(abs(correlation[i, k] - correlation[i, j]) <= 1e-9 for k in others) - 1
                expected[group[i]].append(100 * (better + same / 2) / 12)
    found = sibling_ranks(ranks, group, block=block)
    for mine, counted in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.sort(mine), np.sort(counted), atol=1e-9)
    assert len(found[1]) == 0


def cmappy(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cmapPy.math.agg_wt_avg import agg_wt_avg

        values, _, _, weights = agg_wt_avg(pd.DataFrame(z.T))
    return values.to_numpy(), weights.to_numpy()


def test_cmappy_agrees_for_three_replicates_but_for_its_rounding():
    z = replicates(3, genes=978, noise=2.0)
    values, weights = modz(z)
    theirs, their_weights = cmappy(z)
    np.testing.assert_allclose(weights, their_weights, atol=5.1e-5)
    np.testing.assert_allclose(values, theirs, atol=1e-3)


def test_cmappy_disagrees_on_a_noise_replicate_of_four():
    """Known disagreement: its raw weight is the mean correlation, not half the sum, before the floor of 0.01."""
    rng = np.random.default_rng(0)
    z = np.vstack([replicates(3, genes=978, noise=1.0), -0.3 * replicates(1, genes=978, seed=4) + rng.normal(size=978)])
    z[3] = rng.permutation(z[3])
    correlation = replicate_correlations(standard_ranks(z))
    weights, (_, theirs) = modz(z)[1], cmappy(z)
    raw = np.maximum(correlation.sum(axis=1) / 3, 0.01)
    np.testing.assert_allclose(theirs, raw / raw.sum(), atol=5.1e-5)
    raw = np.maximum(correlation.sum(axis=1) / 2, 0.01)
    np.testing.assert_allclose(weights, raw / raw.sum(), atol=1e-12)
    assert abs(weights[3] - theirs[3]) > 0.002
