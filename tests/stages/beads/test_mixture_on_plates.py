"""The mixture method on simulated plates: hard beads, dead wells, small and large plates, wrong batches and sets."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.kernels.beads.grouping import GroupedBeads, group_beads
from beadwork.kernels.beads.mixture.fit import COLUMNS
from beadwork.kernels.beads.mixture.fit_numba import fit_plate
from beadwork.kernels.beads.mixture.plate import fit_mixtures
from beadwork.model.beads.plate import CALIBRATORS, N_ANALYTES, BeadPlate
from beadwork.model.params import DeconvolveParams, SimulateParams
from beadwork.simulate.draw import simulate_beads
from beadwork.simulate.study import SimulatedPlate, plan_study
from beadwork.stages.beads.callers.mixture import call_mixture, mixture_settings
from beadwork.stages.beads.deconvolve import DeconvolveResult, deconvolve

EPSILON, DELTAP = "epsilon-r2", "deltap-r1"


@cache
def simulated(name: str = EPSILON, ratio: float = 2.0, **settings: float) -> tuple[BeadPlate, SimulatedPlate]:
    """Beads of a plate, and the plate with its truth."""
    reference = read_liss_reference().dropna(subset="calibrator").drop_duplicates("calibrator")
    params = SimulateParams(**{"wells": 24, "beads_mean": 40, "seed": 5, **settings})
    study = plan_study(read_bead_set(name), ratio, reference["log2_level"].tolist()[:10], params)
    return simulate_beads(study, study.plates[0], threads=2), study.plates[0]


def called(beads: BeadPlate, name: str = EPSILON, ratio: float = 2.0, **settings: object) -> DeconvolveResult:
    params = DeconvolveParams(**{"method": "mixture", "min_wells": 2, **settings})
    return deconvolve(beads, read_bead_set(name), ratio=ratio, params=params, threads=2)


def errors(result: DeconvolveResult, beads: BeadPlate, plate: SimulatedPlate) -> np.ndarray:
    """Errors of log2 FI, genes by wells."""
    used = [plate.wells.index(well) for well in beads.wells]
    return np.log2(result.gex.values) - plate.log2_fi[:, used]


def value(result: DeconvolveResult, metric: str) -> object:
    """The one value of a QC metric of the plate."""
    return result.qc.loc[result.qc["metric"] == metric, "value"].item()


def with_beads(beads: BeadPlate, change: dict[tuple[int, int], np.ndarray]) -> BeadPlate:
    """Beads with those of some (well, analyte) replaced."""
    wells = []
    for w in range(beads.n_wells):
        analyte, reporter = beads.well_beads(w)
        for (well, number), values in change.items():
            if well == w:
                reporter = np.concatenate([reporter[analyte != number], values])
                analyte = np.concatenate([analyte[analyte != number], np.full(len(values), number)])
        wells.append(group_beads(analyte, reporter.astype(np.uint32), N_ANALYTES))
    return BeadPlate.from_wells(beads.det_plate, beads.wells, wells)


# ---- analytes without beads -----------------------------------------------------------------------------------------


def test_an_analyte_without_beads_on_the_plate_has_no_value_and_changes_no_other():
    beads, _ = simulated()
    nothing = np.zeros(0, dtype=np.uint32)
    dark = np.full(9, 3, dtype=np.uint32)
    lost = {(w, a): dark if a == 41 else nothing for w in range(beads.n_wells) for a in (11, 40, 41)}
    result, whole = called(with_beads(beads, lost)), called(beads)
    gone = result.gex.rows["pr_analyte_num"].isin([11, 40, 41]).to_numpy()
    assert gone.sum() == 5  # analyte 11 carries one gene
    assert (result.gex.values[gone] == 1.0).all()
    assert np.isnan(result.sd.values[gone]).all()
    assert np.isnan(result.odds.values[gone]).all()
    assert (result.support.values[gone] == 0).all()
    assert np.isfinite(result.sd.values[~gone]).all()
    kept = np.abs(np.log2(result.gex.values[~gone] / whole.gex.values[~gone]))
    assert np.median(kept) < 0.01
    assert np.quantile(kept, 0.99) < 0.1
    assert result.qc.loc[result.qc["metric"].isin(["ambiguous", "effective_beads"]), "value"].notna().all()


# ---- what the batch promises ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("true", [1.67, 2.0, 3.0])
@pytest.mark.parametrize("promised", [1.67, 2.0, 3.0])
def test_another_mixing_ratio_is_noticed_and_reported(true, promised):
    result = called(simulated(ratio=true)[0], ratio=promised)
    qc, fitted = result.qc, float(value(result, "ratio_fitted"))
    said = qc.loc[qc["metric"] == "beads_suspected", "value"].tolist()
    if true == promised:
        assert not said
        assert fitted == pytest.approx(true, rel=0.03)
    else:
        assert abs(fitted - true) < abs(fitted - promised)
        looks = f"the mixing ratio looks like {fitted:.2f}, not the {promised:g} of the bead batch"
        assert said == [f"{looks}; is the bead batch right?"]
        assert not qc.loc[qc["metric"].isin(["ratio_fitted", "beads_suspected"]), "pass"].any()


@pytest.mark.parametrize("ratio", [1.67, 2.0, 3.0])
@pytest.mark.parametrize(("true", "promised"), [(EPSILON, DELTAP), (DELTAP, EPSILON)])
@pytest.mark.parametrize("method", ["mixture", "kmeans"])
def test_another_bead_set_is_noticed_and_reported(true, promised, ratio, method):
    beads, _ = simulated(true, ratio)
    right, wrong = (called(beads, name, ratio, method=method) for name in (true, promised))
    assert "beads_suspected" not in set(right.qc["metric"])
    assert float(value(right, "single_beads")) < 1.4
    text = str(value(wrong, "beads_suspected"))
    assert text.startswith(f"analytes that carry one gene in bead set {promised} have up to ")
    assert text.endswith(" times the beads of one gene; is the bead set right?")


def test_wide_peaks_are_noticed_and_reported():
    result = called(simulated(bead_width=2.2)[0])
    assert "peaks of lo genes are " in str(value(result, "beads_suspected"))
    assert "times as wide as usual; are these the beads of that batch?" in str(value(result, "beads_suspected"))


# ---- hard beads -----------------------------------------------------------------------------------------------------


def test_fewer_than_twenty_beads():
    few, plate = simulated(beads_mean=12)
    many, _ = simulated(beads_mean=60)
    poor, rich = called(few), called(many)
    assert np.isfinite(poor.gex.values).all()
    assert poor.sd is not None and rich.sd is not None
    assert np.median(poor.sd.values) > 1.5 * np.median(rich.sd.values)
    kmeans = errors(called(few, method="kmeans"), few, plate)
    assert np.median(np.abs(errors(poor, few, plate))) < 0.5 * np.median(np.abs(kmeans))
    inside = np.abs(errors(poor, few, plate)) < 1.96 * poor.sd.values
    assert inside.mean() > 0.85


@pytest.mark.parametrize("prior", [True, False])
def test_one_empty_peak_and_coinciding_peaks(prior):
    beads, _ = simulated()
    rng = np.random.default_rng(3)
    one = np.round(2 ** rng.normal(9.0, 0.25, 40))  # all beads of one gene: the other has none, or lies there too
    lo = [(3, number) for number in (40, 41, 42)]
    result = called(with_beads(beads, dict.fromkeys(lo, one)), prior=prior)
    assert result.sd is not None and result.odds is not None
    for _, number in lo:
        rows = (result.gex.rows["pr_analyte_num"] == number).to_numpy()
        found, sd = np.log2(result.gex.values[rows, 3]), result.sd.values[rows, 3]
        assert np.isfinite(found).all()
        assert ((found > 4) & (found < 15)).all()
        assert np.abs(found - 9).min() < 0.5
        # whatever lies away from the beads says that it is not known well
        away = np.abs(found - 9) > 0.5
        assert (sd[away] > 0.15).all()


def test_dead_wells_do_no_harm_and_are_reported():
    beads, plate = simulated(wells=48, bad_wells=0.25, seed=6)
    fault = dict(zip(plate.wells, plate.faults, strict=True))
    result = called(beads, min_well_beads=1)
    assert np.isfinite(result.gex.values).all()
    failed = result.qc[result.qc["metric"].isin(["ambiguous", "effective_beads"]) & ~result.qc["pass"].astype(bool)]
    reported = {entity.split(":")[1] for entity in failed["entity"]}
    dead = {well for well in beads.wells if fault[well] in ("dark", "few beads")}
    assert {fault[well] for well in dead} == {"dark", "few beads"}
    assert dead <= reported <= dead | {"A01"}  # A01 is the blank
    good = [i for i, well in enumerate(beads.wells) if well not in reported]
    assert np.sqrt(np.mean(errors(result, beads, plate)[:, good] ** 2)) < 0.3


# ---- sizes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wells", "largest"), [(10, 0.45), (384, 0.3)])
def test_plates_of_ten_wells_and_of_all(wells, largest):
    beads, plate = simulated(wells=wells, beads_mean=30)
    result = called(beads, min_wells=10)
    assert value(result, "prior_used") == "yes"
    error = errors(result, beads, plate)
    assert np.sqrt(np.mean(error**2)) < largest
    assert result.sd is not None
    assert (np.abs(error) < 1.96 * result.sd.values).mean() > 0.88


def test_a_plate_too_small_for_the_prior_says_so():
    beads, _ = simulated(wells=10)
    few = beads.take_wells(np.arange(10) < 7)
    result = called(few)
    rows = result.qc.set_index("metric").loc["prior_used"]
    assert (rows["value"], rows["pass"]) == ("too few wells", False)
    off = called(beads, prior=False).qc.set_index("metric").loc["prior_used"]
    assert (off["value"], off["pass"]) == ("switched off", True)
    np.testing.assert_array_equal(result.gex.values, called(few, prior=False).gex.values)


def test_the_fit_can_be_drawn_again_from_the_uncertainties():
    result = called(simulated(ratio=3.0)[0], ratio=3.0)
    assert result.sd is not None
    rows = result.sd.rows
    shares = rows.groupby("pr_analyte_num")["bead_share"].sum()
    np.testing.assert_allclose(shares, 1.0)
    pairs = rows[rows["pr_analyte_num"].duplicated(keep=False)]
    ratio = pairs.loc[pairs["pr_bset_id"] == "dp52", "bead_share"].iloc[0] / pairs.loc[
        pairs["pr_bset_id"] == "dp53", "bead_share"].iloc[0]  # fmt: skip
    assert ratio == pytest.approx(float(value(result, "ratio_fitted")))
    assert rows["bead_width"].between(0.4, 2.5).all()
    pd.testing.assert_frame_equal(result.gex.rows, rows.drop(columns=["bead_share", "bead_width", "bead_split"]))


# ---- what the kernels give, by name ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [EPSILON, DELTAP])
def test_calls_are_the_columns_of_the_fit_in_their_places(name):
    beads, _ = simulated(name)
    bead_set = read_bead_set(name)
    hi, lo = (set(bead_set.analyte_genes(half).index) for half in ("hi", "lo"))
    duo = np.array([number in hi and number in lo for number in range(1, N_ANALYTES + 1)])
    params = DeconvolveParams(method="mixture", sd_factor=1.25)
    settings = mixture_settings(params, beads.n_wells)
    analytes = np.arange(len(CALIBRATORS), N_ANALYTES)
    grouped = GroupedBeads(beads.reporter, beads.starts)
    fit = fit_mixtures(grouped, analytes, duo, 2 / 3, settings, fit_plate, threads=2).fit
    column = {name: fit[:, :, place].astype(float) for place, name in enumerate(COLUMNS)}
    calls = call_mixture(beads, duo, ratio=2.0, params=params, threads=2)
    for half, side in enumerate(("hi", "lo")):
        np.testing.assert_allclose(np.log2(calls.value[half][:, duo]), column[side][:, duo], rtol=1e-6)
        np.testing.assert_allclose(calls.sd[half][:, duo], 1.25 * column[f"sd_{side}"][:, duo], rtol=1e-6)
        np.testing.assert_allclose(calls.support[half][:, duo], column[f"beads_{side}"][:, duo], rtol=1e-6)
    assert not np.allclose(column["sd_hi"][:, duo], column["sd_lo"][:, duo], rtol=0.1)
    likely = np.maximum(column["hi_above"], 1 - column["hi_above"])[:, duo]
    np.testing.assert_allclose(calls.odds[:, duo], likely / np.maximum(1 - likely, 1e-6), rtol=1e-5)


def test_stray_beads_are_counted_as_outliers():
    beads, _ = simulated()
    clean = value_by_well(called(beads), "outlier_beads")
    rng = np.random.default_rng(0)
    stray = {}
    for number in range(len(CALIBRATORS) + 1, N_ANALYTES + 1):
        analyte, reporter = beads.well_beads(3)
        own = reporter[analyte == number]
        stray[3, number] = np.concatenate([own, np.round(2 ** rng.uniform(4.1, 14.9, len(own) // 3))])
    dirty = value_by_well(called(with_beads(beads, stray)), "outlier_beads")
    well = f"{beads.det_plate}:{beads.wells[3]}"
    assert clean[well] < 0.05 < 0.1 < dirty[well] < 0.3
    assert (dirty.drop(well) < 0.05).all()


def value_by_well(result: DeconvolveResult, metric: str) -> pd.Series:
    """Values of a QC metric of the wells."""
    rows = result.qc[result.qc["metric"] == metric]
    return pd.Series(rows["value"].astype(float).to_numpy(), index=rows["entity"])
