"""WTCS and ranks: definition against a naive walk, compiled twin against the definition, golden HDAC."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from beadwork.io.matrix.formats import read_matrix
from beadwork.kernels.connectivity import wtcs as connectivity
from beadwork.kernels.connectivity import wtcs_numba as connectivity_numba


def walk(ranks, z, n_genes, weighted):
    """Enrichment score as GSEA tells it: one step per gene of the ranked list."""
    weight = {int(rank): abs(float(value)) if weighted else 1.0 for rank, value in zip(ranks, z, strict=True)}
    total, position, best = sum(weight.values()), 0.0, [0.0, 0.0]
    for rank in range(1, n_genes + 1):
        position += weight[rank] / total if rank in weight else -1.0 / (n_genes - len(ranks))
        best = [max(best[0], position), min(best[1], position)]
    return best[0] if best[0] >= -best[1] else best[1]


def signatures(seed, n_genes=60, count=21):
    rng = np.random.default_rng(seed)
    z = np.round(rng.normal(size=(n_genes, count)), 1).astype(np.float32)  # rounded: ties and zeros occur
    return z, connectivity.rank_descending(z)


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
def test_score_is_that_of_a_walk_down_the_list(seed, weighted):
    z, rank = signatures(seed)
    genes = np.random.default_rng(seed).permutation(60)[:7]
    for column in range(z.shape[1]):
        found = connectivity.enrichment_score(rank[genes, column], z[genes, column], 60, weighted=weighted)
        expected = walk(rank[genes, column], z[genes, column], 60, weighted)
        # the walk takes 0 for its start, which matters only where the curve stays on one side
        assert found == pytest.approx(expected, abs=1e-12) or abs(found + expected) < 1e-12


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.booleans())
def test_compiled_scores_have_the_bits_of_the_definition(seed, weighted):
    z, rank = signatures(seed, n_genes=40, count=19)
    genes, bounds = queries(seed, 40, 6)
    plain, fast, at_once = (np.empty((6, 19), np.float32) for _ in range(3))
    connectivity.score_sets(rank, z, genes, bounds, plain, weighted=weighted)
    connectivity_numba.score_sets(rank, z, genes, bounds, fast, weighted=weighted)
    connectivity.score_sets_at_once(rank, z, genes, bounds, at_once, weighted=weighted)
    np.testing.assert_array_equal(plain, fast)
    np.testing.assert_array_equal(plain, at_once)


@pytest.mark.parametrize("width", [1, 2, connectivity.WIDTH + 1])
def test_scores_at_once_do_not_depend_on_how_many(width):
    z, rank = signatures(8, n_genes=400, count=width)
    genes, bounds = queries(8, 400, 3)
    plain, at_once = (np.empty((3, width), np.float32) for _ in range(2))
    connectivity.score_sets(rank, z, genes, bounds, plain)
    connectivity.score_sets_at_once(rank, z, genes, bounds, at_once)
    np.testing.assert_array_equal(plain, at_once)


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.float32, (30, 5), elements=st.floats(-9, 9, width=32).map(lambda x: np.float32(round(x)))))
def test_compiled_ranks_are_stable_and_descending(z):
    rank, scores = np.empty(z.shape, np.uint16), np.empty(z.shape, np.float32)
    connectivity_numba.fill_block(np.ascontiguousarray(z.T), rank, scores, 0)
    np.testing.assert_array_equal(rank, connectivity.rank_descending(z))
    np.testing.assert_array_equal(scores, z)


@given(st.integers(0, 300))
@settings(max_examples=30, deadline=None)
def test_sorting_network_sorts(size):
    values = np.random.default_rng(size).permutation(size)
    for a, b in connectivity.sorting_network(size):
        values[a], values[b] = min(values[a], values[b]), max(values[a], values[b])
    np.testing.assert_array_equal(values, np.arange(size))


@given(st.integers(0, 400), st.sampled_from([1, 2, 16]))
@settings(max_examples=40, deadline=None)
def test_fused_network_sorts_sorted_runs(size, run):
    values = np.random.default_rng(size).permutation(size)
    for start in range(0, size, run):
        values[start : start + run].sort()
    items, phases = connectivity.fused_network(size, run)
    for kind, start, stop in phases:
        for a, b, c, d in items[start:stop]:
            for one, two in ((a, c), (b, d), (b, c)) if kind else ((a, b),):
                values[one], values[two] = min(values[one], values[two]), max(values[one], values[two])
    np.testing.assert_array_equal(values, np.arange(size))


def test_special_sets():
    z, rank = signatures(0)
    z[:, 3] = 0
    everything = np.arange(60)
    assert connectivity.enrichment_score(rank[[], 0], z[[], 0], 60) == 0
    assert np.isnan(connectivity.enrichment_score(rank[:5, 3], z[:5, 3], 60))
    assert connectivity.enrichment_score(rank[everything, 0], z[everything, 0], 60) == pytest.approx(1)
    bounds = np.array([[0, 60, 60, 60], [0, 0, 0, 60], [0, 5, 5, 10]], np.int64)
    plain, fast = (np.empty((3, 21), np.float32) for _ in range(2))
    connectivity.score_sets(rank, z, everything, bounds, plain)
    connectivity_numba.score_sets(rank, z, everything, bounds, fast)
    np.testing.assert_array_equal(plain, fast)
    connectivity.score_sets_at_once(rank, z, everything, bounds, fast)
    np.testing.assert_array_equal(plain, fast)
    assert np.isnan(fast[:, 3]).all() and not np.isnan(np.delete(fast, 3, axis=1)).any()


@pytest.mark.parametrize(
    ("up", "down", "expected"), [(0.6, -0.4, 0.5), (0.6, 0.4, 0), (-0.2, 0.4, -0.3), (0, 0, 0), (0, -0.4, 0.2)]
)
def test_sets_are_combined_by_sign(up, down, expected):
    assert connectivity.combine_scores(up, down) == pytest.approx(expected)
    assert connectivity.combine_scores(up, down, has_down=False) == up
    assert connectivity.combine_scores(up, down, has_up=False) == -down


def test_reversing_a_signature_turns_the_score():
    """Property: negated scores (and so reversed ranks) give the negated score where there are no ties."""
    z = np.random.default_rng(3).normal(size=(50, 16)).astype(np.float32)
    genes, bounds = np.arange(20), np.array([[0, 9, 9, 20]], np.int64)
    out = []
    for values in (z, -z):
        scores = np.empty((1, 16), np.float32)
        connectivity_numba.score_sets(connectivity.rank_descending(values), values, genes, bounds, scores)
        out.append(scores)
    np.testing.assert_allclose(out[0], -out[1], atol=1e-7)


def test_running_sum_reaches_the_score():
    z, rank = signatures(8)
    genes = np.arange(0, 60, 7)
    for column in range(5):
        curve = connectivity.running_sum(rank[genes, column], z[genes, column], 60)
        score = connectivity.enrichment_score(rank[genes, column], z[genes, column], 60)
        assert curve[-1] == pytest.approx(0, abs=1e-12)
        assert np.min(np.abs(curve - score)) < 1e-12


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
        scores.append(connectivity.enrichment_score(ranks, values, len(rank), weighted=weighted))
    found = (float(connectivity.combine_scores(*scores)), *scores)
    assert found == pytest.approx(expected, abs=1e-4)
