"""Percentiles and quantile normalisation as the Connectivity Map computes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beadwork.kernels.numeric.ranks import mean_rank_bounds

Floats = NDArray[np.float64]


def hazen_position(n: int, percent: float) -> tuple[int, int, float]:
    """Where a Hazen percentile stands among `n` sorted values.

    The i-th smallest of n values (i from 1) is the 100 * (i - 0.5) / n percentile; between them lies a straight line,
    and beyond the first and the last one their values.

    Returns
    -------
    tuple
        Positions (from 0) of the value below and of the value above, and the share of the distance between them.
    """
    position = min(max(percent / 100 * n - 0.5, 0.0), n - 1.0)
    below = int(position)
    return below, min(below + 1, n - 1), position - below


def hazen_percentile(values: Floats, percent: float) -> Floats:
    """Hazen percentile along the first axis; NaN wherever a value is NaN.

    Parameters
    ----------
    values
        Shape (n, ...), n >= 1.
    percent
        0..100.

    Examples
    --------
    >>> float(hazen_percentile(np.array([1.0, 2.0, 3.0, 4.0]), 25))
    1.5
    """
    below, above, share = hazen_position(len(values), percent)
    parts = np.partition(values, sorted({below, above, len(values) - 1}), axis=0)
    result: Floats = parts[below] + share * (parts[above] - parts[below])
    return np.where(np.isnan(parts[-1]), np.nan, result)  # NaN sorts last


def quantile_normalize(values: Floats) -> Floats:
    """Give all columns one distribution: the median over columns of the sorted columns.

    The value of rank r of every column becomes the r-th value of the target; tied values take the target at their
    mean rank, by linear interpolation.

    Parameters
    ----------
    values
        Genes by samples, without missing values.

    Returns
    -------
    ndarray
        Shape of `values`.

    References
    ----------
    The median, not the mean, as target: cmapM, BSD-3-Clause; Bolstad et al. 2003 for quantile normalisation itself.

    Examples
    --------
    >>> quantile_normalize(np.array([[1.0, 20.0], [3.0, 10.0]])).tolist()
    [[5.5, 11.5], [11.5, 5.5]]
    """
    order = np.argsort(values, axis=0, kind="stable")
    ordered = np.take_along_axis(values, order, axis=0)
    target = np.median(ordered, axis=1)
    first, last = mean_rank_bounds(ordered)
    total = first + last  # twice the average rank, less two
    below = total // 2
    normalized = 0.5 * (target[below] + target[total - below])
    result = np.empty(values.shape)
    np.put_along_axis(result, order, normalized, axis=0)
    return result
