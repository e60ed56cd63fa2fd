"""``beadwork normalize`` as a user runs it: files, provenance, QC, one clear line for mistakes."""

import numpy as np
import pandas as pd
import pytest

from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.model.matrix import Level, Matrix, Space
from toys import call


@pytest.fixture
def files(level2_plate, tmp_path):
    gex, cal = level2_plate
    paths = {name: tmp_path / f"TOY_{name}.gctx" for name in ("GEX", "CAL", "NORM", "QNORM")}
    write_matrix(gex, paths["GEX"])
    write_matrix(cal, paths["CAL"])
    return paths


def test_normalize_writes_norm_qnorm_curves_and_qc(files, tmp_path, capsys):
    curves, qc = tmp_path / "curves.tsv", tmp_path / "qc.tsv"
    arguments = ["--norm", files["NORM"], "--curves", curves, "--qc", qc, "--smoother", "stable"]
    assert call("normalize", files["GEX"], "--calibrators", files["CAL"], "-o", files["QNORM"], *arguments) == 0
    assert "2 of 12 wells leave; --qc lists them with reasons" in capsys.readouterr().err
    norm, qnorm = read_matrix(files["NORM"]), read_matrix(files["QNORM"])
    assert (norm.level, qnorm.level, qnorm.space) == (Level.NORM, Level.QNORM, Space.LM)
    assert list(norm.cids) == list(qnorm.cids) and len(qnorm.cids) == 10
    assert {"qc_slope", "qc_f_logp", "qc_iqr", "count_mean", "pert_type"} <= set(qnorm.cols.columns)
    assert qnorm.provenance["command"] == "normalize"
    assert qnorm.provenance["parameters"]["smoother"] == "stable"
    assert [item["name"] for item in qnorm.provenance["inputs"]["calibrators"]] == ["TOY_CAL.gctx"]
    table = pd.read_csv(qc, sep="\t")
    assert set(table.loc[table["metric"] == "outlier", "value"]) == {"pert_type lma_x"}
    assert len(pd.read_csv(curves, sep="\t")) == 12 * 2 * 11


def test_same_bytes_each_time(files, tmp_path):
    outputs = []
    for number in (1, 2):
        path = tmp_path / f"out{number}.gctx"
        call("normalize", files["GEX"], "--calibrators", files["CAL"], "-o", path)
        outputs.append(path.read_bytes())
    assert outputs[0] == outputs[1]


def test_rows_without_analytes_take_them_from_the_bead_revision_of_the_wells(files, level2_plate, tmp_path):
    gex, _ = level2_plate
    bare = tmp_path / "bare.gctx"
    write_matrix(Matrix(gex.values, pd.DataFrame(index=gex.rids), gex.cols), bare)
    for source, target in ((files["GEX"], "a.gctx"), (bare, "b.gctx")):
        assert call("normalize", source, "--calibrators", files["CAL"], "-o", tmp_path / target) == 0
    first, second = (read_matrix(tmp_path / name).values for name in ("a.gctx", "b.gctx"))
    assert first.tobytes() == second.tobytes()


def test_no_scaling(tmp_path):
    values = np.random.default_rng(0).normal(8, 2, (30, 5))
    rows, cols = (pd.DataFrame(index=[f"{kind}{i}" for i in range(n)]) for kind, n in (("g", 30), ("w", 5)))
    write_matrix(Matrix(values, rows, cols), tmp_path / "x.gct")
    assert call("normalize", tmp_path / "x.gct", "--scaling", "none", "-o", tmp_path / "q.gct") == 0
    ordered = np.sort(read_matrix(tmp_path / "q.gct").values, axis=0)
    assert np.ptp(ordered, axis=1).max() < 1e-4


def refuse(capsys, expected, *arguments):
    """Run a command that must fail with one line, and write nothing."""
    assert call(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("beadwork: error: ") and error.count("\n") == 1
    assert expected in error
    output = arguments[arguments.index("-o") + 1]
    assert not output.exists()


def test_mistakes(files, tmp_path, capsys):
    gex, cal, out = files["GEX"], files["CAL"], files["QNORM"]

    def check(expected, *arguments):
        refuse(capsys, expected, "normalize", *arguments, "-o", out)

    check(f"{gex}: LISS scaling needs the calibrators of the plate: give --calibrators", gex)
    check(f"{tmp_path / 'no.gctx'}: no such file; check the name", gex, "--calibrators", tmp_path / "no.gctx")
    check(f"{gex}: holds level GEX, but CAL is needed here; give the CAL file", gex, "--calibrators", gex)
    check(f"{cal}: holds level CAL, but GEX is needed here; give the GEX file", cal, "--calibrators", cal)
    check(f"{gex}: holds level GEX, but NORM or QNORM or INF is needed", gex, "--scaling", "none")
    check("bead set 'gamma' is unknown; there are deltap-r1,", gex, "--calibrators", cal, "--beadset", "gamma")
    check("--fence-iqr: input should be greater than 0", gex, "--calibrators", cal, "--fence-iqr", "-1")
    reference = tmp_path / "reference.tsv"
    reference.write_text("point\tcalibrator\tlog2_level\nBASE\t\t4.3\n")
    check(
        f"{reference}: 1 levels are given, but 13 ascending ones are needed",
        gex,
        "--calibrators",
        cal,
        "--reference",
        reference,
    )
    reference = tmp_path / "columns.tsv"
    reference.write_text("point\tlevel\nBASE\t4.3\n")
    check(
        f"{reference}: lacks the column(s) calibrator, log2_level", gex, "--calibrators", cal, "--reference", reference
    )


def test_calibrators_of_another_plate(files, level2_plate, tmp_path, capsys):
    _, cal = level2_plate
    other = tmp_path / "OTHER_CAL.gctx"
    cols = cal.cols.set_axis(cal.cids.str.replace("TOY001", "TOY002"), axis=0)
    write_matrix(cal.with_values(cal.values, cols=cols), other)
    expected = f"{other}: has no column for 12 of the 12 wells of {files['GEX']} (TOY001_A375_24H_X1_B20:A01,"
    refuse(capsys, expected, "normalize", files["GEX"], "--calibrators", other, "-o", files["QNORM"])
