"""Histograms of similarities, where there are too many to be kept: ranks by them are off by no more than a bin."""

from __future__ import annotations

import numpy as np

from beadwork.kernels.connectivity.recall.ranks import percentile_of_counts

N_BINS = 1024
"""Bins of the histograms, over similarities of -4 to 4; 0 has one of its own."""
REACH = 4.0


def bins_of(similarity: np.ndarray) -> np.ndarray:
    """Bin of each similarity, 0 for the lowest; what is missing has -1.  What lies outside stands in the last ones."""
    wide = np.asarray(similarity, np.float64)
    half = N_BINS // 2 - 1
    scaled = np.minimum(np.floor(np.abs(np.where(np.isfinite(wide), wide, 0)) * (half / REACH)), half - 1) + 1
    bins = half + np.where(wide < 0, -scaled, np.where(wide > 0, scaled, 0))
    return np.where(np.isfinite(wide), bins, -1).astype(np.int64)


def add_to_histograms(histograms: np.ndarray, similarity: np.ndarray, columns: np.ndarray) -> None:
    """Count some columns of similarities, shape (rows, all columns), in their histograms, shape (columns, bins)."""
    for row in similarity:  # one at a time, which stays in the cache of a processor
        bins = bins_of(row[columns])
        kept = np.flatnonzero(bins >= 0)
        histograms[kept, bins[kept]] += 1


def percentiles_by_histogram(histogram: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Percentile ranks of some values of a column by its histogram: values in one bin share their mean rank."""
    bins = bins_of(chosen)
    count = histogram.astype(np.int64)
    above = count[::-1].cumsum()[::-1] - count
    return percentile_of_counts(chosen, above[bins], count[bins], int(count.sum()))
