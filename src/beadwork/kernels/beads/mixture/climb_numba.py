# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-incomplete-defs=False
"""Compiled twin of ``climb``: the same steps, sums over beads in single precision."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from beadwork.kernels.beads.mixture.climb import CLIMBS, LEAST_KNOWN, STEP_EARLY, STEP_LATE, TOLERANCE
from beadwork.kernels.beads.mixture.densities_numba import HALF_LN2, ZERO, bend, fourth, three_peaks
from beadwork.kernels.numeric.jit import jit
from beadwork.kernels.numeric.lanes_numba import LANES, fused, load, spread, store_sums

N_SUMS = 12
"""So many sums over beads has a step."""
_SHIFT = np.float32(-0.125)
_SCORE = 8.0 * HALF_LN2
_EIGHT = 8.0 / 7.0


class Sums(NamedTuple):
    """Sums over beads of what a step needs, with responsibilities r and scores e of a bead in each peak.

    ``beads_hi``, ``beads_lo``: r by gene; ``u_...``: r u; ``slope_...``: r e; ``own_hi``, ``own_lo``: r e (e - r e) of
    peaks by themselves; ``cross``: r e of the upper times that of the lower subpopulation; ``both``: of hi and lo gene.
    """

    beads_hi: float
    beads_lo: float
    u_upper: float
    u_lower: float
    u_lo: float
    slope_upper: float
    slope_lower: float
    slope_lo: float
    own_hi: float
    own_lo: float
    cross: float
    both: float


class Mode(NamedTuple):
    """A mode of the posterior: positions, curvature, and what the beads say there.

    ``labelled_...`` is the curvature if each bead's gene were known, ``square_...`` the summed squared deviations.  All
    but the positions are of the last step's start.
    """

    hi: float
    lo: float
    curve_hi: float
    curve_lo: float
    curve_both: float
    beads_hi: float
    beads_lo: float
    square_hi: float
    square_lo: float
    labelled_hi: float
    labelled_lo: float
    split_slope: float
    split_known: float


@jit
def sum_beads(beads, peaks, broad, found):
    """Sum over beads what a step needs; `found` is a buffer of N_SUMS numbers."""
    y = beads.y
    shift, outside = spread(_SHIFT), spread(broad)
    aa, ab, ac = spread(peaks.upper.a), spread(peaks.lower.a), spread(peaks.lo.a)
    ka, kb, kc = spread(peaks.upper.k), spread(peaks.lower.k), spread(peaks.lo.k)
    ca, cb, cc = spread(peaks.upper.c), spread(peaks.lower.c), spread(peaks.lo.c)
    n0 = n1 = ia = ib = ic = ga = gb = gc = own0 = own1 = cross = both = spread(ZERO)
    for block in range(beads.blocks):
        value = load(y, block * LANES)
        ya = value * aa
        yb = value * ab
        yc = value * ac
        za = ya + ka
        zb = yb + kb
        zc = yc + kc
        ua, ub, uc = bend(za, zb, zc)
        da = ca * fourth(ua)
        db = cb * fourth(ub)
        dc = cc * fourth(uc)
        scale = value / fused(da + db + dc, value, outside)
        ra = da * scale
        rb = db * scale
        rc = dc * scale
        n0 = n0 + (ra + rb)
        n1 = n1 + rc
        ia = fused(ra, ua, ia)
        ib = fused(rb, ub, ib)
        ic = fused(rc, uc, ic)
        ea = fused(ua * za, ya, shift)
        eb = fused(ub * zb, yb, shift)
        ec = fused(uc * zc, yc, shift)
        ra = ra * ea
        rb = rb * eb
        rc = rc * ec
        ga = ga + ra
        gb = gb + rb
        gc = gc + rc
        own0 = fused(ra, ea - ra, own0)
        own0 = fused(rb, eb - rb, own0)
        own1 = fused(rc, ec - rc, own1)
        cross = fused(ra, rb, cross)
        both = fused(ra + rb, rc, both)
    store_sums(found, 0, n0, n1, ia, ib)
    store_sums(found, 4, ic, ga, gb, gc)
    store_sums(found, 8, own0, own1, cross, both)
    return Sums(
        np.float64(found[0]), np.float64(found[1]), np.float64(found[2]), np.float64(found[3]),
        np.float64(found[4]), np.float64(found[5]), np.float64(found[6]), np.float64(found[7]),
        np.float64(found[8]), np.float64(found[9]), np.float64(found[10]), np.float64(found[11]),
    )  # fmt: skip


@jit
def climb(beads, hi, lo, case, found):
    """Climb to a mode of the posterior from the positions given."""
    broad = np.float32(case.broad)
    unit = _SCORE * _SCORE
    for turn in range(CLIMBS):
        peaks = three_peaks(hi, lo, case)
        sums = sum_beads(beads, peaks, broad, found)
        slope_hi = _SCORE * (sums.slope_upper + sums.slope_lower)
        slope_lo = _SCORE * sums.slope_lo
        known = _EIGHT * (peaks.upper.sharp * sums.u_upper + peaks.lower.sharp * sums.u_lower)
        away = hi - case.hi.mean
        pull = 4.0 / (3.0 * case.hi.scale * case.hi.scale + away * away)
        labelled_hi = known + pull
        slope_hi -= pull * away
        away = lo - case.lo.mean
        pull = 4.0 / (3.0 * case.lo.scale * case.lo.scale + away * away)
        labelled_lo = _EIGHT * peaks.lo.sharp * sums.u_lo + pull
        slope_lo -= pull * away
        curve_hi = labelled_hi - unit * (sums.own_hi - 2.0 * sums.cross)
        curve_lo = labelled_lo - unit * sums.own_lo
        curve_both = unit * sums.both
        det = curve_hi * curve_lo - curve_both * curve_both
        step_hi = slope_hi / labelled_hi
        step_lo = slope_lo / labelled_lo
        if curve_hi > 0.1 * labelled_hi and curve_lo > 0.1 * labelled_lo and det > 0.1 * curve_hi * curve_lo:
            newton_hi = (curve_lo * slope_hi - curve_both * slope_lo) / det
            newton_lo = (curve_hi * slope_lo - curve_both * slope_hi) / det
            if newton_hi * slope_hi + newton_lo * slope_lo >= 0.0:
                step_hi = newton_hi
                step_lo = newton_lo
        limit = STEP_EARLY if turn < 3 else STEP_LATE
        step_hi = min(limit, max(-limit, step_hi))
        step_lo = min(limit, max(-limit, step_lo))
        hi += step_hi
        lo += step_lo
        if max(abs(step_hi), abs(step_lo)) < TOLERANCE:
            break
    return Mode(
        hi, lo, curve_hi, curve_lo, curve_both, sums.beads_hi, sums.beads_lo,
        8.0 * (sums.beads_hi - sums.u_upper - sums.u_lower), 8.0 * (sums.beads_lo - sums.u_lo),
        labelled_hi, labelled_lo,
        _SCORE * (sums.slope_upper - sums.slope_lower),
        max(known - unit * (sums.own_hi + 2.0 * sums.cross), LEAST_KNOWN * known),
    )  # fmt: skip
