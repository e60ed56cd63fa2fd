"""Where the genes of a plate lie, by the beads of all its wells together: what the fits of a plate start from."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from beadwork.kernels.beads.grouping import GroupedBeads
from beadwork.kernels.beads.mixture.densities import T7, Array, scale_at

SPLIT = 0.15
"""Split of a hi gene (log2) that is typical."""
BIN = 0.125
"""Width of the bins of the pooled start (log2)."""


def bead_levels(beads: GroupedBeads, first_good: int, last_good: int) -> Array:
    """Level of the beads of each analyte: mean log2 FI of four quantiles (1/8, 3/8, ...), shape (W, A).

    NaN without beads, and where the middle one is not a good one.
    """
    reporter, starts = beads
    counts = np.diff(starts, axis=1)
    if len(reporter) == 0:
        return np.full(counts.shape, np.nan)

    def bead(eighth: int) -> Array:
        places = np.minimum(starts[:, :-1] + counts * eighth // 8, len(reporter) - 1)
        return np.asarray(reporter[places], dtype=float)

    quantiles = np.stack([bead(eighth) for eighth in (1, 3, 5, 7)])
    level, middle = np.log2(np.clip(quantiles, first_good, last_good)).mean(axis=0), bead(4)
    return np.where((counts > 0) & (middle >= first_good) & (middle <= last_good), level, np.nan)


def carried(beads: GroupedBeads, first_good: int, last_good: int) -> npt.NDArray[np.bool_]:
    """Whether an analyte has good beads in any well, shape (A,)."""
    reporter, starts = beads
    found = np.zeros(starts.shape[1] - 1, dtype=bool)
    well, analyte = np.nonzero(starts[:, 1:] > starts[:, :-1])
    smallest, largest = reporter[starts[well, analyte]], reporter[starts[well, analyte + 1] - 1]
    found[analyte[(largest >= first_good) & (smallest <= last_good)]] = True
    return found


def first_effects(levels: Array) -> Array:
    """Shift of each well, shape (W,): median over analytes of their levels (W, A), less the analyte's own median."""
    own = _nanmedian(levels, axis=0)
    return np.nan_to_num(_nanmedian(levels - own, axis=1))


def pool_beads(
    beads: GroupedBeads,
    wells: npt.NDArray[np.int64],
    shift: Array,
    first_good: int,
    last_good: int,
) -> tuple[Array, Array]:
    """Histogram of the beads of each analyte over chosen wells, each less the shift of its well; and bin centres."""
    low, n_bins = 3.0, int(13.0 / BIN)
    reporter, starts = beads
    n_analytes = starts.shape[1] - 1
    counts = np.zeros(n_analytes * n_bins)
    for w in wells:
        fi = reporter[starts[w, 0] : starts[w, -1]]
        analyte = np.repeat(np.arange(n_analytes), np.diff(starts[w]))
        keep = (fi >= first_good) & (fi <= last_good)
        at = ((np.log2(fi[keep].astype(np.float64)) - shift[w] - low) / BIN).astype(np.intp)
        at = np.clip(at, 0, n_bins - 1)
        counts += np.bincount(analyte[keep] * n_bins + at, minlength=len(counts))
    centres = low + BIN * (np.arange(n_bins, dtype=np.float64) + 0.5)
    return np.asarray(counts.reshape(n_analytes, n_bins)), np.asarray(centres)


def pooled_starts(
    counts: Array, centres: Array, table: Array, share: Array, spread: float, rounds: int = 15
) -> tuple[Array, Array]:
    """Levels of both genes from pooled beads, once with hi above lo and once below: (2, A, 2), (2, A).

    The second is the log-likelihood per bead.

    Expectation-maximisation of a mixture of two with widths from the table, widened by `spread` of the wells and, for
    hi, by the typical split, from two starts for each order.  Where both orders lead to one and the same,
    the other is its mirror image of equal mean and spread.
    """
    n_analytes = len(counts)
    total = np.maximum(counts.sum(axis=1), 1.0)
    quantile = np.cumsum(counts, axis=1) / total[:, None]

    def at(q: float) -> Array:
        return np.asarray(centres[np.minimum((quantile < q).sum(axis=1), len(centres) - 1)])

    y, beads = (2.0 ** (0.5 * centres)).astype(np.float32), counts.astype(np.float32)
    half = 0.5 * np.log(2.0)
    best = np.full((2, n_analytes), -np.inf)
    levels = np.zeros((2, n_analytes, 2))
    shares = np.stack([share, 1.0 - share], axis=1)
    wider = spread**2 + np.array([1.3 * SPLIT**2, 0.0])

    def column(values: Array) -> npt.NDArray[np.float32]:
        return values.astype(np.float32)[:, :, None]

    for q_hi, q_lo in ((0.67, 0.15), (0.53, 0.47), (0.33, 0.85), (0.47, 0.53)):
        m = np.stack([at(q_hi), at(q_lo)], axis=1)
        for turn in range(rounds + 1):
            width = np.sqrt(scale_at(m, table, 1.0) ** 2 + wider)
            back = 2.0 ** (-0.5 * m)
            z = y * column(back / (half * width)) - column(1.0 / (half * width))
            u = 1.0 / (1.0 + z * z * np.float32(1.0 / 7.0))
            density = (u * u) ** 2 * (y * column(shares * T7 * back / width))
            whole = density.sum(axis=1) + np.float32(0.002)
            if turn == rounds:
                break
            pull = density * u * (beads / whole)[:, None, :]
            step = (pull * z).sum(axis=2) / np.maximum(pull.sum(axis=2), 1e-9) * width
            m = m + np.clip(step, -0.5, 0.5)
        like = (counts * np.log(whole)).sum(axis=1)
        order = (m[:, 0] < m[:, 1]).astype(int)
        better = like > best[order, np.arange(n_analytes)]
        best[order[better], np.flatnonzero(better)] = like[better]
        levels[order[better], np.flatnonzero(better)] = m[better]
    for side in (0, 1):
        none = np.isinf(best[side])
        other = levels[1 - side, none]
        middle = share[none] * other[:, 0] + (1.0 - share[none]) * other[:, 1]
        apart = other[:, 1] - other[:, 0]
        levels[side, none, 0] = middle + (1.0 - share[none]) * apart
        levels[side, none, 1] = middle - share[none] * apart
    # the mirror image of the better order was not tried as such: it is not ruled out unless far apart
    worse = np.where(np.isinf(best), np.where(np.abs(levels[..., 0] - levels[..., 1]) > 1.6, -np.inf, 0.0), best)
    return levels, np.where(np.isinf(best) & (worse == 0.0), best[::-1], worse) / total


def _nanmedian(values: Array, axis: int) -> Array:
    """Median without missing values; NaN if there are no others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmedian(values, axis=axis))
