"""``beadwork zscore`` as a user runs it."""

import numpy as np
import pandas as pd
import pytest

from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.model.matrix import Level, Matrix
from toys import call


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


@pytest.mark.parametrize(("population", "level", "size"), [("plate", Level.ZSPC, 8), ("vehicle", Level.ZSVC, 3)])
def test_zscore(plate, tmp_path, population, level, size):
    _, path = plate
    out, qc = tmp_path / "z.gctx", tmp_path / "qc.tsv"
    assert call("zscore", path, "-o", out, "--population", population, "--qc", qc) == 0
    z = read_matrix(out)
    assert z.level == level
    assert z.provenance["parameters"] == {
        "min_mad": 0.1,
        "scale": "own",
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
    uncertainty = np.full((10, 8), 0.05)
    uncertainty[3, 2] = 1.0
    write_matrix(Matrix(uncertainty, matrix.rows.iloc[:10], matrix.cols), sd)
    names = {name: tmp_path / f"{name}.gctx" for name in ("plain", "carried", "kept", "R")}
    assert call("zscore", path, "-o", names["plain"]) == 0
    assert call("zscore", path, "-o", names["carried"], "--sd", sd) == 0
    assert call("zscore", path, "-o", names["kept"], "--sd", sd, "--no-shrink", "--reliability", names["R"]) == 0
    found = {name: read_matrix(where) for name, where in names.items()}
    np.testing.assert_array_equal(found["kept"].values, found["plain"].values)
    assert np.argwhere(found["carried"].values != found["plain"].values).tolist() == [[3, 2]]
    assert np.argwhere(found["R"].values < 1).tolist() == [[3, 2]]
    assert found["R"].rids.tolist() == matrix.rids[:10].tolist() and found["R"].level is None
    assert found["kept"].provenance["parameters"]["shrink"] is False
    for flag in (["--reliability", tmp_path / "x.gctx"], ["--no-shrink"]):
        assert call("zscore", path, "-o", tmp_path / "y.gctx", *flag) == 2
        assert f"{flag[0]}: needs the uncertainties of the values; give --sd, or drop" in capsys.readouterr().err


def test_mistakes(plate, tmp_path, capsys):
    matrix, path = plate
    out = tmp_path / "z.gctx"

    def check(expected, *arguments):
        assert call("zscore", *arguments, "-o", out) == 2
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
        f"{no_vehicle}: has 1 well of pert_type ctl_vehicle, but --population vehicle needs at least 3 "
        "(--min-population); use --population plate",
        no_vehicle, "--population", "vehicle",
    )  # fmt: skip
    check("--min-population: input should be greater than or equal to 2, not 1", path, "--min-population", "1")


def test_a_table_of_wells_distinguishes_plates_and_gives_fields(tmp_path, capsys):
    rng = np.random.default_rng(4)
    values, ids = rng.normal(8, 1, (20, 10)) + np.repeat([0, 3], 5), [f"S{n}" for n in range(10)]
    path, table, out = tmp_path / "X.gctx", tmp_path / "inst_info.txt", tmp_path / "Z.gctx"
    write_matrix(Matrix(values, pd.DataFrame(index=[str(n) for n in range(20)]), pd.DataFrame(index=ids)), path)
    assert call("zscore", path, "-o", out) == 2
    error = capsys.readouterr().err
    assert "10 of 10 columns name no plate" in error and error.count("\n") == 1 and not out.exists()
    lines = [f"{name}\t{'PQ'[n // 5]}_A375_24H_X1_B20\tA0{n % 5 + 1}\t" for n, name in enumerate(ids)]
    kinds = ["ctl_vehicle" if n % 5 < 3 else "trt_cp" for n in range(10)]
    rows = "\n".join(line + kind for line, kind in zip(lines, kinds, strict=True))
    table.write_text("sample_id\tdet_plate\tdet_well\tpert_type\n" + rows + "\n")
    for population in ("plate", "vehicle"):
        assert call("zscore", path, "-o", out, "--instinfo", table, "--population", population) == 0
        said = capsys.readouterr().err
        assert f"{path}: all 10 columns are in {table}" in said and "2 plates, each scored by itself" in said
        z = read_matrix(out)
        chosen = slice(0, 5) if population == "plate" else slice(0, 3)
        assert np.abs(np.median(z.values[:, :5][:, chosen], axis=1)).max() < 1e-5
        assert np.abs(np.median(z.values[:, 5:][:, chosen], axis=1)).max() < 1e-5
        assert z.cols["pert_type"].tolist() == kinds
        assert z.provenance["inputs"]["instinfo"][0]["name"] == "inst_info.txt"
    assert call("zscore", path, "-o", out, "--instinfo", out) == 2
    assert "is an input, which the output would replace" in capsys.readouterr().err
