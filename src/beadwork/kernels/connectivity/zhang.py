"""Zhang score: sum of signed ranks of the absolute change.

Genes get the rank of |z| (largest N, smallest 1) with the sign of z, R; a query gene counts +R in the up set and -R in
the down set, and the sum is divided by the largest it could be, sum_{i=1..m} (N - i + 1).
Zhang & Gant 2008, doi 10.1186/1471-2105-9-258 (unordered query).
"""

from __future__ import annotations

import numpy as np


def signed_ranks(z: np.ndarray) -> np.ndarray:
    """Signed ranks of |z| down each column (ties by row order), float64, shape (genes, signatures)."""
    order = np.argsort(np.abs(z), axis=0, kind="stable")
    rank = np.empty(z.shape, np.float64)
    np.put_along_axis(rank, order, np.arange(1.0, len(z) + 1)[:, None], axis=0)
    signed: np.ndarray = np.sign(z) * rank
    return signed


def zhang(signed: np.ndarray, up: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Score of one query from signed ranks; -1 .. 1, NaN for an empty query."""
    size = len(up) + len(down)
    if size == 0:
        return np.full(signed.shape[1], np.nan)
    largest = size * len(signed) - size * (size - 1) / 2
    total: np.ndarray = (signed[up].sum(axis=0) - signed[down].sum(axis=0)) / largest
    return total
