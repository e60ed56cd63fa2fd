"""Max-quantile and median: one score for many signatures of a perturbagen.

    p67 if |p67| > |p33| else p33,   p33 and p67 being Hazen percentiles of the scores

A single score passes unchanged; missing scores are left out.  Subramanian et al. 2017,
doi 10.1016/j.cell.2017.10.049.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from beadwork.kernels.numeric.groups import stable_order
from beadwork.kernels.numeric.networks import sorting_network

LOW, HIGH = 33.0, 67.0
SMALL = 64
"""Groups up to this size are sorted by a network of comparisons between whole rows."""
BYTES = 1 << 20
"""Scores of groups that :func:`group_max_quantile` takes together, so that they stay in the cache."""


def max_quantile(values: np.ndarray) -> float:
    """Max-quantile of some scores; NaN if there is none.

    Examples
    --------
    >>> round(max_quantile(np.array([-2.0, 0.0, 1.0, 3.0])), 2)
    1.36
    """
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return float("nan")
    low, high = np.percentile(values, [LOW, HIGH], method="hazen")
    return float(high) if abs(high) > abs(low) else float(low)


def group_max_quantile(values: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Max-quantile of each group; all groups of one size are taken together.

    Parameters
    ----------
    values
        Shape (signatures, queries); taken as float32.
    groups
        Group of each signature, 0 .. n_groups - 1; negative: left out.

    Returns
    -------
    float64, shape (n_groups, queries); NaN for groups without scores.  `values` as they are, where they are the answer.
    """
    order = stable_order(groups)
    return run_max_quantile(values[order], np.searchsorted(groups[order], np.arange(n_groups + 1)))


def run_max_quantile(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """:func:`group_max_quantile` of groups one after the other: group k has rows starts[k] to starts[k + 1]."""
    return _by_run(np.asarray(values, np.float32), starts, _max_quantiles)


def run_median(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Median of each group; parameters and result as in :func:`run_max_quantile`."""
    return _by_run(np.asarray(values, np.float32), starts, _medians)


Reduce = Callable[[Sequence[np.ndarray], bool], np.ndarray]


def _by_run(values: np.ndarray, starts: np.ndarray, reduce: Reduce) -> np.ndarray:
    """Reduce the scores of each group to one row."""
    sizes = np.diff(starts)
    n_groups, width = len(sizes), values.shape[1]
    if len(values) == n_groups and (sizes == 1).all():
        return values
    whole = not np.isnan(values[starts[0] : starts[-1]].max(initial=0))
    result = np.full((n_groups, width), np.nan)
    for size in np.unique(sizes[sizes > 0]).tolist():
        of_size = np.flatnonzero(sizes == size)
        count = max(1, BYTES // (8 * size * max(1, width)))
        for first in range(0, len(of_size), count):
            chosen = of_size[first : first + count]
            rows = [values[starts[chosen] + place] for place in range(size)]
            result[chosen] = rows[0] if size == 1 else reduce(rows, whole)
    return result


def _max_quantiles(rows: Sequence[np.ndarray], whole: bool) -> np.ndarray:
    """Max-quantiles over rows that hold a score of each group."""
    low, high = _percentiles(rows, whole, (LOW, HIGH))
    result: np.ndarray = np.where(np.abs(high) > np.abs(low), high, low)
    return result


def _medians(rows: Sequence[np.ndarray], whole: bool) -> np.ndarray:
    """Medians over rows that hold a score of each group."""
    return _percentiles(rows, whole, (50.0,))[0]


def _percentiles(rows: Sequence[np.ndarray], whole: bool, percents: Sequence[float]) -> list[np.ndarray]:
    """Hazen percentiles over rows that hold a score of each group, without missing ones (`whole`: there are none)."""
    items = list(rows)
    counts = np.full(items[0].shape, len(items))
    if not whole:
        missing = np.isnan(items)
        counts = len(items) - missing.sum(axis=0)
        items = list(np.where(missing, np.inf, items))
    if len(items) <= SMALL:
        for a, b in sorting_network(len(items)).tolist():
            items[a], items[b] = np.minimum(items[a], items[b]), np.maximum(items[a], items[b])
    else:
        items = list(np.sort(items, axis=0))
    whole = whole or bool(counts.min(initial=len(items)) == len(items))
    return [(_hazen if whole else _hazen_of_some)(items, counts, percent) for percent in percents]


def _hazen(ordered: Sequence[np.ndarray], counts: np.ndarray, percent: float) -> np.ndarray:
    """Hazen percentile of sorted rows without missing values."""
    count = len(ordered)
    place = count * percent / 100.0 - 0.5
    if place <= 0 or place >= count - 1:
        return np.asarray(ordered[0 if place <= 0 else count - 1], np.float64)
    below = int(np.floor(place))
    lower, upper = (np.asarray(ordered[at], np.float64) for at in (below, below + 1))
    result: np.ndarray = lower + (upper - lower) * (place - below)
    return result


def _hazen_of_some(ordered: Sequence[np.ndarray], counts: np.ndarray, percent: float) -> np.ndarray:
    """Hazen percentile of the first `counts` of sorted rows; NaN where there is none."""
    rows = np.asarray(ordered, np.float64)
    place = np.clip(counts * percent / 100.0 - 0.5, 0.0, np.maximum(counts - 1, 0))
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(counts - 1, 0))
    lower, upper = (np.take_along_axis(rows, at[None], axis=0)[0] for at in (below, above))
    with np.errstate(invalid="ignore"):
        result: np.ndarray = np.where(counts > 0, lower + (upper - lower) * (place - below), np.nan)
    return result
