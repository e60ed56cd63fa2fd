# mypy: disallow-untyped-calls=False
"""Ranks of the genes within expression profiles, kept as small integers, and the normal scores that they stand for.

Any scale will do (counts, TPM, logarithms): only the order of genes within a profile counts.  A rank is kept as a
*code*, twice the average rank, in 16 bits, so profiles of any origin take two bytes per value; 0 is a missing value.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from beadwork.kernels.numeric.jit import jit
from beadwork.kernels.numeric.ranks import rankit_scores

Codes = NDArray[np.uint16]
Floats = NDArray[np.float64]

MAX_GENES = 32_767
"""Twice the highest rank must fit into 16 bits."""
_BITS = 11


def rank_codes(profiles: NDArray[np.float32]) -> Codes:
    """Twice the average rank of each value within its row, from 2 on; 0 where the value is NaN.

    profiles : (samples, genes), at most :data:`MAX_GENES` genes; -inf (the logarithm of 0) ranks lowest.
    """
    assert profiles.shape[1] <= MAX_GENES, "ranks must fit into 16 bits"
    codes = np.zeros(profiles.shape, dtype=np.uint16)
    keys = np.ascontiguousarray(profiles, dtype=np.float32) + np.float32(0)  # -0 becomes 0, which it equals
    _rank_rows(keys.view(np.uint32), np.isnan(keys), codes)
    return codes


@jit
def _rank_rows(keys, missing, codes):  # type: ignore[no-untyped-def]
    """Sort each row by its bits, eleven at a time, and give equal values their average rank."""
    n_rows, n_cols = keys.shape
    buckets = 1 << _BITS
    one, other = np.empty(n_cols, np.uint32), np.empty(n_cols, np.uint32)
    first, second = np.empty(n_cols, np.uint16), np.empty(n_cols, np.uint16)
    starts = np.empty(buckets, np.int64)
    sign = np.uint32(0x80000000)
    for row in range(n_rows):
        n = 0
        for col in range(n_cols):
            if not missing[row, col]:
                bits = keys[row, col]
                one[n] = ~bits if bits & sign else bits | sign  # now ordered as the numbers are
                first[n] = col
                n += 1
        for turn in range(3):
            shift = np.uint32(_BITS * turn)
            starts[:] = 0
            for k in range(n):
                starts[(one[k] >> shift) & np.uint32(buckets - 1)] += 1
            total = 0
            for b in range(buckets):
                count = starts[b]
                starts[b] = total
                total += count
            for k in range(n):
                b = (one[k] >> shift) & np.uint32(buckets - 1)
                place = starts[b]
                starts[b] = place + 1
                other[place] = one[k]
                second[place] = first[k]
            one, other = other, one
            first, second = second, first
        start = 0
        while start < n:
            stop = start + 1
            while stop < n and one[stop] == one[start]:
                stop += 1
            for k in range(start, stop):
                codes[row, first[k]] = start + stop + 1  # ranks start + 1 to stop
            start = stop


@lru_cache(maxsize=64)
def _score_table(n: int, centre: float, scale: float, level: float) -> Floats:
    """Give the normal score of each code among `n` values: Phi^-1((rank - 1/2) / n); NaN for code 0."""
    table = np.full(2 * n + 1, np.nan)
    table[2:] = rankit_scores(np.arange(2, 2 * n + 1) / 2, n)  # codes are twice the ranks
    table -= centre
    table *= scale
    table += level
    table.flags.writeable = False
    return table


def normal_scores(
    codes: Codes, counts: NDArray[np.integer], *, centre: float = 0.0, scale: float = 1.0, level: float = 0.0
) -> Floats:
    """Give the normal scores of codes, (score - centre) * scale + level, NaN where a value is missing.

    codes : (samples, genes); counts : how many values each sample's ranks were taken among.
    """
    scores = np.empty(codes.shape)
    for row, n in enumerate(counts):
        np.take(_score_table(int(n), centre, scale, level), codes[row], out=scores[row], mode="clip")
    return scores
