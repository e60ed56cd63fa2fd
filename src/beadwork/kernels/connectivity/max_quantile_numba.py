"""Compiled twin of :func:`beadwork.kernels.connectivity.max_quantile.run_max_quantile`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from beadwork.kernels.connectivity.max_quantile import HIGH, LOW, SMALL, run_max_quantile
from beadwork.kernels.connectivity.tau_numba import count_background
from beadwork.kernels.numeric.jit import jit
from beadwork.kernels.numeric.networks import sorting_network


@jit
def _of_rows(rows: Any, size: int, networks: Any, bounds: Any, out: Any) -> None:
    """Max-quantiles of a group of whole rows: sorted by comparisons between rows, many columns at a time."""
    width = len(out)
    if size == 1:
        for column in range(width):
            out[column] = rows[0, column]
        return
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
        out[column] = two_thirds if abs(two_thirds) > abs(one_third) else one_third


@jit
def _reduce(values: Any, starts: Any, networks: Any, bounds: Any, rows: Any, out: Any) -> None:
    for group in range(len(starts) - 1):
        first, size = starts[group], starts[group + 1] - starts[group]
        for place in range(size):
            for column in range(values.shape[1]):
                rows[place, column] = values[first + place, column]
        _of_rows(rows, size, networks, bounds, out[group])


class Grouped(NamedTuple):
    """Scores of signatures for background queries; group k has the rows order[starts[k] : starts[k + 1]]."""

    values: Any
    order: Any
    starts: Any


@jit
def _count(
    background: Grouped, ncs: Any, networks: Any, bounds: Any, rows: Any, one: Any, smaller: Any, out: Any
) -> bool:
    """Max-quantiles of groups, and how many of each are smaller than a score; whether any value was missing."""
    values, order, starts = background.values, background.order, background.starts
    width = values.shape[1]
    missing = False
    for group in range(len(starts) - 1):
        first, size = starts[group], starts[group + 1] - starts[group]
        for place in range(size):
            row = order[first + place]
            for column in range(width):
                rows[place, column] = values[row, column]
            for column in range(width):
                missing |= rows[place, column] != rows[place, column]
        _of_rows(rows, size, networks, bounds, one)
        for column in range(width):
            out[group, column] = one[column]
        for query in range(ncs.shape[1]):
            limit, count = abs(ncs[group, query]), 0
            for column in range(width):
                count += abs(one[column]) < limit
            smaller[group, query] = count
    return missing


def _all_networks() -> tuple[np.ndarray, np.ndarray]:
    """Sorting networks of all sizes up to SMALL, one after the other, and where that of each size begins."""
    networks = [sorting_network(size) for size in range(SMALL + 1)]
    return np.concatenate(networks), np.cumsum([0, *map(len, networks)])


class RunsOfGroups:
    """Max-quantiles of groups that lie one after the other, for many portions of one width: their memory is kept."""

    def __init__(self, width: int) -> None:
        self._networks, self._bounds = _all_networks()
        self._rows, self._one = np.empty((SMALL, width), np.float32), np.empty(width)

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

    def count(
        self, values: np.ndarray, order: np.ndarray, starts: np.ndarray, ncs: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | int]:
        """Reduce groups, and count what is smaller than scores, in one pass over a background.

        Parameters
        ----------
        values
            float32, shape (signatures, background queries); group k has the rows order[starts[k] : starts[k + 1]].
        ncs
            Scores of each group, shape (groups, queries).

        Returns
        -------
        Max-quantiles as float32, counts of smaller ones as int32, and how many there are of each group.
        """
        sizes = np.diff(starts)
        rolled, smaller = np.empty((len(sizes), values.shape[1]), np.float32), np.empty(ncs.shape, np.int32)
        values = np.ascontiguousarray(values).view()
        values.flags.writeable = False  # one compiled version serves files and arrays
        scores = np.ascontiguousarray(ncs, np.float64)
        if sizes.max(initial=0) > SMALL or _count(
            Grouped(values, order, starts),
            scores,
            self._networks,
            self._bounds,
            self._rows,
            self._one,
            smaller,
            rolled,
        ):
            plain = np.asarray(run_max_quantile(values[order], starts), np.float64)
            return plain.astype(np.float32), *count_background(scores, plain)
        return rolled, smaller, values.shape[1]
