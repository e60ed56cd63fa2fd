"""Weighted connectivity score (WTCS) of gene sets against ranked signatures: the plain definition.

For one signature of N genes and a set of which G genes are in it, let r(1) < .. < r(G) be the ranks of the set's genes
(1 = most positive), w(i) the weights |z| in that order, C(i) their running sum and miss = 1 / (N - G):

    post(i) = C(i) / C(G) - (r(i) - i) * miss          the running sum just after the i-th hit
    pre(i)  = C(i-1) / C(G) - (r(i) - i) * miss        and just before it
    ES      = max(post) if max(post) >= -min(pre) else min(pre)

The unweighted score (Lamb et al. 2006) has all w = 1.  An empty set scores 0; weights that sum to 0 give NaN.

    WTCS = 0 if ES_up and ES_down have the same sign, else (ES_up - ES_down) / 2;  ES_up or -ES_down for one set alone

Subramanian et al. 2017, doi 10.1016/j.cell.2017.10.049; Lamb et al. 2006, doi 10.1126/science.1132939.
Sums are float64 and in the order stated, so that the compiled twin gives the same bits.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

MAX_GENES = 65_535
"""Ranks are stored in 16 bits."""


def rank_descending(z: np.ndarray) -> np.ndarray:
    """Ordinal ranks down each column: 1 is the most positive value, ties go by row order.

    Parameters
    ----------
    z
        Shape (genes, signatures), without missing values.

    Returns
    -------
    uint16, shape (genes, signatures).

    Examples
    --------
    >>> rank_descending(np.array([[0.5], [2.0], [-1.0]])).T.tolist()
    [[2, 1, 3]]
    """
    order = np.argsort(-z, axis=0, kind="stable")
    rank = np.empty(z.shape, np.uint16)
    np.put_along_axis(rank, order, np.arange(1, len(z) + 1, dtype=np.uint16)[:, None], axis=0)
    return rank


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
    weights = np.abs(np.asarray(z, np.float64)) if weighted else np.ones(size)
    total = float(np.add.accumulate(weights)[-1])
    if not total > 0:
        return float("nan")
    order = np.argsort(ranks, kind="stable")
    running = np.concatenate([[0.0], np.add.accumulate(weights[order])]) * (1.0 / total)
    miss = 1.0 / (n_genes - size) if n_genes > size else 0.0
    gap = (np.asarray(ranks, np.float64)[order] - np.arange(1, size + 1)) * miss
    highest, lowest = float((running[1:] - gap).max()), float((running[:-1] - gap).min())
    return highest if highest >= -lowest else lowest


def running_sum(ranks: np.ndarray, z: np.ndarray, n_genes: int, *, weighted: bool = True) -> np.ndarray:
    """Return the running enrichment sum at every rank 1..N, shape (N,): the curve of an enrichment plot."""
    size = len(ranks)
    weights = np.abs(np.asarray(z, np.float64)) if weighted else np.ones(size)
    steps = np.full(n_genes, -1.0 / (n_genes - size) if n_genes > size else 0.0)
    steps[np.asarray(ranks, np.int64) - 1] = weights / weights.sum()
    curve: np.ndarray = np.add.accumulate(steps)
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


WIDTH = 480
"""Signatures that :func:`score_sets_at_once` takes together: its arrays stay in the cache (and no power of 2, so that
rows do not fall on the same lines of it)."""


def score_sets_at_once(
    rank: np.ndarray,
    z: np.ndarray,
    genes: np.ndarray,
    bounds: np.ndarray,
    out: np.ndarray,
    *,
    weighted: bool = True,
    n_genes: int | None = None,
    scratch: dict[tuple[int, int], Scratch] | None = None,
) -> None:
    """:func:`score_sets`, many signatures at a time; the same bits.

    For a query or two this is faster than the compiled twin, which takes a second to load.  `rank` and `z` may hold
    some genes only, if `n_genes` says how many there are.  `scratch`, empty at first, is kept from call to call of one
    thread.
    """
    n_genes = len(rank) if n_genes is None else n_genes
    scratch = {} if scratch is None else scratch
    for first in range(0, rank.shape[1], WIDTH):
        part = slice(first, min(first + WIDTH, rank.shape[1]))
        for query, (up_start, up_stop, down_start, down_stop) in enumerate(np.asarray(bounds)):
            up, down = genes[up_start:up_stop], genes[down_start:down_stop]
            es_up, es_down = (
                _enrichment_scores(rank[rows, part], z[rows, part], n_genes, weighted, scratch) for rows in (up, down)
            )
            out[query, part] = combine_scores(es_up, es_down, has_up=len(up) > 0, has_down=len(down) > 0)


class Scratch:
    """Arrays of :func:`_enrichment_scores`, made once: fresh memory costs more than the arithmetic."""

    def __init__(self, size: int, width: int) -> None:
        self.weights, self.running, self.gap, self.other = np.empty((4, size, width))
        self.key, self.turned = np.empty((size, width), np.uint32), np.empty((width, size), np.uint32)
        self.place = np.empty((size, width), np.intp)
        self.columns, self.number = np.arange(width, dtype=np.uint32), np.arange(size, dtype=np.uint32)[:, None]
        self.passed = np.arange(1.0, size + 1)[:, None]


def _enrichment_scores(
    rank: np.ndarray, z: np.ndarray, n_genes: int, weighted: bool, scratch: dict[tuple[int, int], Scratch]
) -> np.ndarray:
    """Enrichment score of one set in many signatures; `rank` and `z` have shape (G, signatures)."""
    size, width = rank.shape
    if size == 0:
        return np.zeros(width)
    if (size, width) not in scratch:
        scratch[size, width] = Scratch(size, width)
    own = scratch[size, width]
    if weighted:
        np.abs(z, out=own.weights)
    else:
        own.weights[:] = 1.0
    if width > 1:  # row after row, as the definition adds; along one column NumPy would add in pairs
        total = np.add.reduce(own.weights, axis=0)
    else:
        total = np.add.accumulate(own.weights, axis=0)[-1]
    with np.errstate(divide="ignore"):
        scale = np.where(total > 0, 1.0 / total, np.nan)
    # the place in the set goes along with the rank while sorting, and then says whose weight comes next
    np.left_shift(rank, np.uint32(16), out=own.key, dtype=np.uint32)
    np.bitwise_or(own.key, own.number, out=own.key)
    np.copyto(own.turned, own.key.T)
    own.turned.sort(axis=1)
    np.copyto(own.key, own.turned.T)
    np.right_shift(own.key, np.uint32(16), out=own.gap, casting="unsafe")
    own.gap -= own.passed
    own.gap *= 1.0 / (n_genes - size) if n_genes > size else 0.0
    own.key &= np.uint32(0xFFFF)
    own.key *= np.uint32(width)
    own.key += own.columns
    np.copyto(own.place, own.key)
    own.weights.reshape(-1).take(own.place, out=own.running, mode="clip")
    for before, here in zip(own.running[:-1], own.running[1:], strict=True):
        np.add(before, here, out=here)
    own.running *= scale
    low = 0.0 * scale - own.gap[0]
    if size > 1:
        np.subtract(own.running[:-1], own.gap[1:], out=own.other[1:])
        low = np.minimum(low, own.other[1:].min(axis=0))
    own.running -= own.gap
    high = own.running.max(axis=0)
    result: np.ndarray = np.where(high >= -low, high, low)
    return result


def _merge_layers(size: int, run: int) -> list[np.ndarray]:
    """List the comparators of Batcher's merge of sorted runs of length `run`, one array (pairs, 2) a layer."""
    layers = []
    step = run
    while step >= 1:
        lower = (np.arange(step % run, size - step, 2 * step)[:, None] + np.arange(step)).ravel()
        lower = lower[(lower + step < size) & (lower // (2 * run) == (lower + step) // (2 * run))]
        layers.append(np.stack([lower, lower + step], axis=1))
        step //= 2
    return layers


@lru_cache(maxsize=256)
def sorting_network(size: int, run: int = 1) -> np.ndarray:
    """List the comparators of Batcher's odd-even merge sort for `size` items, uint16, shape (comparators, 2).

    Comparing and exchanging items (a, b) in this order, smaller first, sorts any input whose runs of length `run`
    (a power of 2) are sorted; the order does not depend on the data, so that many lanes are sorted at once.
    Batcher 1968, doi 10.1145/1468075.1468121.
    """
    layers = [np.empty((0, 2), np.int64)]
    while run < size:
        layers += _merge_layers(size, run)
        run *= 2
    return np.ascontiguousarray(np.concatenate(layers).astype(np.uint16))


@lru_cache(maxsize=256)
def fused_network(size: int, run: int) -> tuple[np.ndarray, np.ndarray]:
    """Group the comparators of :func:`sorting_network`, two layers at a time where they close on four items.

    Layer k compares (a, c) and (b, d), layer k/2 then (b, c): done together they load and store four items for three
    comparisons.

    Returns
    -------
    (items, phases): items uint16, shape (operations, 4), a single comparator being (a, c, 0, 0); phases int64, shape
    (phases, 3): 1 for four items or 0 for two, first operation, operation after the last.
    """
    items: list[np.ndarray] = [np.empty((0, 4), np.int64)]
    phases: list[tuple[int, int, int]] = []
    done = 0

    def add(kind: int, operations: np.ndarray) -> None:
        nonlocal done
        if len(operations):
            padded = np.zeros((len(operations), 4), np.int64)
            padded[:, : operations.shape[1]] = operations
            items.append(padded)
            phases.append((kind, done, done + len(operations)))
            done += len(operations)

    while run < size:
        layers = _merge_layers(size, run)
        while layers:
            first = layers.pop(0)
            second = layers.pop(0) if layers else np.empty((0, 2), np.int64)
            step = int(first[0, 1] - first[0, 0]) if len(first) else 0
            pairs, inner = set(map(tuple, first.tolist())), set(map(tuple, second.tolist()))
            quads = [
                (a, a + step // 2, c, c + step // 2)
                for a, c in first.tolist()
                if step > 1 and (a + step // 2, c + step // 2) in pairs and (a + step // 2, c) in inner
            ]
            add(1, np.array(quads, np.int64).reshape(-1, 4))
            pairs -= {pair for a, b, c, d in quads for pair in ((a, c), (b, d))}
            inner -= {(b, c) for _, b, c, _ in quads}
            add(0, np.array(sorted(pairs), np.int64).reshape(-1, 2))
            add(0, np.array(sorted(inner), np.int64).reshape(-1, 2))
        run *= 2
    return np.concatenate(items).astype(np.uint16), np.array(phases, np.int64).reshape(-1, 3)
