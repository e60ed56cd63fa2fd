"""The mixture kernels: a dense grid as oracle, and the compiled twin against the definition."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from beadwork.kernels.beads.grouping import GroupedBeads
from beadwork.kernels.beads.mixture import fit as definition
from beadwork.kernels.beads.mixture import fit_numba
from beadwork.kernels.beads.mixture.climb import climb, split_score
from beadwork.kernels.beads.mixture.densities import (
    WIDTHS,
    BeadModel,
    Pair,
    PairPrior,
    pair_density,
    peak_density,
    scale_at,
)
from beadwork.kernels.beads.mixture.fit import COLUMN, COLUMNS, SLICE, fit_pair

SHARE, SPLIT = 2 / 3, 0.2
POSTERIOR = [COLUMN.hi_above, COLUMN.evidence]
PAIR = Pair(SHARE, np.ones(2), SPLIT)


def make_model(n_hypotheses: int = 1, **changes) -> BeadModel:
    shapes = np.full(n_hypotheses, SHARE), np.ones((n_hypotheses, 2)), np.full(n_hypotheses, SPLIT)
    return BeadModel(WIDTHS, *shapes, 0.015, 16, 32768, 11.0)._replace(**changes)


def draw(rng: np.random.Generator, n: int, hi: float, lo: float, pair: Pair = PAIR) -> np.ndarray:
    """FI of beads of the model, ascending."""
    is_hi = rng.random(n) < pair.share
    position = np.where(is_hi, hi + pair.split * rng.choice([-1, 1], n), lo)
    width = scale_at(position, WIDTHS, 1.0) * np.where(is_hi, *pair.widths)
    lean = 1 + 0.5 * math.log(2) * width * student.rvs(7, size=n, random_state=rng)
    fi = np.round(2.0**position * np.maximum(lean, 0.05) ** 2)
    return np.sort(np.clip(fi, 16, 32768)).astype(np.uint32)


def dense(y, mean, scale, model, points=400, reach=1.5):
    """Posterior mean, sd and probability of hi above lo, from a dense grid over everything near beads and prior."""
    x = 2 * np.log2(y) if len(y) else mean
    low, high = min(x.min(), mean.min()) - reach, max(x.max(), mean.max()) + reach
    grid = np.linspace(low, high, points)
    at, table = np.linspace(low - 1, high + 1, 4 * points), model.table
    peak = np.stack([peak_density(y, g, table, 1.0)[0] for g in at])
    lo_rows, upper, lower = (
        np.stack([np.interp(grid + shift, at, peak[:, i]) for i in range(len(y))], axis=1)
        if len(y)
        else np.zeros((points, 0))
        for shift in (0.0, SPLIT, -SPLIT)
    )
    rows = [0.5 * (upper + lower), lo_rows]
    log = np.zeros((points, points))
    for i in range(len(y)):
        hi, lo = SHARE * rows[0][:, None, i], (1 - SHARE) * rows[1][None, :, i]
        log += np.log((1 - model.outliers) * (hi + lo) + model.outliers / model.span)
    log += student.logpdf((grid - mean[0]) / scale[0], 3)[:, None] + student.logpdf((grid - mean[1]) / scale[1], 3)
    mass = np.exp(log - log.max())
    hi, lo = mass.sum(1) / mass.sum(), mass.sum(0) / mass.sum()
    centre = np.array([hi @ grid, lo @ grid])
    sd = np.sqrt([hi @ (grid - centre[0]) ** 2, lo @ (grid - centre[1]) ** 2])
    step = grid[1] - grid[0]
    above = mass[grid[:, None] > grid].sum() + 0.5 * np.trace(mass)
    evidence = np.log(mass.sum() * step**2) + log.max() - np.log(scale).sum()
    return centre, sd, above / mass.sum(), evidence


def test_densities_integrate_to_one():
    x = np.linspace(2, 17, 20001)
    y = 2 ** (x / 2)
    # the t on the square root reaches below 0: what is lost there is less than 1 %
    for position in (6.0, 9.0, 12.0):
        assert np.trapezoid(peak_density(y, position, WIDTHS, 1.0)[0], x) == pytest.approx(1.0, abs=0.012)
    inside = (x >= 4) & (x <= 15)
    f = pair_density(y[inside], np.array([8.0, 11.0]), PAIR, make_model())
    assert np.trapezoid(f, x[inside]) == pytest.approx(1.0, abs=0.012)


@pytest.mark.parametrize(
    ("n", "hi", "lo", "mean", "scale"),
    [
        (90, 8.0, 11.0, (8.1, 10.8), (0.2, 0.2)),  # far apart
        (90, 8.0, 10.0, (9.6, 8.4), (0.8, 0.8)),  # the prior has them swapped
        (60, 9.0, 9.5, (9.0, 9.3), (0.25, 0.25)),  # close
        (60, 9.0, 9.0, (9.1, 8.9), (0.25, 0.25)),  # coinciding
        (40, 7.0, 9.0, (7.8, 8.2), (0.6, 0.6)),  # two modes
        (8, 7.0, 9.0, (7.2, 8.9), (0.3, 0.3)),  # few beads
        (1, 7.0, 9.0, (7.2, 8.9), (0.3, 0.3)),
        (0, 7.0, 9.0, (7.2, 8.9), (0.3, 0.3)),  # none: the prior
    ],
)
def test_fit_agrees_with_a_dense_grid(n, hi, lo, mean, scale):
    y = np.sqrt(draw(np.random.default_rng(3), n, hi, lo).astype(float))
    mean, scale = np.array(mean), np.array(scale)
    found = fit_pair(y, PairPrior(mean, scale), PAIR, make_model())
    centre, sd, above, evidence = dense(y, mean, scale, make_model(), reach=4.0 if n < 5 else 1.5, points=500)
    # the tails of a t3 prior reach beyond the box, and so does a ridge from one order of close peaks to the other
    ridge = 0 < hi - lo + 1 < 1
    tolerance = 0.25 if n < 5 else 0.15 if ridge else 0.04
    assert found[SLICE.level] == pytest.approx(centre, abs=tolerance * sd.max())
    assert found[SLICE.sd] == pytest.approx(sd, rel=0.35 if n < 5 else 0.2 if ridge else 0.1)
    assert found[COLUMN.hi_above] == pytest.approx(above, abs=0.05 if ridge else 0.02)
    assert found[COLUMN.evidence] == pytest.approx(evidence, abs=0.1 if n < 9 or ridge else 0.02)
    assert found[COLUMN.n_good] == n


def test_a_climb_that_loses_its_way_starts_anew():
    """The prior lies far off both peaks, between and beyond them, and one wide fit could pass for a mode."""
    rng = np.random.default_rng(9)
    y = np.sqrt(draw(rng, 47, 7.45, 8.75).astype(float))
    mean, scale = np.array([9.29, 10.36]), np.array([0.45, 0.6])
    found = fit_pair(y, PairPrior(mean, scale), PAIR, make_model())
    centre, sd, above, _ = dense(y, mean, scale, make_model())
    assert found[SLICE.level] == pytest.approx(centre, abs=0.05)
    assert found[SLICE.sd] == pytest.approx(sd, rel=0.1)
    assert found[COLUMN.hi_above] == pytest.approx(above, abs=0.05)


@pytest.mark.parametrize("module", [definition, fit_numba])
@pytest.mark.parametrize("stray", [False, True])
def test_a_gene_led_to_where_no_beads_are_is_sought_again(module, stray):
    """The hi peak explains nearly all beads well enough, so that only the uneven shares show it."""
    reporter = draw(np.random.default_rng(21), 80, 9.4, 9.9)
    if stray:
        reporter[-1] = 5500  # where the prior expects the lo gene
    mean, scale = np.array([9.5, 12.4]), np.array([0.3, 0.25])
    out = np.full((1, 1, len(COLUMNS)), np.nan, np.float32)
    prior = PairPrior(mean[None, None], scale[None, None])
    module.fit_plate(GroupedBeads(reporter, np.array([[0, 80]])), np.arange(1), np.arange(1), prior, make_model(), out)
    centre, sd, _, _ = dense(np.sqrt(reporter.astype(float)), mean, scale, make_model())
    assert out[0, 0, SLICE.level] == pytest.approx(centre, abs=0.05)
    assert out[0, 0, SLICE.sd] == pytest.approx(sd, rel=0.15)


def test_peaks_are_found_without_a_prior_worth_the_name():
    y = np.sqrt(draw(np.random.default_rng(5), 90, 7.5, 11.5).astype(float))
    found = fit_pair(y, PairPrior(np.full(2, 9.0), np.full(2, 2.5)), PAIR, make_model(seek=2.0))
    assert found[SLICE.level] == pytest.approx([7.5, 11.5], abs=0.2)
    assert found[COLUMN.beads_hi] == pytest.approx(60, abs=10)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6), n=st.integers(0, 120), hi=st.floats(5, 14), gap=st.floats(-5, 5),
    off=st.floats(-2, 2), scale=st.floats(0.05, 2.5), split=st.floats(0, 0.45),
)  # fmt: skip
def test_twin_agrees_with_the_definition(seed, n, hi, gap, off, scale, split):
    lo = min(max(hi + gap, 4.5), 14.5)
    reporter = draw(np.random.default_rng(seed), n, hi, lo)
    starts = np.zeros((1, 3), dtype=np.int64)
    starts[0] = 0, n, n
    prior = PairPrior(np.array([[[hi + off, lo], [lo, hi]]]), np.full((1, 2, 2), scale))
    model = make_model(2, split=np.array([split, 0.0]), learn=True)
    results = []
    for module in (definition, fit_numba):
        out = np.full((1, 2, len(COLUMNS)), np.nan, np.float32)
        module.fit_plate(GroupedBeads(reporter, starts), np.arange(1), np.arange(2), prior, model, out)
        results.append(out)
    plain, twin = results
    assert np.isfinite(plain).all()
    # single precision may stop a climb one step sooner; what is reported depends on the integral, not on the mode
    np.testing.assert_allclose(twin[..., SLICE.level], plain[..., SLICE.level], atol=5e-3)
    np.testing.assert_allclose(twin[..., SLICE.sd], plain[..., SLICE.sd], rtol=0.05, atol=2e-3)
    np.testing.assert_allclose(twin[..., POSTERIOR], plain[..., POSTERIOR], rtol=1e-3, atol=2e-2)


def test_result_depends_neither_on_threads_nor_on_neighbours():
    rng = np.random.default_rng(1)
    wells = [[draw(rng, rng.integers(0, 100), 8, 10) for _ in range(5)] for _ in range(11)]
    counts = np.array([[len(beads) for beads in well] for well in wells])
    reporter = np.concatenate([beads for well in wells for beads in well])
    ends = np.cumsum(counts, axis=None).reshape(counts.shape)
    starts = np.concatenate([ends[:, :1] - counts[:, :1], ends], axis=1)
    beads = GroupedBeads(reporter, starts)
    prior = PairPrior(np.full((11, 5, 2), 9.0), np.full((11, 5, 2), 0.5))
    outs = []
    for threads in (1, 2, 5):
        out = np.full((11, 5, len(COLUMNS)), np.nan, np.float32)
        fit_numba.fit_plate(beads, np.arange(11), np.arange(5), prior, make_model(5), out, threads=threads)
        outs.append(out)
    some = np.full((11, 1, len(COLUMNS)), np.nan, np.float32)
    one = PairPrior(prior.mean[:, 2:3], prior.scale[:, 2:3])
    fit_numba.fit_plate(beads, np.array([7]), np.array([2]), one, make_model(1), some)
    assert outs[0].tobytes() == outs[1].tobytes() == outs[2].tobytes()
    assert some[7, 0].tobytes() == outs[0][7, 2].tobytes()
    assert np.isnan(some[np.arange(11) != 7]).all()
    assert np.isfinite(some[7, 0, : COLUMN.n_good + 1]).all()


@pytest.mark.parametrize("module", [definition, fit_numba])
def test_modes_only_are_those_of_a_climb(module):
    reporter = draw(np.random.default_rng(8), 70, 9.0, 10.5)
    y = np.sqrt(reporter.astype(float))
    mean, scale = np.array([9.1, 10.3]), np.array([0.3, 0.3])
    out = np.full((1, 1, len(COLUMNS)), np.nan, np.float32)
    model = make_model(modes_only=True, learn=True)
    prior = PairPrior(mean[None, None], scale[None, None])
    module.fit_plate(GroupedBeads(reporter, np.array([[0, 70]])), np.arange(1), np.arange(1), prior, model, out)
    mode = climb(y, mean, PairPrior(mean, scale), PAIR, model)
    assert out[0, 0, SLICE.level] == pytest.approx(mode.m, abs=1e-3)
    assert np.isnan(out[0, 0, [COLUMN.sd_hi, COLUMN.sd_lo, *POSTERIOR]]).all()
    assert out[0, 0, SLICE.beads] == pytest.approx(mode.beads, rel=1e-3)
    assert out[0, 0, COLUMN.split_slope] == pytest.approx(mode.split[0], rel=1e-3, abs=0.01)
    assert out[0, 0, COLUMN.split_known] == pytest.approx(mode.split[1], rel=1e-3)
    assert mode.split[0] == pytest.approx(split_score(y, mode.m, PAIR, model)[0], rel=5e-2, abs=0.5)


def test_split_score_is_the_slope_of_the_likelihood():
    y = np.sqrt(draw(np.random.default_rng(2), 400, 9.0, 11.0).astype(float))
    m, model = np.array([9.0, 11.0]), make_model()

    def like(split):
        return float(np.log(pair_density(y, m, PAIR._replace(split=split), model)).sum())

    # the definition takes the width of a peak as fixed while its position moves
    flat = model._replace(table=np.full_like(WIDTHS, 0.25))
    slope, known = split_score(y, m, PAIR, flat)

    def flat_like(split):
        return float(np.log(pair_density(y, m, PAIR._replace(split=split), flat)).sum())

    assert slope == pytest.approx((flat_like(SPLIT + 1e-4) - flat_like(SPLIT - 1e-4)) / 2e-4, rel=0.01, abs=0.5)
    assert known > 0
    best = max(np.linspace(0, 0.5, 51), key=like)
    assert best == pytest.approx(SPLIT, abs=0.06)
