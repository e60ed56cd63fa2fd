# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-incomplete-defs=False
"""Compiled twins of the plate functions in ``peaks``: same arithmetic in the same order, hence the same bits.

Imported only where they run, since numba takes time to load.
"""

from __future__ import annotations

import math
from typing import NamedTuple

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


class Plate(NamedTuple):
    """Beads of a plate, which analytes carry two genes, log2 by FI, and the size of the largest group of beads."""

    reporter: np.ndarray
    starts: np.ndarray
    duo: np.ndarray
    log2: np.ndarray
    largest: int


class Table(NamedTuple):
    """Dynamic programming over prefixes: sums of values and squares; cost and place of the last cut by k and prefix."""

    s1: np.ndarray
    s2: np.ndarray
    cost: np.ndarray
    split: np.ndarray


class Curve(NamedTuple):
    """A density on a grid, and its peaks: their points and the beads nearest to each."""

    grid: np.ndarray
    density: np.ndarray
    peaks: np.ndarray
    support: np.ndarray


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
    plate = Plate(reporter, starts, duo, log2, largest)
    rules = PeakRules(
        int(rules.first_good), int(rules.last_good), int(rules.min_bead), int(rules.min_support),
        float(rules.min_support_pct), int(rules.max_k), float(rules.opt_support_hi),
    )  # fmt: skip

    def run(first: int, last: int) -> None:
        kernel(first, last, plate, rules, calls)

    run_chunks(run, starts.shape[0], threads=threads, chunk=CHUNK)
    return calls


@jit
def _good_beads(reporter, begin, end, rules, log2, x):
    """Write log2 of the good beads, which are ascending, to `x`; return their number."""
    n = 0
    for at in range(begin, end):
        value = reporter[at]
        if value > rules.last_good:
            break
        if value >= rules.first_good:
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
def _start_calls(plate, well, analyte, rules, calls, x):
    """Write the good beads of an analyte to `x`, and what holds where no peaks are found; returns (beads, median)."""
    starts, value, support = plate.starts, calls.value, calls.support
    begin, end = starts[well, analyte], starts[well, analyte + 1]
    n = _good_beads(plate.reporter, begin, end, rules, plate.log2, x)
    centre = _median(x, 0, n) if n else 0.0
    middle = _round_exp2(centre) if n else 1.0
    half = float(n // 2) if plate.duo[analyte] else float(n)
    for gene in range(2):
        value[gene, well, analyte] = middle
        support[gene, well, analyte] = half
    calls.n_good[well, analyte] = n
    calls.n_peaks[well, analyte] = 0
    return n, centre


@jit
def _kmeans_wells(first_well, last_well, plate, rules, calls):
    """``kmeans_analyte`` for all analytes of some wells."""
    x = np.empty(plate.largest + 1)
    table = Table(
        np.empty(plate.largest + 1), np.empty(plate.largest + 1),
        np.empty((CLUSTERS_MAX + 1, plate.largest + 1)),
        np.zeros((CLUSTERS_MAX + 1, plate.largest + 1), dtype=np.int32),
    )  # fmt: skip
    bounds = np.zeros((CLUSTERS_MAX + 1, CLUSTERS_MAX + 1), dtype=np.int64)
    for well in range(first_well, last_well):
        for analyte in range(plate.starts.shape[1] - 1):
            n, _ = _start_calls(plate, well, analyte, rules, calls, x)
            if n < rules.min_bead or not plate.duo[analyte]:
                continue
            max_k = min(rules.max_k, n)
            _kmeans_bounds(x, n, max_k, table, bounds)
            k = _choose_k(bounds, n, max_k, rules)
            if k == 1:
                calls.n_peaks[well, analyte] = 1
                continue
            _assign_clusters(x, n, bounds[k, : k + 1], rules, calls, well, analyte)


@jit
def _choose_k(bounds, n, max_k, rules):
    """Choose the number of clusters whose two largest come nearest to the expected shares; 1 if none is better."""
    best_k = 1
    best_distance = abs(100.0 - rules.opt_support_hi) + abs(0.0 - (100.0 - rules.opt_support_hi))
    for k in range(2, max_k + 1):
        largest = 0
        second = 0
        viable = 0
        for cluster in range(k):
            size = bounds[k, cluster + 1] - bounds[k, cluster]
            if size >= rules.min_support and 100.0 * size / n >= rules.min_support_pct:
                viable += 1
            if size > largest:
                second = largest
                largest = size
            elif size > second:
                second = size
        distance = abs(100.0 * largest / n - rules.opt_support_hi)
        distance += abs(100.0 * second / n - (100.0 - rules.opt_support_hi))
        if viable > 1 and distance < best_distance:
            best_k = k
            best_distance = distance
    return best_k


@jit
def _assign_clusters(x, n, bounds, rules, calls, well, analyte):
    """Give the medians of the two largest viable clusters to the two genes."""
    first = -1
    second = -1
    first_size = 0
    second_size = 0
    total = 0
    n_peaks = 0
    for cluster in range(len(bounds) - 1):
        size = bounds[cluster + 1] - bounds[cluster]
        if size < rules.min_support or 100.0 * size / n < rules.min_support_pct:
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
    hi = _round_exp2(_median(x, bounds[first], bounds[first + 1]))
    lo = _round_exp2(_median(x, bounds[second], bounds[second + 1]))
    if second_size < rules.min_support or 100.0 * second_size / total < rules.min_support_pct:
        lo = hi
    calls.value[0, well, analyte] = hi
    calls.value[1, well, analyte] = lo
    calls.support[0, well, analyte] = first_size
    calls.support[1, well, analyte] = second_size
    calls.n_peaks[well, analyte] = n_peaks


@jit
def _kmeans_bounds(x, n, max_k, table, bounds):
    """``kmeans_bounds``; of the last row only the whole set is needed."""
    s1, s2, cost, split = table.s1, table.s2, table.cost, table.split
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
    """Best place of the last cut that makes k clusters of the first j values, from `lowest` to `highest`."""
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
def _kspeak_wells(first_well, last_well, plate, rules, calls):
    """``kspeak_analyte`` for all analytes of some wells (`max_k` and `opt_support_hi` are not used)."""
    x = np.empty(plate.largest + 1)
    away = np.empty(plate.largest + 1)
    curve = Curve(np.empty(GRID), np.empty(GRID), np.empty(GRID, dtype=np.int64), np.empty(GRID, dtype=np.int64))
    for well in range(first_well, last_well):
        for analyte in range(plate.starts.shape[1] - 1):
            n, centre = _start_calls(plate, well, analyte, rules, calls, x)
            if n < rules.min_bead or not plate.duo[analyte]:
                continue
            for i in range(n):
                away[i] = abs(x[i] - centre)
            away[:n].sort()
            spread = _median(away, 0, n) / MAD_NORMAL
            if spread == 0:
                continue
            _estimate_density(x, n, spread * (4.0 / (3.0 * n)) ** 0.2, curve)
            n_peaks = _find_peaks(x, n, curve)
            calls.n_peaks[well, analyte] = n_peaks
            if n_peaks:
                _assign_peaks(n, n_peaks, curve, rules, calls, well, analyte)


@jit
def _estimate_density(x, n, width, curve):
    """Gaussian kernel density of the beads on the points of the grid."""
    grid, density = curve.grid, curve.density
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


@jit
def _find_peaks(x, n, curve):
    """Local maxima of the density and the beads nearest to each; returns how many there are."""
    grid, density, peaks, support = curve.grid, curve.density, curve.peaks, curve.support
    n_peaks = 0
    for point in range(1, GRID - 1):
        here = density[point]
        if here > density[point - 1] and here >= density[point + 1] and here > DENSITY_FLOOR:
            peaks[n_peaks] = point
            support[n_peaks] = 0
            n_peaks += 1
    if n_peaks == 0:
        return n_peaks
    for i in range(n):
        nearest = 0
        for index in range(1, n_peaks):
            if abs(x[i] - grid[peaks[index]]) < abs(x[i] - grid[peaks[nearest]]):
                nearest = index
        support[nearest] += 1
    return n_peaks


@jit
def _assign_peaks(n, n_peaks, curve, rules, calls, well, analyte):
    """Give the two peaks of most support to the two genes."""
    grid, peaks, support = curve.grid, curve.peaks, curve.support
    first = -1
    second = -1
    for index in range(n_peaks):
        if first < 0 or _comes_before(index, first, curve):
            second = first
            first = index
        elif second < 0 or _comes_before(index, second, curve):
            second = index
    hi = _round_exp2(grid[peaks[first]])
    calls.value[0, well, analyte] = hi
    calls.value[1, well, analyte] = hi
    if n_peaks == 1:
        return
    if support[second] >= rules.min_support and 100.0 * support[second] / n >= rules.min_support_pct:
        calls.value[1, well, analyte] = _round_exp2(grid[peaks[second]])
    calls.support[0, well, analyte] = support[first]
    calls.support[1, well, analyte] = support[second]


@jit
def _comes_before(a, b, curve):
    """Whether peak a has more support than b, or as much and is higher; of equals the first stays first."""
    if curve.support[a] != curve.support[b]:
        return curve.support[a] > curve.support[b]
    return curve.density[curve.peaks[a]] > curve.density[curve.peaks[b]]
