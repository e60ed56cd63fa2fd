"""normalize: official plates, wells that leave and why, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.bead_sets import read_bead_set, read_liss_reference
from beadwork.io.platform.gene_table import with_entrez_ids
from beadwork.kernels.levels.liss import fence
from beadwork.model.beads.plate import CALIBRATORS
from beadwork.model.errors import AlignmentError, BeadworkError, LevelError, ParameterError
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.params import NormalizeParams
from beadwork.stages.levels.normalize import normalize, outlier_reasons, scale_bead_set, split_halves

REFERENCE = read_liss_reference()
TEST_PLATE = "plates/TEST_A375_24H_X1_B20/official"


@pytest.fixture(scope="module")
def official(shared_data):
    """GEX, CAL, and official results of the TEST plate by Entrez id."""
    folder = shared_data / TEST_PLATE
    found = {"folder": folder, "cal": read_matrix(folder / "dpeak" / "dp52_GEX_n26x500.gct.gz").take_rows(CALIBRATORS)}
    for name, file in (("gex", "GEX_n26x978"), ("norm", "NORM_n23x978"), ("qnorm", "QNORM_n23x978")):
        matrix = with_entrez_ids(read_matrix(folder / f"TEST_A375_24H_X1_B20_{file}.gct.gz", level=Level(name.upper())))
        found[name] = matrix.with_values(matrix.values, space=Space.LM)
    return found


@pytest.fixture(scope="module")
def official_run(official):
    return normalize(official["gex"], official["cal"], REFERENCE)


# ---- official plate ------------------------------------------------------------------------------------------------


def test_the_three_official_outliers_leave(official, official_run):
    table = pd.read_csv(official["folder"] / "liss" / "outlier_samples.txt", sep="\t")
    outliers = official_run.qc[official_run.qc["metric"] == "outlier"].set_index("entity")
    assert sorted(outliers.index) == sorted(table["id"])
    assert outliers["value"].str.replace("TEST_A375_24H_X1_B20:", "").to_dict() == {
        "TEST_A375_24H_X1_B20:B01": "pert_type lma_x",
        "TEST_A375_24H_X1_B20:B02": "pert_type lma_x",
        "TEST_A375_24H_X1_B20:B13": "qc_f_logp 3.82; qc_iqr 39.8",
    }
    assert list(official_run.norm.cids) == list(official_run.qnorm.cids)
    assert set(official_run.norm.cids) == set(official["norm"].cids)
    assert list(official_run.scaled.cids) == list(official["gex"].cids), "scaled keeps all wells"


def test_official_values(official, official_run):
    for name, limit in (("norm", 1e-3), ("qnorm", 3e-2)):
        expected = official[name]
        found = getattr(official_run, name).take_rows(expected.rids).take_cols(expected.cids)
        assert np.abs(found.values - expected.values).max() < limit
        assert found.level == Level(name.upper()) and getattr(official_run, name).space == Space.LM


def test_official_scaled_values_before_wells_leave(official, official_run):
    for half in ("dp52", "dp53"):
        expected = read_matrix(official["folder"] / "liss" / f"{half}_GEX_n26x500_lissp.gct.gz")
        expected = with_entrez_ids(expected.take_rows(expected.rids[expected.rows["pr_gene_id"].notna()]))
        found = official_run.scaled.take_rows(expected.rids).take_cols(expected.cids)
        assert len(expected.rids) == 489
        assert (np.abs(found.values - expected.values).max(axis=0) < 1e-3).all()


def test_official_curves(official, official_run):
    curves = official_run.curves
    for half in ("dp52", "dp53"):
        expected = read_matrix(official["folder"] / "liss" / f"calib_{half}_GEX_n26x500_n26x24.gct.gz")
        found = curves[curves["bead_set"] == half].pivot(index="well", columns="point", values="curve")
        points = REFERENCE["point"].tolist()[:11]
        error = np.abs(found.loc[expected.rids, points].to_numpy() - expected.values[:, :11]).max(axis=1)
        assert (error < 1e-4).sum() >= 25 and error.max() < 3e-4


def test_official_quality_at_the_printed_precision(official, official_run):
    expected = official["norm"].cols
    found = official_run.norm.cols.loc[expected.index]
    for field, decimals in (("qc_slope", 0), ("qc_f_logp", 1), ("qc_iqr", 2)):
        assert found[field].round(decimals).tolist() == pytest.approx(expected[field].tolist()), field


def test_golden_bead_set_alone(golden):
    folder = golden / "level2to4"
    gex, cal = read_matrix(folder / "level2_n376x490.gct.gz"), read_matrix(folder / "cal_n376x10.gct")
    expected = read_matrix(folder / "liss_n376x490.gct.gz")
    scaled = scale_bead_set(gex, cal, REFERENCE)
    assert scaled.level == Level.NORM and list(scaled.rids) == list(expected.rids)
    assert (np.abs(scaled.values - expected.values).max(axis=0) < 1e-3).sum() >= 374


def test_golden_quantile_normalisation(golden):
    folder = golden / "level2to4"
    liss, expected = (read_matrix(folder / f"{name}_n376x490.gct.gz") for name in ("liss", "level3"))
    result = normalize(liss, params=NormalizeParams(scaling="none"))
    assert np.abs(result.qnorm.values - expected.values).max() < 1e-4
    assert result.norm.values.tobytes() == liss.values.tobytes()


# ---- made plates ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("smoother", ["cmap", "stable"])
def test_result(level2_plate, smoother):
    gex, cal = level2_plate
    before = gex.values.copy()
    result = normalize(gex, cal, REFERENCE, params=NormalizeParams(smoother=smoother))
    assert gex.values.tobytes() == before.tobytes()
    assert list(result.norm.cids) == list(gex.cids[2:]), "lma_ wells leave, the others stay in order"
    assert list(result.norm.rids) == list(gex.rids)
    assert list(result.norm.cols.columns) == [*gex.cols.columns, "qc_slope", "qc_f_logp", "qc_iqr"]
    ordered = np.sort(result.qnorm.values, axis=0)
    assert np.median(np.abs(ordered - ordered[:, :1])) < 0.01, "one distribution, but for ties of small intensities"
    kept = result.qc[result.qc["metric"] == "wells_kept"].iloc[0]
    assert (kept["entity"], kept["value"], kept["pass"]) == ("TOY001_A375_24H_X1_B20", 10, True)
    assert (result.qc["metric"] == "qc_iqr").sum() == 12
    assert len(result.curves) == 12 * 2 * 11
    assert result.curves["curve"].notna().all()


def test_calibrators_may_stand_in_another_order(level2_plate):
    gex, cal = level2_plate
    shuffled = cal.take_rows(cal.rids[::-1]).take_cols(cal.cids[::-1])
    first, second = (normalize(gex, item, REFERENCE) for item in (cal, shuffled))
    assert first.qnorm.values.tobytes() == second.qnorm.values.tobytes()


def test_a_well_without_a_calibrator_fails_with_the_reason(level2_plate):
    gex, cal = level2_plate
    values = cal.values.copy()
    values[[2, 6], 5] = np.nan
    result = normalize(gex, cal.with_values(values), REFERENCE)
    assert gex.cids[5] not in result.norm.cids
    row = result.qc[result.qc["metric"] == "liss_failed"].iloc[0]
    assert (row["entity"], row["value"], row["pass"]) == (gex.cids[5], "no beads of CAL03, CAL07", False)
    assert (result.scaled.values[:, 5] == 0).all()
    assert not result.qc[result.qc["entity"] == gex.cids[5]]["pass"].any()


def test_few_beads_and_their_spread_make_an_outlier(level2_plate):
    gex, cal = level2_plate
    cols = gex.cols.copy()
    cols.loc[cols.index[4], ["count_mean", "count_cv"]] = 15.0, 35.0
    cols.loc[cols.index[6], "count_mean"] = 15.0  # alone it is no reason
    result = normalize(gex.with_values(gex.values, cols=cols), cal, REFERENCE)
    outliers = result.qc[result.qc["metric"] == "outlier"].set_index("entity")["value"]
    assert outliers[gex.cids[4]] == "count_mean 15, count_cv 35"
    assert gex.cids[6] in result.norm.cids


def test_two_strikes_are_out_and_one_is_not(level2_plate):
    gex, cal = level2_plate
    values = gex.values.copy()
    middle, floor = np.percentile(values[:, 7], [50, 5])
    flat = middle * (values[:, 7] / middle) ** 0.2  # qc_iqr strikes; the noise floor, hence the calibration, stays
    values[:, 7] = np.where(values[:, 7] > floor, flat, values[:, 7])
    one = normalize(gex.with_values(values), cal, REFERENCE)
    assert gex.cids[7] in one.norm.cids
    assert not one.qc.query("metric == 'qc_iqr' and entity == @gex.cids[7]")["pass"].any()
    strict = normalize(gex.with_values(values), cal, REFERENCE, params=NormalizeParams(max_strikes=0))
    assert gex.cids[7] not in strict.norm.cids


@pytest.mark.parametrize(("usual", "odd", "strikes"), [(75.0, 60.0, True), (54.0, 50.0, True), (54.0, 52.5, False)])
def test_a_well_strikes_below_the_limit_or_outside_the_fence_whichever_is_higher(usual, odd, strikes):
    params = NormalizeParams(min_slope=52)
    slopes = usual + np.tile([-0.1, 0.1], 10) * (30 if usual < 60 else 1)
    wells = [f"P:A{number:02d}" for number in range(1, 21)]
    cols = pd.DataFrame({"qc_slope": slopes, "qc_f_logp": 8.0, "qc_iqr": 10.0}, index=wells)
    cols.loc["P:A05", "qc_slope"] = odd
    _, rows = outlier_reasons(cols, params)
    row = rows[(rows["metric"] == "qc_slope") & (rows["entity"] == "P:A05")].iloc[0]
    assert row["lower"] == max(params.min_slope, fence(cols["qc_slope"].to_numpy(), params.fence_iqr)[0])
    assert bool(row["pass"]) is not strikes


def test_analytes_come_from_the_bead_set_if_rows_do_not_say(level2_plate):
    gex, cal = level2_plate
    bare = gex.with_values(gex.values, rows=pd.DataFrame(index=gex.rids))
    result = normalize(bare, cal, REFERENCE, bead_set=read_bead_set("epsilon-r2"))
    assert result.qnorm.values.tobytes() == normalize(gex, cal, REFERENCE).qnorm.values.tobytes()


def test_missing_genes_analytes_take_the_other_bead_sets_value(level2_plate):
    gex, _ = level2_plate
    halves = split_halves(gex, None, "GEX")
    assert list(halves) == ["dp52", "dp53"]
    for name, missing in (("dp52", 499), ("dp53", 11)):
        half = halves[name]
        assert len(half.gene_rows) == 489 and len(half.analyte_rows) == 490
        filled = gex.rows.iloc[half.analyte_rows[missing - 11]]
        assert (filled["pr_analyte_num"], filled["pr_bset_id"] != name) == (missing, True)


def test_no_scaling_drops_nothing_and_takes_any_rows():
    values = np.random.default_rng(0).normal(8, 2, (30, 6))
    cols = pd.DataFrame({"pert_type": ["lma_x"] * 6}, index=[f"w{i}" for i in range(6)])
    matrix = Matrix(values, pd.DataFrame(index=[f"probe{i}_at" for i in range(30)]), cols)
    result = normalize(matrix, params=NormalizeParams(scaling="none"))
    assert result.qnorm.values.shape == (30, 6)
    assert len(result.curves) == 0
    assert (result.qnorm.level, result.norm.level) == (Level.QNORM, Level.NORM)


# ---- refusals ------------------------------------------------------------------------------------------------------


def test_refuses_without_calibrators(level2_plate):
    with pytest.raises(ParameterError, match=r"^GEX: LISS scaling needs the calibrators of the plate: give --calib"):
        normalize(level2_plate[0])


def test_refuses_another_level(level2_plate):
    gex, cal = level2_plate
    with pytest.raises(LevelError, match=r"^GEX: holds level ZSPC, but GEX is needed here"):
        normalize(gex.with_values(gex.values, level=Level.ZSPC), cal, REFERENCE)
    with pytest.raises(LevelError, match=r"^CAL: holds level GEX, but CAL is needed here"):
        normalize(gex, gex, REFERENCE)
    with pytest.raises(LevelError, match=r"^GEX: holds level GEX, but NORM or QNORM or INF is needed here"):
        normalize(gex, params=NormalizeParams(scaling="none"))


def test_refuses_linear_values_as_scaled(level2_plate):
    gex, unscaled = level2_plate[0], NormalizeParams(scaling="none")
    with pytest.raises(LevelError, match=r"^GEX: does not say its level, and the median is \d+, so these are linear"):
        normalize(gex.with_values(gex.values, level=None), params=unscaled)
    values = np.log2(gex.values)
    values[3, 4] = 4000
    with pytest.raises(LevelError, match=r"^GEX: the largest value is 4000, so these are no log2 intensities"):
        normalize(gex.with_values(values, level=None), params=unscaled)


def test_refuses_missing_values(level2_plate):
    gex, cal = level2_plate
    values = gex.values.copy()
    values[3, 4] = np.nan
    with pytest.raises(AlignmentError, match=rf"^GEX: missing or infinite values in 1 row \({gex.rids[3]}\)"):
        normalize(gex.with_values(values), cal, REFERENCE)


def test_refuses_incomplete_calibrators(level2_plate):
    gex, cal = level2_plate
    with pytest.raises(AlignmentError, match=r"^CAL: lacks the rows CAL02, CAL09; all ten calibrators are needed"):
        normalize(gex, cal.take_rows(cal.rids.drop(["CAL02", "CAL09"])), REFERENCE)


def test_refuses_calibrators_of_other_wells(level2_plate):
    gex, cal = level2_plate
    with pytest.raises(AlignmentError, match=r"^CAL: has no column for 2 of the 12 wells of GEX \(.*A01, .*A02\)"):
        normalize(gex, cal.take_cols(cal.cids[2:]), REFERENCE)


def test_refuses_part_of_the_genes(level2_plate):
    gex, cal = level2_plate
    part = gex.take_rows(gex.rids[gex.rows["pr_analyte_num"] != 200])
    with pytest.raises(LevelError, match=r"^GEX: has no gene for 1 of the analytes 11-500 .* LISS needs all 978"):
        normalize(part, cal, REFERENCE)
    with pytest.raises(LevelError, match=r"^GEX: has no gene for 1 of the analytes 11-500 and genes of 1 bead sets"):
        normalize(gex.take_rows(gex.rids[gex.rows["pr_bset_id"] == "dp52"]), cal, REFERENCE)


def test_refuses_genes_of_unknown_analytes(level2_plate):
    gex, cal = level2_plate
    bare = gex.with_values(gex.values, rows=pd.DataFrame(index=gex.rids))
    with pytest.raises(LevelError, match=r"^GEX: rows lack the fields pr_analyte_num and pr_bset_id, and the bead"):
        normalize(bare, cal, REFERENCE)
    probes = gex.with_values(gex.values, rows=pd.DataFrame(index=gex.rids + "_at"))
    with pytest.raises(LevelError, match=r"^GEX: 978 rows are no genes of bead set epsilon-r2 .* Entrez ids"):
        normalize(probes, cal, REFERENCE, bead_set=read_bead_set("epsilon-r2"))


def test_refuses_other_bead_sets_without_a_reference_of_their_own(level2_plate):
    gex, cal = level2_plate
    genes = read_bead_set("deltap-r1").genes
    deltap = Matrix(gex.values[: len(genes)], genes, gex.cols, level=Level.GEX)
    with pytest.raises(ParameterError, match=r"^GEX: genes of bead sets dp44, dp45, but the reference .* --reference"):
        normalize(deltap, cal, REFERENCE, reference_halves=("dp52", "dp53"))
    assert normalize(deltap, cal, REFERENCE).qnorm.values.shape[0] == len(genes)


def test_refuses_a_reference_that_does_not_ascend(level2_plate):
    with pytest.raises(ParameterError, match=r"^reference levels: 12 levels are given, but 13 ascending"):
        normalize(*level2_plate, REFERENCE.iloc[:12])
    with pytest.raises(ParameterError, match=r"^reference levels: 13 levels are given, but 13 ascending"):
        normalize(*level2_plate, REFERENCE.iloc[::-1])


def test_refuses_a_plate_of_which_too_little_is_left(level2_plate):
    gex, cal = level2_plate
    expected = r"^GEX: 0 of 12 wells are left after LISS and outlier removal, fewer than 2 .* no beads of CAL01"
    with pytest.raises(BeadworkError, match=expected):
        normalize(gex, cal.with_values(cal.values * np.nan), REFERENCE)
