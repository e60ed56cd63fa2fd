# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-incomplete-defs=False
"""Compiled twins of ``mixture``: the same steps in single precision, close to the definitions but not bit-equal.

Beads are taken sixteen at a time, in single precision, as :mod:`beadwork.kernels.numeric.lanes`: sums and products
run side by side and are joined in a fixed order.  The last lanes are filled up with beads of no intensity, which belong
to no peak.
Positions are float64.  With z' = z / sqrt(7) = a y + k and u = 1 / (1 + z'^2), the score of a labelled bead is
ln2/2 8 (u z' a y - 1/8), and u z^2 = 7 (1 - u).  Imported only where they run, since numba takes time to load.
"""

from __future__ import annotations

import math

import numpy as np

from beadwork.kernels.beads.mixture import (
    BIG_GRID,
    CLIMBS,
    COLUMNS,
    CURVATURE_MIN,
    GRID,
    HALF_BOX,
    LEAST_KNOWN,
    LOG_T3,
    MODE_GAP,
    RATIO_MAX,
    SAME_MODE,
    STEP_EARLY,
    STEP_LATE,
    STRAINED,
    SWAP_APART,
    SWAP_GAP,
    T7,
    TABLE_LOW,
    TABLE_STEP,
    TOLERANCE,
    UNEVEN,
    BeadModel,
    PairPrior,
)  # fmt: skip
from beadwork.kernels.numeric.jit import jit
from beadwork.kernels.numeric.lanes_numba import (
    LANES,
    fused,
    least,
    load,
    most,
    natural_log,
    scratch,
    spread,
    store,
    store_products,
    store_sums,
)
from beadwork.kernels.numeric.threads import run_chunks

CHUNK = 4
"""Wells that one call of a kernel handles; its scratch arrays are made once for them."""
MEAN, SCALE, WIDTH, SHARE, LOT, REST, SPLIT, LEAN = 0, 2, 4, 6, 7, 8, 9, 10
BROAD, LOG_BROAD, LOG_SCALES, LOG_RATIO = 11, 12, 13, 14
"""Where `case`, all that a fit knows of its genes, has them; mean, scale and width: hi, then lo; lot and rest are the
shares of all beads that are in one lot of the hi gene, and of the lo gene; lean is 2^(-split/2), broad the density of
outliers, ratio that of hi to lo beads."""
PEAK = 3
"""So many constants has a peak: a, k and c; with a bead's y, z' = y a + k, and its density is c y u^4."""
_HALF_LN2 = 0.5 * math.log(2.0)
_SCORE = 8.0 * _HALF_LN2
_EIGHT = 8.0 / 7.0
_WIDE = 1.0 / (_HALF_LN2 * math.sqrt(7.0))
_N_COLUMNS = len(COLUMNS)
_ZERO, _ONE, _SHIFT, _HUGE = np.float32(0.0), np.float32(1.0), np.float32(-0.125), np.float32(3e38)


def fit_plate(
    reporter: np.ndarray,
    starts: np.ndarray,
    wells: np.ndarray,
    analytes: np.ndarray,
    prior: PairPrior,
    model: BeadModel,
    out: np.ndarray,
    *,
    threads: int = 1,
) -> None:
    """Compiled twin of :func:`beadwork.kernels.beads.mixture.fit_plate`, for ``out`` in single precision.

    The result does not depend on `threads`.
    """
    largest = int((starts[:, 1:] - starts[:, :-1]).max(initial=0))
    numbers = (int(model.first_good), int(model.last_good), float(model.outliers), float(model.span), float(model.seek))
    wanted = (bool(model.learn), bool(model.modes_only))
    wells = np.ascontiguousarray(wells, dtype=np.int64)
    analytes = np.ascontiguousarray(analytes, dtype=np.int64)
    mean, scale = (np.ascontiguousarray(x) for x in prior)
    share, widths, split = (np.ascontiguousarray(x) for x in (model.share, model.widths, model.split))

    def run(first: int, last: int) -> None:
        _fit_wells(
            wells[first:last], analytes, reporter, starts, mean, scale, share, widths, split, model.table, *numbers,
            *wanted, largest, out,
        )  # fmt: skip

    run_chunks(run, len(wells), threads=threads, chunk=CHUNK)


@jit
def _width(position, table, factor):
    """Width of a peak."""
    place = (position - TABLE_LOW) / TABLE_STEP
    place = min(max(place, 0.0), len(table) - 1.001)
    step = int(place)
    return (table[step] * (1.0 - (place - step)) + table[step + 1] * (place - step)) * factor


@jit
def _set_peak(position, back, table, factor, part, peaks, at):
    """Constants a, k, c of a peak, from `at`; back is 2^(-position/2).  Returns (ln2/2 wide)^2."""
    inverse = 1.0 / _width(position, table, factor)
    peaks[at] = _WIDE * inverse * back
    peaks[at + 1] = -_WIDE * inverse
    peaks[at + 2] = part * T7 * inverse * back
    return inverse * inverse


@jit
def _set_peaks(m0, m1, case, table, peaks, shape):
    """Constants of the three peaks; `shape` gets (ln2/2 wide)^2 of each."""
    back = math.exp(-_HALF_LN2 * m0)
    shape[0] = _set_peak(m0 + case[SPLIT], back * case[LEAN], table, case[WIDTH], case[LOT], peaks, 0)
    shape[1] = _set_peak(m0 - case[SPLIT], back / case[LEAN], table, case[WIDTH], case[LOT], peaks, PEAK)
    back = math.exp(-_HALF_LN2 * m1)
    shape[2] = _set_peak(m1, back, table, case[WIDTH + 1], case[REST], peaks, 2 * PEAK)


@jit
def _bend(za, zb, zc):
    """1 / (1 + z'^2) of three peaks, by one division."""
    one = spread(_ONE)
    qa = fused(za, za, one)
    qb = fused(zb, zb, one)
    qc = fused(zc, zc, one)
    both = qa * qb
    inverse = one / (both * qc)
    third = qc * inverse
    return qb * third, qa * third, both * inverse


@jit
def _fourth(u):
    """Fourth power."""
    square = u * u
    return square * square


@jit
def _sum_beads(y, blocks, peaks, broad, sums):
    """Sum over beads what a step needs."""
    shift, outside = spread(_SHIFT), spread(broad)
    aa, ab, ac = spread(peaks[0]), spread(peaks[3]), spread(peaks[6])
    ka, kb, kc = spread(peaks[1]), spread(peaks[4]), spread(peaks[7])
    ca, cb, cc = spread(peaks[2]), spread(peaks[5]), spread(peaks[8])
    n0 = n1 = ia = ib = ic = ga = gb = gc = own0 = own1 = lots = both = spread(_ZERO)
    for block in range(blocks):
        value = load(y, block * LANES)
        ya = value * aa
        yb = value * ab
        yc = value * ac
        za = ya + ka
        zb = yb + kb
        zc = yc + kc
        ua, ub, uc = _bend(za, zb, zc)
        da = ca * _fourth(ua)
        db = cb * _fourth(ub)
        dc = cc * _fourth(uc)
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
        lots = fused(ra, rb, lots)
        both = fused(ra + rb, rc, both)
    store_sums(sums, 0, n0, n1, ia, ib)
    store_sums(sums, 4, ic, ga, gb, gc)
    store_sums(sums, 8, own0, own1, lots, both)


@jit
def _climb(y, blocks, m0, m1, case, table, peaks, shape, found, sums, out):
    """Climb to a mode of the posterior; out: m0 m1 h00 h11 h01 n0 n1 s0 s1 i0 i1, slope and information of the split.

    All but the position are of the last step's start.
    """
    broad = np.float32(case[BROAD])
    unit = _SCORE * _SCORE
    for turn in range(CLIMBS):
        _set_peaks(m0, m1, case, table, peaks, shape)
        _sum_beads(y, blocks, peaks, broad, found)
        for k in range(12):
            sums[k] = found[k]
        b0 = _SCORE * (sums[5] + sums[6])
        b1 = _SCORE * sums[7]
        lots = _EIGHT * (shape[0] * sums[2] + shape[1] * sums[3])
        z = m0 - case[MEAN]
        pull = 4.0 / (3.0 * case[SCALE] * case[SCALE] + z * z)
        i0 = lots + pull
        b0 -= pull * z
        z = m1 - case[MEAN + 1]
        pull = 4.0 / (3.0 * case[SCALE + 1] * case[SCALE + 1] + z * z)
        i1 = _EIGHT * shape[2] * sums[4] + pull
        b1 -= pull * z
        h00 = i0 - unit * (sums[8] - 2.0 * sums[10])
        h11 = i1 - unit * sums[9]
        h01 = unit * sums[11]
        det = h00 * h11 - h01 * h01
        step0 = b0 / i0
        step1 = b1 / i1
        if h00 > 0.1 * i0 and h11 > 0.1 * i1 and det > 0.1 * h00 * h11:
            newton0 = (h11 * b0 - h01 * b1) / det
            newton1 = (h00 * b1 - h01 * b0) / det
            if newton0 * b0 + newton1 * b1 >= 0.0:
                step0 = newton0
                step1 = newton1
        limit = STEP_EARLY if turn < 3 else STEP_LATE
        step0 = min(limit, max(-limit, step0))
        step1 = min(limit, max(-limit, step1))
        m0 += step0
        m1 += step1
        if max(abs(step0), abs(step1)) < TOLERANCE:
            break
    out[0] = m0
    out[1] = m1
    out[2] = h00
    out[3] = h11
    out[4] = h01
    out[5] = sums[0]
    out[6] = sums[1]
    out[7] = 8.0 * (sums[0] - sums[2] - sums[3])
    out[8] = 8.0 * (sums[1] - sums[4])
    out[9] = i0
    out[10] = i1
    out[11] = _SCORE * (sums[5] - sums[6])
    out[12] = max(lots - unit * (sums[8] + 2.0 * sums[10]), LEAST_KNOWN * lots)


@jit
def _density(value, peaks, outside):
    """Density of beads."""
    ua, ub, uc = _bend(
        fused(value, spread(peaks[0]), spread(peaks[1])),
        fused(value, spread(peaks[3]), spread(peaks[4])),
        fused(value, spread(peaks[6]), spread(peaks[7])),
    )
    peak = spread(peaks[8]) * _fourth(uc)
    peak = fused(spread(peaks[2]), _fourth(ua), fused(spread(peaks[5]), _fourth(ub), peak))
    return fused(peak, value, outside)


@jit
def _log_like(y, n, m0, m1, case, table, peaks, shape, found):
    """Log-likelihood of the positions."""
    blocks = (n + LANES - 1) // LANES
    run = max(1, int(-69.0 / case[LOG_BROAD]))  # so many densities may be multiplied
    outside = spread(np.float32(case[BROAD]))
    _set_peaks(m0, m1, case, table, peaks, shape)
    value = spread(_ZERO)
    for first in range(0, blocks, run):
        product = spread(_ONE)
        for block in range(first, min(first + run, blocks)):
            product = product * _density(load(y, block * LANES), peaks, outside)
        value = value + natural_log(product)
    store_sums(found, 0, value, value, value, value)
    return found[0] - (blocks * LANES - n) * case[LOG_BROAD]


@jit
def _log_prior(m0, m1, case):
    """Log density of the prior of both positions."""
    z0 = (m0 - case[MEAN]) / case[SCALE]
    z1 = (m1 - case[MEAN + 1]) / case[SCALE + 1]
    both = (1.0 + z0 * z0 / 3.0) * (1.0 + z1 * z1 / 3.0)
    return 2.0 * LOG_T3 - 2.0 * math.log(both) - case[LOG_SCALES]


@jit
def _set_grid(low, step, back, down, shift, table, factor, part, points, grid, at):
    """Constants of a peak at the points of one side of a box, shifted: a, k and c in lanes.

    back is 2^(-position/2) at the first, and down that factor for a step.
    """
    for g in range(points):
        grid[at + g] = _width(low + step * g + shift, table, factor)
        grid[at + LANES + g] = back
        back *= down
    inverse = spread(_ONE) / load(grid, at)
    backs = load(grid, at + LANES)
    store(grid, at, inverse * backs * spread(np.float32(_WIDE)))
    store(grid, at + LANES, inverse * spread(np.float32(-_WIDE)))
    store(grid, at + 2 * LANES, inverse * backs * spread(np.float32(part * T7)))


@jit
def _fill_rows(y, blocks, points, peaks, grid, broad, rows):
    """Densities of beads over their density in `peaks`, by grid point: hi gene and outliers, then lo gene."""
    upper, lower, other = 0, PEAK * LANES, 2 * PEAK * LANES
    outside = spread(broad)
    for block in range(blocks):
        value = load(y, block * LANES)
        inverse = spread(_ONE) / _density(value, peaks, outside)
        scale = value * inverse
        floor = outside * inverse
        for g in range(points):
            ua, ub, uc = _bend(
                fused(value, spread(grid[upper + g]), spread(grid[upper + LANES + g])),
                fused(value, spread(grid[lower + g]), spread(grid[lower + LANES + g])),
                fused(value, spread(grid[other + g]), spread(grid[other + LANES + g])),
            )
            hi = spread(grid[upper + 2 * LANES + g]) * _fourth(ua)
            hi = fused(spread(grid[lower + 2 * LANES + g]), _fourth(ub), hi)
            lo = spread(grid[other + 2 * LANES + g]) * _fourth(uc)
            store(rows, (2 * points * block + g) * LANES, fused(hi, scale, floor))
            store(rows, (2 * points * block + points + g) * LANES, lo * scale)


@jit
def _products(rows, blocks, points, ratio):
    """Likelihood at each grid point over that in `peaks`: products over beads, four points at a time."""
    for a in range(0, points, 2):
        for b in range(0, points, 2):
            p00 = p01 = p10 = p11 = spread(_ONE)
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
def _prior(place, low, step, mean, scale):
    """Prior of a position at the points of one side of a box, over that at its mean."""
    z = fused(place, spread(np.float32(step / scale)), spread(np.float32((low - mean) / scale)))
    z = fused(z * z, spread(np.float32(1.0 / 3.0)), spread(_ONE))
    return spread(_ONE) / (z * z)


@jit
def _add_box(
    y, blocks, points, low0, high0, low1, high1, case, table, mode, weight, peaks, shape, grid, rows, ratio, count,
    found, sums,
):  # fmt: skip
    """Add the integrals over a box of grid points to sums: 1, d0, d1, d0^2, d1^2, (hi above lo).

    Likelihoods are relative to the positions that `peaks` stands for, distances d to those of `mode`; `count` has 0, 1,
    2 ..., which are the points along the lo gene's side, in lanes.
    """
    step0 = (high0 - low0) / (points - 1)
    step1 = (high1 - low1) / (points - 1)
    lean, split, lot = case[LEAN], case[SPLIT], case[LOT]
    back = math.exp(-_HALF_LN2 * low0)
    down = math.exp(-_HALF_LN2 * step0)
    _set_grid(low0, step0, back * lean, down, split, table, case[WIDTH], lot, points, grid, 0)
    _set_grid(low0, step0, back / lean, down, -split, table, case[WIDTH], lot, points, grid, PEAK * LANES)
    back = math.exp(-_HALF_LN2 * low1)
    down = math.exp(-_HALF_LN2 * step1)
    _set_grid(low1, step1, back, down, 0.0, table, case[WIDTH + 1], case[REST], points, grid, 2 * PEAK * LANES)
    _fill_rows(y, blocks, points, peaks, grid, np.float32(case[BROAD]), rows)
    _products(rows, blocks, points, ratio)
    place = load(count, 0)
    there = least(spread(_ONE), most(spread(_ZERO), spread(np.float32(points)) - place))
    prior1 = there * _prior(place, low1, step1, case[MEAN + 1], case[SCALE + 1])
    store(grid, 0, _prior(place, low0, step0, case[MEAN], case[SCALE]))
    wide = 1.0 / (step0 + step1)
    order = fused(place, spread(np.float32(-step1 * wide)), spread(np.float32(0.5 + (low0 - low1) * wide)))
    s = s0 = s00 = above = spread(_ZERO)
    for a in range(points):
        d0 = low0 + step0 * a - mode[0]
        mass = least(load(ratio, a * LANES), spread(_HUGE)) * prior1 * spread(grid[a])
        s = s + mass
        s0 = fused(mass, spread(np.float32(d0)), s0)
        s00 = fused(mass, spread(np.float32(d0 * d0)), s00)
        hi_above = order + spread(np.float32(step0 * wide * a))
        above = fused(mass, least(spread(_ONE), most(spread(_ZERO), hi_above)), above)
    d1 = fused(place, spread(np.float32(step1)), spread(np.float32(low1 - mode[1])))
    cell = step0 * step1 * weight / (case[SCALE] * case[SCALE + 1])
    store_sums(found, 0, s, s0, s * d1, s00)
    store_sums(found, 4, s * d1 * d1, above, s, s)
    for k in range(6):
        sums[k] += cell * found[k]


@jit
def _half_sides(mode):
    """Half sides of the box about a mode, from the curvature there."""
    h00 = max(mode[2], CURVATURE_MIN * mode[9])
    h11 = max(mode[3], CURVATURE_MIN * mode[10])
    tied = min(mode[4] * mode[4] / (h00 * h11), 0.9)
    return HALF_BOX / math.sqrt(h00 * (1.0 - tied)), HALF_BOX / math.sqrt(h11 * (1.0 - tied))


@jit
def _fit_pair(
    y, n, case, table, seek, learn, modes_only, mode, other, third, peaks, shape, grid, rows, ratio, count,
    found, sums, out,
):  # fmt: skip
    """Posterior of the two positions of one analyte in one well; see ``mixture.fit_pair``."""
    blocks = (n + LANES - 1) // LANES
    like = 0.0
    best = 0.0
    like_other = 0.0
    best_other = 0.0
    modes = 0
    lost = False
    for start in range(4):
        if start == 0:
            b0 = case[MEAN]
            b1 = case[MEAN + 1]
        elif start == 1:
            gap = best - like - _log_prior(mode[1], mode[0], case) + (mode[5] - mode[6]) * case[LOG_RATIO]
            if not lost and gap > SWAP_GAP and abs(mode[0] - mode[1]) > SWAP_APART:
                continue
            b0 = mode[1]
            b1 = mode[0]
        elif not lost:
            break
        else:
            b0 = 2.0 * math.log2(y[int(n * (0.33 if start == 2 else 0.67))])
            b1 = 2.0 * math.log2(y[int(n * (0.84 if start == 2 else 0.16))])
        _climb(y, blocks, b0, b1, case, table, peaks, shape, found, sums, third)
        if start == 0:
            explained = third[5] + third[6]
            uneven = third[5] - case[SHARE] * explained
            lost = n > 0 and (
                explained < seek * n
                or third[7] + third[8] > STRAINED * explained
                or uneven * uneven > UNEVEN * UNEVEN * case[SHARE] * (1.0 - case[SHARE]) * explained
            )
        elif abs(third[0] - mode[0]) + abs(third[1] - mode[1]) < SAME_MODE:
            continue
        value = _log_like(y, n, third[0], third[1], case, table, peaks, shape, found)
        posterior = value + _log_prior(third[0], third[1], case)
        if modes == 0 or posterior > best:
            like_other = like
            best_other = best
            like = value
            best = posterior
            for k in range(13):
                other[k] = mode[k]
                mode[k] = third[k]
            modes += 1
        elif modes == 1 or posterior > best_other:
            like_other = value
            best_other = posterior
            for k in range(13):
                other[k] = third[k]
            modes += 1
    for k in range(_N_COLUMNS):
        out[k] = np.nan
    for k in range(4):
        out[6 + k] = mode[5 + k]
    out[10] = n
    if learn:
        out[11] = mode[11]
        out[12] = mode[12]
    if modes_only:
        out[0] = mode[0]
        out[1] = mode[1]
        return
    side0, side1 = _half_sides(mode)
    low0 = mode[0] - side0
    high0 = mode[0] + side0
    low1 = mode[1] - side1
    high1 = mode[1] + side1
    tied = mode[4] * mode[4] > 0.5 * mode[2] * mode[3]
    far0 = 0.0
    far1 = 0.0
    hard = tied or mode[2] < 0.3 * mode[9] or mode[3] < 0.3 * mode[10]
    apart = False
    if modes > 1 and best_other > best - MODE_GAP:
        far0, far1 = _half_sides(other)
        if abs(mode[0] - other[0]) < side0 + far0 and abs(mode[1] - other[1]) < side1 + far1:
            hard = True
            low0 = min(low0, other[0] - far0)
            high0 = max(high0, other[0] + far0)
            low1 = min(low1, other[1] - far1)
            high1 = max(high1, other[1] + far1)
        else:
            apart = True
    points = BIG_GRID if hard else GRID
    weight = 1.0
    sums[:] = 0.0
    _set_peaks(mode[0], mode[1], case, table, peaks, shape)
    for box in range(2 if apart else 1):
        if box == 1:
            points = GRID
            weight = math.exp(like_other - like)
            _set_peaks(other[0], other[1], case, table, peaks, shape)
            low0 = other[0] - far0
            high0 = other[0] + far0
            low1 = other[1] - far1
            high1 = other[1] + far1
        _add_box(
            y, blocks, points, low0, high0, low1, high1, case, table, mode, weight, peaks, shape, grid, rows, ratio,
            count, found, sums,
        )  # fmt: skip
    if not (sums[0] > 0.0 and sums[0] < RATIO_MAX):  # the climb ended far from any mode: its curvature must do
        sums[:] = 0.0
        sums[0] = math.exp(best - like - 2.0 * LOG_T3) * 2.0 * math.pi / math.sqrt(mode[9] * mode[10])
        sums[3] = sums[0] / mode[9]
        sums[4] = sums[0] / mode[10]
        sums[5] = sums[0] * 0.5
    d0 = sums[1] / sums[0]
    d1 = sums[2] / sums[0]
    out[0] = mode[0] + d0
    out[1] = mode[1] + d1
    out[2] = math.sqrt(max(sums[3] / sums[0] - d0 * d0, 1e-8))
    out[3] = math.sqrt(max(sums[4] / sums[0] - d1 * d1, 1e-8))
    out[4] = sums[5] / sums[0]
    out[5] = like + math.log(sums[0]) + 2.0 * LOG_T3


@jit
def _fit_wells(
    wells, analytes, reporter, starts, mean, scale, share, widths, split, table, first_good, last_good, outliers, span,
    seek, learn, modes_only, largest, out,
):  # fmt: skip
    y = scratch(largest + LANES)
    rows = scratch(2 * BIG_GRID * (largest + LANES))
    ratio = scratch(BIG_GRID * LANES)
    peaks = scratch(3 * PEAK)
    grid = scratch(3 * PEAK * LANES)
    found = scratch(12)
    count = scratch(LANES)
    for k in range(LANES):
        count[k] = k
    mode = np.zeros(13)
    other = np.zeros(13)
    third = np.zeros(13)
    shape = np.zeros(3)
    sums = np.zeros(12)
    case = np.zeros(15)
    own_table = table.copy()  # threads that count references to one array get in each other's way
    case[BROAD] = np.float32(outliers / span)
    case[LOG_BROAD] = math.log(case[BROAD])
    for s in range(len(analytes)):
        for c in range(2):
            case[WIDTH + c] = widths[s, c]
        case[SHARE] = share[s]
        case[LOT] = 0.5 * share[s] * (1.0 - outliers)
        case[REST] = (1.0 - share[s]) * (1.0 - outliers)
        case[SPLIT] = split[s]
        case[LEAN] = math.exp(-_HALF_LN2 * split[s])
        case[LOG_RATIO] = math.log(share[s] / max(1.0 - share[s], 1e-9))
        for w in wells:
            begin = starts[w, analytes[s]]
            end = starts[w, analytes[s] + 1]
            while begin < end and reporter[begin] < first_good:
                begin += 1
            while end > begin and reporter[end - 1] > last_good:
                end -= 1
            n = end - begin
            for i in range(n):
                y[i] = math.sqrt(np.float32(reporter[begin + i]))
            for i in range(LANES):  # a bead of no intensity counts for nothing
                y[n + i] = 0.0
            for c in range(2):
                case[MEAN + c] = mean[w, s, c]
                case[SCALE + c] = scale[w, s, c]
            case[LOG_SCALES] = math.log(scale[w, s, 0] * scale[w, s, 1])
            _fit_pair(
                y, n, case, own_table, seek, learn, modes_only, mode, other, third, peaks, shape, grid, rows, ratio,
                count, found, sums, out[w, s],
            )  # fmt: skip
