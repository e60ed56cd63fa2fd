# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-incomplete-defs=False
"""Compiled twins of ``mixture``: the same steps in single precision, close to the definitions but not bit-equal.

Densities of beads are float32 and their loops are vectorised; positions and integrals are float64.  Imported only
where they run, since numba takes time to load.
"""

from __future__ import annotations

import math

import numpy as np

from beadwork.kernels.accelerate import jit, run_chunks
from beadwork.kernels.mixture import (
    BIG_GRID,
    CLIMBS,
    CURVATURE_MIN,
    GRID,
    HALF_BOX,
    LOG_T3,
    MODE_GAP,
    RATIO_MAX,
    STEP_EARLY,
    STEP_LATE,
    STRAINED,
    SWAP_APART,
    SWAP_GAP,
    T7,
    TABLE_LOW,
    TABLE_STEP,
    TOLERANCE,
    BeadModel,
    PairPrior,
)  # fmt: skip

CHUNK = 4
"""Wells that one call of a kernel handles; its scratch arrays are made once for them."""
_HALF_LN2 = 0.5 * math.log(2.0)


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
    """Compiled twin of :func:`beadwork.kernels.mixture.fit_plate`; the result does not depend on `threads`."""
    largest = int((starts[:, 1:] - starts[:, :-1]).max(initial=0))
    numbers = (int(model.first_good), int(model.last_good), float(model.outliers), float(model.span), float(model.seek))
    wells = np.ascontiguousarray(wells, dtype=np.int64)
    analytes = np.ascontiguousarray(analytes, dtype=np.int64)

    def run(first: int, last: int) -> None:
        _fit_wells(
            wells[first:last], analytes, reporter, starts, prior.mean, prior.scale, model.share, model.widths,
            model.table, *numbers, largest, out,
        )  # fmt: skip

    run_chunks(run, len(wells), threads=threads, chunk=CHUNK)


@jit
def _scale_at(position, table, factor):
    at = (position - TABLE_LOW) / TABLE_STEP
    at = min(max(at, 0.0), len(table) - 1.001)
    k = int(at)
    return (table[k] * (1.0 - (at - k)) + table[k + 1] * (at - k)) * factor


@jit
def _climb(y, n, m0, m1, mean, scale, share, widths, table, outliers, span, out):
    """Climb to a mode of the posterior; out: m0 m1 h00 h11 h01 n0 n1 s0 s1 i0 i1."""
    one = np.float32(1.0)
    seventh = np.float32(1.0 / 7.0)
    broad = np.float32(outliers / span)
    for turn in range(CLIMBS):
        w0 = _scale_at(m0, table[0], widths[0])
        w1 = _scale_at(m1, table[1], widths[1])
        wide0 = 1.0 / (_HALF_LN2 * w0)
        wide1 = 1.0 / (_HALF_LN2 * w1)
        back0 = 2.0 ** (-0.5 * m0)
        back1 = 2.0 ** (-0.5 * m1)
        k0 = np.float32(wide0)
        k1 = np.float32(wide1)
        a0 = np.float32(wide0 * back0)
        a1 = np.float32(wide1 * back1)
        c0 = np.float32(share * (1.0 - outliers) * T7 / w0 * back0)
        c1 = np.float32((1.0 - share) * (1.0 - outliers) * T7 / w1 * back1)
        n0 = np.float32(0.0)
        n1 = np.float32(0.0)
        p0 = np.float32(0.0)
        p1 = np.float32(0.0)
        g0 = np.float32(0.0)
        g1 = np.float32(0.0)
        s0 = np.float32(0.0)
        s1 = np.float32(0.0)
        v00 = np.float32(0.0)
        v11 = np.float32(0.0)
        v01 = np.float32(0.0)
        for i in range(n):
            value = y[i]
            z0 = value * a0 - k0
            z1 = value * a1 - k1
            u0 = one / (one + z0 * z0 * seventh)
            u1 = one / (one + z1 * z1 * seventh)
            d0 = u0 * u0
            d1 = u1 * u1
            d0 = c0 * d0 * d0 * value
            d1 = c1 * d1 * d1 * value
            inverse = one / (d0 + d1 + broad)
            r0 = d0 * inverse
            r1 = d1 * inverse
            n0 += r0
            n1 += r1
            p0 += r0 * u0
            p1 += r1 * u1
            e0 = u0 * z0
            e1 = u1 * z1
            s0 += r0 * e0 * z0
            s1 += r1 * e1 * z1
            e0 = e0 * (z0 + k0)
            e1 = e1 * (z1 + k1)
            g0 += r0 * e0
            g1 += r1 * e1
            e0 -= np.float32(0.875)
            e1 -= np.float32(0.875)
            v00 += r0 * (one - r0) * e0 * e0
            v11 += r1 * (one - r1) * e1 * e1
            v01 += r0 * r1 * e0 * e1
        eight = 8.0 / 7.0
        b0 = _HALF_LN2 * (eight * g0 - n0)
        b1 = _HALF_LN2 * (eight * g1 - n1)
        i0 = eight * (_HALF_LN2 * wide0) ** 2 * p0
        i1 = eight * (_HALF_LN2 * wide1) ** 2 * p1
        z = m0 - mean[0]
        weight = 4.0 / (3.0 * scale[0] * scale[0] + z * z)
        i0 += weight
        b0 -= weight * z
        z = m1 - mean[1]
        weight = 4.0 / (3.0 * scale[1] * scale[1] + z * z)
        i1 += weight
        b1 -= weight * z
        unit = (eight * _HALF_LN2) ** 2
        h00 = i0 - unit * v00
        h11 = i1 - unit * v11
        h01 = unit * v01
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
        out[2] = h00
        out[3] = h11
        out[4] = h01
        out[5] = n0
        out[6] = n1
        out[7] = eight * s0
        out[8] = eight * s1
        out[9] = i0
        out[10] = i1
        if max(abs(step0), abs(step1)) < TOLERANCE:
            break
    out[0] = m0
    out[1] = m1


@jit
def _inverse_density(y, n, m0, m1, share, widths, table, outliers, span, inverse):
    """Write 1 / density of each bead at (m0, m1); return the log-likelihood."""
    one = np.float32(1.0)
    seventh = np.float32(1.0 / 7.0)
    broad = np.float32(outliers / span)
    w0 = _scale_at(m0, table[0], widths[0])
    w1 = _scale_at(m1, table[1], widths[1])
    wide0 = 1.0 / (_HALF_LN2 * w0)
    wide1 = 1.0 / (_HALF_LN2 * w1)
    back0 = 2.0 ** (-0.5 * m0)
    back1 = 2.0 ** (-0.5 * m1)
    k0 = np.float32(wide0)
    k1 = np.float32(wide1)
    a0 = np.float32(wide0 * back0)
    a1 = np.float32(wide1 * back1)
    c0 = np.float32(share * (1.0 - outliers) * T7 / w0 * back0)
    c1 = np.float32((1.0 - share) * (1.0 - outliers) * T7 / w1 * back1)
    for i in range(n):
        z0 = y[i] * a0 - k0
        z1 = y[i] * a1 - k1
        u0 = one / (one + z0 * z0 * seventh)
        u1 = one / (one + z1 * z1 * seventh)
        u0 = u0 * u0
        u1 = u1 * u1
        inverse[i] = one / ((c0 * u0 * u0 + c1 * u1 * u1) * y[i] + broad)
    total = 0.0
    product = 1.0
    for i in range(n):
        product *= inverse[i]
        if i % 16 == 15:
            total -= math.log(product)
            product = 1.0
    return total - math.log(product)


@jit
def _log_prior(position, mean, scale):
    z = (position - mean) / scale
    return LOG_T3 - 2.0 * math.log(1.0 + z * z / 3.0) - math.log(scale)


@jit
def _kernel_rows(y, n, inverse, low, step, points, part, width, table, outliers, floor, rows):
    """Densities of the beads at each grid position, over their density at the mode."""
    one = np.float32(1.0)
    seventh = np.float32(1.0 / 7.0)
    for g in range(points):
        position = low + step * g
        w = _scale_at(position, table, width)
        wide = 1.0 / (_HALF_LN2 * w)
        back = 2.0 ** (-0.5 * position)
        k = np.float32(wide)
        a = np.float32(wide * back)
        c = np.float32(part * (1.0 - outliers) * T7 / w * back)
        row = rows[g]
        for i in range(n):
            z = y[i] * a - k
            u = one / (one + z * z * seventh)
            u = u * u
            row[i] = (c * u * u * y[i] + floor) * inverse[i]


@jit
def _add_box(
    y, n, inverse, points, low0, high0, low1, high1, mean, scale, share, widths, table, outliers, span, ref0, ref1,
    weight, rows0, rows1, sums,
):  # fmt: skip
    """Add the integrals over a box of grid points to sums: 1, d0, d1, d0^2, d1^2, (hi above lo)."""
    step0 = (high0 - low0) / (points - 1)
    step1 = (high1 - low1) / (points - 1)
    broad = np.float32(outliers / span)
    for half in range(2):
        low = low0 if half == 0 else low1
        step = step0 if half == 0 else step1
        part = share if half == 0 else 1.0 - share
        floor = broad if half == 0 else np.float32(0.0)
        rows = rows0 if half == 0 else rows1
        _kernel_rows(y, n, inverse, low, step, points, part, widths[half], table[half], outliers, floor, rows)
    cell = step0 * step1 * weight / (scale[0] * scale[1])
    for a in range(points):
        at0 = low0 + step0 * a
        z = (at0 - mean[0]) / scale[0]
        prior0 = 1.0 / (1.0 + z * z / 3.0)
        prior0 = prior0 * prior0 * cell
        row0 = rows0[a]
        for b in range(points):
            at1 = low1 + step1 * b
            row1 = rows1[b]
            ratio = np.float32(1.0)
            for i in range(n):
                ratio *= row0[i] + row1[i]
            z = (at1 - mean[1]) / scale[1]
            prior1 = 1.0 / (1.0 + z * z / 3.0)
            mass = prior0 * prior1 * prior1 * ratio
            d0 = at0 - ref0
            d1 = at1 - ref1
            sums[0] += mass
            sums[1] += mass * d0
            sums[2] += mass * d1
            sums[3] += mass * d0 * d0
            sums[4] += mass * d1 * d1
            sums[5] += mass * min(1.0, max(0.0, 0.5 + (at0 - at1) / (step0 + step1)))


@jit
def _half_sides(mode):
    """Half sides of the box about a mode, from the curvature there."""
    h00 = max(mode[2], CURVATURE_MIN * mode[9])
    h11 = max(mode[3], CURVATURE_MIN * mode[10])
    tied = min(mode[4] * mode[4] / (h00 * h11), 0.9)
    return HALF_BOX / math.sqrt(h00 * (1.0 - tied)), HALF_BOX / math.sqrt(h11 * (1.0 - tied))


@jit
def _fit_pair(
    y, n, mean, scale, share, widths, table, outliers, span, seek, mode, other, third, inv_mode, inv_other, inv_third,
    rows0, rows1, sums, out,
):  # fmt: skip
    """Posterior of the two positions of one analyte in one well; see ``mixture.fit_pair``."""
    like = 0.0
    best = 0.0
    like_other = 0.0
    best_other = 0.0
    found = 0
    lost = False
    for start in range(4):
        if start == 0:
            b0 = mean[0]
            b1 = mean[1]
        elif start == 1:
            gap = best - like - _log_prior(mode[1], mean[0], scale[0]) - _log_prior(mode[0], mean[1], scale[1])
            gap += (mode[5] - mode[6]) * math.log(share / max(1.0 - share, 1e-9))
            if not lost and gap > SWAP_GAP and abs(mode[0] - mode[1]) > SWAP_APART:
                continue
            b0 = mode[1]
            b1 = mode[0]
        elif not lost:
            break
        else:
            b0 = 2.0 * math.log2(y[int(n * (0.33 if start == 2 else 0.67))])
            b1 = 2.0 * math.log2(y[int(n * (0.84 if start == 2 else 0.16))])
        _climb(y, n, b0, b1, mean, scale, share, widths, table, outliers, span, third)
        if start == 0:
            explained = third[5] + third[6]
            lost = n > 0 and (explained < seek * n or third[7] + third[8] > STRAINED * explained)
        elif abs(third[0] - mode[0]) + abs(third[1] - mode[1]) < 0.01:
            continue
        value = _inverse_density(y, n, third[0], third[1], share, widths, table, outliers, span, inv_third)
        total = value + _log_prior(third[0], mean[0], scale[0]) + _log_prior(third[1], mean[1], scale[1])
        if found == 0 or total > best:
            like_other = like
            best_other = best
            like = value
            best = total
            for k in range(11):
                other[k] = mode[k]
                mode[k] = third[k]
            for i in range(n):
                inv_other[i] = inv_mode[i]
                inv_mode[i] = inv_third[i]
            found += 1
        elif found == 1 or total > best_other:
            like_other = value
            best_other = total
            for k in range(11):
                other[k] = third[k]
            for i in range(n):
                inv_other[i] = inv_third[i]
            found += 1
    sums[:] = 0.0
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
    if found > 1 and best_other > best - MODE_GAP:
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
    inverse = inv_mode
    for box in range(2 if apart else 1):
        if box == 1:
            points = GRID
            weight = math.exp(like_other - like)
            inverse = inv_other
            low0 = other[0] - far0
            high0 = other[0] + far0
            low1 = other[1] - far1
            high1 = other[1] + far1
        _add_box(
            y, n, inverse, points, low0, high0, low1, high1, mean, scale, share, widths, table, outliers, span,
            mode[0], mode[1], weight, rows0, rows1, sums,
        )  # fmt: skip
    if not (sums[0] > 0.0 and sums[0] < RATIO_MAX):  # the climb ended far from any mode: its curvature must do
        sums[:] = 0.0
        sums[0] = 1.0
        sums[3] = 1.0 / mode[9]
        sums[4] = 1.0 / mode[10]
        sums[5] = 0.5
    d0 = sums[1] / sums[0]
    d1 = sums[2] / sums[0]
    out[0] = mode[0] + d0
    out[1] = mode[1] + d1
    out[2] = math.sqrt(max(sums[3] / sums[0] - d0 * d0, 1e-8))
    out[3] = math.sqrt(max(sums[4] / sums[0] - d1 * d1, 1e-8))
    out[4] = sums[5] / sums[0]
    out[5] = like + math.log(sums[0]) + 2.0 * LOG_T3
    for k in range(4):
        out[6 + k] = mode[5 + k]


@jit
def _fit_wells(
    wells, analytes, reporter, starts, mean, scale, share, widths, table, first_good, last_good, outliers, span,
    seek, largest, out,
):  # fmt: skip
    y = np.empty(largest + 1, np.float32)
    inv_mode = np.empty(largest + 1, np.float32)
    inv_other = np.empty(largest + 1, np.float32)
    inv_third = np.empty(largest + 1, np.float32)
    rows0 = np.empty((BIG_GRID, largest + 1), np.float32)
    rows1 = np.empty((BIG_GRID, largest + 1), np.float32)
    mode = np.zeros(11)
    other = np.zeros(11)
    third = np.zeros(11)
    sums = np.zeros(6)
    for w in wells:
        for a in analytes:
            begin = starts[w, a]
            end = starts[w, a + 1]
            while begin < end and reporter[begin] < first_good:
                begin += 1
            while end > begin and reporter[end - 1] > last_good:
                end -= 1
            n = end - begin
            for i in range(n):
                y[i] = math.sqrt(np.float32(reporter[begin + i]))
            out[w, a, 10] = n
            _fit_pair(
                y, n, mean[w, a], scale[w, a], share[a], widths[a], table, outliers, span, seek, mode, other, third,
                inv_mode, inv_other, inv_third, rows0, rows1, sums, out[w, a],
            )  # fmt: skip
