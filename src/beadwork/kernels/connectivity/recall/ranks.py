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


def percentiles_among(column: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Percentile ranks (:func:`percentile_ranks`) of some values of one row or column among all of it."""
    ordered = np.sort(column[np.isfinite(column)])
    above = len(ordered) - np.searchsorted(ordered, chosen, side="right")
    equal = len(ordered) - np.searchsorted(ordered, chosen, side="left") - above
    return percentile_of_counts(chosen, above, equal, len(ordered))


def percentile_of_counts(chosen: np.ndarray, above: np.ndarray, equal: np.ndarray, count: int) -> np.ndarray:
    """Percentile ranks of values by how many are above each, equal to it (itself too), and there at all."""
    result: np.ndarray = np.where(np.isfinite(chosen), 100.0 * (above + (equal - 1) / 2) / max(count - 1, 1), np.nan)
    return result


def closest(similarity: np.ndarray, count: int) -> np.ndarray:
    """Places of the `count` largest values of a row, largest first; equal ones in order, missing ones last."""
    count = min(count, len(similarity))
    if count and not np.isnan(least := -np.partition(-similarity, count - 1)[count - 1]):
        kept = np.flatnonzero(similarity >= least)
        return kept[np.argsort(-similarity[kept], kind="stable")[:count]]
    return np.argsort(-similarity, kind="stable")[:count]
