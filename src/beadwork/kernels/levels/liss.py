"""LISS: scaling of a well by its ten calibrators (invariant-set scaling of the Connectivity Map), in log2.

Ten control analytes CAL01..CAL10 measure transcripts whose expression hardly varies, at ten levels.  A smooth curve
through the well's calibrators, fitted by a power law to the platform's reference levels, translates the well's log2
intensities to reference levels:

1. Points: y_0 = max(1st percentile of the well, 1); y_1..y_10 = max(log2 CAL, 0); y_11 = y_12 = 0, two anchors.
2. Curve: a robust local linear smoother of y on the reference levels x (two are offered, see below).
3. Fit: x ~ a * c^b + k by least squares over the first eleven points, c = max(curve, 1).
4. Scale: a * max(lx, 1)^b + k of all log2 intensities lx of the bead set, kept within [0, 15].

Smoother ``cmap`` is the official one.  Each of its windows has three effective points for two parameters, so it soon
interpolates, its residuals fall to units of rounding, and rounding then decides whether the robust weights apply.
To agree with official files it therefore follows their order of operations to the last bit: nothing here may be fused,
reordered or handed to a linear-algebra library.  Smoother ``stable`` is a plain local line without robust weights,
linear in the points, so that no rounding can sway it; it leaves the anchors out.

Arrays hold wells in the last axis.  Sources: l1ktools and cmapM of the Connectivity Map, BSD-3-Clause;
Cleveland 1979, doi 10.2307/2286407, for the smoother.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beadwork.kernels.numeric.elementary import arctan, exp, exp2, expm1, log, log2, log10, power
from beadwork.kernels.numeric.percentiles import hazen_percentile, hazen_position
from beadwork.kernels.numeric.ranks import mean_ranks

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

N_CALIBRATORS = 10
N_ANCHORS = 2
WINDOW = 4
ROBUST_PASSES = 5
MIN_FI = 2.0**-52
ROUNDING = 2.0**-52
CLIP_STEP = 1e-4
STABLE_SPAN = 5

_LN2 = math.log(2)
_EPSILON_LEVELS = (
    4.3219, 5.1293, 5.8989, 6.9109, 7.9208, 8.7097, 9.7448, 10.6169, 11.3459, 12.0601, 12.4597, 12.6328, 12.8443,
)  # fmt: skip
# (1 - (d / D)^3)^1.5 of the windows of the levels above, rounded correctly after d / D, after the cube and after the
# power, but for one that is a unit lower in the official output (window 10, point 11: 0x1.c2dbdd3f23765p-1).
_EPSILON_TRICUBE = (
    ("0x1.0000000000000p+0", "0x1.e8e25b7d44aaap-1", "0x1.5ca58e93e860dp-1", "0x0.0p+0"),
    ("0x1.ba3541740b129p-1", "0x1.0000000000000p+0", "0x1.c35c1889695a7p-1", "0x0.0p+0"),
    ("0x0.0p+0", "0x1.a9629f72af0f3p-1", "0x1.0000000000000p+0", "0x1.431bc84c947f4p-1"),
    ("0x0.0p+0", "0x1.79e758e6eac43p-1", "0x1.0000000000000p+0", "0x1.7ab1b9280dd4bp-1"),
    ("0x1.835869f501d7bp-1", "0x1.0000000000000p+0", "0x1.c32312d35294ap-1", "0x0.0p+0"),
    ("0x0.0p+0", "0x1.c099bb684aba2p-1", "0x1.0000000000000p+0", "0x1.74df02ddb6483p-1"),
    ("0x1.3f34f8e49127dp-1", "0x1.0000000000000p+0", "0x1.890c70cc74884p-1", "0x0.0p+0"),
    ("0x1.6042559bde5d2p-1", "0x1.0000000000000p+0", "0x1.a047119e1bc70p-1", "0x0.0p+0"),
    ("0x1.388c4708959f2p-1", "0x1.0000000000000p+0", "0x1.43832e1f6057ap-1", "0x0.0p+0"),
    ("0x0.0p+0", "0x1.0000000000000p+0", "0x1.7f8eac8f895fep-1", "0x1.593770a607f0ep-2"),
    ("0x0.0p+0", "0x1.0000000000000p+0", "0x1.c2dbdd3f23765p-1", "0x1.2486943c96fa8p-5"),
    ("0x0.0p+0", "0x1.eaf0c370e576cp-1", "0x1.0000000000000p+0", "0x1.d9cf1fff68c98p-1"),
    ("0x0.0p+0", "0x1.a8217f51adee0p-1", "0x1.f101f5b5d790ep-1", "0x1.0000000000000p+0"),
)

Smoother = Literal["cmap", "stable"]


class Windows(NamedTuple):
    """Neighbourhoods of the calibration points, which depend on the reference levels alone."""

    starts: NDArray[np.intp]
    """First point of each window, shape (points,)."""
    distances: Floats
    """Abscissa of each point of a window less that of its centre, shape (points, WINDOW)."""
    tricube: Floats
    """Square roots of the tricube weights, shape (points, WINDOW)."""


class PowerFit(NamedTuple):
    """Reference level = level + slope * ((c / center)^b - 1) / b, per well; at b = 0 the fraction is ln(c / center).

    The same curve as a * c^b + k, but it stays exact where b is small and a is huge.
    """

    b: Floats
    slope: Floats
    level: Floats
    log_center: Floats
    sse: Floats
    sst: Floats

    @property
    def a(self) -> Floats:
        """Factor in a * c^b + k (infinite at b = 0)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.slope * exp(-self.b * self.log_center) / self.b

    @property
    def k(self) -> Floats:
        """Offset in a * c^b + k (infinite at b = 0)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.level - self.slope / self.b


class LissResult(NamedTuple):
    """One bead set of a plate after LISS; wells in the last axis."""

    scaled: Floats
    """Scaled log2 values of the features that were given; 0 in failed wells."""
    points: Floats
    """Calibration points y, shape (13, wells)."""
    curve: Floats
    """Smoothed curve at the reference levels, shape (13, wells), or (11, wells) from the stable smoother."""
    fit: PowerFit
    qc_slope: Floats
    qc_f_logp: Floats
    qc_iqr: Floats
    failed: Bools
    """Wells that cannot be scaled: NaN, infinity or more than one exact zero in the curve (stable: in the points), or
    a flat curve."""


def liss(
    features: Floats,
    calibrators: Floats,
    reference: Floats,
    *,
    smoother: Smoother = "cmap",
    max_level: float = 15.0,
) -> LissResult:
    """Scale the wells of one bead set by their calibrators.

    Parameters
    ----------
    features
        Linear FI of everything that is scaled and that percentiles and clipping ranks run over, shape
        (features, wells).  Official plates have the 500 analytes of the bead set here: 489 genes, the analyte of the
        missing gene, and the calibrators once more.
    calibrators
        Linear FI of CAL01..CAL10, shape (10, wells); NaN where a calibrator is missing, which fails the well.
    reference
        Reference log2 levels, shape (13,), ascending.
    smoother
        ``cmap`` or ``stable``, see the module.
    max_level
        Scaled values reach this at most (and 1e-4 more per value beyond it, which keeps their order).
    """
    lx = log2_intensity(features)
    points = calibration_points(features, calibrators)
    n_fit = len(reference) - N_ANCHORS
    if smoother == "cmap":
        with np.errstate(all="ignore"):
            curve = smooth_cmap(points, make_windows(reference))
        zeros = curve == 0
    else:
        curve = smooth_stable(points, reference)
        zeros = points[:n_fit] == 0
    clipped = np.maximum(curve[:n_fit], 1.0)
    failed = ~np.isfinite(curve).all(axis=0) | (zeros.sum(axis=0) > 1) | (np.ptp(clipped, axis=0) == 0)
    good = np.flatnonzero(~failed)

    fit = PowerFit(*(np.full(len(failed), np.nan) for _ in PowerFit._fields))
    scaled = np.zeros(lx.shape)
    slope, f_logp, iqr = (np.full(len(failed), np.nan) for _ in range(3))
    if len(good):
        found = fit_power(clipped[:, good], reference[:n_fit])
        for whole, part in zip(fit, found, strict=True):
            whole[good] = part
        scaled[:, good] = clip_scaled(apply_power(found, np.maximum(lx[:, good], 1.0)), max_level)
        slope[good] = curve_slope(clipped[:, good], reference[:n_fit])
        f_logp[good] = f_test_logp(found, n_fit)
        iqr[good] = exp2(hazen_percentile(scaled[:, good], 75) - hazen_percentile(scaled[:, good], 25))
    return LissResult(scaled, points, curve, fit, slope, f_logp, iqr, failed)


# ---- points --------------------------------------------------------------------------------------------------------


def log2_intensity(intensities: Floats) -> Floats:
    """log2(max(FI, 2^-52)); NaN stays NaN."""
    return log2(np.maximum(intensities, MIN_FI))


def log2_by_parts(values: Floats) -> Floats:
    """log2 as e + ln(f) / ln 2 with value = f * 2^e and 0.5 <= f < 1, in the C library's logarithm.

    The curve of :func:`smooth_cmap` depends on the last bit of its input; a vectorised log2 may round otherwise.
    """
    flat = np.ascontiguousarray(values, dtype=np.float64).ravel()
    result = np.empty(flat.shape)
    for position, value in enumerate(flat.tolist()):
        fraction, exponent = math.frexp(value)
        result[position] = exponent + math.log(fraction) / _LN2 if value == value else math.nan
    return result.reshape(values.shape)


def calibration_points(features: Floats, calibrators: Floats) -> Floats:
    """Points y of the calibration curve: noise floor, ten calibrators, two anchors at 0; shape (13, wells)."""
    positive = np.maximum(features, MIN_FI)
    below, above, share = hazen_position(len(positive), 1)
    low, high = log2_by_parts(np.partition(positive, [below, above], axis=0)[[below, above]])
    points = np.zeros((1 + N_CALIBRATORS + N_ANCHORS, positive.shape[1]))
    points[0] = np.maximum(low + share * (high - low), 1.0)
    points[1 : 1 + N_CALIBRATORS] = np.maximum(log2_by_parts(np.maximum(calibrators, MIN_FI)), 0.0)
    return points


# ---- smoothers -----------------------------------------------------------------------------------------------------


def make_windows(reference: Floats) -> Windows:
    """Windows of the four nearest points; for the epsilon reference the exact weights of the official output."""
    abscissae = (reference + reference[0]) + 1.0
    nearest = np.sort(np.argsort(np.abs(abscissae[:, None] - abscissae), axis=1, kind="stable")[:, :WINDOW], axis=1)
    starts = nearest[:, 0]
    distances = abscissae[nearest] - abscissae[:, None]
    if reference.tolist() == list(_EPSILON_LEVELS):
        tricube = np.array([[float.fromhex(item) for item in row] for row in _EPSILON_TRICUBE])
    else:
        share = np.abs(distances) / np.abs(distances).max(axis=1, keepdims=True)
        tricube = power(1.0 - power(share, 3), 1.5)
    return Windows(starts, distances, tricube)


def smooth_cmap(points: Floats, windows: Windows) -> Floats:
    """Official smoother: local line over four points, five robust passes whose scale is the window's own median.

    Weights of a robust pass: tricube times max(1 - (r / 6m)^2, 0), r the window's residuals of the pass before and m
    the median of their four sizes, where m exceeds the rounding of the largest value; elsewhere tricube alone.
    """
    threshold = np.abs(points).max(axis=0) * ROUNDING
    curve = _local_lines(points, windows, None)
    for _ in range(ROBUST_PASSES):
        residuals = np.abs(points - curve)
        robust = np.ones((len(points), WINDOW, points.shape[1]))
        for number, start in enumerate(windows.starts):
            local = residuals[start : start + WINDOW]
            ordered = np.sort(local, axis=0)
            median = (ordered[1] + ordered[2]) / 2
            ratio = local / (6 * median)
            robust[number] = np.where(median > threshold, np.maximum(1 - ratio * ratio, 0.0), 1.0)
        curve = _local_lines(points, windows, robust)
    return curve


def smooth_stable(points: Floats, reference: Floats) -> Floats:
    """Local line over the five nearest of the eleven points without anchors, tricube weights, no robust passes.

    Being linear in the points, with weights that depend on the reference alone, it passes on noise without ever
    amplifying it.  It equals ``statsmodels.nonparametric.lowess`` with ``frac=5/11, it=0``.
    """
    curve = np.zeros((len(reference) - N_ANCHORS, points.shape[1]))
    # no matrix product: a BLAS may round differently with the number of wells or threads
    for weights, point in zip(stable_operator(reference).T, points, strict=False):
        curve += weights[:, None] * point
    return curve


def stable_operator(reference: Floats) -> Floats:
    """Matrix (11, 11) that turns points into the smoothed curve of :func:`smooth_stable`."""
    x = reference[: len(reference) - N_ANCHORS]
    operator = np.zeros((len(x), len(x)))
    for number, center in enumerate(x):
        distance = x - center
        size = np.abs(distance)
        near = np.argsort(size, kind="stable")[:STABLE_SPAN]
        weights = np.zeros(len(x))
        weights[near] = power(1 - power(size[near] / size[near].max(), 3), 3)
        weights /= weights.sum()
        center_of = sum((weights * distance).tolist())  # no product of BLAS, which sums as its processor likes
        offset = distance - center_of
        operator[number] = weights * (1 - center_of * offset / sum((weights * offset**2).tolist()))
    return operator


def _local_lines(points: Floats, windows: Windows, robust: Floats | None) -> Floats:
    """Find the intercepts of the weighted local lines of all windows, shape (points, wells)."""
    curve = np.empty(points.shape)
    for number, start in enumerate(windows.starts):
        weights = np.broadcast_to(windows.tricube[number][:, None], (WINDOW, points.shape[1]))
        if robust is not None:
            weights = weights * robust[number]
        curve[number] = _line_intercept(weights, windows.distances[number], points[start : start + WINDOW])
    return curve


def _line_intercept(weights: Floats, distances: Floats, values: Floats) -> Floats:
    """Intercept of weights * [1, distance] against weights * value by Householder QR, step by step as LAPACK does."""
    first = weights
    second = weights * distances[:, None]
    target = weights * values
    r00, reflector, tau = _householder(first)
    second, target = _reflect(reflector, tau, second), _reflect(reflector, tau, target)
    r11, reflector, tau = _householder(second[1:])
    rest = _reflect(reflector, tau, target[1:])
    slope = rest[0] / r11
    result: Floats = (target[0] - second[0] * slope) / r00
    return result


def _householder(column: Floats) -> tuple[Floats, Floats, Floats]:
    """Reflection that turns a column into (beta, 0, ...): beta, v (without its leading 1) and tau."""
    alpha, rest = column[0], column[1:]
    scale, ssq = np.zeros(alpha.shape), np.ones(alpha.shape)
    for item in np.abs(rest):
        larger = scale < item
        up, down = scale / item, item / scale
        ssq = np.where(larger, 1 + ssq * (up * up), np.where(item != 0, ssq + down * down, ssq))
        scale = np.where(larger, item, scale)
    norm = scale * np.sqrt(ssq)
    size = np.abs(alpha)
    wide, narrow = np.maximum(size, norm), np.minimum(size, norm)
    ratio = narrow / wide
    beta = -np.copysign(np.where(narrow == 0, wide, wide * np.sqrt(1 + ratio * ratio)), alpha)
    nothing = norm == 0
    tau = np.where(nothing, 0.0, (beta - alpha) / beta)
    reflector = np.where(nothing, 0.0, rest * (1 / (alpha - beta)))
    return np.where(nothing, alpha, beta), reflector, tau


def _reflect(reflector: Floats, tau: Floats, column: Floats) -> Floats:
    """Apply a reflection to a column, summing from the last row up."""
    total = reflector[-1] * column[-1]
    for v, item in zip(reflector[-2::-1], column[-2:0:-1], strict=True):
        total = total + v * item
    total = total + column[0]
    step = tau * total
    return np.concatenate([(column[0] - step)[None], column[1:] - step * reflector])


# ---- power fit -----------------------------------------------------------------------------------------------------

_B_GRID = np.concatenate([np.arange(-20.0, -4, 0.5), np.arange(-4.0, 6, 0.125), np.arange(6.0, 20.25, 0.5)])
_GOLDEN = (math.sqrt(5) - 1) / 2
_GOLDEN_STEPS = 40


def fit_power(curve: Floats, reference: Floats) -> PowerFit:
    """Least squares of reference ~ a * curve^b + k: the global optimum over b in [-20, 20].

    For given b the model is linear, and the best b is the one of largest squared correlation between curve^b and the
    reference: searched on a grid, then refined by golden section.

    Parameters
    ----------
    curve
        Shape (points, wells), all >= 1, no column constant.
    reference
        Shape (points,).
    """
    logs = log(curve)
    log_center = logs.mean(axis=0)
    logs = logs - log_center
    target = (reference - reference.mean())[:, None]
    sst = float((target**2).sum())

    def correlation(b: Floats) -> Floats:
        u = box_cox(logs, b)
        u -= u.mean(axis=0)
        result: Floats = (u * target).sum(axis=0) ** 2 / (u * u).sum(axis=0)
        return result

    n_wells = curve.shape[1]
    scores = np.stack([correlation(np.full(n_wells, b)) for b in _B_GRID])
    best = scores.argmax(axis=0)
    low, high = _B_GRID[np.maximum(best - 1, 0)], _B_GRID[np.minimum(best + 1, len(_B_GRID) - 1)]
    inner, outer = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    score_inner, score_outer = correlation(inner), correlation(outer)
    for _ in range(_GOLDEN_STEPS):
        left = score_inner > score_outer
        low, high = np.where(left, low, inner), np.where(left, outer, high)
        new = np.where(left, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        score_new = correlation(new)
        inner, outer = np.where(left, new, outer), np.where(left, inner, new)
        score_inner, score_outer = np.where(left, score_new, score_outer), np.where(left, score_inner, score_new)
    b = (low + high) / 2

    u = box_cox(logs, b)
    mean = u.mean(axis=0)
    slope = ((u - mean) * target).sum(axis=0) / ((u - mean) ** 2).sum(axis=0)
    level = reference.mean() - slope * mean
    sse = ((reference[:, None] - level - slope * u) ** 2).sum(axis=0)
    return PowerFit(b, slope, level, log_center, sse, np.full(n_wells, sst))


def box_cox(logs: Floats, b: Floats) -> Floats:
    """(exp(b * logs) - 1) / b per well, and its limit `logs` at b = 0."""
    safe = np.where(b == 0, 1.0, b)
    return np.where(b == 0, logs, expm1(safe * logs) / safe)


def apply_power(fit: PowerFit, lx: Floats) -> Floats:
    """Translate log2 intensities (all >= 1) to reference levels, shape (features, wells)."""
    return fit.level + fit.slope * box_cox(log(lx) - fit.log_center, fit.b)


def clip_scaled(scaled: Floats, max_level: float) -> Floats:
    """Keep scaled values within [0, max_level]; those beyond stay in order by steps of 1e-4 outward."""
    result = scaled.copy()
    high, low = scaled >= max_level, scaled <= 0
    for well in np.flatnonzero(high.any(axis=0)):
        beyond = high[:, well]
        result[beyond, well] = max_level + CLIP_STEP * (mean_ranks(scaled[beyond, well]) - 1)
    for well in np.flatnonzero(low.any(axis=0)):
        beyond = low[:, well]
        result[beyond, well] = -CLIP_STEP * (mean_ranks(-scaled[beyond, well]) - 1)
    return result


# ---- quality -------------------------------------------------------------------------------------------------------


def curve_slope(curve: Floats, reference: Floats) -> Floats:
    """qc_slope: angle, in degrees, of the ordinary regression of the reference on the curve."""
    centered = curve - curve.mean(axis=0)
    slope = (centered * (reference - reference.mean())[:, None]).sum(axis=0) / (centered**2).sum(axis=0)
    return np.asarray(np.degrees(arctan(slope)), dtype=np.float64)


def f_test_logp(fit: PowerFit, n_points: int) -> Floats:
    """qc_f_logp: -log10 p of the power fit's F test with 2 and n - 3 degrees of freedom.

    With two degrees of freedom in the numerator the tail of F is (1 + 2F / m)^(-m / 2); 2^-52 is added to it, as
    official files do, which caps the value near 15.7.
    """
    rest = n_points - 3
    with np.errstate(divide="ignore"):
        f = ((fit.sst - fit.sse) / 2) / (fit.sse / rest)
    return np.asarray(-log10(power(1 + 2 * f / rest, -rest / 2) + ROUNDING), dtype=np.float64)


def fence(values: Floats, width: float) -> tuple[float, float]:
    """Bounds q25 - width * IQR and q75 + width * IQR (Hazen quartiles) over the values that are not NaN."""
    known = values[~np.isnan(values)]
    if not len(known):
        return -math.inf, math.inf
    q25, q75 = float(hazen_percentile(known, 25)), float(hazen_percentile(known, 75))
    return q25 - width * (q75 - q25), q75 + width * (q75 - q25)
