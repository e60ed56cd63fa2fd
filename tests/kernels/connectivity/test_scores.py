"""NCS, tau, FDR, roll-up, permutation and the scores beside WTCS, against naive formulas and scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from beadwork.kernels.connectivity import fdr, ncs, permutation, tau, tau_numba, xsum, zhang
from beadwork.kernels.connectivity import max_quantile as rollup
from beadwork.kernels.connectivity import rank_sum as rank_test
from beadwork.kernels.connectivity.wtcs.ranks import rank_descending
from beadwork.kernels.numeric import correlation


def data(seed=0, n_genes=80, count=12):
    z = np.random.default_rng(seed).normal(size=(n_genes, count)).astype(np.float32)
    return z, rank_descending(z)


def test_ncs_divides_by_the_mean_of_the_sign():
    scores = np.array([0.4, 0.2, -0.1, -0.5, 0.0, 0.3, 0.004])
    groups = np.array([0, 0, 0, 0, 0, 1, 2])
    positive, negative = ncs.signed_means(ncs.signed_sums(scores, groups, 3))
    np.testing.assert_allclose(positive, [0.3, 0.3, 0.004])
    np.testing.assert_allclose(negative, [0.3, np.nan, np.nan])
    scaled = ncs.scale_scores(scores, positive[groups], negative[groups], 0.01)
    np.testing.assert_allclose(scaled, [0.4 / 0.3, 0.2 / 0.3, -0.1 / 0.3, -0.5 / 0.3, 0, 1, 0.4])
    assert np.isnan(ncs.scale_scores(np.array([-0.1]), positive[[1]], negative[[1]], 0.01))


def test_tau_counts_smaller_background_scores():
    background = np.array([[0.1, -0.5, 0.9, np.nan], [np.nan] * 4, [0.2, 0.2, 0.2, 0.2]], np.float32)
    scores = np.array([-0.7, 0.5, 0.2])
    expected = [-100 * 2 / 3, np.nan, 0]
    np.testing.assert_allclose(tau.tau_score(scores[:, None], background)[:, 0], expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_compiled_tau(seed):
    rng = np.random.default_rng(seed)
    background = np.round(rng.normal(size=(30, 11)), 1).astype(np.float32)
    background[rng.random(background.shape) < 0.1] = np.nan
    scores = np.round(rng.normal(size=(4, 30)), 1).astype(np.float32)
    scores[0, 3] = np.nan
    found = np.empty_like(scores)
    tau_numba.fill_tau(scores, background, found)
    np.testing.assert_array_equal(found, tau.tau_score(scores.T, background).T.astype(np.float32))
    plain = np.empty_like(scores)
    for first in (0, 10, 20):
        tau.fill_tau(scores, background[first : first + 10], plain, offset=first)
    np.testing.assert_array_equal(plain, found)


def test_fdr_is_the_ratio_of_tails():
    scores = np.array([0.5, 1.0, 1.5, 2.0, 0.4, 0.8, 1.2, -1.0, 0.0, np.nan])
    null = np.array([False] * 4 + [True] * 3 + [False, False, True])
    found = fdr.fdr_score(scores, null, ~null, 3, bounded=False)
    for place in range(4):
        tails = [(scores[:7][kind] >= scores[place]).mean() for kind in (null[:7], ~null[:7])]
        assert found[place] <= tails[0] / tails[1] + 1e-12
    assert found[3] == fdr.EPS
    assert fdr.fdr_score(scores, null, ~null, 3)[3] == pytest.approx((1 / 3) / (3 / 4))
    assert np.isnan(found[7])  # one negative treatment, no negative null
    assert found[8] == 1
    assert np.isnan(found[9])


@pytest.mark.parametrize("n_null", [3, 9, 40])
def test_beyond_all_nulls_fdr_is_what_that_many_can_show(n_null):
    scores = np.concatenate([np.linspace(0.1, 0.9, n_null), [1.0, 2.0, 3.0, 4.0]])
    null = np.arange(len(scores)) < n_null
    found = fdr.fdr_score(scores, null, ~null, 3)
    np.testing.assert_allclose(found[n_null], 1 / (n_null + 1), rtol=1e-9)  # all four treatments reach 1.0
    np.testing.assert_allclose(fdr.fdr_score(-scores, null, ~null, 3)[n_null], 1 / (n_null + 1), rtol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31))
def test_fdr_never_grows_with_distance(seed):
    rng = np.random.default_rng(seed)
    scores, null = rng.normal(size=60), rng.random(60) < 0.3
    found = fdr.fdr_score(scores, null, ~null, 3, bounded=bool(seed % 2))
    assert ((found >= fdr.EPS) & (found <= 1) | np.isnan(found)).all()
    for sign in (1, -1):
        chosen = scores * sign > 0
        ordered = found[chosen][np.argsort(scores[chosen] * sign)]
        assert np.isnan(ordered).all() or (np.diff(ordered) <= 0).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=20))
def test_max_quantile(values):
    low, high = np.percentile(values, [33, 67], method="hazen")
    assert rollup.max_quantile(np.array(values)) == (high if abs(high) > abs(low) else low)
    turned = rollup.max_quantile(-np.array(values))
    if abs(abs(low) - abs(high)) > 1e-9:
        assert turned == pytest.approx(-rollup.max_quantile(np.array(values)), abs=1e-9)


def test_one_score_passes_and_none_is_missing():
    assert rollup.max_quantile(np.array([-0.37])) == -0.37
    assert np.isnan(rollup.max_quantile(np.array([np.nan])))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.booleans(), st.sampled_from([40, 700]))
def test_groups_are_rolled_up_one_by_one(seed, missing, count):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, 3)).astype(np.float32)
    if missing:
        values[rng.random(values.shape) < 0.3] = np.nan
    groups = rng.integers(-1, 9, count)
    found = rollup.group_max_quantile(values, groups, 10)
    for group in range(10):
        for query in range(3):
            expected = rollup.max_quantile(values[groups == group, query])
            np.testing.assert_allclose(found[group, query], expected, rtol=1e-12)


def test_permutation_p_is_never_zero():
    scores, random = np.array([0.9, 0.1, np.nan]), np.array([[0.5, 0.5, 0.1], [-0.2, -0.2, 0.1], [0.95, 0.0, 0.1]])
    reached = permutation.count_reached(scores, random)
    np.testing.assert_allclose(permutation.permutation_p(scores, reached, len(random)), [0.5, 0.75, np.nan])
    rows = permutation.random_sets(30, 4, 5, 10, np.random.default_rng(0))
    assert rows.shape == (10, 9) and all(len(set(row)) == 9 for row in rows)


def test_correlations_are_scipys():
    z, rank = data()
    rows = np.arange(0, 80, 2)
    profile = np.random.default_rng(1).normal(size=(40, 2)).round(1)
    for query in range(2):
        for column in range(12):
            pair = profile[:, query], z[rows, column]
            assert correlation.pearson(profile, z[rows])[query, column] == pytest.approx(stats.pearsonr(*pair)[0])
            assert correlation.spearman(profile, rank[rows])[query, column] == pytest.approx(stats.spearmanr(*pair)[0])
            length = np.linalg.norm(pair[0]) * np.linalg.norm(pair[1].astype(float))
            assert correlation.cosine(profile, z[rows])[query, column] == pytest.approx(pair[0] @ pair[1] / length)


def test_xsum_sums_changed_genes_only():
    z, rank = data()
    up, down = np.array([1, 5, 9]), np.array([2, 3])
    for column in range(12):
        order = np.argsort(-z[:, column], kind="stable")
        changed = {*order[:20].tolist(), *order[-20:].tolist()}
        expected = sum(z[g, column] for g in up if g in changed) - sum(z[g, column] for g in down if g in changed)
        assert xsum.xsum(rank, z, up, down, 20)[column] == pytest.approx(expected, abs=1e-6)


def test_zhang_is_one_for_a_signatures_own_genes():
    z, _ = data()
    signed = zhang.signed_ranks(z)
    for column in range(3):
        order = np.argsort(-np.abs(z[:, column]))[:10]
        up, down = order[z[order, column] > 0], order[z[order, column] < 0]
        assert zhang.zhang(signed, up, down)[column] == pytest.approx(1)
        assert zhang.zhang(signed, down, up)[column] == pytest.approx(-1)
    assert np.isnan(zhang.zhang(signed, np.array([], int), np.array([], int))).all()


def test_rank_test_is_scipys_mann_whitney():
    z, rank = data()
    up, down = np.arange(0, 12), np.arange(20, 30)
    for column in range(12):
        deviates = []
        for rows in (up, down):
            rest = np.setdiff1d(np.arange(80), rows)
            u = stats.mannwhitneyu(z[rows, column], z[rest, column]).statistic
            n, m = len(rows), len(rest)
            deviates.append((u - n * m / 2) / np.sqrt(n * m * 81 / 12))
        assert rank_test.rank_test(rank, up, down)[column] == pytest.approx((deviates[0] - deviates[1]) / np.sqrt(2))
        assert rank_test.rank_test(rank, up, down[:0])[column] == pytest.approx(deviates[0])
        assert rank_test.rank_test(rank, up[:0], down)[column] == pytest.approx(-deviates[1])
