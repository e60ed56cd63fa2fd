"""LISS kernels: against statsmodels, scipy and LAPACK, their own equations, and official output."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import curve_fit
from scipy.stats import f as f_distribution
from scipy.stats import linregress
from statsmodels.nonparametric.smoothers_lowess import lowess

from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.bead_sets import read_liss_reference
from beadwork.kernels.levels import liss as kernel
from beadwork.model.beads.plate import CALIBRATORS

REFERENCE = read_liss_reference()["log2_level"].to_numpy(np.float64)
FITTED = REFERENCE[:11]


def make_well(seed, wells=4, noise=0.15):
    """Features and calibrators of wells whose intensities follow the reference by a straight line, with noise."""
    rng = np.random.default_rng(seed)
    gain = rng.uniform(0.55, 0.75, wells)
    features = 2 ** (4 + gain * (rng.uniform(4.4, 13.0, (490, wells)) - 4))
    calibrators = 2 ** (4 + gain * (REFERENCE[1:11, None] - 4) + rng.normal(0, noise, (10, wells)))
    return np.round(features), np.round(calibrators)


# ---- points and windows --------------------------------------------------------------------------------------------


def test_shipped_windows_and_weights():
    windows = kernel.make_windows(REFERENCE)
    assert windows.starts.tolist() == [0, 0, 0, 1, 3, 3, 5, 6, 7, 8, 9, 9, 9]
    assert float(windows.tricube[10, 2]).hex() == "0x1.c2dbdd3f23765p-1"
    distances = np.abs(windows.distances)
    share = distances / distances.max(axis=1, keepdims=True)
    np.testing.assert_allclose(windows.tricube, (1 - share**3) ** 1.5, rtol=1e-12, atol=1e-15)
    assert (windows.tricube.min(axis=1) == 0).all(), "the farthest point of a window has weight 0"


def test_other_references_get_their_own_weights():
    windows = kernel.make_windows(np.arange(13.0))
    assert windows.starts.tolist() == [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9]
    assert windows.tricube.max() == 1


@given(st.floats(2.0**-52, 2.0**30))
def test_log2_by_parts(value):
    assert kernel.log2_by_parts(np.array([value]))[0] == pytest.approx(math.log2(value), abs=1e-14)


def test_calibration_points():
    features, calibrators = make_well(1)
    calibrators[0, 0], calibrators[1, 0], calibrators[2, 1] = 0, 0.5, np.nan
    points = kernel.calibration_points(features, calibrators)
    assert points.shape == (13, 4)
    floor = np.percentile(np.log2(features), 1, axis=0, method="hazen")
    np.testing.assert_allclose(points[0], floor, atol=1e-12)
    assert points[1, 0] == points[2, 0] == 0, "at least 0"
    assert np.isnan(points[3, 1])
    assert (points[11:] == 0).all()


# ---- smoothers -----------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 1000))
@settings(max_examples=30)
def test_stable_smoother_is_statsmodels_lowess_without_robust_passes(seed):
    points = np.random.default_rng(seed).normal(8, 2, (13, 3))
    curve = kernel.smooth_stable(points, REFERENCE)
    assert curve.shape == (11, 3)
    for column, smoothed in zip(points.T, curve.T, strict=True):
        expected = lowess(column[:11], FITTED, frac=5 / 11, it=0, return_sorted=False)
        np.testing.assert_allclose(smoothed, expected, atol=1e-10)


def test_both_smoothers_keep_a_straight_line():
    points = 2 + 0.7 * REFERENCE[:, None] * np.array([1.0, 1.1])
    np.testing.assert_allclose(kernel.smooth_stable(points, REFERENCE), points[:11], atol=1e-10)
    with np.errstate(all="ignore"):
        curve = kernel.smooth_cmap(points, kernel.make_windows(REFERENCE))
    np.testing.assert_allclose(curve, points, atol=1e-10)


@given(seed=st.integers(0, 1000), robust=st.booleans())
@settings(max_examples=50)
def test_written_out_least_squares_is_lapacks(seed, robust):
    rng = np.random.default_rng(seed)
    windows = kernel.make_windows(REFERENCE)
    points = rng.normal(8, 3, (13, 2))
    weights = rng.uniform(0.2, 1, (13, 4, 2)) if robust else np.ones((13, 4, 2))
    with np.errstate(all="ignore"):
        curve = kernel._local_lines(points, windows, weights if robust else None)
    for number, start in enumerate(windows.starts):
        for well in range(2):
            root = windows.tricube[number] * weights[number, :, well]
            design = root[:, None] * np.column_stack([np.ones(4), windows.distances[number]])
            expected = np.linalg.lstsq(design, root * points[start : start + 4, well], rcond=None)[0][0]
            assert curve[number, well] == pytest.approx(expected, abs=1e-9)


def test_wells_are_smoothed_alone():
    features, calibrators = make_well(3, wells=30)
    for smoother in ("cmap", "stable"):
        together = kernel.liss(features, calibrators, REFERENCE, smoother=smoother)
        alone = kernel.liss(features[:, 4:5], calibrators[:, 4:5], REFERENCE, smoother=smoother)
        np.testing.assert_allclose(together.scaled[:, 4], alone.scaled[:, 0], rtol=1e-9)
        assert together.curve[:, 4].tobytes() == alone.curve[:, 0].tobytes()


def test_stable_smoother_does_not_hang_on_rounding_but_cmap_does():
    features, calibrators = make_well(5, wells=200)
    points = kernel.calibration_points(features, calibrators)
    nudged = points.copy()
    nudged[:11] = np.nextafter(points[:11], 99)
    windows = kernel.make_windows(REFERENCE)
    with np.errstate(all="ignore"):
        official = np.abs(kernel.smooth_cmap(nudged, windows) - kernel.smooth_cmap(points, windows))[:11].max(axis=0)
    stable = np.abs(kernel.smooth_stable(nudged, REFERENCE) - kernel.smooth_stable(points, REFERENCE)).max()
    assert stable < 1e-13
    assert (official > 1e-3).sum() > 5, "if this fails, the decision between the smoothers should be made anew"


# ---- fit -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("true", [(0.05, 2.3, -0.5), (6.0, 0.6, -15.0), (-200.0, -1.5, 18.0), (3e4, 1e-4, -3e4)])
def test_power_fit_finds_what_made_the_curve(true):
    a, b, k = true
    curve = ((REFERENCE[:11] - k) / a) ** (1 / b)
    fit = kernel.fit_power(curve[:, None], FITTED)
    assert fit.b[0] == pytest.approx(b, abs=2e-4)
    assert fit.sse[0] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(kernel.apply_power(fit, curve[:, None])[:, 0], FITTED, atol=1e-5)
    if abs(b) > 0.01:
        assert fit.a[0] == pytest.approx(a, rel=1e-3)
        assert fit.k[0] == pytest.approx(k, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_power_fit_is_at_least_as_good_as_scipys(seed):
    rng = np.random.default_rng(seed)
    curve = np.sort(np.clip(4 + 0.65 * (FITTED - 4) + rng.normal(0, 0.25, 11), 1, None))
    fit = kernel.fit_power(curve[:, None], FITTED)

    def model(x, a, b, k):
        return a * x**b + k

    start = (fit.a[0] * 1.05, fit.b[0], fit.k[0])
    found, _ = curve_fit(model, curve, FITTED, p0=start, maxfev=20_000)
    assert fit.sse[0] <= ((FITTED - model(curve, *found)) ** 2).sum() * (1 + 1e-6)
    np.testing.assert_allclose(kernel.apply_power(fit, curve[:, None])[:, 0], model(curve, *found), atol=2e-3)


def test_power_fit_is_continuous_through_b_zero():
    curve = np.exp((FITTED + 20) / 14)[:, None]  # FITTED = 14 ln c - 20: b = 0
    fit = kernel.fit_power(curve, FITTED)
    assert abs(fit.b[0]) < 1e-4
    np.testing.assert_allclose(kernel.apply_power(fit, curve)[:, 0], FITTED, atol=1e-6)


@given(logs=arrays(np.float64, (5, 1), elements=st.floats(-1, 1)), b=st.floats(-5, 5).filter(lambda b: abs(b) > 1e-3))
def test_box_cox(logs, b):
    np.testing.assert_allclose(kernel.box_cox(logs, np.array([b])), (np.exp(logs * b) - 1) / b, atol=1e-10)
    np.testing.assert_array_equal(kernel.box_cox(logs, np.array([0.0])), logs)


def test_clipped_values_keep_their_order_and_share_ranks_in_ties():
    scaled = np.array([[16.0], [15.0], [20.0], [16.0], [0.0], [-3.0], [7.0], [14.9999]])
    clipped = kernel.clip_scaled(scaled, 15.0)[:, 0]
    np.testing.assert_allclose(clipped, [15.00015, 15, 15.0003, 15.00015, 0, -0.0001, 7, 14.9999])


# ---- quality -------------------------------------------------------------------------------------------------------


def test_quality_against_scipy():
    features, calibrators = make_well(11)
    result = kernel.liss(features, calibrators, REFERENCE)
    for well in range(4):
        curve = np.maximum(result.curve[:11, well], 1)
        assert math.tan(math.radians(result.qc_slope[well])) == pytest.approx(linregress(curve, FITTED).slope)
        sse = ((FITTED - kernel.apply_power(result.fit, np.tile(curve[:, None], 4))[:, well]) ** 2).sum()
        sst = ((FITTED - FITTED.mean()) ** 2).sum()
        p = f_distribution.sf(((sst - sse) / 2) / (sse / 8), 2, 8)
        assert result.qc_f_logp[well] == pytest.approx(-math.log10(p + 2**-52), rel=1e-9)
        q25, q75 = np.percentile(result.scaled[:, well], [25, 75], method="hazen")
        assert result.qc_iqr[well] == pytest.approx(2 ** (q75 - q25))


def test_fence():
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, np.nan])
    assert kernel.fence(values, 2.0) == (2.5 - 2 * 4, 6.5 + 2 * 4)
    assert kernel.fence(np.array([np.nan]), 2.0) == (-math.inf, math.inf)


@pytest.mark.parametrize("smoother", ["cmap", "stable"])
def test_wells_that_fail(smoother):
    features, calibrators = make_well(13, wells=5)
    calibrators[3, 0] = np.nan
    calibrators[:, 1] = 0.0
    features[:, 2] = calibrators[:, 2] = 0
    features[0, 3] = 0.0  # a gene without signal is no failure
    result = kernel.liss(features, calibrators, REFERENCE, smoother=smoother)
    assert result.failed.tolist() == [True, True, True, False, False]
    assert (result.scaled[:, :3] == 0).all()
    assert np.isnan(result.qc_slope[:3]).all()
    assert np.isfinite(result.scaled[:, 3:]).all()


def test_a_plate_where_every_well_fails():
    features, calibrators = make_well(13)
    result = kernel.liss(features, calibrators * np.nan, REFERENCE)
    assert result.failed.all() and (result.scaled == 0).all()


# ---- official output -----------------------------------------------------------------------------------------------


def test_golden_bead_set(golden):
    folder = golden / "level2to4"
    gex, expected = (read_matrix(folder / f"{name}_n376x490.gct.gz") for name in ("level2", "liss"))
    cal = read_matrix(folder / "cal_n376x10.gct").take_rows(CALIBRATORS).take_cols(gex.cids)
    features, calibrators = gex.values.astype(float), cal.values.astype(float)
    error = np.abs(kernel.liss(features, calibrators, REFERENCE).scaled - expected.values).max(axis=0)
    assert (error < 1e-3).sum() >= 374
    assert set(gex.cids[error >= 1e-3]) <= {"G24", "N24"}, "two wells hang on one unit of rounding of a log2"
