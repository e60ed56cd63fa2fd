"""zscore: official values, populations, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from beadwork.io.matrix.formats import read_matrix
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
    with pytest.raises(AlignmentError, match=r"^matrix: infinite values in 1 rows \(g5\); were zeros turned into"):
        zscore(plate.with_values(values))


def test_refuses_too_few_vehicle_wells(plate):
    expected = r"^matrix: has 3 wells of pert_type ctl_vehicle, but --population vehicle needs at least 4 \(--min-pop"
    with pytest.raises(ParameterError, match=expected):
        zscore(plate, population="vehicle", params=ZscoreParams(min_population=4))
    with pytest.raises(ParameterError, match=r"^matrix: has no column field pert_type, which tells vehicle wells"):
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
    doubt = np.full((10, 8), 0.05)
    doubt[3, 2] = 1.0
    sd = Matrix(doubt, plate.rows.iloc[:10], plate.cols)
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
    with pytest.raises(AlignmentError, match="1 wells have no uncertainty"):
        zscore(plate, sd=Matrix(doubt[:, 1:], plate.rows.iloc[:10], plate.cols.iloc[1:]))
