"""Two-sided rank test: whether the up genes are at the top and the down genes at the bottom.

Mann-Whitney statistic of each set against all other genes as a normal deviate, z_up and z_down (positive: at the top),
combined to (z_up - z_down) / sqrt(2), or z_up, or -z_down for one set.  Evangelista et al. 2022 (SigCom LINCS),
doi 10.1093/nar/gkac328; Mann & Whitney 1947.
"""

from __future__ import annotations

import numpy as np


def rank_sum_z(ranks: np.ndarray, n_genes: int) -> np.ndarray:
    """Turn the ranks of a set, shape (set genes, signatures), 1 = top, into the normal deviate of their sum."""
    size = len(ranks)
    others = n_genes - size
    mean = size * (n_genes + 1) / 2
    deviation = np.sqrt(size * others * (n_genes + 1) / 12)
    total = ranks.sum(axis=0, dtype=np.float64)
    if not deviation > 0:
        return np.full(total.shape, np.nan)
    deviate: np.ndarray = (mean - total) / deviation
    return deviate


def rank_test(rank: np.ndarray, up: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Score one query; `rank` has shape (genes, signatures), `up` and `down` are rows."""
    if len(down) == 0:
        return rank_sum_z(rank[up], len(rank))
    if len(up) == 0:
        return -rank_sum_z(rank[down], len(rank))
    both: np.ndarray = (rank_sum_z(rank[up], len(rank)) - rank_sum_z(rank[down], len(rank))) / np.sqrt(2.0)
    return both
