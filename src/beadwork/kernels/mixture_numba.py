# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False, disallow-incomplete-defs=False
"""Compiled twins of ``mixture``: the same steps in single precision, close to the definitions but not bit-equal.

Densities of beads are float32 and their loops are vectorised without reordering any sum: sums over beads run in LANES
partial sums side by side, products over beads run side by side for the points of a grid.  Positions and integrals are
float64.  Imported only where they run, since numba takes time to load.
"""

from __future__ import annotations

import math

import numpy as np

from beadwork.kernels.accelerate import jit
from beadwork.kernels.mixture import (
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
from beadwork.kernels.threads import run_chunks

CHUNK = 4
"""Wells that one call of a kernel handles; its scratch arrays are made once for them."""
LANES = 16
"""Partial sums side by side, as many as a vector unit may hold."""
MEAN, SCALE, SHARE, WIDTH, SPLIT, OUTLIERS, SPAN = 0, 2, 4, 5, 7, 8, 9
"""Where `case`, all that a fit is told of its genes, has them; mean, scale and width: hi, then lo."""
_HALF_LN2 = 0.5 * math.log(2.0)
_EIGHT = 8.0 / 7.0
_N_COLUMNS = len(COLUMNS)
_ONE, _SEVENTH = np.float32(1.0), np.float32(1.0 / 7.0)


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
def _set_peak(position, table, factor, part, constants, g):
    """Constants of a peak's density, c y / (1 + z^2/7)^4 with z = y a - k, as column g: a, k, c."""
    at = (position - TABLE_LOW) / TABLE_STEP
    at = min(max(at, 0.0), len(table) - 1.001)
    step = int(at)
    width = (table[step] * (1.0 - (at - step)) + table[step + 1] * (at - step)) * factor
    wide = 1.0 / (_HALF_LN2 * width)
    back = 2.0 ** (-0.5 * position)
    constants[0, g] = wide * back
    constants[1, g] = wide
    constants[2, g] = part * T7 / width * back
    return (_HALF_LN2 * wide) ** 2


@jit
def _set_peaks(m0, m1, case, table, peaks, shape):
    """Constants of the three peaks as columns of `peaks`; `shape` gets (ln2/2 wide)^2 of each."""
    half = 0.5 * case[SHARE] * (1.0 - case[OUTLIERS])
    shape[0] = _set_peak(m0 + case[SPLIT], table, case[WIDTH], half, peaks, 0)
    shape[1] = _set_peak(m0 - case[SPLIT], table, case[WIDTH], half, peaks, 1)
    shape[2] = _set_peak(m1, table, case[WIDTH + 1], (1.0 - case[SHARE]) * (1.0 - case[OUTLIERS]), peaks, 2)


@jit
def _bend(value, slope, centre):
    """Place a bead in a peak: its z, and 1 / (1 + z^2/7)."""
    z = value * slope - centre
    return z, _ONE / (_ONE + z * z * _SEVENTH)


@jit
def _sum_beads(y, blocks, lane_count, peaks, broad, lanes):
    """Sum over beads what a step needs, in `lane_count` partial sums each; beads of no intensity add nothing."""
    shift = np.float32(0.875)
    aa, ab, ac = peaks[0, 0], peaks[0, 1], peaks[0, 2]
    ka, kb, kc = peaks[1, 0], peaks[1, 1], peaks[1, 2]
    ca, cb, cc = peaks[2, 0], peaks[2, 1], peaks[2, 2]
    lanes[:] = np.float32(0.0)
    for block in range(blocks):
        base = block * lane_count
        for j in range(lane_count):
            value = y[base + j]
            za, ua = _bend(value, aa, ka)
            zb, ub = _bend(value, ab, kb)
            zc, uc = _bend(value, ac, kc)
            da = ua * ua
            db = ub * ub
            dc = uc * uc
            da = ca * da * da * value
            db = cb * db * db * value
            dc = cc * dc * dc * value
            inverse = _ONE / (da + db + dc + broad)
            ra = da * inverse
            rb = db * inverse
            rc = dc * inverse
            ea = ua * za
            eb = ub * zb
            ec = uc * zc
            lanes[0, j] += ra + rb
            lanes[1, j] += rc
            lanes[2, j] += ra * ua
            lanes[3, j] += rb * ub
            lanes[4, j] += rc * uc
            lanes[5, j] += ra * ea * za + rb * eb * zb
            lanes[6, j] += rc * ec * zc
            ea = ea * (za + ka) - shift
            eb = eb * (zb + kb) - shift
            ec = ec * (zc + kc) - shift
            ga = ra * ea + rb * eb
            gc = rc * ec
            lanes[7, j] += ga
            lanes[8, j] += gc
            lanes[9, j] += ra * ea * ea + rb * eb * eb - ga * ga
            lanes[10, j] += gc * ec - gc * gc
            lanes[11, j] += ga * gc


@jit
def _climb(y, n, m0, m1, case, table, peaks, shape, lanes, total, out):
    """Climb to a mode of the posterior; out: m0 m1 h00 h11 h01 n0 n1 s0 s1 i0 i1."""
    broad = np.float32(case[OUTLIERS] / case[SPAN])
    blocks = (n + LANES - 1) // LANES
    unit = (_EIGHT * _HALF_LN2) ** 2
    for turn in range(CLIMBS):
        _set_peaks(m0, m1, case, table, peaks, shape)
        _sum_beads(y, blocks, lanes.shape[1], peaks, broad, lanes)
        for k in range(12):
            total[k] = 0.0
            for j in range(LANES):
                total[k] += lanes[k, j]
        b0 = _HALF_LN2 * _EIGHT * total[7]
        b1 = _HALF_LN2 * _EIGHT * total[8]
        i0 = _EIGHT * (shape[0] * total[2] + shape[1] * total[3])
        i1 = _EIGHT * shape[2] * total[4]
        z = m0 - case[MEAN]
        pull = 4.0 / (3.0 * case[SCALE] * case[SCALE] + z * z)
        i0 += pull
        b0 -= pull * z
        z = m1 - case[MEAN + 1]
        pull = 4.0 / (3.0 * case[SCALE + 1] * case[SCALE + 1] + z * z)
        i1 += pull
        b1 -= pull * z
        h00 = i0 - unit * total[9]
        h11 = i1 - unit * total[10]
        h01 = unit * total[11]
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
    out[5] = total[0]
    out[6] = total[1]
    out[7] = _EIGHT * total[5]
    out[8] = _EIGHT * total[6]
    out[9] = i0
    out[10] = i1


@jit
def _split_score(y, n, m0, m1, case, table, peaks, shape, out):
    """Slope of the log-likelihood by the split and the information on it, as columns 11 and 12 of out."""
    shift = np.float32(0.875)
    broad = np.float32(case[OUTLIERS] / case[SPAN])
    _set_peaks(m0, m1, case, table, peaks, shape)
    slope = 0.0
    labelled = 0.0
    hidden = 0.0
    for i in range(n):
        value = y[i]
        za, ua = _bend(value, peaks[0, 0], peaks[1, 0])
        zb, ub = _bend(value, peaks[0, 1], peaks[1, 1])
        _, uc = _bend(value, peaks[0, 2], peaks[1, 2])
        da = peaks[2, 0] * (ua * ua) * (ua * ua) * value
        db = peaks[2, 1] * (ub * ub) * (ub * ub) * value
        dc = peaks[2, 2] * (uc * uc) * (uc * uc) * value
        inverse = _ONE / (da + db + dc + broad)
        ra = da * inverse
        rb = db * inverse
        ea = ua * za * (za + peaks[1, 0]) - shift
        eb = ub * zb * (zb + peaks[1, 1]) - shift
        signed = ra * ea - rb * eb
        slope += signed
        labelled += shape[0] * ra * ua + shape[1] * rb * ub
        hidden += ra * ea * ea + rb * eb * eb - signed * signed
    out[11] = _EIGHT * _HALF_LN2 * slope
    labelled *= _EIGHT
    out[12] = max(labelled - (_EIGHT * _HALF_LN2) ** 2 * hidden, LEAST_KNOWN * labelled)


@jit
def _inverse_density(y, n, m0, m1, case, table, peaks, shape, inverse):
    """Write 1 / density of each bead at (m0, m1); return the log-likelihood."""
    broad = np.float32(case[OUTLIERS] / case[SPAN])
    _set_peaks(m0, m1, case, table, peaks, shape)
    aa, ab, ac = peaks[0, 0], peaks[0, 1], peaks[0, 2]
    ka, kb, kc = peaks[1, 0], peaks[1, 1], peaks[1, 2]
    ca, cb, cc = peaks[2, 0], peaks[2, 1], peaks[2, 2]
    for i in range(n):
        _, ua = _bend(y[i], aa, ka)
        _, ub = _bend(y[i], ab, kb)
        _, uc = _bend(y[i], ac, kc)
        ua = ua * ua
        ub = ub * ub
        uc = uc * uc
        inverse[i] = _ONE / ((ca * ua * ua + cb * ub * ub + cc * uc * uc) * y[i] + broad)
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
def _fill_rows(y, n, inverse, points, broad, upper, lower, other, rows0, rows1):
    """Densities of the beads (rows) at each grid position (columns), over their density at the mode."""
    for i in range(n):
        value = y[i]
        scale = value * inverse[i]
        floor = broad * inverse[i]
        for g in range(points):
            _, ua = _bend(value, upper[0, g], upper[1, g])
            _, ub = _bend(value, lower[0, g], lower[1, g])
            _, uc = _bend(value, other[0, g], other[1, g])
            ua = ua * ua
            ub = ub * ub
            uc = uc * uc
            rows0[i, g] = (upper[2, g] * ua * ua + lower[2, g] * ub * ub) * scale + floor
            rows1[i, g] = other[2, g] * uc * uc * scale


@jit
def _products(rows0, rows1, n, points, ratio):
    """Likelihood at each grid point relative to the mode: products over beads, eight lines of the grid at a time."""
    for first in range(0, points, 8):
        part = ratio[first : first + 8]
        for a in range(8):
            for b in range(points):
                part[a, b] = np.float32(1.0)
        for i in range(n):
            h0, h1, h2, h3 = rows0[i, first], rows0[i, first + 1], rows0[i, first + 2], rows0[i, first + 3]
            h4, h5, h6, h7 = rows0[i, first + 4], rows0[i, first + 5], rows0[i, first + 6], rows0[i, first + 7]
            for b in range(points):
                lo = rows1[i, b]
                part[0, b] *= h0 + lo
                part[1, b] *= h1 + lo
                part[2, b] *= h2 + lo
                part[3, b] *= h3 + lo
                part[4, b] *= h4 + lo
                part[5, b] *= h5 + lo
                part[6, b] *= h6 + lo
                part[7, b] *= h7 + lo


@jit
def _add_box(
    y, n, inverse, points, low0, high0, low1, high1, case, table, ref0, ref1, weight, upper, lower, other, rows0, rows1,
    ratio, line, sums,
):  # fmt: skip
    """Add the integrals over a box of grid points to sums: 1, d0, d1, d0^2, d1^2, (hi above lo)."""
    step0 = (high0 - low0) / (points - 1)
    step1 = (high1 - low1) / (points - 1)
    half = 0.5 * case[SHARE] * (1.0 - case[OUTLIERS])
    rest = (1.0 - case[SHARE]) * (1.0 - case[OUTLIERS])
    for g in range(points):
        _set_peak(low0 + step0 * g + case[SPLIT], table, case[WIDTH], half, upper, g)
        _set_peak(low0 + step0 * g - case[SPLIT], table, case[WIDTH], half, lower, g)
        _set_peak(low1 + step1 * g, table, case[WIDTH + 1], rest, other, g)
    _fill_rows(y, n, inverse, points, np.float32(case[OUTLIERS] / case[SPAN]), upper, lower, other, rows0, rows1)
    _products(rows0, rows1, n, points, ratio)
    # line: prior of the lo gene, and sums down the columns of the box
    for b in range(points):
        z = (low1 + step1 * b - case[MEAN + 1]) / case[SCALE + 1]
        line[0, b] = 1.0 / ((1.0 + z * z / 3.0) * (1.0 + z * z / 3.0))
        for k in range(1, 5):
            line[k, b] = 0.0
    cell = step0 * step1 * weight / (case[SCALE] * case[SCALE + 1])
    wide = 1.0 / (step0 + step1)
    for a in range(points):
        z = (low0 + step0 * a - case[MEAN]) / case[SCALE]
        prior0 = cell / ((1.0 + z * z / 3.0) * (1.0 + z * z / 3.0))
        d0 = low0 + step0 * a - ref0
        above = 0.5 + (low0 + step0 * a - low1) * wide
        for b in range(points):
            mass = prior0 * line[0, b] * ratio[a, b]
            line[1, b] += mass
            line[2, b] += mass * d0
            line[3, b] += mass * (d0 * d0)
            line[4, b] += mass * min(1.0, max(0.0, above - step1 * wide * b))
    for b in range(points):
        d1 = low1 + step1 * b - ref1
        sums[0] += line[1, b]
        sums[1] += line[2, b]
        sums[2] += line[1, b] * d1
        sums[3] += line[3, b]
        sums[4] += line[1, b] * d1 * d1
        sums[5] += line[4, b]


@jit
def _half_sides(mode):
    """Half sides of the box about a mode, from the curvature there."""
    h00 = max(mode[2], CURVATURE_MIN * mode[9])
    h11 = max(mode[3], CURVATURE_MIN * mode[10])
    tied = min(mode[4] * mode[4] / (h00 * h11), 0.9)
    return HALF_BOX / math.sqrt(h00 * (1.0 - tied)), HALF_BOX / math.sqrt(h11 * (1.0 - tied))


@jit
def _fit_pair(
    y, n, case, table, seek, learn, modes_only, mode, other, third, inv_mode, inv_other, inv_third, rows0, rows1, ratio,
    peaks, upper, lower, lo_peaks, shape, lanes, total, line, sums, out,
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
            b0 = case[MEAN]
            b1 = case[MEAN + 1]
        elif start == 1:
            gap = best - like - _log_prior(mode[1], case[MEAN], case[SCALE])
            gap -= _log_prior(mode[0], case[MEAN + 1], case[SCALE + 1])
            gap += (mode[5] - mode[6]) * math.log(case[SHARE] / max(1.0 - case[SHARE], 1e-9))
            if not lost and gap > SWAP_GAP and abs(mode[0] - mode[1]) > SWAP_APART:
                continue
            b0 = mode[1]
            b1 = mode[0]
        elif not lost:
            break
        else:
            b0 = 2.0 * math.log2(y[int(n * (0.33 if start == 2 else 0.67))])
            b1 = 2.0 * math.log2(y[int(n * (0.84 if start == 2 else 0.16))])
        _climb(y, n, b0, b1, case, table, peaks, shape, lanes, total, third)
        if start == 0:
            explained = third[5] + third[6]
            lost = n > 0 and (explained < seek * n or third[7] + third[8] > STRAINED * explained)
        elif abs(third[0] - mode[0]) + abs(third[1] - mode[1]) < 0.01:
            continue
        value = _inverse_density(y, n, third[0], third[1], case, table, peaks, shape, inv_third)
        posterior = value + _log_prior(third[0], case[MEAN], case[SCALE])
        posterior += _log_prior(third[1], case[MEAN + 1], case[SCALE + 1])
        if found == 0 or posterior > best:
            like_other = like
            best_other = best
            like = value
            best = posterior
            for k in range(11):
                other[k] = mode[k]
                mode[k] = third[k]
            for i in range(n):
                inv_other[i] = inv_mode[i]
                inv_mode[i] = inv_third[i]
            found += 1
        elif found == 1 or posterior > best_other:
            like_other = value
            best_other = posterior
            for k in range(11):
                other[k] = third[k]
            for i in range(n):
                inv_other[i] = inv_third[i]
            found += 1
    for k in range(_N_COLUMNS):
        out[k] = np.nan
    for k in range(4):
        out[6 + k] = mode[5 + k]
    out[10] = n
    if learn:
        _split_score(y, n, mode[0], mode[1], case, table, peaks, shape, out)
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
    sums[:] = 0.0
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
            y, n, inverse, points, low0, high0, low1, high1, case, table, mode[0], mode[1], weight, upper, lower,
            lo_peaks, rows0, rows1, ratio, line, sums,
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


@jit
def _fit_wells(
    wells, analytes, reporter, starts, mean, scale, share, widths, split, table, first_good, last_good, outliers, span,
    seek, learn, modes_only, largest, out,
):  # fmt: skip
    y = np.zeros(largest + LANES, np.float32)
    inv_mode = np.empty(largest + 1, np.float32)
    inv_other = np.empty(largest + 1, np.float32)
    inv_third = np.empty(largest + 1, np.float32)
    rows0 = np.empty((largest + 1, BIG_GRID), np.float32)
    rows1 = np.empty((largest + 1, BIG_GRID), np.float32)
    ratio = np.empty((BIG_GRID, BIG_GRID), np.float32)
    peaks = np.zeros((3, 3), np.float32)
    upper = np.zeros((3, BIG_GRID), np.float32)
    lower = np.zeros((3, BIG_GRID), np.float32)
    lo_peaks = np.zeros((3, BIG_GRID), np.float32)
    lanes = np.zeros((12, LANES), np.float32)
    line = np.zeros((5, BIG_GRID))
    mode = np.zeros(11)
    other = np.zeros(11)
    third = np.zeros(11)
    total = np.zeros(12)
    shape = np.zeros(3)
    sums = np.zeros(6)
    case = np.zeros(10)
    fitted = np.zeros(_N_COLUMNS)
    own_table = table.copy()  # threads that count references to one array get in each other's way
    case[OUTLIERS] = outliers
    case[SPAN] = span
    for w in wells:
        for s in range(len(analytes)):
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
                case[WIDTH + c] = widths[s, c]
            case[SHARE] = share[s]
            case[SPLIT] = split[s]
            _fit_pair(
                y, n, case, own_table, seek, learn, modes_only, mode, other, third, inv_mode, inv_other, inv_third,
                rows0, rows1, ratio, peaks, upper, lower, lo_peaks, shape, lanes, total, line, sums, fitted,
            )  # fmt: skip
            for k in range(_N_COLUMNS):
                out[w, s, k] = fitted[k]
