# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-incomplete-defs=False
"""Compiled twin of ``densities``: sixteen beads at a time, in single precision, as lanes.

Sums and products run side by side and are joined in a fixed order.  The last lanes are filled up with beads of no
intensity, which belong to no peak.  Positions are float64.  With z' = z / sqrt(7) = a y + k and u = 1 / (1 + z'^2), the
score of a labelled bead is ln2/2 8 (u z' a y - 1/8), and u z^2 = 7 (1 - u).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from beadwork.kernels.beads.mixture.densities import LOG_T3, T7, TABLE_LOW, TABLE_STEP
from beadwork.kernels.numeric.jit import jit
from beadwork.kernels.numeric.lanes_numba import LANES, fused, load, natural_log, spread, store_sums

HALF_LN2 = 0.5 * math.log(2.0)
WIDE = 1.0 / (HALF_LN2 * math.sqrt(7.0))
ZERO, ONE = np.float32(0.0), np.float32(1.0)


class Gene(NamedTuple):
    """Prior of one gene's position in a well, and the factor of its width."""

    mean: float
    scale: float
    width: float


class Case(NamedTuple):
    """All that a fit knows before it sees the beads.

    ``subpopulation`` and ``rest`` are the shares of all beads that are in one subpopulation of the hi gene, and of the
    lo gene; ``lean`` is 2^(-split/2), ``broad`` the density of outliers, ``log_ratio`` that of hi to lo beads,
    ``log_scales`` that of the product of both scales; ``table`` has widths by position.
    """

    hi: Gene
    lo: Gene
    share: float
    subpopulation: float
    rest: float
    split: float
    lean: float
    broad: float
    log_broad: float
    log_scales: float
    log_ratio: float
    table: Any


class Beads(NamedTuple):
    """Square roots of the FI of the good beads, how many they are, and how many times sixteen."""

    y: Any
    n: int
    blocks: int


class Peak(NamedTuple):
    """Constants of a peak: with a bead's y, z' = y a + k, and its density is c y u^4; ``sharp`` is (ln2/2 wide)^2."""

    a: np.float32
    k: np.float32
    c: np.float32
    sharp: float


class ThreePeaks(NamedTuple):
    """The hi gene's upper and lower subpopulation, and the lo gene."""

    upper: Peak
    lower: Peak
    lo: Peak


@jit
def width_at(position, table, factor):
    """Width of a peak."""
    place = (position - TABLE_LOW) / TABLE_STEP
    place = min(max(place, 0.0), len(table) - 1.001)
    step = int(place)
    return (table[step] * (1.0 - (place - step)) + table[step + 1] * (place - step)) * factor


@jit
def peak_at(position, back, factor, part, table):
    """Peak of a share of the beads; back is 2^(-position/2)."""
    inverse = 1.0 / width_at(position, table, factor)
    return Peak(
        np.float32(WIDE * inverse * back), np.float32(-WIDE * inverse), np.float32(part * T7 * inverse * back),
        inverse * inverse,
    )  # fmt: skip


@jit
def three_peaks(hi, lo, case):
    """Peaks of both genes at their positions."""
    table, part, factor = case.table, case.subpopulation, case.hi.width
    back = math.exp(-HALF_LN2 * hi)
    upper = peak_at(hi + case.split, back * case.lean, factor, part, table)
    lower = peak_at(hi - case.split, back / case.lean, factor, part, table)
    back = math.exp(-HALF_LN2 * lo)
    return ThreePeaks(upper, lower, peak_at(lo, back, case.lo.width, case.rest, table))


@jit
def bend(za, zb, zc):
    """1 / (1 + z'^2) of three peaks, by one division."""
    one = spread(ONE)
    qa = fused(za, za, one)
    qb = fused(zb, zb, one)
    qc = fused(zc, zc, one)
    both = qa * qb
    inverse = one / (both * qc)
    third = qc * inverse
    return qb * third, qa * third, both * inverse


@jit
def fourth(u):
    """Fourth power."""
    square = u * u
    return square * square


@jit
def density(value, peaks, outside):
    """Density of beads."""
    upper, lower, lo = peaks.upper, peaks.lower, peaks.lo
    ua, ub, uc = bend(
        fused(value, spread(upper.a), spread(upper.k)),
        fused(value, spread(lower.a), spread(lower.k)),
        fused(value, spread(lo.a), spread(lo.k)),
    )
    whole = spread(lo.c) * fourth(uc)
    whole = fused(spread(upper.c), fourth(ua), fused(spread(lower.c), fourth(ub), whole))
    return fused(whole, value, outside)


@jit
def log_likelihood(beads, hi, lo, case, found):
    """Log-likelihood of the positions; `found` is a buffer of four numbers."""
    y = beads.y
    run = max(1, int(-69.0 / case.log_broad))  # so many densities may be multiplied
    outside = spread(np.float32(case.broad))
    peaks = three_peaks(hi, lo, case)
    value = spread(ZERO)
    for first in range(0, beads.blocks, run):
        product = spread(ONE)
        for block in range(first, min(first + run, beads.blocks)):
            product = product * density(load(y, block * LANES), peaks, outside)
        value = value + natural_log(product)
    store_sums(found, 0, value, value, value, value)
    return found[0] - (beads.blocks * LANES - beads.n) * case.log_broad


@jit
def log_prior(hi, lo, case):
    """Log density of the prior of both positions."""
    z0 = (hi - case.hi.mean) / case.hi.scale
    z1 = (lo - case.lo.mean) / case.lo.scale
    both = (1.0 + z0 * z0 / 3.0) * (1.0 + z1 * z1 / 3.0)
    return 2.0 * LOG_T3 - 2.0 * math.log(both) - case.log_scales
