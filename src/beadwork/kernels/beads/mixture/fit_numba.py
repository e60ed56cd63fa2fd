# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-incomplete-defs=False
"""Compiled twin of ``fit``: the same steps in single precision, close to the definition but not bit-equal.

Imported only where it runs, since numba takes time to load.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from beadwork.kernels.beads.grouping import GroupedBeads
from beadwork.kernels.beads.mixture.box import BIG_GRID, GRID
from beadwork.kernels.beads.mixture.box_numba import Box, Integrals, half_sides, integrate_box, make_buffers
from beadwork.kernels.beads.mixture.climb_numba import Mode, climb
from beadwork.kernels.beads.mixture.densities import LOG_T3, BeadModel, PairPrior
from beadwork.kernels.beads.mixture.densities_numba import (
    HALF_LN2,
    Beads,
    Case,
    Gene,
    log_likelihood,
    log_prior,
    three_peaks,
)
from beadwork.kernels.beads.mixture.fit import (
    COLUMN,
    MODE_GAP,
    RATIO_MAX,
    SAME_MODE,
    STRAINED,
    SWAP_APART,
    SWAP_GAP,
    UNEVEN,
)
from beadwork.kernels.numeric.jit import jit
from beadwork.kernels.numeric.lanes_numba import LANES
from beadwork.kernels.numeric.threads import run_chunks

CHUNK = 4
"""Wells that one call of a kernel handles; its buffers are made once for them."""


class Wanted(NamedTuple):
    """What is wanted of a fit; see ``BeadModel``."""

    seek: float
    learn: bool
    modes_only: bool


class Found(NamedTuple):
    """A mode that a climb found, with its log-likelihood and log posterior."""

    mode: Mode
    log_like: float
    log_posterior: float


def fit_plate(
    beads: GroupedBeads,
    wells: np.ndarray,
    analytes: np.ndarray,
    prior: PairPrior,
    model: BeadModel,
    out: np.ndarray,
    *,
    threads: int = 1,
) -> None:
    """Compiled twin of :func:`beadwork.kernels.beads.mixture.fit.fit_plate`, for ``out`` in single precision.

    The result does not depend on `threads`.
    """
    wells = np.ascontiguousarray(wells, dtype=np.int64)
    analytes = np.ascontiguousarray(analytes, dtype=np.int64)
    prior = PairPrior(*(np.ascontiguousarray(x) for x in prior))
    share, widths, split = (np.ascontiguousarray(x) for x in (model.share, model.widths, model.split))
    model = BeadModel(
        model.table, share, widths, split, float(model.outliers), int(model.first_good), int(model.last_good),
        float(model.span), float(model.seek), bool(model.learn), bool(model.modes_only),
    )  # fmt: skip
    largest = int((beads.starts[:, 1:] - beads.starts[:, :-1]).max(initial=0))

    def run(first: int, last: int) -> None:
        _fit_wells(wells[first:last], beads, analytes, prior, model, largest, out)

    run_chunks(run, len(wells), threads=threads, chunk=CHUNK)


@jit
def _found(mode, beads, case, buffer):
    """Give a mode with its likelihood and posterior."""
    log_like = log_likelihood(beads, mode.hi, mode.lo, case, buffer)
    return Found(mode, log_like, log_like + log_prior(mode.hi, mode.lo, case))


@jit
def _find_modes(beads, case, seek, buffer):
    """Climb from several starts: the best mode, the second best, and how many were found."""
    y, n = beads.y, beads.n
    mode = climb(beads, case.hi.mean, case.lo.mean, case, buffer)
    explained = mode.beads_hi + mode.beads_lo
    uneven = mode.beads_hi - case.share * explained
    lost = n > 0 and (
        explained < seek * n
        or mode.square_hi + mode.square_lo > STRAINED * explained
        or uneven * uneven > UNEVEN * UNEVEN * case.share * (1.0 - case.share) * explained
    )
    best = _found(mode, beads, case, buffer)
    other = best
    modes = 1
    for start in range(1, 4):
        mode = best.mode
        if start == 1:
            gap = best.log_posterior - best.log_like - log_prior(mode.lo, mode.hi, case)
            gap += (mode.beads_hi - mode.beads_lo) * case.log_ratio
            if not lost and gap > SWAP_GAP and abs(mode.hi - mode.lo) > SWAP_APART:
                continue
            hi = mode.lo
            lo = mode.hi
        elif not lost:
            break
        else:
            hi = 2.0 * math.log2(y[int(n * (0.33 if start == 2 else 0.67))])
            lo = 2.0 * math.log2(y[int(n * (0.84 if start == 2 else 0.16))])
        third = climb(beads, hi, lo, case, buffer)
        if abs(third.hi - mode.hi) + abs(third.lo - mode.lo) < SAME_MODE:
            continue
        found = _found(third, beads, case, buffer)
        if found.log_posterior > best.log_posterior:
            other = best
            best = found
            modes += 1
        elif modes == 1 or found.log_posterior > other.log_posterior:
            other = found
            modes += 1
    return best, other, modes


@jit
def _integrate(beads, best, other, modes, case, buffers):
    """Integrals about the best modes: in one box if they run into each other, else each in its own."""
    mode, second = best.mode, other.mode
    side_hi, side_lo = half_sides(mode)
    low_hi, high_hi = mode.hi - side_hi, mode.hi + side_hi
    low_lo, high_lo = mode.lo - side_lo, mode.lo + side_lo
    tied = mode.curve_both * mode.curve_both > 0.5 * mode.curve_hi * mode.curve_lo
    hard = tied or mode.curve_hi < 0.3 * mode.labelled_hi or mode.curve_lo < 0.3 * mode.labelled_lo
    apart = False
    far_hi, far_lo = 0.0, 0.0
    if modes > 1 and other.log_posterior > best.log_posterior - MODE_GAP:
        far_hi, far_lo = half_sides(second)
        if abs(mode.hi - second.hi) < side_hi + far_hi and abs(mode.lo - second.lo) < side_lo + far_lo:
            hard = True
            low_hi, high_hi = min(low_hi, second.hi - far_hi), max(high_hi, second.hi + far_hi)
            low_lo, high_lo = min(low_lo, second.lo - far_lo), max(high_lo, second.lo + far_lo)
        else:
            apart = True
    box = Box(low_hi, high_hi, low_lo, high_lo, BIG_GRID if hard else GRID)
    sums = integrate_box(beads, box, three_peaks(mode.hi, mode.lo, case), 1.0, mode, case, buffers)
    if not apart:
        return sums
    box = Box(second.hi - far_hi, second.hi + far_hi, second.lo - far_lo, second.lo + far_lo, GRID)
    weight = math.exp(other.log_like - best.log_like)
    more = integrate_box(beads, box, three_peaks(second.hi, second.lo, case), weight, mode, case, buffers)
    return Integrals(
        sums.mass + more.mass, sums.distance_hi + more.distance_hi, sums.distance_lo + more.distance_lo,
        sums.square_hi + more.square_hi, sums.square_lo + more.square_lo, sums.above + more.above,
    )  # fmt: skip


@jit
def _fit_pair(beads, case, wanted, buffers, out):
    """Posterior of the two positions of one analyte in one well; see ``fit.fit_pair``."""
    best, other, modes = _find_modes(beads, case, wanted.seek, buffers.found)
    mode = best.mode
    for column in range(len(out)):
        out[column] = np.nan
    out[COLUMN.beads_hi] = mode.beads_hi
    out[COLUMN.beads_lo] = mode.beads_lo
    out[COLUMN.square_hi] = mode.square_hi
    out[COLUMN.square_lo] = mode.square_lo
    out[COLUMN.n_good] = beads.n
    if wanted.learn:
        out[COLUMN.split_slope] = mode.split_slope
        out[COLUMN.split_known] = mode.split_known
    if wanted.modes_only:
        out[COLUMN.hi] = mode.hi
        out[COLUMN.lo] = mode.lo
        return
    sums = _integrate(beads, best, other, modes, case, buffers)
    if not (sums.mass > 0.0 and sums.mass < RATIO_MAX):  # the climb ended far from any mode: its curvature must do
        root = math.sqrt(mode.labelled_hi * mode.labelled_lo)
        mass = math.exp(best.log_posterior - best.log_like - 2.0 * LOG_T3) * 2.0 * math.pi / root
        sums = Integrals(mass, 0.0, 0.0, mass / mode.labelled_hi, mass / mode.labelled_lo, mass * 0.5)
    shift_hi = sums.distance_hi / sums.mass
    shift_lo = sums.distance_lo / sums.mass
    out[COLUMN.hi] = mode.hi + shift_hi
    out[COLUMN.lo] = mode.lo + shift_lo
    out[COLUMN.sd_hi] = math.sqrt(max(sums.square_hi / sums.mass - shift_hi * shift_hi, 1e-8))
    out[COLUMN.sd_lo] = math.sqrt(max(sums.square_lo / sums.mass - shift_lo * shift_lo, 1e-8))
    out[COLUMN.hi_above] = sums.above / sums.mass
    out[COLUMN.evidence] = best.log_like + math.log(sums.mass) + 2.0 * LOG_T3


@jit
def _fit_wells(wells, grouped, analytes, prior, model, largest, out):
    """Fit all hypotheses in some wells; no group of beads is larger than `largest`."""
    reporter, starts, mean, scale = grouped.reporter, grouped.starts, prior.mean, prior.scale
    buffers = make_buffers(largest)
    y = buffers.y
    table = model.table.copy()  # threads that count references to one array get in each other's way
    outliers, first_good, last_good = model.outliers, model.first_good, model.last_good
    wanted = Wanted(model.seek, model.learn, model.modes_only)
    broad = np.float64(np.float32(outliers / model.span))
    log_broad = math.log(broad)
    for h in range(len(analytes)):
        share, split = model.share[h], model.split[h]
        width_hi, width_lo = model.widths[h, 0], model.widths[h, 1]
        subpopulation = 0.5 * share * (1.0 - outliers)
        rest = (1.0 - share) * (1.0 - outliers)
        lean = math.exp(-HALF_LN2 * split)
        log_ratio = math.log(share / max(1.0 - share, 1e-9))
        for w in wells:
            begin = starts[w, analytes[h]]
            end = starts[w, analytes[h] + 1]
            while begin < end and reporter[begin] < first_good:
                begin += 1
            while end > begin and reporter[end - 1] > last_good:
                end -= 1
            n = end - begin
            for i in range(n):
                y[i] = math.sqrt(np.float32(reporter[begin + i]))
            for i in range(LANES):  # a bead of no intensity counts for nothing
                y[n + i] = 0.0
            hi = Gene(mean[w, h, 0], scale[w, h, 0], width_hi)
            lo = Gene(mean[w, h, 1], scale[w, h, 1], width_lo)
            case = Case(
                hi, lo, share, subpopulation, rest, split, lean, broad, log_broad, math.log(hi.scale * lo.scale),
                log_ratio, table,
            )  # fmt: skip
            _fit_pair(Beads(y, n, (n + LANES - 1) // LANES), case, wanted, buffers, out[w, h])
