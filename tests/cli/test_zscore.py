"""``beadwork zscore`` as a user runs it."""

import numpy as np
import pandas as pd
import pytest

from beadwork.cli import main
from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.model.matrix import Level, Matrix


@pytest.fixture
def plate(tmp_path):
    values = np.random.default_rng(0).normal(8, 1, (20, 8))
    cols = pd.DataFrame(
        {"pert_type": ["CTL_VEHICLE"] * 3 + ["trt_cp"] * 5, "pert_iname": "Größe/β"},
        index=[f"P1_A375_24H_X1_B20:A0{i}" for i in range(1, 9)],
    )
    matrix = Matrix(values, pd.DataFrame(index=[f"probe{i}_at" for i in range(20)]), cols)
    path = tmp_path / "P1_QNORM.gctx"
    write_matrix(matrix, path)
    return matrix, path


def run(*arguments):
    try:
        main([str(item) for item in arguments])
    except SystemExit as stop:
        return stop.code or 0
    return 0


@pytest.mark.parametrize(("population", "level", "size"), [("plate", Level.ZSPC, 8), ("vehicle", Level.ZSVC, 3)])
def test_zscore(plate, tmp_path, population, level, size):
    _, path = plate
    out, qc = tmp_path / "z.gctx", tmp_path / "qc.tsv"
    assert run("zscore", path, "-o", out, "--population", population, "--qc", qc) == 0
    z = read_matrix(out)
    assert z.level == level
    assert z.provenance["parameters"] == {
        "min_mad": 0.1,
        "sd_slope": 1.5,
        "min_population": 3,
        "population": population,
    }
    assert set(z.cols["pert_iname"]) == {"Größe/β"}
    table = pd.read_csv(qc, sep="\t").set_index("metric")
    assert table.loc["n_population", "value"] == size
    if population == "plate":
        assert np.abs(np.median(z.values, axis=1)).max() < 1e-5


def test_uncertainty_is_carried_into_scores_or_reliabilities(plate, tmp_path, capsys):
    matrix, path = plate
    sd = tmp_path / "SD.gctx"
    doubt = np.full((10, 8), 0.05)
    doubt[3, 2] = 1.0
    write_matrix(Matrix(doubt, matrix.rows.iloc[:10], matrix.cols), sd)
    names = {name: tmp_path / f"{name}.gctx" for name in ("plain", "carried", "kept", "R")}
    assert run("zscore", path, "-o", names["plain"]) == 0
    assert run("zscore", path, "-o", names["carried"], "--sd", sd) == 0
    assert run("zscore", path, "-o", names["kept"], "--sd", sd, "--no-shrink", "--reliability", names["R"]) == 0
    found = {name: read_matrix(where) for name, where in names.items()}
    np.testing.assert_array_equal(found["kept"].values, found["plain"].values)
    assert np.argwhere(found["carried"].values != found["plain"].values).tolist() == [[3, 2]]
    assert np.argwhere(found["R"].values < 1).tolist() == [[3, 2]]
    assert found["R"].rids.tolist() == matrix.rids[:10].tolist() and found["R"].level is None
    assert found["kept"].provenance["parameters"]["shrink"] is False
    for flag in (["--reliability", tmp_path / "x.gctx"], ["--no-shrink"]):
        assert run("zscore", path, "-o", tmp_path / "y.gctx", *flag) == 2
        assert f"{flag[0]}: needs the uncertainties of the values; give --sd, or drop" in capsys.readouterr().err


def test_mistakes(plate, tmp_path, capsys):
    matrix, path = plate
    out = tmp_path / "z.gctx"

    def check(expected, *arguments):
        assert run("zscore", *arguments, "-o", out) == 2
        error = capsys.readouterr().err
        assert error.startswith("beadwork: error: ") and error.count("\n") == 1
        assert expected in error
        assert not out.exists()

    gex = tmp_path / "P1_GEX.gctx"
    write_matrix(matrix.with_values(matrix.values, level=Level.GEX), gex)
    check(f"{gex}: holds level GEX, but INF or QNORM or NORM is needed here", gex)
    two = tmp_path / "two.gctx"
    write_matrix(matrix.take_cols(matrix.cids[[0, 5]]), two)
    check(f"{two}: has 2 wells, but a median over fewer than 3 says nothing; give a whole plate", two)
    no_vehicle = tmp_path / "no_vehicle.gctx"
    write_matrix(matrix.take_cols(matrix.cids[2:]), no_vehicle)
    check(
        f"{no_vehicle}: has 1 wells of pert_type ctl_vehicle, but --population vehicle needs at least 3 "
        "(--min-population); use --population plate",
        no_vehicle, "--population", "vehicle",
    )  # fmt: skip
    check("parameter min_population: input should be greater than or equal to 2, not 1", path, "--min-population", "1")
