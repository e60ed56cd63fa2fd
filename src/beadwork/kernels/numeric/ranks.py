"""Ranks and normal scores: the one home of each formula."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAD_TO_SD = 1.4826
"""Standard deviations per median absolute deviation of a normal distribution."""


def ordinal_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks down each column from 1, smallest first; ties keep their order, missing values come last.

    Examples
    --------
    >>> ordinal_ranks(np.array([[3.0], [1.0], [1.0]])).T.tolist()
    [[3, 1, 2]]
    """
    order = np.argsort(values, axis=0, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, len(values) + 1)[:, None], axis=0)
    return ranks


def mean_rank_bounds(ordered: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last position of the run of equal values that each value of sorted columns belongs to.

    Parameters
    ----------
    ordered
        Sorted along the first axis, shape (n, columns).

    Returns
    -------
    tuple
        Positions from 0, each of shape (n, columns); halfway between them is the mean rank less one.
    """
    n = len(ordered)
    position = np.arange(n, dtype=np.intp)[:, None]
    starts = np.ones(ordered.shape, dtype=bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    ends = np.ones(ordered.shape, dtype=bool)
    ends[:-1] = starts[1:]
    first = np.maximum.accumulate(np.where(starts, position, 0), axis=0)
    last = np.minimum.accumulate(np.where(ends, position, n - 1)[::-1], axis=0)[::-1]
    return first, last


def mean_ranks(values: np.ndarray) -> Floats:
    """Ranks down each column from 1, smallest first; ties share their mean rank, a column with NaN has only NaN.

    Parameters
    ----------
    values
        Shape (n,) or (n, columns).

    Examples
    --------
    >>> mean_ranks(np.array([[3.0], [1.0], [1.0]])).T.tolist()
    [[3.0, 1.5, 1.5]]
    """
    columns = values[:, None] if values.ndim == 1 else values
    order = np.argsort(columns, axis=0, kind="stable")
    ordered = np.take_along_axis(columns, order, axis=0)
    first, last = mean_rank_bounds(ordered)
    ranks = np.empty(columns.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=0)
    ranks[:, np.isnan(ordered[-1:]).any(axis=0)] = np.nan  # NaN sorts last
    return ranks.reshape(values.shape)


def blom_scores(ranks: np.ndarray, n: int) -> Floats:
    """Blom's normal scores of ranks among `n` values: Phi^-1((rank - 3/8) / (n + 1/4))."""
    from scipy.special import ndtri

    return np.asarray(ndtri((ranks - 0.375) / (n + 0.25)), np.float64)


def rankit_scores(ranks: np.ndarray, n: int) -> Floats:
    """Rankit normal scores of ranks among `n` values: Phi^-1((rank - 1/2) / n).

    Examples
    --------
    >>> rankit_scores(np.array([1, 2, 3]), 3).round(2).tolist()
    [-0.97, 0.0, 0.97]
    """
    from scipy.special import ndtri

    return np.asarray(ndtri((ranks - 0.5) / n), np.float64)
