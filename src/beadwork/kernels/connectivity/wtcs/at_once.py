"""Connectivity scores of many signatures at a time by NumPy: for a query or two, where nothing is compiled.

This is faster then than the compiled form, which takes a second to load.  Same bits as the definition,
:mod:`beadwork.kernels.connectivity.wtcs.score`.
"""

from __future__ import annotations

import numpy as np

from beadwork.kernels.connectivity.wtcs.score import combine_scores

WIDTH = 480
"""Signatures that :func:`score_sets` takes together: its arrays stay in the cache (and no power of 2, so that
rows do not fall on the same lines of it)."""


def score_sets(
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
    """:func:`beadwork.kernels.connectivity.wtcs.score.score_sets`; the same bits.

    `rank` and `z` may hold
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
