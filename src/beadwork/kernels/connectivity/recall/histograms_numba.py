"""Compiled twin of :func:`beadwork.kernels.connectivity.recall.histograms.add_to_histograms`."""

from __future__ import annotations

from typing import Any

import numpy as np

from beadwork.kernels.connectivity.recall.histograms import N_BINS, REACH
from beadwork.kernels.numeric.jit import jit

HALF = N_BINS // 2 - 1
SCALE = HALF / REACH
TILE = 16
"""Columns that share the cache lines of their similarities; they are counted one after the other, as histograms of the
same size lie so that their bins keep each other out of the cache."""


@jit
def _add(histograms: Any, similarity: Any, columns: Any) -> None:
    for first in range(0, len(columns), TILE):
        for place in range(first, min(first + TILE, len(columns))):
            for row in range(similarity.shape[0]):
                value = np.float64(similarity[row, columns[place]])
                size = abs(value)
                if not size < np.inf:  # missing too
                    continue
                scaled = min(int(size * SCALE) + 1, HALF) if size < REACH else HALF
                sign = np.int64(value > 0) - np.int64(value < 0)  # without branches, which random signs would mislead
                histograms[place, HALF + sign * scaled] += np.uint32(1)


def add_to_histograms(histograms: np.ndarray, similarity: np.ndarray, columns: np.ndarray) -> None:
    """Count some columns of float32 similarities, shape (rows, all columns), in their histograms."""
    _add(histograms, np.ascontiguousarray(similarity, np.float32), np.ascontiguousarray(columns, np.int64))
