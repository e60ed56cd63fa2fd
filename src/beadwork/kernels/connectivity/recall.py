"""Recall: whether signatures that should match find each other.

For a similarity matrix between signatures, the rank of a pair is the mean of its percentile ranks in its row and in its
column (0: most similar, 100: least), and its composite is ``sqrt(similarity * (100 - rank) / 100)``, 0 for a negative
similarity.  Subramanian et al. 2017, doi 10.1016/j.cell.2017.10.049.
"""

from __future__ import annotations

import numpy as np

from beadwork.kernels.numeric.ranks import mean_ranks


def percentile_ranks(similarity: np.ndarray) -> np.ndarray:
    """Percentile ranks down each column, 0 for the largest of the finite values; ties share their mean rank."""
    known = np.isfinite(similarity)
    ranks = mean_ranks(np.where(known, -similarity, np.inf)) - 1
    count = np.maximum(known.sum(axis=0) - 1, 1)
    result: np.ndarray = np.where(known, 100.0 * ranks / count, np.nan)
    return result


def pair_ranks(similarity: np.ndarray) -> np.ndarray:
    """Rank of each pair: mean of its percentile ranks in row and column; NaN (self) is left out."""
    result: np.ndarray = (percentile_ranks(similarity) + percentile_ranks(similarity.T).T) / 2
    return result


def composite(similarity: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Composite of similarity and rank of pairs."""
    result: np.ndarray = np.sqrt(np.maximum(similarity, 0) * (100 - rank) / 100)
    return result
