"""WTCS and ranks: definition against scipy, the fast forms against the definition, golden HDAC."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from beadwork.io.matrix.formats import read_matrix
from beadwork.kernels.connectivity.wtcs import at_once, ranks_numba, score, score_numba
from beadwork.kernels.connectivity.wtcs import ranks as rank_kernel
from beadwork.kernels.numeric.networks import fused_network, sorting_network


def enrichment_by_scipy(ranks, weights, n_genes):
    """Enrichment score of a set whose hits weigh whole numbers: scipy's two-sample statistic, a hit so many times."""
    hits, misses = np.repeat(ranks, weights), np.setdiff1d(np.arange(1, n_genes + 1), ranks)
    found = stats.ks_2samp(hits, misses, method="asymp")
    return found.statistic * found.statistic_sign


def signatures(seed, n_genes=60, count=21):
    rng = np.random.default_rng(seed)
    z = np.round(rng.normal(size=(n_genes, count)), 1).astype(np.float32)  # rounded: ties and zeros occur
    return z, rank_kernel.rank_descending(z)


def queries(seed, n_genes, count):
    rng = np.random.default_rng(seed)
    genes, bounds = [], []
    for _ in range(count):
        up, down = rng.integers(0, n_genes // 2, 2)
        chosen = rng.permutation(n_genes)[: up + down]
        bounds.append((len(genes), len(genes) + up, len(genes) + up, len(genes) + up + down))
        genes += chosen.tolist()
    return np.array(genes, np.int64), np.array(bounds, np.int64)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_score_is_scipys_statistic_with_its_sign(seed, weighted):
    z, rank = signatures(seed)
    genes = np.random.default_rng(seed).permutation(60)[:7]
    for column in range(z.shape[1]):
        ranks, values = rank[genes, column], z[genes, column]
        weights = np.round(10 * np.abs(values)).astype(int) if weighted else np.ones(7, int)
        found = score.enrichment_score(ranks, values, 60, weighted=weighted)
        expected = enrichment_by_scipy(ranks, weights, 60)
        # of two extremes as far from zero the definition takes the positive one
        assert found == pytest.approx(expected, abs=1e-6) or (found == pytest.approx(-expected, abs=1e-6) and found > 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.booleans())
def test_compiled_scores_have_the_bits_of_the_definition(seed, weighted):
    z, rank = signatures(seed, n_genes=40, count=19)
    genes, bounds = queries(seed, 40, 6)
    plain, fast, many = (np.empty((6, 19), np.float32) for _ in range(3))
    score.score_sets(rank, z, genes, bounds, plain, weighted=weighted)
    score_numba.score_sets(rank, z, genes, bounds, fast, weighted=weighted)
    at_once.score_sets(rank, z, genes, bounds, many, weighted=weighted)
    np.testing.assert_array_equal(plain, fast)
    np.testing.assert_array_equal(plain, many)


@pytest.mark.parametrize("width", [1, 2, at_once.WIDTH + 1])
def test_scores_at_once_do_not_depend_on_how_many(width):
    z, rank = signatures(8, n_genes=400, count=width)
    genes, bounds = queries(8, 400, 3)
    plain, many = (np.empty((3, width), np.float32) for _ in range(2))
    score.score_sets(rank, z, genes, bounds, plain)
    at_once.score_sets(rank, z, genes, bounds, many)
    np.testing.assert_array_equal(plain, many)


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.float32, (30, 5), elements=st.floats(-9, 9, width=32).map(lambda x: np.float32(round(x)))))
def test_compiled_ranks_are_stable_and_descending(z):
    rank, scores = np.empty(z.shape, np.uint16), np.empty(z.shape, np.float32)
    ranks_numba.fill_block(np.ascontiguousarray(z.T), rank, scores, 0)
    plain, same = np.zeros(z.shape, np.uint16), np.zeros(z.shape, np.float32)
    rank_kernel.fill_block(z.T[:2], plain, same, 0)
    rank_kernel.fill_block(z.T[2:], plain, same, 2)
    np.testing.assert_array_equal(rank, plain)
    np.testing.assert_array_equal(scores, same)
    np.testing.assert_array_equal(rank, rank_kernel.rank_descending(z))
    np.testing.assert_array_equal(scores, z)


@given(st.integers(0, 300))
@settings(max_examples=30, deadline=None)
def test_sorting_network_sorts(size):
    values = np.random.default_rng(size).permutation(size)
    for a, b in sorting_network(size):
        values[a], values[b] = min(values[a], values[b]), max(values[a], values[b])
    np.testing.assert_array_equal(values, np.arange(size))


@given(st.integers(0, 400), st.sampled_from([1, 2, 16]))
@settings(max_examples=40, deadline=None)
def test_fused_network_sorts_sorted_runs(size, run):
    values = np.random.default_rng(size).permutation(size)
    for start in range(0, size, run):
        values[start : start + run].sort()
    items, phases = fused_network(size, run)
    for kind, start, stop in phases:
        for a, b, c, d in items[start:stop]:
            for one, two in ((a, c), (b, d), (b, c)) if kind else ((a, b),):
                values[one], values[two] = min(values[one], values[two]), max(values[one], values[two])
    np.testing.assert_array_equal(values, np.arange(size))


def test_special_sets():
    z, rank = signatures(0)
    z[:, 3] = 0
    everything = np.arange(60)
    assert score.enrichment_score(rank[[], 0], z[[], 0], 60) == 0
    assert np.isnan(score.enrichment_score(rank[:5, 3], z[:5, 3], 60))
    assert score.enrichment_score(rank[everything, 0], z[everything, 0], 60) == pytest.approx(1)
    bounds = np.array([[0, 60, 60, 60], [0, 0, 0, 60], [0, 5, 5, 10]], np.int64)
    plain, fast = (np.empty((3, 21), np.float32) for _ in range(2))
    score.score_sets(rank, z, everything, bounds, plain)
    score_numba.score_sets(rank, z, everything, bounds, fast)
    np.testing.assert_array_equal(plain, fast)
    at_once.score_sets(rank, z, everything, bounds, fast)
    np.testing.assert_array_equal(plain, fast)
    assert np.isnan(fast[:, 3]).all() and not np.isnan(np.delete(fast, 3, axis=1)).any()


@pytest.mark.parametrize(
    ("up", "down", "expected"), [(0.6, -0.4, 0.5), (0.6, 0.4, 0), (-0.2, 0.4, -0.3), (0, 0, 0), (0, -0.4, 0.2)]
)
def test_sets_are_combined_by_sign(up, down, expected):
    assert score.combine_scores(up, down) == pytest.approx(expected)
    assert score.combine_scores(up, down, has_down=False) == up
    assert score.combine_scores(up, down, has_up=False) == -down


def test_reversing_a_signature_turns_the_score():
    """Property: negated scores (and so reversed ranks) give the negated score where there are no ties."""
    z = np.random.default_rng(3).normal(size=(50, 16)).astype(np.float32)
    genes, bounds = np.arange(20), np.array([[0, 9, 9, 20]], np.int64)
    out = []
    for values in (z, -z):
        scores = np.empty((1, 16), np.float32)
        score_numba.score_sets(rank_kernel.rank_descending(values), values, genes, bounds, scores)
        out.append(scores)
    np.testing.assert_allclose(out[0], -out[1], atol=1e-7)


def test_running_sum_reaches_the_score():
    z, rank = signatures(8)
    genes = np.arange(0, 60, 7)
    for column in range(5):
        curve = score.running_sum(rank[genes, column], z[genes, column], 60)
        found = score.enrichment_score(rank[genes, column], z[genes, column], 60)
        assert curve[-1] == pytest.approx(0, abs=1e-12)
        assert np.min(np.abs(curve - found)) < 1e-12
        steps = np.diff(curve, prepend=0.0)
        weight = np.abs(z[genes, column].astype(float))
        np.testing.assert_allclose(steps[rank[genes, column].astype(int) - 1], weight / weight.sum(), atol=1e-12)
        np.testing.assert_allclose(np.delete(steps, rank[genes, column].astype(int) - 1), -1 / 51, atol=1e-12)


@pytest.mark.parametrize(
    ("weighted", "expected"), [(True, (0.7733, 0.7449, -0.8016)), (False, (0.5551, 0.5516, -0.5585))]
)
def test_golden_hdac(golden, weighted, expected):
    """Official unit test of the Connectivity Map: trichostatin A in MCF7 against the HDAC sets, ranks as given."""
    folder = golden / "query_hdac"
    tables = []
    for name in ("rank_full", "score"):
        matrix = read_matrix(folder / f"trichostatina_mcf7_10um_{name}.gct.gz")
        tables.append(dict(zip(matrix.rids, matrix.values[:, 0].astype(float), strict=True)))
    rank, z = tables
    scores = []
    for side in ("UP", "DN"):
        genes = [gene for gene in (folder / f"HDAC_{side}.grp").read_text().split() if gene in rank]
        ranks = np.array([rank[gene] for gene in genes])
        values = np.array([z[gene] for gene in genes])
        scores.append(score.enrichment_score(ranks, values, len(rank), weighted=weighted))
    found = (float(score.combine_scores(*scores)), *scores)
    assert found == pytest.approx(expected, abs=1e-4)
