# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-incomplete-defs=False
"""Compiled twin of ``box``: grid points of a side side by side, likelihoods as products relative to a mode."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from beadwork.kernels.beads.mixture.box import BIG_GRID, CURVATURE_MIN, HALF_BOX
from beadwork.kernels.beads.mixture.climb_numba import N_SUMS
from beadwork.kernels.beads.mixture.densities import T7
from beadwork.kernels.beads.mixture.densities_numba import HALF_LN2, ONE, WIDE, ZERO, bend, density, fourth, width_at
from beadwork.kernels.numeric.jit import jit
from beadwork.kernels.numeric.lanes_numba import (
    LANES,
    fused,
    least,
    load,
    most,
    scratch,
    spread,
    store,
    store_products,
    store_sums,
)

UPPER, LOWER, OTHER = 0, 3 * LANES, 6 * LANES
"""Where the grid has the constants of each peak, by grid point."""
A, K, C = 0, LANES, 2 * LANES
"""Where a peak of the grid has each of its constants."""
_HUGE = np.float32(3e38)


class Buffers(NamedTuple):
    """Arrays that the fits of one thread share: ``count`` has 0, 1, 2 ..., the points along a side, in lanes."""

    y: Any
    rows: Any
    ratio: Any
    grid: Any
    found: Any
    count: Any


class Box(NamedTuple):
    """A box about a mode: lowest and highest positions of both genes, and grid points along each side."""

    low_hi: float
    high_hi: float
    low_lo: float
    high_lo: float
    points: int


class Side(NamedTuple):
    """One side of a box: first position, step and number of its grid points."""

    low: float
    step: float
    points: int


class SidePeak(NamedTuple):
    """A peak along a side: its shift from the gene's position, 2^(-position/2) at the first point, width and share."""

    shift: float
    back: float
    factor: float
    part: float


class Integrals(NamedTuple):
    """Integrals over a box: of 1, the distances from the mode, their squares, and of (hi above lo)."""

    mass: float
    distance_hi: float
    distance_lo: float
    square_hi: float
    square_lo: float
    above: float


@jit
def make_buffers(largest):
    """Buffers for fits of so many beads at most."""
    count = scratch(LANES)
    for k in range(LANES):
        count[k] = k
    return Buffers(
        scratch(largest + LANES), scratch(2 * BIG_GRID * (largest + LANES)), scratch(BIG_GRID * LANES),
        scratch(9 * LANES), scratch(N_SUMS), count,
    )  # fmt: skip


@jit
def _set_grid(side, peak, table, grid, at):
    """Constants of a peak at the points of one side of a box, from `at`: a, k and c in lanes."""
    back = peak.back
    down = math.exp(-HALF_LN2 * side.step)
    for g in range(side.points):
        grid[at + g] = width_at(side.low + side.step * g + peak.shift, table, peak.factor)
        grid[at + LANES + g] = back
        back *= down
    inverse = spread(ONE) / load(grid, at)
    backs = load(grid, at + LANES)
    store(grid, at + A, inverse * backs * spread(np.float32(WIDE)))
    store(grid, at + K, inverse * spread(np.float32(-WIDE)))
    store(grid, at + C, inverse * backs * spread(np.float32(peak.part * T7)))


@jit
def _fill_rows(beads, points, peaks, broad, buffers):
    """Densities of beads over their density in `peaks`, by grid point: hi gene and outliers, then lo gene."""
    y, grid, rows = beads.y, buffers.grid, buffers.rows
    outside = spread(broad)
    for block in range(beads.blocks):
        value = load(y, block * LANES)
        inverse = spread(ONE) / density(value, peaks, outside)
        scale = value * inverse
        floor = outside * inverse
        for g in range(points):
            ua, ub, uc = bend(
                fused(value, spread(grid[UPPER + A + g]), spread(grid[UPPER + K + g])),
                fused(value, spread(grid[LOWER + A + g]), spread(grid[LOWER + K + g])),
                fused(value, spread(grid[OTHER + A + g]), spread(grid[OTHER + K + g])),
            )
            hi = spread(grid[UPPER + C + g]) * fourth(ua)
            hi = fused(spread(grid[LOWER + C + g]), fourth(ub), hi)
            lo = spread(grid[OTHER + C + g]) * fourth(uc)
            store(rows, (2 * points * block + g) * LANES, fused(hi, scale, floor))
            store(rows, (2 * points * block + points + g) * LANES, lo * scale)


@jit
def _multiply_rows(blocks, points, buffers):
    """Likelihood at each grid point over that in the mode: products over beads, four points at a time."""
    rows, ratio = buffers.rows, buffers.ratio
    for a in range(0, points, 2):
        for b in range(0, points, 2):
            p00 = p01 = p10 = p11 = spread(ONE)
            for block in range(blocks):
                at = block * 2 * points
                hi0 = load(rows, (at + a) * LANES)
                hi1 = load(rows, (at + a + 1) * LANES)
                lo0 = load(rows, (at + points + b) * LANES)
                lo1 = load(rows, (at + points + b + 1) * LANES)
                p00 = p00 * (hi0 + lo0)
                p01 = p01 * (hi0 + lo1)
                p10 = p10 * (hi1 + lo0)
                p11 = p11 * (hi1 + lo1)
            store_products(ratio, a * LANES + b, (a + 1) * LANES + b, p00, p01, p10, p11)


@jit
def _side_prior(place, side, gene):
    """Prior of a position at the points of one side of a box, over that at its mean."""
    z = fused(
        place, spread(np.float32(side.step / gene.scale)), spread(np.float32((side.low - gene.mean) / gene.scale))
    )
    z = fused(z * z, spread(np.float32(1.0 / 3.0)), spread(ONE))
    return spread(ONE) / (z * z)


@jit
def integrate_box(beads, box, peaks, weight, mode, case, buffers):
    """Integrals over a box, times `weight`: likelihoods relative to `peaks`, distances from `mode`."""
    points, table, grid, ratio, found = box.points, case.table, buffers.grid, buffers.ratio, buffers.found
    hi = Side(box.low_hi, (box.high_hi - box.low_hi) / (points - 1), points)
    lo = Side(box.low_lo, (box.high_lo - box.low_lo) / (points - 1), points)
    back = math.exp(-HALF_LN2 * hi.low)
    _set_grid(hi, SidePeak(case.split, back * case.lean, case.hi.width, case.subpopulation), table, grid, UPPER)
    _set_grid(hi, SidePeak(-case.split, back / case.lean, case.hi.width, case.subpopulation), table, grid, LOWER)
    back = math.exp(-HALF_LN2 * lo.low)
    _set_grid(lo, SidePeak(0.0, back, case.lo.width, case.rest), table, grid, OTHER)
    _fill_rows(beads, points, peaks, np.float32(case.broad), buffers)
    _multiply_rows(beads.blocks, points, buffers)
    place = load(buffers.count, 0)
    inside = least(spread(ONE), most(spread(ZERO), spread(np.float32(points)) - place))
    prior_lo = inside * _side_prior(place, lo, case.lo)
    store(grid, 0, _side_prior(place, hi, case.hi))
    wide = 1.0 / (hi.step + lo.step)
    order = fused(place, spread(np.float32(-lo.step * wide)), spread(np.float32(0.5 + (hi.low - lo.low) * wide)))
    s = s0 = s00 = above = spread(ZERO)
    for a in range(points):
        d0 = hi.low + hi.step * a - mode.hi
        mass = least(load(ratio, a * LANES), spread(_HUGE)) * prior_lo * spread(grid[a])
        s = s + mass
        s0 = fused(mass, spread(np.float32(d0)), s0)
        s00 = fused(mass, spread(np.float32(d0 * d0)), s00)
        hi_above = order + spread(np.float32(hi.step * wide * a))
        above = fused(mass, least(spread(ONE), most(spread(ZERO), hi_above)), above)
    d1 = fused(place, spread(np.float32(lo.step)), spread(np.float32(lo.low - mode.lo)))
    cell = hi.step * lo.step * weight / (case.hi.scale * case.lo.scale)
    store_sums(found, 0, s, s0, s * d1, s00)
    store_sums(found, 4, s * d1 * d1, above, s, s)
    return Integrals(
        cell * found[0], cell * found[1], cell * found[2], cell * found[3], cell * found[4], cell * found[5]
    )


@jit
def half_sides(mode):
    """Half sides of the box about a mode, from the curvature there."""
    curve_hi = max(mode.curve_hi, CURVATURE_MIN * mode.labelled_hi)
    curve_lo = max(mode.curve_lo, CURVATURE_MIN * mode.labelled_lo)
    tied = min(mode.curve_both * mode.curve_both / (curve_hi * curve_lo), 0.9)
    return HALF_BOX / math.sqrt(curve_hi * (1.0 - tied)), HALF_BOX / math.sqrt(curve_lo * (1.0 - tied))
