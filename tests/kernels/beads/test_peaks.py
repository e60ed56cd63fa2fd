"""Peak callers: the exact optimum against brute force, official results, and plain against compiled."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gaussian_kde, multivariate_normal

from beadwork.io.beads.lxb import read_plate
from beadwork.io.platform.bead_sets import read_bead_set
from beadwork.kernels.beads import peaks, peaks_numba
from beadwork.kernels.beads.grouping import group_beads
from beadwork.kernels.beads.peaks import (
    PeakRules,
    adjust_flips,
    good_range,
    kmeans_analyte,
    kmeans_bounds,
    kspeak_analyte,
)
from beadwork.model.beads.plate import N_ANALYTES, BeadPlate

TABLE = peaks.log2_table(1 << 15)
KMEANS = PeakRules(*good_range(4, 15, TABLE), min_bead=20, min_support=10, min_support_pct=10.0)
KSPEAK = PeakRules(*good_range(4, 14, TABLE), min_bead=20, min_support=10, min_support_pct=10.0)


def mixture(rng, n_hi, n_lo, hi, lo, sd=0.2):
    """Return log2 of ascending integer FI of two genes."""
    x = np.concatenate([rng.normal(hi, sd, n_hi), rng.normal(lo, sd, n_lo)])
    return TABLE[np.sort(np.clip(np.round(2**x), 16, 1 << 15).astype(int))]


# ---- k-means --------------------------------------------------------------------------------------------------------


def within(x, bounds):
    return sum(((part - part.mean()) ** 2).sum() for part in np.split(x, bounds[1:-1]))


def brute_force(x, k):
    """Least squared distance over all ways to cut ascending values into k intervals."""
    return min(within(x, (0, *cuts, len(x))) for cuts in itertools.combinations(range(1, len(x)), k - 1))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 32752), min_size=4, max_size=11), st.booleans())
def test_kmeans_is_optimal(values, ties):
    fi = np.sort(np.array(values) // (4000 if ties else 1) + 16)
    x = TABLE[fi]
    bounds = kmeans_bounds(x, 4)
    for k in (2, 3, 4):
        cut = bounds[k, : k + 1]
        assert (np.diff(cut) >= 1).all()
        assert within(x, cut) == pytest.approx(brute_force(x, k), abs=1e-9)


def test_kmeans_beats_random_starts():
    """The optimum is never worse than the best of many random starts of Lloyd's algorithm (scipy)."""
    from scipy.cluster.vq import kmeans2

    rng = np.random.default_rng(3)
    for _ in range(10):
        x = mixture(rng, 60, 30, rng.uniform(5, 13), rng.uniform(5, 13), 0.4)
        bounds = kmeans_bounds(x, 4)
        for k in (2, 3, 4):
            best = np.inf
            for seed in range(10):
                _, label = kmeans2(x, k, minit="++", seed=seed)
                best = min(best, sum(((x[label == c] - x[label == c].mean()) ** 2).sum() for c in np.unique(label)))
            assert within(x, bounds[k, : k + 1]) <= best + 1e-9


def test_kmeans_finds_the_two_genes():
    call = kmeans_analyte(mixture(np.random.default_rng(0), 66, 34, 8.0, 11.0), KMEANS)
    assert np.log2([call.hi, call.lo]) == pytest.approx([8.0, 11.0], abs=0.1)
    assert (call.support_hi, call.support_lo, call.n_peaks) == (66, 34, 2)


def test_kmeans_drops_beads_of_small_clusters():
    """Three outliers far above make a third cluster, which is not viable, at the best k."""
    x = np.concatenate([np.full(65, 8.0) + np.arange(65) * 1e-3, np.full(35, 10.0) + np.arange(35) * 1e-3, [14, 14.1]])
    call = kmeans_analyte(x, KMEANS)
    assert (call.support_hi, call.support_lo) == (65, 35)
    assert call.hi == round(2 ** (8.0 + 32e-3))


@pytest.mark.parametrize("caller", [kmeans_analyte, kspeak_analyte])
def test_few_beads_give_the_median(caller):
    fi = np.sort(np.random.default_rng(1).integers(20, 3000, 19))
    call = caller(TABLE[fi], KMEANS)
    assert (call.hi, call.lo) == (np.median(fi), np.median(fi))
    assert (call.support_hi, call.support_lo, call.n_peaks) == (9, 9, 0)
    assert caller(TABLE[:0], KMEANS) == (1, 1, 0, 0, 0)


def test_even_median_is_the_geometric_mean():
    call = kmeans_analyte(TABLE[[100, 400]], KMEANS)
    assert call.hi == 200


def test_one_peak_serves_both_genes():
    """Without two viable clusters both genes get the median and half of the beads each, rounded down."""
    x = TABLE[np.sort(np.r_[np.full(91, 1000), 20, 21, 30000])]
    call = kmeans_analyte(x, KMEANS)
    assert call == (1000, 1000, 47, 47, 1)


def test_equal_supports_keep_ascending_order():
    x = np.concatenate([level + np.arange(size) * 1e-5 for level, size in ((8, 50), (11, 25), (11.5, 25))])
    call = kmeans_analyte(x, KMEANS)
    assert (call.hi, call.lo, call.support_lo, call.n_peaks) == (256, 2048, 25, 3)


def test_limits_are_inclusive():
    first, last = good_range(4, 15, TABLE)
    assert (first, last) == (16, 32768)
    assert good_range(9.5, 9.5001, TABLE) == (1, 0)


# ---- kspeak ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("well", ["A03", "A04"])
@pytest.mark.parametrize("twin", [peaks, peaks_numba])
def test_kspeak_equals_the_official_values(golden, well, twin):
    folder = golden / "kspeak"
    beads = pd.read_csv(folder / f"DPK.CP001_A549_24H_X1_B42_{well}.txt.gz", sep="\t")
    official = pd.read_csv(folder / "RAW_n2x976.gct", sep="\t", skiprows=2, index_col=0)[well]
    plate = BeadPlate.from_wells(
        "P", [well], [group_beads(beads["barcode_id"].to_numpy(), beads["FI"].to_numpy(), N_ANALYTES)]
    )
    bead_set = read_bead_set("epsilon-r2")
    hi, lo = bead_set.analyte_genes("hi"), bead_set.analyte_genes("lo")
    duo = np.isin(np.arange(1, 501), hi.index.intersection(lo.index))
    calls = twin.call_plate(plate.reporter, plate.starts, duo, TABLE, KSPEAK, kspeak=True)
    numbers = np.flatnonzero(duo) + 1
    found = pd.concat(
        [pd.Series(calls.value[half, 0, duo], index=genes[numbers].astype(int)) for half, genes in enumerate((hi, lo))]
    )
    assert len(found) == len(official) == 976
    assert (found[official.index] == official).sum() == 976


def test_kspeak_density_is_that_of_scipy():
    """The highest peak is the maximum of the same Gaussian density as scipy's, on the same grid."""
    x = mixture(np.random.default_rng(5), 70, 30, 9.0, 11.5, 0.25)
    call = kspeak_analyte(x, KSPEAK)
    width = np.median(np.abs(x - np.median(x))) / 0.6745 * (4 / (3 * len(x))) ** 0.2
    grid = np.linspace(x[0] - 3 * width, x[-1] + 3 * width, 100)
    density = gaussian_kde(x, width / x.std(ddof=1))(grid)
    assert call.hi == np.floor(2 ** grid[np.argmax(density)] + 0.5)


def test_kspeak_without_spread_gives_the_median():
    assert kspeak_analyte(TABLE[np.r_[np.full(40, 500), 600, 700]], KSPEAK)[:2] == (500, 500)


# ---- twins ----------------------------------------------------------------------------------------------------------


def assert_same_calls(reporter, starts, duo, rules, kspeak):
    plain = peaks.call_plate(reporter, starts, duo, TABLE, rules, kspeak=kspeak)
    for threads in (1, 3):
        compiled = peaks_numba.call_plate(reporter, starts, duo, TABLE, rules, kspeak=kspeak, threads=threads)
        for name in plain._fields:
            np.testing.assert_array_equal(getattr(plain, name), getattr(compiled, name), err_msg=name)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.booleans())
def test_twins_agree_bit_by_bit(data, kspeak):
    """Also with many ties, beads beyond the limits, empty and single-gene analytes."""
    n_analytes = 4
    wells = []
    for _ in range(data.draw(st.integers(1, 3))):
        coarse = data.draw(st.sampled_from([1, 50, 3000]))
        groups = [data.draw(st.lists(st.integers(0, 40_000), max_size=45)) for _ in range(n_analytes)]
        wells.append([np.sort(np.array(group, dtype=np.uint32) // coarse * coarse) for group in groups])
    counts = np.array([[len(group) for group in well] for well in wells])
    ends = np.cumsum(counts).reshape(counts.shape)
    starts = np.column_stack([ends[:, 0] - counts[:, 0], ends]).astype(np.int64)
    reporter = np.concatenate([group for well in wells for group in well]).astype(np.uint32)
    duo = np.array([False, True, True, True])
    rules = (KSPEAK if kspeak else KMEANS)._replace(max_k=data.draw(st.integers(2, 6)))
    assert_same_calls(reporter, starts, duo, rules, kspeak)


@pytest.mark.parametrize("kspeak", [False, True])
def test_twins_agree_on_real_wells(shared_data, tmp_path, kspeak):
    source = shared_data / "plates" / "REP.A028_MCF7_24H_X1_B25" / "lxb"
    path = next(source.glob("*_D05.lxb.gz"))
    (tmp_path / path.name).write_bytes(path.read_bytes())
    plate = read_plate(tmp_path)
    duo = np.arange(500) >= 10
    assert_same_calls(plate.reporter, plate.starts, duo, KSPEAK if kspeak else KMEANS, kspeak)


# ---- flip adjustment ------------------------------------------------------------------------------------------------


def flips_by_densities(value, support, threshold, flip_max, rounds):
    """One analyte, written out with Gaussian densities of pooled covariance; value and support of shape (2, W)."""
    hi, lo = (np.column_stack([value[half], support[half]]).astype(float) for half in (0, 1))
    n_wells = len(hi)
    flips = np.zeros(n_wells, int)
    for _ in range(rounds):
        pooled = sum(np.cov(rows.T) * (n_wells - 1) for rows in (hi, lo)) / (2 * n_wells - 2)
        densities = [multivariate_normal(rows.mean(axis=0), pooled) for rows in (hi, lo)]

        def posterior(rows, which, densities=densities):
            p = [density.pdf(rows) for density in densities]
            return p[which] / (p[0] + p[1])

        flip = (posterior(hi, 1) > threshold) & (posterior(lo, 0) > threshold)
        hi[flip], lo[flip] = lo[flip], hi[flip].copy()
        flips += flip
        if not flip.any() or (flips[flip] > flip_max).all():
            break
    return np.stack([hi[:, 0], lo[:, 0]]), np.stack([hi[:, 1], lo[:, 1]]), flips


def made_plate(seed, n_wells=40, n_analytes=6):
    rng = np.random.default_rng(seed)
    level = rng.uniform(6, 12, (2, 1, n_analytes)) + rng.normal(0, 0.3, (2, n_wells, n_analytes))
    value = np.round(2**level)
    support = np.stack([rng.binomial(90, 0.65, (n_wells, n_analytes))] * 2).astype(float)
    support[1] = 90 - support[0]
    swap = rng.random((n_wells, n_analytes)) < 0.08
    return tuple(np.where(swap, feature[::-1], feature) for feature in (value, support))


@pytest.mark.parametrize("seed", range(4))
def test_flips_follow_the_densities(seed):
    value, support = made_plate(seed)
    found = adjust_flips(value, support, np.ones(6, bool), threshold=0.4, flip_max=3, rounds=100)
    for analyte in range(6):
        expected = flips_by_densities(value[:, :, analyte], support[:, :, analyte], 0.4, 3, 100)
        np.testing.assert_array_equal(found[0][:, :, analyte], expected[0])
        np.testing.assert_array_equal(found[1][:, :, analyte], expected[1])
        np.testing.assert_array_equal(found[2][:, analyte], expected[2])
    assert found[2].sum() > 0


@pytest.mark.parametrize("flip_max", [1, 2])
def test_wells_may_flip_as_often_as_flip_max_says(flip_max):
    rounds_matter = 0
    for seed in range(6):
        value, support = made_plate(seed, n_wells=24, n_analytes=8)
        value, support = (np.round(feature * np.random.default_rng(seed).uniform(0.7, 1.4, feature.shape))
                          for feature in (value, support))  # fmt: skip
        duo = np.ones(8, bool)
        found = adjust_flips(value, support, duo, threshold=0.3, flip_max=flip_max, rounds=20)
        fewer = adjust_flips(value, support, duo, threshold=0.3, flip_max=flip_max - 1, rounds=20)
        rounds_matter += int((found[2] != fewer[2]).sum())
        for analyte in range(8):
            expected = flips_by_densities(value[:, :, analyte], support[:, :, analyte], 0.3, flip_max, 20)
            np.testing.assert_array_equal(found[2][:, analyte], expected[2])
    assert rounds_matter > 0


def test_swapped_well_is_put_right():
    rng = np.random.default_rng(0)
    value = np.round(2 ** (np.array([8.0, 11.0])[:, None, None] + rng.normal(0, 0.2, (2, 30, 1))))
    support = np.array([60.0, 30.0])[:, None, None] + rng.integers(-5, 6, (2, 30, 1))
    broken = value.copy(), support.copy()
    for feature in broken:
        feature[:, 7] = feature[::-1, 7].copy()
    fixed = adjust_flips(*broken, np.array([True]), threshold=0.4, flip_max=3, rounds=100)
    np.testing.assert_array_equal(fixed[0], value)
    np.testing.assert_array_equal(fixed[1], support)
    assert fixed[2][:, 0].tolist() == [int(well == 7) for well in range(30)]


@pytest.mark.parametrize(
    ("change", "n_wells"), [("constant support", 20), ("constant within class", 20), ("single", 20), ("none", 1)]
)
def test_no_flips_where_nothing_can_be_learned(change, n_wells):
    value, support = made_plate(1, n_wells=n_wells, n_analytes=1)
    duo = np.array([change != "single"])
    if change == "constant support":
        support[:] = 40
    if change == "constant within class":
        support[0], support[1] = 60, 30
    before = value.copy()
    after = adjust_flips(value, support, duo, threshold=0.4, flip_max=3, rounds=100)
    np.testing.assert_array_equal(after[0], before)
    assert after[2].sum() == 0
    np.testing.assert_array_equal(value, before)


def test_rounds_are_bounded():
    value, support = made_plate(2)
    once = adjust_flips(value, support, np.ones(6, bool), threshold=0.4, flip_max=3, rounds=1)
    assert once[2].max() <= 1
