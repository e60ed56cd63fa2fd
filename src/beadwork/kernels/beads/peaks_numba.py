# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-incomplete-defs=False
"""Compiled twins of the plate functions in ``peaks``: same arithmetic in the same order, hence the same bits.

Imported only where they run, since numba takes time to load.
"""

from __future__ import annotations

import math

import numpy as np

from beadwork.kernels.beads.peaks import (
    CLUSTERS_MAX,
    DENSITY_FLOOR,
    GRID,
    MAD_NORMAL,
    PeakRules,
    PlateCalls,
    empty_calls,
)
from beadwork.kernels.numeric.jit import jit
from beadwork.kernels.numeric.threads import run_chunks

CHUNK = 8
"""Wells that one call of a kernel handles; its scratch arrays are made once for them."""


def call_plate(
    reporter: np.ndarray,
    starts: np.ndarray,
    duo: np.ndarray,
    log2: np.ndarray,
    rules: PeakRules,
    *,
    kspeak: bool,
    threads: int = 1,
) -> PlateCalls:
    """Compiled twin of :func:`beadwork.kernels.beads.peaks.call_plate`; the result does not depend on `threads`."""
    starts, duo, log2 = np.ascontiguousarray(starts), np.ascontiguousarray(duo), np.ascontiguousarray(log2)
    calls = empty_calls(starts.shape[0], starts.shape[1] - 1)
    largest = int(np.diff(starts, axis=1).max(initial=0))
    kernel = _kspeak_wells if kspeak else _kmeans_wells
    numbers = (
        int(rules.first_good),
        int(rules.last_good),
        int(rules.min_bead),
        int(rules.min_support),
        float(rules.min_support_pct),
        int(rules.max_k),
        float(rules.opt_support_hi),
    )

    def run(first: int, last: int) -> None:
        kernel(first, last, reporter, starts, duo, log2, largest, *numbers, *calls)

    run_chunks(run, starts.shape[0], threads=threads, chunk=CHUNK)
    return calls


@jit
def _good_beads(reporter, begin, end, first_good, last_good, log2, x):
    """Write log2 of the good beads, which are ascending, to `x`; return their number."""
    n = 0
    for at in range(begin, end):
        value = reporter[at]
        if value > last_good:
            break
        if value >= first_good:
            x[n] = log2[value]
            n += 1
    return n


@jit
def _median(x, begin, end):
    n = end - begin
    return 0.5 * (x[begin + (n - 1) // 2] + x[begin + n // 2])


@jit
def _round_exp2(value):
    return math.floor(2.0**value + 0.5)


@jit
def _kmeans_wells(
    first_well, last_well, reporter, starts, duo, log2, largest,
    first_good, last_good, min_bead, min_support, min_support_pct, max_k, opt_hi,
    out_value, out_support, out_good, out_peaks,
):  # fmt: skip
    """``kmeans_analyte`` for all analytes of some wells."""
    x = np.empty(largest + 1)
    s1 = np.empty(largest + 1)
    s2 = np.empty(largest + 1)
    cost = np.empty((CLUSTERS_MAX + 1, largest + 1))
    split = np.zeros((CLUSTERS_MAX + 1, largest + 1), dtype=np.int32)
    bounds = np.zeros((CLUSTERS_MAX + 1, CLUSTERS_MAX + 1), dtype=np.int64)
    for well in range(first_well, last_well):
        for analyte in range(starts.shape[1] - 1):
            begin, end = starts[well, analyte], starts[well, analyte + 1]
            n = _good_beads(reporter, begin, end, first_good, last_good, log2, x)
            out_good[well, analyte] = n
            middle = _round_exp2(_median(x, 0, n)) if n else 1.0
            out_value[0, well, analyte] = middle
            out_value[1, well, analyte] = middle
            half = float(n // 2) if duo[analyte] else float(n)
            out_support[0, well, analyte] = half
            out_support[1, well, analyte] = half
            if n < min_bead or not duo[analyte]:
                out_peaks[well, analyte] = 0
                continue
            out_peaks[well, analyte] = 1
            top_k = min(max_k, n)
            _kmeans_bounds(x, n, top_k, s1, s2, cost, split, bounds)
            best_k = 1
            best_distance = abs(100.0 - opt_hi) + abs(0.0 - (100.0 - opt_hi))
            for k in range(2, top_k + 1):
                largest_size = 0
                second_size = 0
                viable = 0
                for cluster in range(k):
                    size = bounds[k, cluster + 1] - bounds[k, cluster]
                    if size >= min_support and 100.0 * size / n >= min_support_pct:
                        viable += 1
                    if size > largest_size:
                        second_size = largest_size
                        largest_size = size
                    elif size > second_size:
                        second_size = size
                distance = abs(100.0 * largest_size / n - opt_hi)
                distance += abs(100.0 * second_size / n - (100.0 - opt_hi))
                if viable > 1 and distance < best_distance:
                    best_k = k
                    best_distance = distance
            if best_k == 1:
                continue
            first = -1
            second = -1
            first_size = 0
            second_size = 0
            total = 0
            n_peaks = 0
            for cluster in range(best_k):
                size = bounds[best_k, cluster + 1] - bounds[best_k, cluster]
                if size < min_support or 100.0 * size / n < min_support_pct:
                    continue
                n_peaks += 1
                total += size
                if first < 0 or size > first_size:
                    second = first
                    second_size = first_size
                    first = cluster
                    first_size = size
                elif second < 0 or size > second_size:
                    second = cluster
                    second_size = size
            hi = _round_exp2(_median(x, bounds[best_k, first], bounds[best_k, first + 1]))
            lo = _round_exp2(_median(x, bounds[best_k, second], bounds[best_k, second + 1]))
            if second_size < min_support or 100.0 * second_size / total < min_support_pct:
                lo = hi
            out_value[0, well, analyte] = hi
            out_value[1, well, analyte] = lo
            out_support[0, well, analyte] = first_size
            out_support[1, well, analyte] = second_size
            out_peaks[well, analyte] = n_peaks


@jit
def _kmeans_bounds(x, n, max_k, s1, s2, cost, split, bounds):
    """``kmeans_bounds``; of the last row only the whole set is needed."""
    centre = x[n // 2]
    s1[0] = 0.0
    s2[0] = 0.0
    for j in range(1, n + 1):
        value = x[j - 1] - centre
        s1[j] = s1[j - 1] + value
        s2[j] = s2[j - 1] + value * value
        cost[1, j] = s2[j] - s1[j] * s1[j] / j
    for k in range(2, max_k + 1):
        if k == max_k:
            _best_split(k, n, k - 1, n - 1, s1, s2, cost, split)
        else:
            positions = n - k + 1
            step = 1
            while 2 * step <= positions:
                step *= 2
            while step:
                for t in range(step, positions + 1, 2 * step):
                    j = t + k - 1
                    lowest = split[k, j - step] if t - step >= 1 else k - 1
                    highest = min(split[k, j + step], j - 1) if t + step <= positions else j - 1
                    _best_split(k, j, lowest, highest, s1, s2, cost, split)
                step //= 2
        bounds[k, k] = n
        for cluster in range(k, 1, -1):
            bounds[k, cluster - 1] = split[cluster, bounds[k, cluster]]
        bounds[k, 0] = 0


@jit
def _best_split(k, j, lowest, highest, s1, s2, cost, split):
    best = np.inf
    at = lowest
    for i in range(lowest, highest + 1):
        d = s1[j] - s1[i]
        total = cost[k - 1, i] + (s2[j] - s2[i] - d * d / (j - i))
        if total < best:
            best = total
            at = i
    cost[k, j] = best
    split[k, j] = at


@jit
def _kspeak_wells(
    first_well, last_well, reporter, starts, duo, log2, largest,
    first_good, last_good, min_bead, min_support, min_support_pct, max_k, opt_hi,
    out_value, out_support, out_good, out_peaks,
):  # fmt: skip
    """``kspeak_analyte`` for all analytes of some wells (`max_k` and `opt_hi` are not used)."""
    x = np.empty(largest + 1)
    away = np.empty(largest + 1)
    grid = np.empty(GRID)
    density = np.empty(GRID)
    peaks = np.empty(GRID, dtype=np.int64)
    support = np.empty(GRID, dtype=np.int64)
    for well in range(first_well, last_well):
        for analyte in range(starts.shape[1] - 1):
            begin, end = starts[well, analyte], starts[well, analyte + 1]
            n = _good_beads(reporter, begin, end, first_good, last_good, log2, x)
            out_good[well, analyte] = n
            centre = _median(x, 0, n) if n else 0.0
            middle = _round_exp2(centre) if n else 1.0
            out_value[0, well, analyte] = middle
            out_value[1, well, analyte] = middle
            half = float(n // 2) if duo[analyte] else float(n)
            out_support[0, well, analyte] = half
            out_support[1, well, analyte] = half
            out_peaks[well, analyte] = 0
            if n < min_bead or not duo[analyte]:
                continue
            for i in range(n):
                away[i] = abs(x[i] - centre)
            away[:n].sort()
            spread = _median(away, 0, n) / MAD_NORMAL
            if spread == 0:
                continue
            width = spread * (4.0 / (3.0 * n)) ** 0.2
            start = x[0] - 3 * width
            stop = x[n - 1] + 3 * width
            step = (stop - start) / (GRID - 1)
            for point in range(GRID):
                grid[point] = start + point * step
                density[point] = 0.0
            grid[GRID - 1] = stop
            for i in range(n):
                for point in range(GRID):
                    z = (grid[point] - x[i]) / width
                    density[point] += math.exp(-0.5 * z * z)
            height = 1.0 / (n * width * math.sqrt(2.0 * math.pi))
            for point in range(GRID):
                density[point] *= height
            n_peaks = 0
            for point in range(1, GRID - 1):
                here = density[point]
                if here > density[point - 1] and here >= density[point + 1] and here > DENSITY_FLOOR:
                    peaks[n_peaks] = point
                    support[n_peaks] = 0
                    n_peaks += 1
            out_peaks[well, analyte] = n_peaks
            if n_peaks == 0:
                continue
            for i in range(n):
                nearest = 0
                for index in range(1, n_peaks):
                    if abs(x[i] - grid[peaks[index]]) < abs(x[i] - grid[peaks[nearest]]):
                        nearest = index
                support[nearest] += 1
            first = -1
            second = -1
            for index in range(n_peaks):
                if first < 0 or _comes_before(index, first, support, density, peaks):
                    second = first
                    first = index
                elif second < 0 or _comes_before(index, second, support, density, peaks):
                    second = index
            hi = _round_exp2(grid[peaks[first]])
            out_value[0, well, analyte] = hi
            if n_peaks == 1:
                out_value[1, well, analyte] = hi
                continue
            lo = _round_exp2(grid[peaks[second]])
            if support[second] < min_support or 100.0 * support[second] / n < min_support_pct:
                lo = hi
            out_value[1, well, analyte] = lo
            out_support[0, well, analyte] = support[first]
            out_support[1, well, analyte] = support[second]


@jit
def _comes_before(a, b, support, density, peaks):
    """Whether peak a has more support than b, or as much and is higher; of equals the first stays first."""
    if support[a] != support[b]:
        return support[a] > support[b]
    return density[peaks[a]] > density[peaks[b]]
