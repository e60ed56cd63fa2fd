"""Compiled twin of :mod:`beadwork.kernels.connectivity.wtcs.score`, sixteen signatures at a time.

The genes of a set are put in rank order by a sorting network, whose comparisons do not depend on the data: one vector
instruction serves sixteen signatures (:mod:`beadwork.kernels.numeric.lanes_numba`).  Keys are ``rank << 16 | position
in the set``, so that the weight is found after sorting.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from beadwork.kernels.numeric.jit import jit
from beadwork.kernels.numeric.lanes_numba import (
    LANES,
    absolute,
    gather,
    least,
    load,
    most,
    prefetch,
    sort_rows,
    spread,
    store,
    to_float64,
    widen,
)
from beadwork.kernels.numeric.networks import fused_network

RUN = LANES
"""Genes that are sorted at once, in registers; sets are padded to a multiple of it with keys that sort last."""
STEP = 8
"""Networks are made for multiples of this, so that few are needed."""
PANEL = 256
"""Signatures that are copied out of a block at a time when few genes are asked for: whole cache lines, and small."""
AHEAD = 12
"""Genes that are asked for ahead of their use."""
SET_MAX = 65_520


class Block(NamedTuple):
    """Ranks and scores of some signatures, gene after gene, and how many genes and signatures there are."""

    rank: Any
    z: Any
    n_genes: int
    n_signatures: int


class Sets(NamedTuple):
    """Gene sets of many queries.

    ``rows``: genes that are asked for; ``genes`` point into them; ``bounds``: by query and side (up, down), start and
    stop in them; ``networks`` with ``phases``, of which ``which`` holds the first and the last for each query and side;
    ``largest``: most genes of a set, padded; ``weighted``: whether hits weigh |z|.
    """

    rows: Any
    genes: Any
    bounds: Any
    networks: Any
    phases: Any
    which: Any
    largest: int
    weighted: int


class Buffers(NamedTuple):
    """Arrays of one thread: ranks and scores of a panel, rows LANES apart; keys, weights and sums of a set."""

    ranks: Any
    scores: Any
    keys: Any
    weights: Any
    scale: Any
    high: Any
    low: Any


@jit
def _load_set(buffers: Any, base: Any, sets: Sets, start: int, size: int) -> None:
    """Make the keys and weights of a set, and 1 / the sum of the weights; rows lie LANES apart from `base` on."""
    genes, keys, weights, scale = sets.genes, buffers.keys, buffers.weights, buffers.scale
    ranks, scores, weighted = buffers.ranks, buffers.scores, sets.weighted
    total, one, half = spread(0.0), spread(np.float32(1.0)), spread(np.uint32(16))
    for place in range(size):
        source = base + np.int64(genes[start + place]) * LANES
        later = base + np.int64(genes[start + place + AHEAD]) * LANES
        prefetch(ranks, later)
        prefetch(scores, later)
        weight = absolute(load(scores, source)) if weighted else one
        store(keys, place * LANES, widen(load(ranks, source)) << half | spread(np.uint32(place)))
        store(weights, place * LANES, weight)
        total = total + widen(weight)
    store(scale, 0, total)
    for lane in range(LANES):
        scale[lane] = 1.0 / scale[lane] if scale[lane] > 0 else np.nan


@jit
def _exchange(keys: Any, a: int, b: int) -> None:
    """Put the smaller key of each lane at `a`, the larger at `b`."""
    first, second = load(keys, a), load(keys, b)
    store(keys, a, least(first, second))
    store(keys, b, most(first, second))


@jit
def _exchange_four(keys: Any, a: int, b: int, c: int, d: int) -> None:
    """Compare and exchange (a, c), (b, d) and then (b, c)."""
    first, second, third, fourth = load(keys, a), load(keys, b), load(keys, c), load(keys, d)
    inner, outer = most(second, fourth), most(first, third)
    store(keys, a, least(first, third))
    second = least(second, fourth)
    store(keys, b, least(second, outer))
    store(keys, c, most(second, outer))
    store(keys, d, inner)


@jit
def _sort_keys(keys: Any, size: int, networks: Any, phases: Any) -> None:
    """Sort the keys of each lane: runs in registers, which a network merges."""
    padded = -(-size // RUN) * RUN
    for place in range(size * LANES, padded * LANES):
        keys[place] = 0xFFFFFFFF
    for place in range(0, padded, RUN):
        sort_rows(keys, place * LANES)
    for phase in range(phases.shape[0]):
        if phases[phase, 0]:
            for at in range(phases[phase, 1], phases[phase, 2]):
                a, b, c, d = networks[at, 0], networks[at, 1], networks[at, 2], networks[at, 3]
                _exchange_four(keys, np.int64(a) * LANES, np.int64(b) * LANES, np.int64(c) * LANES, np.int64(d) * LANES)
        else:
            for at in range(phases[phase, 1], phases[phase, 2]):
                _exchange(keys, np.int64(networks[at, 0]) * LANES, np.int64(networks[at, 1]) * LANES)


@jit
def _scan_set(buffers: Any, size: int, miss: float) -> None:
    """Walk the hits in rank order and keep the extremes of the running sum."""
    keys, weights = buffers.keys, buffers.weights
    factor, step, half, low_half = (
        load(buffers.scale, 0),
        spread(miss),
        spread(np.uint32(16)),
        spread(np.uint32(0xFFFF)),
    )
    sums, high, low = spread(0.0), spread(-np.inf), spread(np.inf)
    for place in range(size):
        key = load(keys, place * LANES)
        gap = to_float64((key >> half) - spread(np.uint32(place + 1))) * step
        low = least(sums * factor - gap, low)
        sums = sums + widen(gather(weights, key & low_half))
        high = most(sums * factor - gap, high)
    store(buffers.high, 0, high)
    store(buffers.low, 0, low)


@jit
def _score_set(buffers: Any, base: int, sets: Sets, query: int, side: int, n_genes: int, out: Any) -> None:
    """Enrichment scores of one set in LANES signatures."""
    start, stop = sets.bounds[query, side, 0], sets.bounds[query, side, 1]
    size = stop - start
    if size <= 0:
        out[:] = 0.0
        return
    _load_set(buffers, base, sets, start, size)
    phases = sets.phases[sets.which[query, side, 0] : sets.which[query, side, 1]]
    _sort_keys(buffers.keys, size, sets.networks, phases)
    _scan_set(buffers, size, 1.0 / (n_genes - size) if n_genes > size else 0.0)
    scale, high, low = buffers.scale, buffers.high, buffers.low
    for lane in range(LANES):
        if scale[lane] != scale[lane]:
            out[lane] = np.nan
        elif high[lane] >= -low[lane]:
            out[lane] = high[lane]
        else:
            out[lane] = low[lane]


@jit
def _combine(up: float, down: float, has_up: bool, has_down: bool) -> float:
    """Combine the enrichment scores of up and down set to the connectivity score."""
    if not has_down:
        return up
    if not has_up:
        return 0.0 - down
    if (up > 0 and down > 0) or (up < 0 and down < 0) or (up == 0 and down == 0):
        return 0.0
    return (up - down) / 2


@jit
def _copy_panel(block: Block, rows: Any, first: int, width: int, buffers: Any) -> None:
    """Copy some signatures of the genes asked for out of a block, LANES signatures after LANES."""
    rank, z, ranks, scores = block.rank, block.z, buffers.ranks, buffers.scores
    n_rows = rows.shape[0]
    for row in range(n_rows):
        source = rows[row] * block.n_signatures + first
        later = rows[min(row + AHEAD, n_rows - 1)] * block.n_signatures + first
        for lanes in range(0, width, LANES):
            prefetch(rank, later + lanes)
            prefetch(z, later + lanes)
            target = lanes * n_rows + row * LANES
            if lanes + LANES <= width:
                store(ranks, target, load(rank, source + lanes))
                store(scores, target, load(z, source + lanes))
            else:
                for lane in range(width - lanes):
                    ranks[target + lane] = rank[source + lanes + lane]
                    scores[target + lane] = z[source + lanes + lane]


@jit
def _score_block(block: Block, sets: Sets, out: Any, offset: int) -> None:
    """Score all queries against a block; its first signature goes to column `offset` of `out`."""
    n_rows, bounds = sets.rows.shape[0], sets.bounds
    panel = PANEL if n_rows * PANEL <= 3 << 18 else 4 * LANES
    buffers = Buffers(
        np.ones(panel * n_rows, np.uint16), np.zeros(panel * n_rows, np.float32),
        np.empty(sets.largest * LANES, np.uint32), np.empty(sets.largest * LANES, np.float32),
        np.empty(LANES, np.float64), np.empty(LANES, np.float64), np.empty(LANES, np.float64),
    )  # fmt: skip
    up, down = np.empty(LANES, np.float64), np.empty(LANES, np.float64)
    for first in range(0, block.n_signatures, panel):
        width = min(panel, block.n_signatures - first)
        _copy_panel(block, sets.rows, first, width, buffers)
        for lanes in range(0, width, LANES):
            for query in range(bounds.shape[0]):
                _score_set(buffers, lanes * n_rows, sets, query, 0, block.n_genes, up)
                _score_set(buffers, lanes * n_rows, sets, query, 1, block.n_genes, down)
                has_up, has_down = bounds[query, 0, 0] < bounds[query, 0, 1], bounds[query, 1, 0] < bounds[query, 1, 1]
                for lane in range(min(LANES, width - lanes)):
                    score = _combine(up[lane], down[lane], has_up, has_down)
                    out[query, offset + first + lanes + lane] = score


class SetPlan:
    """Gene sets of many queries, laid out for the compiled kernel once and used for every block."""

    def __init__(self, genes: np.ndarray, bounds: np.ndarray, weighted: bool = True) -> None:
        rows, place = np.unique(np.asarray(genes, np.int64), return_inverse=True)
        pointers = np.concatenate([place.reshape(-1), np.zeros(AHEAD)]).astype(np.uint16)
        bounds = np.ascontiguousarray(bounds, np.int64).reshape(-1, 2, 2)
        sizes = bounds[:, :, 1] - bounds[:, :, 0]
        padded = -(-sizes // STEP) * STEP
        assert padded.max(initial=0) <= SET_MAX
        distinct, place = np.unique(padded, return_inverse=True)
        networks, phases, ends, operations = [np.empty((0, 4), np.uint16)], [np.empty((0, 3), np.int64)], [0], 0
        for size in distinct:
            items, steps = fused_network(int(size), RUN)
            networks.append(items)
            phases.append(steps + np.array([0, operations, operations]))
            operations += len(items)
            ends.append(ends[-1] + len(steps))
        place, bound = place.reshape(padded.shape), np.array(ends)
        self.sets = Sets(
            rows, pointers, bounds, np.ascontiguousarray(np.concatenate(networks)),
            np.ascontiguousarray(np.concatenate(phases)),
            np.ascontiguousarray(np.stack([bound[place], bound[place + 1]], axis=-1), np.int64),
            int(padded.max(initial=STEP)) + RUN, int(weighted),
        )  # fmt: skip

    def score(self, rank: np.ndarray, z: np.ndarray, out: np.ndarray, offset: int = 0) -> None:
        """Score a block.

        Parameters
        ----------
        rank, z
            uint16 and float32, shape (genes, signatures of the block).
        out
            float32, C order, shape (queries, all signatures).
        offset
            Column of `out` that the block's first signature goes to.
        """
        n_genes, n_signatures = rank.shape
        rank, z = np.ascontiguousarray(rank).reshape(-1), np.ascontiguousarray(z).reshape(-1)
        rank.flags.writeable = z.flags.writeable = False  # one compiled version serves files and arrays
        _score_block(Block(rank, z, n_genes, n_signatures), self.sets, out, offset)


def score_sets(
    rank: np.ndarray, z: np.ndarray, genes: np.ndarray, bounds: np.ndarray, out: np.ndarray, *, weighted: bool = True
) -> None:
    """Compiled :func:`beadwork.kernels.connectivity.wtcs.score.score_sets`."""
    SetPlan(genes, bounds, weighted).score(rank, z, out)
