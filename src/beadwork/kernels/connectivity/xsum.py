"""XSum: sum of a query's genes among the most changed genes of a signature.

    XSum = sum of z of the up genes  -  sum of z of the down genes,

over those of them that are among the signature's `top` most positive or `top` most negative genes.
Cheng et al. 2014, doi 10.1186/s13073-014-0095-1.
"""

from __future__ import annotations

import numpy as np


def xsum(rank: np.ndarray, z: np.ndarray, up: np.ndarray, down: np.ndarray, top: int) -> np.ndarray:
    """XSum of one query.

    Parameters
    ----------
    rank, z
        Shape (genes, signatures).
    up, down
        Rows of the query's genes.
    top
        Genes at each end of a signature that count as changed.

    Returns
    -------
    float64, shape (signatures,).
    """
    total = np.zeros(rank.shape[1])
    for rows, sign in ((up, 1.0), (down, -1.0)):
        ranks = rank[rows]
        changed = (ranks <= top) | (ranks.astype(np.int64) > len(rank) - top)
        total += sign * np.where(changed, z[rows], 0.0).sum(axis=0, dtype=np.float64)
    return total
