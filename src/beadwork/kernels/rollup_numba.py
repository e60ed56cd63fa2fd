"""Compiled twin of :mod:`beadwork.kernels.rollup`."""

from __future__ import annotations

from typing import Any

import numpy as np

from beadwork.kernels.accelerate import jit
from beadwork.kernels.rollup import HIGH, LOW

SMALL = 40
"""Groups up to this size are sorted by insertion, larger ones by the library."""


@jit
def _hazen(ordered: Any, count: int, percent: float) -> Any:
    place = count * percent / 100.0 - 0.5
    if place <= 0:
        return ordered[0]
    if place >= count - 1:
        return ordered[count - 1]
    below = int(np.floor(place))
    return ordered[below] + (ordered[below + 1] - ordered[below]) * (place - below)


@jit
def _max_quantiles(values: Any, order: Any, starts: Any, result: Any) -> None:
    longest = 1
    for group in range(starts.shape[0] - 1):
        longest = max(longest, starts[group + 1] - starts[group])
    kept = np.empty(longest, np.float64)
    for group in range(starts.shape[0] - 1):
        for query in range(values.shape[1]):
            count = 0
            for item in range(starts[group], starts[group + 1]):
                value = values[order[item], query]
                if value == value:
                    kept[count] = value
                    count += 1
            if count == 0:
                result[group, query] = np.nan
                continue
            if count <= SMALL:
                for place in range(1, count):
                    value = kept[place]
                    before = place - 1
                    while before >= 0 and kept[before] > value:
                        kept[before + 1] = kept[before]
                        before -= 1
                    kept[before + 1] = value
                ordered = kept
            else:
                ordered = np.sort(kept[:count])
            low, high = _hazen(ordered, count, LOW), _hazen(ordered, count, HIGH)
            result[group, query] = high if abs(high) > abs(low) else low


def group_max_quantile(values: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Compiled :func:`beadwork.kernels.rollup.group_max_quantile`."""
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(n_groups + 1))
    result = np.empty((n_groups, values.shape[1]), np.float64)
    values = np.ascontiguousarray(values, np.float32).view()
    values.flags.writeable = False
    _max_quantiles(values, order, starts, result)
    return result
