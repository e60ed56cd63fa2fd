"""Peaks of the beads of one analyte, and the plate-wide adjustment of swapped genes: plain definitions.

One analyte (bead colour) carries two genes: about two thirds of its beads the *hi* gene, one third the *lo* gene.
Sources: Subramanian et al. 2017 (doi 10.1016/j.cell.2017.10.049) and the public code of the Connectivity Map
(``kmeans_viable``, ``flipadjust``, ``kspeak``).  ``peaks_numba`` holds compiled twins of the plate functions, which
follow these line by line and give the same bits.

Logarithms are base 2; FI is fluorescence intensity, an integer.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

CLUSTERS_MAX = 6
GRID = 100
"""Grid points of the density in :func:`kspeak_analyte`."""
DENSITY_FLOOR = 1e-4
"""A local maximum of the density below this is no peak in :func:`kspeak_analyte`."""
MAD_NORMAL = 0.6745
"""MAD of a standard normal, as the official code rounds it."""


class PeakRules(NamedTuple):
    """Numbers that both peak callers need; their meaning and defaults stand in ``DeconvolveParams``."""

    first_good: int
    """Smallest FI that is kept."""
    last_good: int
    """Largest FI that is kept."""
    min_bead: int
    min_support: int
    min_support_pct: float
    max_k: int = 4
    opt_support_hi: float = 65.0


class Call(NamedTuple):
    """What was found for one analyte."""

    hi: float
    lo: float
    support_hi: float
    support_lo: float
    n_peaks: int


class PlateCalls(NamedTuple):
    """What was found for all analytes (1..500 at 0..499) of all wells."""

    value: np.ndarray
    """FI, float64, shape (2, W, 500): hi, lo."""
    support: np.ndarray
    """Beads behind a value, float64, shape (2, W, 500)."""
    n_good: np.ndarray
    """Good beads, int32, shape (W, 500)."""
    n_peaks: np.ndarray
    """Peaks found, int32, shape (W, 500); 0 if the median was taken without a search."""


def log2_table(limit: int) -> np.ndarray:
    """Return log2 of 0..limit, float64, shape (limit + 1,); that of 0 is log2(eps) = -52."""
    return np.log2(np.maximum(np.arange(limit + 1), np.finfo(float).eps))


def good_range(low_exp: float, high_exp: float, table: np.ndarray) -> tuple[int, int]:
    """First and last FI with low_exp <= log2(FI) <= high_exp."""
    inside = np.flatnonzero((table >= low_exp) & (table <= high_exp))
    return (int(inside[0]), int(inside[-1])) if len(inside) else (1, 0)


def round_half_up(value: float) -> float:
    """Round as the official code does: floor(value + 1/2)."""
    return math.floor(value + 0.5)


def median_sorted(x: np.ndarray) -> float:
    """Median of ascending values."""
    n = len(x)
    return float(0.5 * (x[(n - 1) // 2] + x[n // 2]))


# ---- kmeans_viable --------------------------------------------------------------------------------------------------


def kmeans_bounds(x: np.ndarray, max_k: int) -> np.ndarray:
    """Best partition of ascending values into k = 2..max_k clusters of least squared distance to their means.

    In one dimension clusters are intervals, so dynamic programming over prefixes finds the optimum (Wang and Song
    2011, R Journal 3(2), 29-33)::

        D[1, j] = sq(0, j)
        D[k, j] = min over i of D[k - 1, i] + sq(i, j)
        sq(i, j) = S2[j] - S2[i] - (S1[j] - S1[i])^2 / (j - i)

    with prefix sums S1, S2 of the values less their middle one (for precision).  The best i does not fall as j grows,
    so each row is filled at the midpoint first, then at the quarters, and so on, with the search bounded by the
    neighbours found before: O(k n log n).  Ties go to the smallest i.

    Parameters
    ----------
    x
        Ascending, shape (n,), n >= max_k.

    Returns
    -------
    numpy.ndarray
        int64, shape (max_k + 1, max_k + 1): row k holds the k + 1 bounds 0, ..., n of the clusters for that k.
    """
    n = len(x)
    centred = x - x[n // 2]
    s1 = np.concatenate([[0.0], np.cumsum(centred)])
    s2 = np.concatenate([[0.0], np.cumsum(centred * centred)])
    cost = np.zeros((max_k + 1, n + 1))
    split = np.zeros((max_k + 1, n + 1), dtype=np.int64)
    for j in range(1, n + 1):
        cost[1, j] = s2[j] - s1[j] * s1[j] / j
    bounds = np.zeros((max_k + 1, max_k + 1), dtype=np.int64)
    for k in range(2, max_k + 1):
        positions = n - k + 1  # prefixes j = k..n, as t = 1..positions with j = t + k - 1
        step = 1
        while 2 * step <= positions:
            step *= 2
        while step:
            for t in range(step, positions + 1, 2 * step):
                j = t + k - 1
                first = split[k, j - step] if t - step >= 1 else k - 1
                last = min(split[k, j + step], j - 1) if t + step <= positions else j - 1
                best, at = np.inf, first
                for i in range(first, last + 1):
                    d = s1[j] - s1[i]
                    total = cost[k - 1, i] + (s2[j] - s2[i] - d * d / (j - i))
                    if total < best:
                        best, at = total, i
                cost[k, j], split[k, j] = best, at
            step //= 2
        bounds[k, k] = n
        for cluster in range(k, 0, -1):
            bounds[k, cluster - 1] = split[cluster, bounds[k, cluster]] if cluster > 1 else 0
    return bounds


def kmeans_analyte(x: np.ndarray, rules: PeakRules) -> Call:
    """Call the peaks of one duo analyte as the official ``kmeans_viable`` does, with optimal clusters.

    Of k = 1..max_k clusters that k is taken whose two largest clusters come nearest to the expected shares of beads
    (65 % and 35 %), provided more than one cluster is viable; a viable cluster has enough beads, absolutely and
    relatively.  The medians of the viable clusters are the peaks, the one with most beads is the hi gene.

    Parameters
    ----------
    x
        log2 of the good beads, ascending, shape (n,).
    """
    n = len(x)
    if n == 0:
        return Call(1.0, 1.0, 0.0, 0.0, 0)
    middle = round_half_up(2.0 ** median_sorted(x))
    if n < rules.min_bead:
        return Call(middle, middle, float(n // 2), float(n // 2), 0)
    best_k = 1
    best_distance = abs(100.0 - rules.opt_support_hi) + abs(0.0 - (100.0 - rules.opt_support_hi))
    max_k = min(rules.max_k, n)
    bounds = kmeans_bounds(x, max_k)
    for k in range(2, max_k + 1):
        largest = second = viable = 0
        for cluster in range(k):
            size = bounds[k, cluster + 1] - bounds[k, cluster]
            viable += _is_viable(size, n, rules)
            if size > largest:
                largest, second = size, largest
            elif size > second:
                second = size
        distance = abs(100.0 * largest / n - rules.opt_support_hi)
        distance += abs(100.0 * second / n - (100.0 - rules.opt_support_hi))
        if viable > 1 and distance < best_distance:
            best_k, best_distance = k, distance
    if best_k == 1:
        return Call(middle, middle, float(n // 2), float(n // 2), 1)
    first, second, total, n_peaks = -1, -1, 0, 0
    sizes = bounds[best_k, 1 : best_k + 1] - bounds[best_k, :best_k]
    for cluster in range(best_k):
        if not _is_viable(sizes[cluster], n, rules):
            continue
        n_peaks += 1
        total += sizes[cluster]
        if first < 0 or sizes[cluster] > sizes[first]:
            first, second = cluster, first
        elif second < 0 or sizes[cluster] > sizes[second]:
            second = cluster
    values = [
        round_half_up(2.0 ** median_sorted(x[bounds[best_k, cluster] : bounds[best_k, cluster + 1]]))
        for cluster in (first, second)
    ]
    return _assign(values[0], values[1], int(sizes[first]), int(sizes[second]), total, n_peaks, rules)


def _is_viable(size: int, n: int, rules: PeakRules) -> bool:
    return bool(size >= rules.min_support and 100.0 * size / n >= rules.min_support_pct)


def _assign(
    first: float, second: float, support_first: int, support_second: int, total: int, n_peaks: int, rules: PeakRules
) -> Call:
    """Give the two peaks to the two genes; a second peak with too little support yields to the first."""
    lo = second
    if support_second < rules.min_support or 100.0 * support_second / total < rules.min_support_pct:
        lo = first
    return Call(first, lo, float(support_first), float(support_second), n_peaks)


# ---- kspeak ---------------------------------------------------------------------------------------------------------


def kspeak_analyte(x: np.ndarray, rules: PeakRules) -> Call:
    """Call the peaks of one duo analyte as the official ``kspeak`` does: maxima of a kernel density.

    Gaussian kernel of width u = s (4 / 3n)^(1/5), s = MAD / 0.6745, on 100 points from min - 3u to max + 3u.  Inner
    points above the left neighbour, not below the right one and above 1e-4 are peaks.  Each bead supports the nearest
    peak.  Peaks are ordered by height, then stably by support.  Without a peak, or if the MAD is 0, the median serves.

    Parameters
    ----------
    x
        log2 of the good beads, ascending, shape (n,).
    """
    n = len(x)
    if n == 0:
        return Call(1.0, 1.0, 0.0, 0.0, 0)
    centre = median_sorted(x)
    middle = round_half_up(2.0**centre)
    if n < rules.min_bead:
        return Call(middle, middle, float(n // 2), float(n // 2), 0)
    spread = median_sorted(np.sort(np.abs(x - centre))) / MAD_NORMAL
    if spread == 0:
        return Call(middle, middle, float(n // 2), float(n // 2), 0)
    width = spread * (4.0 / (3.0 * n)) ** 0.2
    start, stop = x[0] - 3 * width, x[-1] + 3 * width
    grid = start + np.arange(GRID) * ((stop - start) / (GRID - 1))
    grid[-1] = stop
    density = np.zeros(GRID)
    for value in x:
        for point in range(GRID):
            z = (grid[point] - value) / width
            density[point] += math.exp(-0.5 * z * z)
    density *= 1.0 / (n * width * math.sqrt(2.0 * math.pi))
    peaks = [
        point
        for point in range(1, GRID - 1)
        if density[point] > density[point - 1]
        and density[point] >= density[point + 1]
        and density[point] > DENSITY_FLOOR
    ]
    if not peaks:
        return Call(middle, middle, float(n // 2), float(n // 2), 0)
    support = [0] * len(peaks)
    for value in x:
        support[int(np.argmin([abs(value - grid[point]) for point in peaks]))] += 1
    order = sorted(range(len(peaks)), key=lambda index: -density[peaks[index]])
    order = sorted(order, key=lambda index: -support[index])
    hi = round_half_up(2.0 ** grid[peaks[order[0]]])
    if len(peaks) == 1:
        return Call(hi, hi, float(n // 2), float(n // 2), 1)
    lo = round_half_up(2.0 ** grid[peaks[order[1]]])
    return _assign(hi, lo, support[order[0]], support[order[1]], n, len(peaks), rules)


# ---- all analytes of a plate ----------------------------------------------------------------------------------------


def call_plate(
    reporter: np.ndarray, starts: np.ndarray, duo: np.ndarray, log2: np.ndarray, rules: PeakRules, *, kspeak: bool
) -> PlateCalls:
    """Call the peaks of all analytes of all wells; the compiled twin is in ``peaks_numba``.

    Parameters
    ----------
    reporter, starts
        Beads as in ``BeadPlate``: ascending within an analyte.
    duo
        Which analytes carry two genes, bool, shape (500,); the others get their median.
    log2
        Table of log2 by FI (:func:`log2_table`), at least up to ``rules.last_good``.
    kspeak
        Whether :func:`kspeak_analyte` is used instead of :func:`kmeans_analyte`.
    """
    n_wells, n_analytes = starts.shape[0], starts.shape[1] - 1
    calls = empty_calls(n_wells, n_analytes)
    for well in range(n_wells):
        for analyte in range(n_analytes):
            beads = reporter[starts[well, analyte] : starts[well, analyte + 1]]
            x = log2[beads[(beads >= rules.first_good) & (beads <= rules.last_good)]]
            few = rules if duo[analyte] else rules._replace(min_bead=len(x) + 1)
            call = kspeak_analyte(x, few) if kspeak else kmeans_analyte(x, few)
            calls.value[:, well, analyte] = call[:2]
            calls.support[:, well, analyte] = call[2:4] if duo[analyte] else len(x)
            calls.n_good[well, analyte] = len(x)
            calls.n_peaks[well, analyte] = call.n_peaks
    return calls


def empty_calls(n_wells: int, n_analytes: int) -> PlateCalls:
    """Arrays for the results of a plate."""
    shape = (n_wells, n_analytes)
    return PlateCalls(
        np.zeros((2, *shape)), np.zeros((2, *shape)), np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    )


# ---- flip adjustment ------------------------------------------------------------------------------------------------


def adjust_flips(
    value: np.ndarray, support: np.ndarray, duo: np.ndarray, *, threshold: float, flip_max: int, rounds: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Swap the two genes of an analyte in wells where the plate says they are swapped.

    Per analyte, the rows (FI, support) of the hi gene in all wells and those of the lo gene are two classes of a linear
    discriminant with equal priors and pooled covariance V, so that with class means m_hi, m_lo::

        P(lo | row) = 1 / (1 + exp((row - (m_hi + m_lo) / 2) V^-1 (m_hi - m_lo)))

    A well flips if P(lo | its hi row) and P(hi | its lo row) both exceed `threshold`: both features are swapped and the
    discriminant is fitted anew, until no well flips, or all that did have flipped more than `flip_max` times.

    Parameters
    ----------
    value, support
        FI and bead support, shape (2, W, A): hi, lo.
    duo
        bool, shape (A,): analytes that take part.  Those with a feature that does not vary are left alone as well.

    Returns
    -------
    value, support, flips
        Adjusted copies, and how often each well flipped, int32, shape (W, A); an odd number means swapped.
    """
    features = np.ascontiguousarray(np.stack([value, support]).transpose(3, 0, 1, 2))  # A, feature, class, W
    n_analytes, _, _, n_wells = features.shape
    flips = np.zeros((n_analytes, n_wells), dtype=np.int32)
    eps = np.finfo(float).eps
    varies = (features.reshape(n_analytes, 2, -1).var(axis=2, ddof=1) >= eps).all(axis=1)
    active = np.flatnonzero(varies & duo)
    for _ in range(rounds):
        if not len(active):
            break
        now = features[active]
        mean = now.mean(axis=3)  # A, feature, class
        centred = now - mean[..., None]
        v_ff = (centred[:, 0] ** 2).sum(axis=(1, 2))
        v_ss = (centred[:, 1] ** 2).sum(axis=(1, 2))
        v_fs = (centred[:, 0] * centred[:, 1]).sum(axis=(1, 2))
        freedom = max(2 * n_wells - 2, 1)
        determinant = v_ff * v_ss - v_fs**2
        regular = determinant > eps * v_ff * v_ss
        scale = np.divide(freedom, determinant, out=np.zeros_like(determinant), where=regular)
        gap = mean[:, :, 0] - mean[:, :, 1]
        w_f = scale * (v_ss * gap[:, 0] - v_fs * gap[:, 1])
        w_s = scale * (v_ff * gap[:, 1] - v_fs * gap[:, 0])
        middle = mean.mean(axis=2)
        score = w_f[:, None, None] * (now[:, 0] - middle[:, 0, None, None])
        score += w_s[:, None, None] * (now[:, 1] - middle[:, 1, None, None])
        cut = math.log(1.0 / threshold - 1.0)  # P > threshold, as a bound on the score
        flip = (score[:, 0] < cut) & (-score[:, 1] < cut) & regular[:, None]
        swapped = np.where(flip[:, None, None, :], now[:, :, ::-1], now)
        features[active] = swapped
        flips[active] += flip
        again = (flip & (flips[active] <= flip_max)).any(axis=1)
        active = active[again]
    adjusted = features.transpose(1, 2, 3, 0)
    return np.ascontiguousarray(adjusted[0]), np.ascontiguousarray(adjusted[1]), np.ascontiguousarray(flips.T)
