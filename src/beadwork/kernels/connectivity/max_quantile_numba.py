"""Compiled twin of :func:`beadwork.kernels.connectivity.max_quantile.run_max_quantile`."""

from __future__ import annotations

from typing import Any

import numpy as np

from beadwork.kernels.connectivity.max_quantile import HIGH, LOW, SMALL, run_max_quantile
from beadwork.kernels.numeric.jit import jit
from beadwork.kernels.numeric.networks import sorting_network


@jit
def _reduce(values: Any, starts: Any, networks: Any, bounds: Any, rows: Any, out: Any) -> None:
    """Max-quantiles of groups of whole rows: sorted by comparisons between rows, many columns at a time."""
    width = values.shape[1]
    for group in range(len(starts) - 1):
        first, size = starts[group], starts[group + 1] - starts[group]
        if size == 1:
            for column in range(width):
                out[group, column] = values[first, column]
            continue
        for place in range(size):
            for column in range(width):
                rows[place, column] = values[first + place, column]
        for at in range(bounds[size], bounds[size + 1]):
            one, two = networks[at, 0], networks[at, 1]
            for column in range(width):
                left, right = rows[one, column], rows[two, column]
                rows[one, column] = left if left < right else right
                rows[two, column] = right if left < right else left
        low, high = size * LOW / 100.0 - 0.5, size * HIGH / 100.0 - 0.5  # within the rows, as there are two or more
        low_at, high_at = int(low), int(high)
        for column in range(width):
            below, above = np.float64(rows[low_at, column]), np.float64(rows[low_at + 1, column])
            one_third = below + (above - below) * (low - low_at)
            below, above = np.float64(rows[high_at, column]), np.float64(rows[high_at + 1, column])
            two_thirds = below + (above - below) * (high - high_at)
            out[group, column] = two_thirds if abs(two_thirds) > abs(one_third) else one_third


def _all_networks() -> tuple[np.ndarray, np.ndarray]:
    """Sorting networks of all sizes up to SMALL, one after the other, and where that of each size begins."""
    networks = [sorting_network(size) for size in range(SMALL + 1)]
    return np.concatenate(networks), np.cumsum([0, *map(len, networks)])


class RunsOfGroups:
    """Max-quantiles of groups that lie one after the other, for many portions of one width: their memory is kept."""

    def __init__(self, width: int) -> None:
        self._networks, self._bounds = _all_networks()
        self._rows = np.empty((SMALL, width), np.float32)

    def max_quantile(self, values: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Reduce float32 `values`, shape (signatures, queries); group k has rows starts[k] to starts[k + 1].

        No group is empty.  Those that are large or miss scores are left to the plain form.

        Returns
        -------
        float64, shape (groups, queries).
        """
        sizes = np.diff(starts)
        if sizes.max(initial=0) > SMALL or np.isnan(values.max(initial=0)):
            return np.asarray(run_max_quantile(values, starts), np.float64)
        out = np.empty((len(sizes), values.shape[1]))
        _reduce(np.ascontiguousarray(values), starts, self._networks, self._bounds, self._rows, out)
        return out
