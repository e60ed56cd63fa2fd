"""Compiled twin of :func:`beadwork.kernels.connectivity.recall.add_to_histograms`."""

from __future__ import annotations

from typing import Any

import numpy as np

from beadwork.kernels.connectivity.recall import N_BINS, REACH
from beadwork.kernels.numeric.jit import jit

HALF = N_BINS // 2 - 1
SCALE = HALF / REACH
TILE = 16
"""Columns whose histograms are counted in together: a cache line of similarities, and little enough for the cache."""


@jit
def _add(histograms: Any, similarity: Any, columns: Any) -> None:
    for first in range(0, len(columns), TILE):
        for row in range(similarity.shape[0]):
            for place in range(first, min(first + TILE, len(columns))):
                value = np.float64(similarity[row, columns[place]])
                if not np.isfinite(value):
                    continue
                scaled = np.int64(min(np.floor(abs(value) * SCALE), HALF - 1.0)) + 1
                if value < 0:
                    scaled = -scaled
                elif value == 0:
                    scaled = 0
                histograms[place, HALF + scaled] += np.uint32(1)


def add_to_histograms(histograms: np.ndarray, similarity: np.ndarray, columns: np.ndarray) -> None:
    """Count some columns of float32 similarities, shape (rows, all columns), in their histograms."""
    _add(histograms, np.ascontiguousarray(similarity, np.float32), np.ascontiguousarray(columns, np.int64))
