"""Compiled twin of :mod:`beadwork.kernels.connectivity.wtcs.ranks`: a radix sort of the values' bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from beadwork.kernels.numeric.jit import jit


@jit
def _rank_columns(z: Any, rank: Any) -> None:
    """Ranks of each signature (row of `z`), by a stable radix sort of the values' bits, three digits of 11 bits."""
    n_signatures, n_genes = z.shape
    key = np.empty(n_genes, np.uint32)
    other = np.empty(n_genes, np.uint32)
    order = np.empty(n_genes, np.uint16)
    next_order = np.empty(n_genes, np.uint16)
    counts = np.empty((3, 2048), np.int64)
    for signature in range(n_signatures):
        counts[:] = 0
        bits = z[signature].view(np.uint32)
        for gene in range(n_genes):
            value = bits[gene]
            if value == np.uint32(0x80000000):
                value = np.uint32(0)
            # larger floats first: flip so that unsigned order is descending order
            value = value if value & np.uint32(0x80000000) else value ^ np.uint32(0x7FFFFFFF)
            key[gene] = value
            order[gene] = gene
            counts[0, value & np.uint32(2047)] += 1
            counts[1, (value >> np.uint32(11)) & np.uint32(2047)] += 1
            counts[2, value >> np.uint32(22)] += 1
        for digit in range(3):
            before = 0
            for bucket in range(2048):
                here = counts[digit, bucket]
                counts[digit, bucket] = before
                before += here
            shift = np.uint32(11 * digit)
            for item in range(n_genes):
                bucket = (key[item] >> shift) & np.uint32(2047)
                place = counts[digit, bucket]
                counts[digit, bucket] = place + 1
                other[place] = key[item]
                next_order[place] = order[item]
            key, other = other, key
            order, next_order = next_order, order
        for place in range(n_genes):
            rank[signature, order[place]] = place + 1


@jit
def _transpose(source: Any, target: Any, column: int) -> None:
    """``target[:, column + i] = source[i]`` in tiles."""
    n_signatures, n_genes = source.shape
    for first in range(0, n_genes, 64):
        last = min(first + 64, n_genes)
        for start in range(0, n_signatures, 64):
            stop = min(start + 64, n_signatures)
            for gene in range(first, last):
                for signature in range(start, stop):
                    target[gene, column + signature] = source[signature, gene]


def fill_block(z: np.ndarray, rank_block: np.ndarray, z_block: np.ndarray, column: int) -> None:
    """Compiled twin of :func:`beadwork.kernels.connectivity.wtcs.ranks.fill_block`."""
    rank = np.empty(z.shape, np.uint16)
    _rank_columns(z, rank)
    _transpose(rank, rank_block, column)
    _transpose(z, z_block, column)
