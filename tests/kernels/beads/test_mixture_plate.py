"""The plate's prior: each piece on data made by its own model."""

import numpy as np
import pytest
from scipy.stats import t as student

from beadwork.kernels.beads.grouping import GroupedBeads
from beadwork.kernels.beads.mixture.densities import WIDTHS, scale_at
from beadwork.kernels.beads.mixture.fit import COLUMN, COLUMNS, SLICE
from beadwork.kernels.beads.mixture.fit_numba import fit_plate
from beadwork.kernels.beads.mixture.hypotheses import (
    Hypotheses,
    first_hypotheses,
    fitted_share,
    pick_hypotheses,
    relabelled,
)
from beadwork.kernels.beads.mixture.plate import Settings, fit_mixtures
from beadwork.kernels.beads.mixture.pooled import bead_levels, first_effects, pool_beads, pooled_starts
from beadwork.kernels.beads.mixture.prior import common_factors, spreads, well_effects

SETTINGS = Settings(True, 0.015, 16, 32768, 11.0, 3, 8, 0.15, 20.0, 1000.0)


def make_plate(n_wells=24, n_pairs=60, n_beads=50, share=2 / 3, seed=0, perturbed=(), splits=None, level=None):
    """Beads of pairs of genes, ``(reporter, starts, truth (W, A, 2))``; analytes beyond n_pairs have none."""
    rng = np.random.default_rng(seed)
    drawn = np.stack([rng.uniform(6, 12.5, n_pairs), rng.uniform(6, 12.5, n_pairs)], axis=1)
    level = drawn if level is None else level
    shift, slope = rng.normal(0, 0.25, (n_wells, 1, 1)), rng.normal(0, 0.05, (n_wells, 1, 1))
    noise = 0.12 * student.rvs(4, size=(n_wells, n_pairs, 2), random_state=rng)
    noise[list(perturbed)] *= 5
    truth = level + shift + slope * (level - 9) + noise
    counts = rng.poisson(n_beads, (n_wells, n_pairs))
    split = splits if splits is not None else np.abs(rng.normal(0, 0.15, n_pairs))
    reporter = []
    for w in range(n_wells):
        for a in range(n_pairs):
            is_hi = (rng.random(counts[w, a]) < share).astype(int)
            position = truth[w, a, 1 - is_hi]
            position = position + is_hi * split[a] * rng.choice([-1, 1], counts[w, a])
            width = scale_at(position, WIDTHS, 1.0)
            lean = 1 + 0.3466 * width * student.rvs(7, size=counts[w, a], random_state=rng)
            reporter.append(np.sort(np.round(2**position * np.maximum(lean, 0.05) ** 2)))
    ends = np.cumsum(counts, axis=None).reshape(counts.shape)
    starts = np.concatenate([ends[:, :1] - counts[:, :1], ends], axis=1)
    return np.concatenate(reporter).astype(np.uint32), starts, truth


def fit(reporter, starts, share=2 / 3, settings=SETTINGS, threads=1):
    analytes = np.arange(starts.shape[1] - 1)
    duo = np.ones(len(analytes), dtype=bool)
    return fit_mixtures(GroupedBeads(reporter, starts), analytes, duo, share, settings, fit_plate, threads=threads)


def test_levels_of_the_beads_of_an_analyte():
    reporter = np.array([16, 16, 64, 64, 256, 256, 1024, 1024, 0, 0, 0, 100, 5, 7, 50000], dtype=np.uint32)
    starts = np.array([[0, 8, 8, 12, 15, 15]])
    found = bead_levels(GroupedBeads(reporter, starts), 16, 32768)
    assert found[0, 0] == pytest.approx(np.mean([4.0, 6.0, 8.0, 10.0]))
    assert np.isnan(found[0, 1:]).all()  # no beads; a dark middle, twice; nothing after the last bead
    assert bead_levels(GroupedBeads(reporter[11:12], np.array([[0, 1]])), 16, 32768) == pytest.approx(np.log2(100))
    assert np.isnan(bead_levels(GroupedBeads(reporter[:0], np.zeros((2, 3), dtype=np.int64)), 16, 32768)).all()


def test_first_effects_are_shifts():
    levels = np.linspace(6, 12, 40) + np.array([[0.3], [0.0], [-0.5]])
    levels[1, 3] = np.nan
    assert first_effects(levels) == pytest.approx([0.3, 0.0, -0.5])


@pytest.mark.parametrize("gap", [-3.0, -1.2, 1.2, 3.0])
def test_pooled_starts_find_both_levels(gap):
    reporter, starts, truth = make_plate(12, 20, 80, seed=4)
    del truth
    counts, centres = pool_beads(GroupedBeads(reporter, starts), np.arange(12), np.zeros(12), 16, 32768)
    assert counts.sum() == ((reporter >= 16) & (reporter <= 32768)).sum()
    at = np.exp(-0.5 * ((centres - 9) / 0.3) ** 2) * 2 + np.exp(-0.5 * ((centres - 9 - gap) / 0.3) ** 2)
    levels, like = pooled_starts(at[None] * 100, centres, WIDTHS, np.array([2 / 3]), 0.2)
    best = int(np.argmax(like[:, 0]))
    assert best == (0 if gap < 0 else 1)
    assert levels[best, 0] == pytest.approx([9, 9 + gap], abs=0.15)


def test_well_effects_are_quadratics_whatever_a_few_genes_do():
    rng = np.random.default_rng(2)
    level = rng.uniform(5, 13, (200, 2))
    x = (level - 9) / 2
    weight = rng.normal(0, 0.3, (30, 3))
    true = weight[:, 0, None, None] + weight[:, 1, None, None] * x + 0.3 * weight[:, 2, None, None] * x * x
    true -= np.median(true, axis=0)
    values = level + true + rng.normal(0, 0.05, true.shape)
    values[:, :20] += rng.normal(0, 2, (30, 20, 2))
    found, effect = well_effects(
        values, np.full(values.shape, 0.05), np.full(level.shape, 0.1), np.ones(200, dtype=bool)
    )
    assert np.abs(effect - true)[:, 20:].max() < 0.12
    assert np.abs(found - level)[20:].max() < 0.12


def test_common_factors_rise_above_noise_and_noise_does_not():
    rng = np.random.default_rng(3)
    true = 0.4 * rng.normal(size=(40, 1, 1)) * rng.normal(size=(1, 150, 2))
    noise = rng.normal(0, 0.15, true.shape)
    sd, scale = np.full(true.shape, 0.05), np.full(true.shape, 0.5)
    every = np.ones(150, dtype=bool)
    found = common_factors(true + noise, sd, scale, 5, every)
    assert np.sqrt(np.mean((found - true) ** 2)) < 0.08
    assert np.abs(common_factors(noise, sd, scale, 5, every)).max() < 0.05
    assert (common_factors(noise, sd, scale, 0, every) == 0).all()


def test_spreads_show_perturbed_wells_and_lively_genes():
    rng = np.random.default_rng(4)
    tau, kappa = np.full((300, 2), 0.1), np.ones(40)
    tau[:50], kappa[:5] = 0.4, 3.0
    rest = student.rvs(3, size=(40, 300, 2), random_state=rng) * tau * kappa[:, None, None]
    start = np.full((300, 2), 0.15), np.ones(40)
    found, wells = spreads(rest, np.full(rest.shape, 0.02), *start, 0.15, 5.0, np.ones(300, dtype=bool), rounds=20)
    assert np.median(found[:50]) / np.median(found[50:]) == pytest.approx(4, rel=0.25)
    assert np.median(wells[:5]) / np.median(wells[5:]) == pytest.approx(3, rel=0.2)


def test_share_leans_on_the_promise_when_there_is_little_to_see():
    found = np.zeros((2, 3, len(COLUMNS)))
    found[:, :, COLUMN.beads_hi], found[:, :, COLUMN.beads_lo] = 75.0, 25.0
    level, duo = np.array([[8, 11.0], [8, 8.1], [8, 12]]), np.array([True, True, False])
    assert fitted_share(found, level, duo, 2 / 3, 0.0) == pytest.approx(0.75)
    assert fitted_share(found, level, duo, 2 / 3, 200.0) == pytest.approx((150 + 200 * 2 / 3) / 400)
    assert fitted_share(found, level, ~duo, 2 / 3, 100.0) == pytest.approx((75 * 2 + 100 * 2 / 3) / 300)


@pytest.mark.parametrize("share", [1.67 / 2.67, 2 / 3, 3 / 4])
def test_plate_is_recovered_and_its_ratio(share):
    reporter, starts, truth = make_plate(share=share, perturbed=(3,))
    found = fit(reporter, starts, share=2 / 3)
    error = found.fit[:, :, SLICE.level] - truth
    assert np.median(np.abs(error)) < 0.05
    assert np.quantile(np.abs(error), 0.95) < 0.35
    assert found.share == pytest.approx(share, abs=0.012)
    assert np.argmax(found.kappa) == 3
    pull = np.abs(error / found.fit[:, :, SLICE.sd])
    assert 0.6 < (pull < 1).mean() < 0.76
    assert 0.91 < (pull < 1.96).mean() < 0.98


def test_prior_helps_and_can_be_left_out():
    reporter, starts, truth = make_plate(n_beads=25, seed=2)
    alone = fit(reporter, starts, settings=SETTINGS._replace(use_prior=False))
    plate = fit(reporter, starts)
    rms = [np.sqrt(np.mean((found.fit[:, :, SLICE.level] - truth) ** 2)) for found in (plate, alone)]
    assert rms[0] < 0.6 * rms[1]
    assert alone.share == 2 / 3
    one = fit(reporter, starts[5:6], settings=SETTINGS._replace(use_prior=False))
    assert one.fit[0].tobytes() == alone.fit[5].tobytes()


def test_wells_without_beads_and_dark_wells_do_no_harm():
    reporter, starts, truth = make_plate(n_wells=16)
    starts = starts.copy()
    starts[2] = starts[2, 0]  # no beads at all
    dark = slice(starts[9, 0], starts[9, -1])
    reporter[dark] = np.random.default_rng(0).integers(1, 60, dark.stop - dark.start)
    starts[4, 8:] -= (
        starts[4, 8] - starts[4, 7]
    )  # one analyte without beads, its neighbours shifted: still sorted apart
    found = fit(reporter, starts)
    assert np.isfinite(found.fit[:, :, : COLUMN.n_good + 1]).all()
    rest = [w for w in range(16) if w not in (2, 4, 9)]
    assert np.median(np.abs(found.fit[rest, :, SLICE.level] - truth[rest])) < 0.06
    # a well without beads gets the plate's levels, and says how little it knows
    assert (found.fit[2, :, SLICE.sd] > 0.05).all()


def test_threads_do_not_matter():
    reporter, starts, _ = make_plate(n_wells=14, n_pairs=20)
    one, two = fit(reporter, starts), fit(reporter, starts, threads=3)
    assert one.fit.tobytes() == two.fit.tobytes()


def make_hypotheses(*rows):
    """Hypotheses of (analyte, level of hi, level of lo, split, evidence)."""
    table = np.array(rows, dtype=float)
    n = len(table)
    return Hypotheses(
        table[:, 0].astype(np.int64), np.ones(n, dtype=bool), table[:, 1:3], np.ones((n, 2)), table[:, 3], table[:, 4]
    )


def test_hypotheses_of_an_analyte_compete_by_evidence():
    hypotheses = make_hypotheses(
        (12, 8, 9, 0.1, -3.0), (11, 8, 9, 0.1, 0.0), (12, 9, 8, 0.1, -1.0), (12, 8.5, 8.5, 0.3, -1.0)
    )
    assert hypotheses.best().tolist() == [False, True, True, False]  # the first of equals
    weights = hypotheses.weights()
    assert weights[1] == 1.0
    assert weights[[0, 2, 3]].sum() == pytest.approx(1.0)
    assert weights[2] / weights[0] == pytest.approx(np.exp(2))


def test_hypotheses_that_lag_or_repeat_are_dropped():
    hypotheses = make_hypotheses(
        (11, 8, 9, 0.1, 0.0), (11, 8.02, 9, 0.12, -1.0), (11, 9, 8, 0.1, -2.0), (11, 7, 9, 0.3, -90.0),
        (12, 7, 9, 0.3, -90.0),
    )  # fmt: skip
    kept = pick_hypotheses(hypotheses)
    assert kept.evidence.tolist() == [0.0, -2.0, -90.0]
    assert kept.analyte.tolist() == [11, 11, 12]


def test_relabelling_sees_the_same_three_peaks():
    hypotheses = make_hypotheses((11, 9.0, 9.5, 0.2, 0.0))
    others = relabelled(hypotheses)
    assert len(others.analyte) == 2

    def peaks(these):
        hi, lo = these.level.T
        return np.sort(np.stack([hi + these.split, hi - these.split, lo]), axis=0)

    assert peaks(others) == pytest.approx(np.repeat(peaks(hypotheses), 2, axis=1))
    back = relabelled(others)
    assert np.abs(back.level - hypotheses.level).sum(axis=1).min() == pytest.approx(0)
    # subpopulations lie never so far apart
    assert len(relabelled(make_hypotheses((11, 9.0, 12.0, 0.2, 0.0))).analyte) == 0


def test_both_orders_are_tried_unless_one_is_much_likelier():
    levels = np.arange(12.0).reshape(2, 3, 2)
    hypotheses = first_hypotheses(np.array([10, 20, 30]), levels, np.array([[0.0, 0.0, 0.0], [0.01, 1.0, -1.0]]))
    assert hypotheses.analyte.tolist() == [10, 30, 10, 20]
    assert hypotheses.level.tolist() == [[0, 1], [4, 5], [6, 7], [8, 9]]


def test_a_hi_gene_of_two_subpopulations_is_not_taken_for_two_genes():
    """Subpopulations 0.7 apart with the lo gene beside them: three peaks of equal size."""
    splits = np.full(24, 0.35)
    rng = np.random.default_rng(6)
    level = rng.uniform(8, 11, 24)
    gap = rng.choice([-0.9, -0.4, 0.0, 0.4, 0.9], 24)
    reporter, starts, truth = make_plate(
        48, 24, 90, seed=5, splits=splits, level=np.stack([level + gap, level], axis=1)
    )
    found = fit(reporter, starts)
    assert np.median(np.abs(found.split - 0.35)) < 0.04
    error = np.abs(np.median(found.fit[:, :, SLICE.level] - truth, axis=0))
    assert (error.max(axis=1) < 0.12).mean() > 0.8
