"""Weighted connectivity score (WTCS) of gene sets against ranked signatures: the plain definition.

For one signature of N genes and a set of which G genes are in it, let r(1) < .. < r(G) be the ranks of the set's genes
(1 = most positive), w(i) the weights |z| in that order, C(i) their running sum and miss = 1 / (N - G):

    post(i) = C(i) / C(G) - (r(i) - i) * miss          the running sum just after the i-th hit
    pre(i)  = C(i-1) / C(G) - (r(i) - i) * miss        and just before it
    ES      = max(post) if max(post) >= -min(pre) else min(pre)

The unweighted score (Lamb et al. 2006) has all w = 1.  An empty set scores 0; weights that sum to 0 give NaN.

    WTCS = 0 if ES_up and ES_down have the same sign, else (ES_up - ES_down) / 2;  ES_up or -ES_down for one set alone

Subramanian et al. 2017, doi 10.1016/j.cell.2017.10.049; Lamb et al. 2006, doi 10.1126/science.1132939.
Sums are float64 and in the order stated, so that the fast forms give the same bits: ``score_numba``, and ``at_once``
where nothing is compiled.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Hits(NamedTuple):
    """Genes of a set in the order of a signature.

    ``ranks`` (G,), ascending; ``share`` (G + 1,), the part of the set's weight within the first 0, 1 .. G of them.
    """

    ranks: np.ndarray
    share: np.ndarray


def order_hits(ranks: np.ndarray, z: np.ndarray, *, weighted: bool) -> Hits:
    """Put the genes of a set in the order of a signature; parameters as in :func:`enrichment_score`."""
    weights = np.abs(np.asarray(z, np.float64)) if weighted else np.ones(len(ranks))
    total = float(np.add.accumulate(weights)[-1])
    order = np.argsort(ranks, kind="stable")
    running = np.concatenate([[0.0], np.add.accumulate(weights[order])])
    return Hits(np.asarray(ranks, np.float64)[order], running * (1.0 / total if total > 0 else np.nan))


def miss_share(n_genes: int, size: int) -> float:
    """Part of the genes outside a set of some size that one of them is; 0 if there are none."""
    return 1.0 / (n_genes - size) if n_genes > size else 0.0


def enrichment_score(ranks: np.ndarray, z: np.ndarray, n_genes: int, *, weighted: bool = True) -> float:
    """Enrichment score of one set in one signature.

    Parameters
    ----------
    ranks, z
        Rank (1 = most positive) and score of the set's genes, shape (G,); each gene once.
    n_genes
        Number of genes of the signature, N.
    weighted
        Whether hits weigh |z| or all the same.

    Examples
    --------
    >>> enrichment_score(np.array([2, 6]), np.array([3.0, 1.0]), 6)
    0.5
    >>> enrichment_score(np.array([2, 6]), np.array([3.0, 1.0]), 6, weighted=False)
    -0.5
    """
    size = len(ranks)
    if size == 0:
        return 0.0
    hits = order_hits(ranks, z, weighted=weighted)
    gap = (hits.ranks - np.arange(1, size + 1)) * miss_share(n_genes, size)
    highest, lowest = float((hits.share[1:] - gap).max()), float((hits.share[:-1] - gap).min())
    return highest if highest >= -lowest else lowest


def running_sum(ranks: np.ndarray, z: np.ndarray, n_genes: int, *, weighted: bool = True) -> np.ndarray:
    """Return the running enrichment sum at every rank 1..N, shape (N,): the curve of an enrichment plot."""
    hits = order_hits(ranks, z, weighted=weighted)
    every = np.arange(1, n_genes + 1)
    passed = np.searchsorted(hits.ranks, every, side="right")
    curve: np.ndarray = hits.share[passed] - (every - passed) * miss_share(n_genes, len(ranks))
    return curve


def combine_scores(up: Any, down: Any, *, has_up: bool = True, has_down: bool = True) -> np.ndarray:
    """Combine the enrichment scores of up and down set to the connectivity score (equation above).

    Examples
    --------
    >>> combine_scores(0.8, -0.6).tolist(), combine_scores(0.8, 0.6).tolist()
    (0.7, 0.0)
    """
    up, down = np.asarray(up, np.float64), np.asarray(down, np.float64)
    if not has_down:
        return np.array(up)
    if not has_up:
        return np.array(0.0 - down)
    score: np.ndarray = np.where(np.sign(up) == np.sign(down), 0.0, (up - down) / 2)
    return score


def score_sets(
    rank: np.ndarray,
    z: np.ndarray,
    genes: np.ndarray,
    bounds: np.ndarray,
    out: np.ndarray,
    *,
    weighted: bool = True,
) -> None:
    """WTCS of many queries against many signatures.

    Parameters
    ----------
    rank
        uint16, shape (genes, signatures), 1 = most positive.
    z
        float32, same shape.
    genes
        Rows of all sets one after the other, int64; within a set each row once.
    bounds
        int64, shape (queries, 4): start and stop in `genes` of the up set, then of the down set.  A set that the query
        does not have has start = stop.
    out
        float32, shape (queries, signatures); receives the scores.
    weighted
        Whether hits weigh |z| or all the same.
    """
    for query, (up_start, up_stop, down_start, down_stop) in enumerate(bounds):
        up, down = genes[up_start:up_stop], genes[down_start:down_stop]
        for column in range(rank.shape[1]):
            es_up = enrichment_score(rank[up, column], z[up, column], len(rank), weighted=weighted)
            es_down = enrichment_score(rank[down, column], z[down, column], len(rank), weighted=weighted)
            out[query, column] = combine_scores(es_up, es_down, has_up=len(up) > 0, has_down=len(down) > 0)
