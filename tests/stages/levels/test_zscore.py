"""zscore: official values, populations, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beadwork.io.matrix.formats import read_matrix
from beadwork.kernels.levels.robust_z import robust_zscore
from beadwork.model.errors import AlignmentError, LevelError, ParameterError
from beadwork.model.matrix import Level, Matrix
from beadwork.model.params import ZscoreParams
from beadwork.stages.levels.zscore import zscore


@pytest.fixture
def plate():
    values = np.random.default_rng(0).normal(8, 1, (20, 8))
    kinds = ["ctl_vehicle", "CTL_VEHICLE", " Ctl_Vehicle", "trt_cp", "TRT_CP", "trt_cp", "trt_cp", np.nan]
    cols = pd.DataFrame({"det_plate": "P1_A375_24H_X1_B20", "pert_type": kinds}, index=[f"P1:{i}" for i in range(8)])
    return Matrix(values, pd.DataFrame(index=[f"g{i}" for i in range(20)]), cols, level=Level.INF)


def test_golden(golden):
    folder = golden / "level2to4"
    level3, expected = (read_matrix(folder / f"{name}_n376x490.gct.gz") for name in ("level3", "level4"))
    error = np.abs(zscore(level3).matrix.values - expected.values)
    assert error.max() < 0.02 and np.median(error) < 1.6e-4, "rounding of the text files times large z"
    assert (error / np.maximum(np.abs(expected.values), 1)).max() < 2e-3


def test_official_plate(shared_data):
    folder = shared_data / "plates" / "TEST_A375_24H_X1_B20" / "official"
    qnorm, expected = (
        read_matrix(folder / f"TEST_A375_24H_X1_B20_{name}_n23x978.gct.gz") for name in ("QNORM", "ZSPCQNORM")
    )
    found = zscore(qnorm).matrix.take_rows(expected.rids).take_cols(expected.cids)
    error = np.abs(found.values - expected.values)
    assert np.median(error) < 1.6e-4
    assert (error / np.maximum(np.abs(expected.values), 1)).max() < 2e-3


def test_plate_and_vehicle_populations(plate):
    for population, level, chosen in (("plate", Level.ZSPC, slice(None)), ("vehicle", Level.ZSVC, slice(0, 3))):
        result = zscore(plate, population=population)
        base = plate.values[:, chosen].astype(float)
        center = np.median(base, axis=1, keepdims=True)
        mad = np.median(np.abs(base - center), axis=1, keepdims=True)
        np.testing.assert_allclose(
            result.matrix.values, (plate.values - center) / (np.maximum(mad, 0.1) * 1.4826), rtol=1e-5, atol=1e-6
        )
        assert result.matrix.level == level
        qc = result.qc.set_index("metric")
        assert qc.loc["n_population", "entity"] == "P1_A375_24H_X1_B20"
        assert qc.loc["n_population", "value"] == base.shape[1]
        assert qc.loc["mad_floored", "value"] == pytest.approx((mad < 0.1).mean())


def test_any_level_of_unknown_origin_and_missing_values(plate):
    values = plate.values.copy()
    values[2, 3] = np.nan
    z = zscore(plate.with_values(values, level=None)).matrix.values
    assert np.isnan(z[2, 3]) and np.isnan(z).sum() == 1


def test_refuses_linear_intensities(plate):
    with pytest.raises(LevelError, match=r"^matrix: holds level GEX, but INF or QNORM or NORM is needed here"):
        zscore(plate.with_values(plate.values, level=Level.GEX))


def test_refuses_infinite_values(plate):
    values = plate.values.copy()
    values[5, 0] = -np.inf
    with pytest.raises(AlignmentError, match=r"^matrix: infinite values in 1 row \(g5\); were zeros turned into"):
        zscore(plate.with_values(values))


def test_refuses_too_few_vehicle_wells(plate):
    expected = r"^matrix: has 3 wells of pert_type ctl_vehicle, but --population vehicle needs at least 4 \(--min-pop"
    with pytest.raises(ParameterError, match=expected):
        zscore(plate, population="vehicle", params=ZscoreParams(min_population=4))
    with pytest.raises(
        ParameterError, match=r"^matrix: has no column field pert_type, by which vehicle wells are known"
    ):
        zscore(plate.with_values(plate.values, cols=plate.cols[["det_plate"]]), population="vehicle")


def test_refuses_a_plate_of_two_wells(plate):
    with pytest.raises(ParameterError, match=r"^matrix: has 2 wells, but a median over fewer than 3 says nothing"):
        zscore(plate.take_cols(plate.cids[:2]))


def test_unknown_population(plate):
    with pytest.raises(ParameterError, match="population is 'plate' or 'vehicle', not 'controls'"):
        zscore(plate, population="controls")


def test_too_few_vehicle_wells_may_give_missing_scores(plate):
    params = ZscoreParams(min_population=4)
    with pytest.raises(ParameterError, match="3 wells of pert_type ctl_vehicle"):
        zscore(plate, population="vehicle", params=params)
    result = zscore(plate, population="vehicle", if_few="missing", params=params)
    assert result.matrix.level == Level.ZSVC and np.isnan(result.matrix.values).all()
    row = result.qc.set_index("metric").loc["n_population"]
    assert row["value"] == 3 and not row["pass"]
    enough = zscore(plate, population="vehicle", if_few="missing")
    np.testing.assert_array_equal(enough.matrix.values, zscore(plate, population="vehicle").matrix.values)


def test_uncertainty_shrinks_scores_of_the_genes_it_has(plate):
    uncertainty = np.full((10, 8), 0.05)
    uncertainty[3, 2] = 1.0
    sd = Matrix(uncertainty, plate.rows.iloc[:10], plate.cols)
    plain, carried = zscore(plate).matrix.values, zscore(plate, sd=sd).matrix.values
    changed = np.argwhere(plain != carried)
    assert changed.tolist() == [[3, 2]]
    assert 0 < carried[3, 2] / plain[3, 2] < 1
    result = zscore(plate, sd=sd, shrink=False)
    np.testing.assert_array_equal(result.matrix.values, plain)
    assert result.reliability is not None and result.reliability.rids.tolist() == plate.rids[:10].tolist()
    np.testing.assert_allclose(np.sqrt(result.reliability.values), carried[:10] / plain[:10], rtol=1e-5)
    assert zscore(plate).reliability is None
    none = zscore(plate, sd=sd, params=ZscoreParams(sd_slope=0.0)).matrix.values
    np.testing.assert_array_equal(none, plain)
    with pytest.raises(AlignmentError, match="1 well has no uncertainty"):
        zscore(plate, sd=Matrix(uncertainty[:, 1:], plate.rows.iloc[:10], plate.cols.iloc[1:]))


# ---- many plates -----------------------------------------------------------------------------------------------------


def made(name, seed, n=12, **fields):
    """Level 3 of one plate, on a scale of its own."""
    rng = np.random.default_rng(seed)
    values = rng.normal(8 + seed, 1 + seed / 3, (30, 1)) + rng.normal(0, 0.5 + seed / 4, (30, n))
    wells = [f"A{number:02d}" for number in range(1, n + 1)]
    cols = pd.DataFrame(
        {"det_plate": name, "det_well": wells, "pert_type": ["ctl_vehicle"] * 4 + ["trt_cp"] * (n - 4)} | fields,
        index=[f"{name}:{well}" for well in wells],
    )
    return Matrix(values, pd.DataFrame(index=[f"g{i}" for i in range(30)]), cols, level=Level.INF)


def joined(matrices, order=None):
    cols = pd.concat([matrix.cols for matrix in matrices])
    values = np.hstack([matrix.values for matrix in matrices])
    order = np.arange(len(cols)) if order is None else order
    return Matrix(values[:, order], matrices[0].rows, cols.iloc[order], level=matrices[0].level)


PLATES = ("P1_A375_24H_X1_B20", "P1_A375_24H_X2_B20", "P2_MCF7_6H_X1_B25")


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(36)), st.sampled_from(["plate", "vehicle"]), st.sampled_from(["field", "ids", "mixed"]))
def test_each_plate_of_many_gets_to_the_bit_what_it_gets_alone(order, population, known_by):
    alone = [made(name, seed) for seed, name in enumerate(PLATES)]
    whole = joined(alone, list(order))
    if known_by == "ids":
        whole = whole.with_values(whole.values, cols=whole.cols.drop(columns="det_plate"))
    elif known_by == "mixed":
        whole = whole.with_values(whole.values, cols=whole.cols.assign(det_plate=whole.cols["det_plate"].where(
            np.arange(36) % 2 == 0)))  # fmt: skip
    sd = whole.with_values(np.abs(whole.values) / 9 + 0.1, level=None)
    result = zscore(whole, population=population, sd=sd)
    qc = result.qc.set_index(["metric", "entity"])
    for matrix in alone:
        own = zscore(matrix, population=population, sd=sd.take_cols(matrix.cids))
        np.testing.assert_array_equal(result.matrix.take_cols(matrix.cids).values, own.matrix.values)
        np.testing.assert_array_equal(result.reliability.take_cols(matrix.cids).values, own.reliability.values)
        for row in own.qc.itertuples():
            assert qc.loc[(row.metric, row.entity), "value"] == row.value
    assert len(result.qc) == 6 and list(result.matrix.cids) == list(whole.cids)


def test_plates_that_cannot_be_distinguished_are_refused():
    whole = joined([made(name, seed) for seed, name in enumerate(PLATES)])
    bare = whole.cols.drop(columns=["det_plate"]).set_axis([f"S{n}" for n in range(36)], axis=0)
    message = r"^X: 36 of 36 columns name no plate \(S0, .* and scores are made plate by plate; give --instinfo with "
    with pytest.raises(AlignmentError, match=message):
        zscore(Matrix(whole.values, whole.rows, bare, level=Level.INF), what="X")
    one = whole.cols.assign(det_plate=whole.cols["det_plate"].where(np.arange(36) > 0)).rename(
        index={whole.cids[0]: "S0"}
    )
    with pytest.raises(AlignmentError, match=r"1 of 36 columns name no plate \(S0\)"):
        zscore(Matrix(whole.values, whole.rows, one, level=Level.INF))
    with pytest.raises(AlignmentError, match=r"det_plate is P for columns whose ids name 3 plates \(P1_A375_24H_X1_B2"):
        zscore(whole.with_values(whole.values, cols=whole.cols.assign(det_plate="P")))
    with pytest.raises(AlignmentError, match="det_plate P stands at 400 columns, but a plate has 384 wells at most"):
        zscore(
            made("P", 0, 400).with_values(np.zeros((30, 400)), cols=pd.DataFrame({"det_plate": "P"}, index=range(400)))
        )
    twice = pd.DataFrame(index=["A01", "A02", "a1", *(f"B{n:02d}" for n in range(1, 10))])
    with pytest.raises(AlignmentError, match="12 of 12 columns name no plate"):
        zscore(made("P", 0).with_values(made("P", 0).values, cols=twice))


def test_bare_wells_are_those_of_one_plate():
    matrix = made(PLATES[0], 1)
    bare = matrix.with_values(matrix.values, cols=matrix.cols[["pert_type"]].set_axis(matrix.cols["det_well"], axis=0))
    np.testing.assert_array_equal(zscore(bare).matrix.values, zscore(matrix).matrix.values)


def test_a_plate_with_too_few_vehicle_wells_is_named_and_others_are_scored():
    first, second = made(PLATES[0], 0), made(PLATES[1], 1, pert_type="trt_cp")
    with pytest.raises(ParameterError, match=rf"^X: plate {PLATES[1]}: has 0 wells of pert_type ctl_vehicle"):
        zscore(joined([first, second]), population="vehicle", what="X")
    result = zscore(joined([first, second]), population="vehicle", if_few="missing")
    np.testing.assert_array_equal(
        result.matrix.take_cols(first.cids).values, zscore(first, population="vehicle").matrix.values
    )
    assert np.isnan(result.matrix.take_cols(second.cids).values).all()
    rows = result.qc[result.qc["metric"] == "n_population"].set_index("entity")
    assert rows["pass"].to_dict() == {PLATES[0]: True, PLATES[1]: False}


def test_official_scores_stay_when_another_plate_stands_beside(shared_data):
    """Beside a shifted copy; scored as one plate, the scores correlate far less with the right ones."""
    folder = shared_data / "golden" / "level2to4"
    level3, level4 = (read_matrix(folder / f"{name}_n376x490.gct.gz") for name in ("level3", "level4"))
    names = [pd.DataFrame({"det_plate": plate}, index=[f"{plate}:{well}" for well in level3.cids]) for plate in "PQ"]
    gain = np.random.default_rng(1).uniform(-3, 3, (490, 1))
    both = Matrix(np.hstack([level3.values, level3.values[:, ::-1] + gain]), level3.rows, pd.concat(names))
    found = zscore(both).matrix.values
    np.testing.assert_array_equal(found[:, :376], zscore(level3).matrix.values)
    error = np.abs(found[:, :376] - level4.values)
    assert np.median(error) < 1.6e-4 and (error / np.maximum(np.abs(level4.values), 1)).max() < 2e-3
    as_one = robust_zscore(*[both.values.astype(float)] * 2, 0.1)[0][:, :376]
    right = [np.corrcoef(z, official)[0, 1] for z, official in zip(found.T, level4.values.T, strict=False)]
    wrong = [np.corrcoef(z, official)[0, 1] for z, official in zip(as_one.T, level4.values.T, strict=True)]
    assert np.median(right) > 0.9999 > 0.9 > np.median(wrong)


def with_inferred(plate, sd=0.5):
    """The last eight genes are inferred, the others landmarks."""
    rows = plate.rows.assign(pr_is_lm=[1] * 12 + [0] * 8, pr_gene_sd=[1.0] * 12 + [sd] * 8)
    values = plate.values.copy()
    values[12:] = 8 + 0.02 * (values[12:] - 8)  # weakly inferred: hardly any spread
    return Matrix(values, rows, plate.cols, level=Level.INF)


def test_inferred_genes_may_be_divided_by_their_measured_spread(plate):
    source = with_inferred(plate)
    own, measured = (zscore(source, params=ZscoreParams(scale=scale)).matrix.values for scale in ("own", "measured"))
    np.testing.assert_array_equal(own, zscore(source).matrix.values)
    np.testing.assert_array_equal(measured[:12], own[:12])  # landmarks as ever
    values = source.values.astype(float)
    center = np.median(values, axis=1, keepdims=True)
    scale = np.maximum(np.median(np.abs(values - center), axis=1), 0.1) * 1.4826
    factor = np.median(scale[:12] / 1.0)
    np.testing.assert_allclose(measured[12:], (values - center)[12:] / (0.5 * factor), rtol=1e-4, atol=1e-6)


def test_a_measured_spread_that_is_missing_is_refused(plate):
    params = ZscoreParams(scale="measured")
    with pytest.raises(ParameterError, match=r"X: its rows have no pr_gene_sd.*use --scale own"):
        zscore(plate, params=params, what="X")
    with pytest.raises(ParameterError, match=r"X: pr_gene_sd is missing for 8 genes \(g12, .*or use --scale own"):
        zscore(with_inferred(plate, np.nan), params=params, what="X")


def test_uncertainty_of_inferred_genes_is_in_units_of_the_values(plate):
    source = with_inferred(plate)
    uncertainty = np.full(source.values.shape, 0.1, dtype=np.float32)
    uncertainty[:, 3] = 0.3
    sd = Matrix(uncertainty, source.rows, source.cols)
    found = zscore(source, sd=sd, params=ZscoreParams(sd_slope=2.0)).reliability.values
    values = source.values.astype(float)
    scale = np.maximum(np.median(np.abs(values - np.median(values, axis=1, keepdims=True)), axis=1), 0.1) * 1.4826
    slope = np.where(np.arange(20) < 12, 2.0, 1.0)
    np.testing.assert_allclose(found[:, 3], 1 / (1 + slope**2 * 0.08 / scale**2), rtol=1e-5)
    assert (found[:, :3] == 1).all()
