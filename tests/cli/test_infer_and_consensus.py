"""The commands infer, train-inference and consensus: files in, files out, messages."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from beadwork.cli import main
from beadwork.io.files.tables import read_table
from beadwork.io.matrix.formats import read_matrix, write_matrix
from beadwork.io.platform.gene_table import gene_table
from beadwork.io.platform.inference_model import read_inference_model
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.model.spaces import space_genes

GENES = gene_table()
LANDMARKS = space_genes(GENES, Space.LM)


def run(*words: object) -> None:
    main([str(word) for word in words])


def fails(capsys, *words: object) -> str:
    with pytest.raises(SystemExit) as stop:
        run(*words)
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("beadwork: error: ") and message.count("\n") == 1
    return message


def landmarks_matrix(level: Level, replicate: int = 1, seed: int = 0) -> Matrix:
    shared, own = np.random.default_rng(seed), np.random.default_rng(10 + replicate)
    name = f"TOY001_A375_24H_X{replicate}_B20"
    wells = [f"A{k:02d}" for k in range(1, 9)]
    cols = pd.DataFrame(
        {
            "det_plate": name,
            "det_well": wells,
            "brew_prefix": "TOY001_A375_24H",
            "pert_id": ["DMSO"] * 3 + [f"BRD-{k}" for k in range(5)],
            "pert_iname": ["DMSO"] * 3 + ["β-estradiol", "a/b", "x", "y", "z"],
            "pert_type": ["ctl_vehicle"] * 3 + ["trt_cp"] * 5,
            "pert_dose": [np.nan] * 3 + [10.0] * 5,
        },
        index=pd.Index([f"{name}:{well}" for well in wells], dtype=object),
    )
    values = shared.normal(0, 1, (978, 8)) + own.normal(0, 1, (978, 8)) + (8 if level is Level.QNORM else 0)
    rows = GENES.loc[LANDMARKS, ["pr_gene_symbol", "pr_is_lm", "pr_is_bing"]]
    return Matrix(values, rows, cols, level=level, space=Space.LM)


@pytest.fixture
def qnorm(tmp_path):
    write_matrix(landmarks_matrix(Level.QNORM), tmp_path / "P_QNORM.gctx")
    return tmp_path / "P_QNORM.gctx"


@pytest.fixture
def plates(tmp_path):
    paths = [tmp_path / f"X{replicate}_ZSPC.gctx" for replicate in (1, 2, 3)]
    for replicate, path in enumerate(paths, start=1):
        write_matrix(landmarks_matrix(Level.ZSPC, replicate), path)
    return paths


def test_infer_with_the_model_that_ships(tmp_path, qnorm):
    run("infer", qnorm, "-o", tmp_path / "INF.gctx", "--qc", tmp_path / "qc.tsv")
    matrix = read_matrix(tmp_path / "INF.gctx")
    assert (matrix.level, matrix.space, matrix.values.shape) == (Level.INF, Space.AIG, (12_328, 8))
    assert matrix.rids.equals(GENES.index)
    np.testing.assert_array_equal(matrix.take_rows(LANDMARKS).values, read_matrix(qnorm).values)
    assert matrix.cols["pert_iname"].tolist()[3:5] == ["β-estradiol", "a/b"]
    record = matrix.provenance
    assert record["command"] == "infer" and record["inputs"]["model"][0]["name"] == "inference_default.h5"
    assert read_table(tmp_path / "qc.tsv")["metric"].unique().tolist() == ["clipped_genes"]


def test_uncertainty_goes_from_beads_to_scores_of_inferred_genes(tmp_path, qnorm, capsys):
    source = read_matrix(qnorm)
    noise = source.with_values(
        np.where(np.arange(source.values.shape[1]) == 2, 0.6, 0.05) * np.ones((978, 1)), level=None
    )
    write_matrix(noise, tmp_path / "SD.gctx")
    run(
        "infer",
        qnorm,
        "-o",
        tmp_path / "INF.gctx",
        "--sd",
        tmp_path / "ALL.gctx",
        "--measured-sd",
        tmp_path / "SD.gctx",
    )
    sd = read_matrix(tmp_path / "ALL.gctx")
    assert len(sd.rids) == 12_328 and np.isfinite(sd.values).all() and (sd.values > 0).all()
    run("zscore", tmp_path / "INF.gctx", "-o", tmp_path / "Z.gctx", "--sd", tmp_path / "ALL.gctx", "--reliability",
        tmp_path / "R.gctx")  # fmt: skip
    reliability = read_matrix(tmp_path / "R.gctx")
    inferred = reliability.rows["pr_is_lm"] == 0
    worst = reliability.values[inferred].mean(axis=0)
    assert inferred.sum() == 11_350 and worst.argmin() == 2 and worst[2] < 0.99
    run("zscore", tmp_path / "INF.gctx", "-o", tmp_path / "M.gctx", "--scale", "measured")
    run("zscore", tmp_path / "INF.gctx", "-o", tmp_path / "O.gctx")
    own, measured = (read_matrix(tmp_path / name) for name in ("O.gctx", "M.gctx"))
    np.testing.assert_array_equal(own.values[~inferred], measured.values[~inferred])
    assert np.median(np.abs(measured.values[inferred])) < np.median(np.abs(own.values[inferred]))
    message = fails(capsys, "infer", qnorm, "-o", tmp_path / "X.gctx", "--measured-sd", tmp_path / "SD.gctx")
    assert "--measured-sd: changes uncertainties only; give --sd too" in message


def test_infer_gives_equal_bytes_whatever_the_threads(tmp_path, qnorm):
    """Those of NumPy's linear algebra, which takes all cores unless set otherwise."""
    for threads in ("1", "2"):
        command = [sys.executable, "-m", "beadwork", "infer", qnorm, "-o", f"{threads}.gctx", "--space", "BING"]
        environment = os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "1.gctx").read_bytes() == (tmp_path / "2.gctx").read_bytes()


def test_infer_with_ols_weights(tmp_path, qnorm):
    rng = np.random.default_rng(0)
    others = GENES.index.difference(LANDMARKS, sort=False)
    rows = pd.DataFrame(index=pd.Index(["OFFSET", *LANDMARKS], dtype=object))
    weights = np.vstack([np.full((1, len(others)), 7.0), rng.normal(0, 0.002, (978, len(others)))])
    write_matrix(Matrix(weights, rows, pd.DataFrame(index=others)), tmp_path / "OLS.gctx")
    run("infer", qnorm, "-o", tmp_path / "INF.gctx", "--model", tmp_path / "OLS.gctx")
    x = read_matrix(qnorm).take_rows(LANDMARKS).values
    expected = 7 + weights[1:].astype(np.float32).astype(float).T @ x
    np.testing.assert_allclose(read_matrix(tmp_path / "INF.gctx").take_rows(others).values, expected, atol=1e-4)


def test_infer_refuses_linear_expression(tmp_path, capsys):
    write_matrix(landmarks_matrix(Level.GEX), tmp_path / "P_GEX.gctx")
    message = fails(capsys, "infer", tmp_path / "P_GEX.gctx", "-o", tmp_path / "INF.gctx")
    assert "P_GEX.gctx: holds level GEX, but QNORM is needed here; give the QNORM file" in message
    assert not (tmp_path / "INF.gctx").exists()


def test_infer_refuses_part_of_the_landmarks(tmp_path, capsys):
    source = landmarks_matrix(Level.QNORM)
    write_matrix(source.take_rows(source.rids[:900]), tmp_path / "part.gctx")
    message = fails(capsys, "infer", tmp_path / "part.gctx", "-o", tmp_path / "INF.gctx")
    assert "part.gctx: 78 of the 978 landmarks are not among its 900 rows" in message


def test_infer_refuses_a_matrix_as_model(tmp_path, qnorm, capsys):
    message = fails(capsys, "infer", qnorm, "-o", tmp_path / "INF.gctx", "--model", qnorm)
    assert "besides the landmarks must be the intercept, but there is none" in message


@pytest.mark.slow
def test_train_then_infer(tmp_path, qnorm, capsys):
    rng = np.random.default_rng(1)
    genes = GENES.index
    values = rng.uniform(4, 12, (len(genes), 1)) + rng.normal(0, 1, (len(genes), 4)) @ rng.normal(size=(4, 24))
    cols = pd.DataFrame({"lab": ["a"] * 12 + ["b"] * 12}, index=pd.Index([f"s{k}" for k in range(24)]))
    write_matrix(Matrix(values, pd.DataFrame(index=genes), cols), tmp_path / "expression.gctx")
    flags = ("--study-field", "lab", "--rank", 4, "--ridge", 10, "--source", "made", "--licence", "CC0")
    for name in ("a", "b"):
        run(
            "train-inference",
            tmp_path / "expression.gctx",
            "-o",
            tmp_path / name / "m.h5",
            "--qc",
            tmp_path / "qc.tsv",
            *flags,
        )
    assert (tmp_path / "a/m.h5").read_bytes() == (tmp_path / "b/m.h5").read_bytes()
    assert "left out mean" in capsys.readouterr().err
    model = read_inference_model(tmp_path / "a/m.h5")
    assert model.rank == 4 and model.metadata["licence"] == "CC0" and model.metadata["accuracy"]["all"] > 0.7
    assert len(read_table(tmp_path / "qc.tsv")) == 9
    run("infer", qnorm, "-o", tmp_path / "INF.gctx", "--model", tmp_path / "a/m.h5")
    assert read_matrix(tmp_path / "INF.gctx").rows["pr_inference_r"].median() > 0.5


def test_train_on_several_files_with_a_table_of_studies(tmp_path, capsys):
    rng = np.random.default_rng(2)
    table = gene_table()
    genes = table.index[(table["pr_is_lm"] == 1) | (np.arange(len(table)) < 1500)]
    values = rng.uniform(4, 12, (len(genes), 1)) + rng.normal(0, 1, (len(genes), 4)) @ rng.normal(size=(4, 30))
    names = [table.loc[gene, "pr_gene_symbol"] for gene in genes]
    for k, name in enumerate(("one", "two", "three")):
        part = pd.DataFrame(2 ** values[:, 10 * k : 10 * k + 10], index=names, columns=[f"s{j}" for j in range(10)])
        part.iloc[40 * k :].round(3).to_csv(tmp_path / f"{name}.tsv", sep="\t")
    text = "dataset\ttwo_colour\tstudy_group\tlicence\none\t0\tA\tCC0\ntwo\t1\tA\tMIT\nfour\t\t\tGPL\n"
    (tmp_path / "studies.tsv").write_text(text)
    files = [tmp_path / f"{name}.tsv" for name in ("one", "two", "three")]
    for folder, order, threads in (("a", files, 1), ("b", files[::-1], 2)):
        (tmp_path / folder).mkdir()
        run("train-inference", *order, "-o", tmp_path / folder / "m.h5", "--studies", tmp_path / "studies.tsv",
            "--threads", threads, "--ridge", 10, "--rank", 6)  # fmt: skip
    assert (tmp_path / "a/m.h5").read_bytes() == (tmp_path / "b/m.h5").read_bytes()
    said = capsys.readouterr().err
    assert "two.tsv: lacks" in said and "1 study of the table of studies without profiles (four)" in said
    model = read_inference_model(tmp_path / "a/m.h5")
    assert model.metadata["studies"] == {"one": 10, "three": 10, "two": 10} and model.metadata["licence"] == "CC0; MIT"
    assert model.residual_sd is not None and model.metadata["accuracy"]["all"] > 0.7


def test_train_refuses_landmarks_alone(tmp_path, qnorm, capsys):
    message = fails(capsys, "train-inference", qnorm, "-o", tmp_path / "m.h5")
    assert "P_QNORM.gctx: holds landmarks only; there is no gene to infer" in message


def test_consensus_does_not_depend_on_the_order_of_plates(tmp_path, plates):
    for name, order in (("a", plates), ("b", plates[::-1])):
        (tmp_path / name).mkdir()
        run("consensus", *order, "-o", tmp_path / name / "MODZ.gctx", "--siginfo", tmp_path / name / "siginfo.tsv",
            "--qc", tmp_path / name / "qc.tsv")  # fmt: skip
    for file in ("MODZ.gctx", "siginfo.tsv", "qc.tsv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    matrix, info = read_matrix(tmp_path / "a/MODZ.gctx"), read_table(tmp_path / "a/siginfo.tsv")
    assert matrix.level is Level.MODZ and matrix.cids.tolist() == info["sig_id"].tolist()
    assert info["sig_id"].tolist()[2:4] == ["TOY001_A375_24H:DMSO:A03", "TOY001_A375_24H:BRD-0:10"]
    assert info["pert_iname"].tolist()[3:5] == ["β-estradiol", "a/b"]
    assert (info["n_replicates"] == 3).all() and info["tas"].between(0, 1).all()
    assert [item["name"] for item in matrix.provenance["inputs"]["z"]] == [path.name for path in plates]


def test_consensus_weighs_genes_by_their_reliability(tmp_path, plates, capsys):
    reliable = []
    for number, path in enumerate(plates):
        z = read_matrix(path)
        values = np.full((400, len(z.cids)), float(number == 0))
        reliable.append(tmp_path / f"R{number}.gctx")
        write_matrix(Matrix(values, z.rows.iloc[:400], z.cols), reliable[-1])
    words = [word for path in reliable for word in ("--reliability", path)]
    for name, more in (("plain", []), ("weighed", words)):
        run("consensus", *plates, *more, "-o", tmp_path / f"{name}.gctx", "--siginfo", tmp_path / f"{name}.tsv")
    plain, weighed = read_matrix(tmp_path / "plain.gctx"), read_matrix(tmp_path / "weighed.gctx")
    np.testing.assert_array_equal(weighed.values[400:], plain.values[400:])
    assert (weighed.values[:400] != plain.values[:400]).mean() > 0.9
    assert [item["name"] for item in weighed.provenance["inputs"]["reliability"]] == [path.name for path in reliable]
    assert "reliability" not in plain.provenance["inputs"]
    out = ("-o", tmp_path / "x.gctx", "--siginfo", tmp_path / "x.tsv")
    message = fails(capsys, "consensus", *plates, "--reliability", reliable[0], *out)
    assert "samples have no reliability (TOY001_A375_24H_X2_B20:A01" in message


def test_consensus_by_fields_of_ones_own(tmp_path, plates):
    run("consensus", *plates, "-o", tmp_path / "MODZ.gctx", "--siginfo", tmp_path / "s.tsv", "--group-by",
        "pert_id, brew_prefix", "--no-split-controls")  # fmt: skip
    info = read_table(tmp_path / "s.tsv")
    assert info["sig_id"].tolist()[:2] == ["DMSO:TOY001_A375_24H", "BRD-0:TOY001_A375_24H"]
    assert info["n_replicates"].tolist() == [9, 3, 3, 3, 3, 3]


def test_consensus_names_the_file_that_does_not_fit(tmp_path, plates, capsys):
    out = ("-o", tmp_path / "MODZ.gctx", "--siginfo", tmp_path / "s.tsv")
    message = fails(capsys, "consensus", plates[0], plates[0], *out)
    assert "samples stand in more than one matrix" in message
    source = read_matrix(plates[1])
    write_matrix(source.take_rows(source.rids[:500]), tmp_path / "short.gctx")
    message = fails(capsys, "consensus", plates[0], tmp_path / "short.gctx", *out)
    assert "short.gctx" in message and "500 rows are not those of" in message
    message = fails(capsys, "consensus", plates[0], *out, "--group-by", "pert_id,nonsense")
    assert "--group-by: the z-scores have no column field nonsense" in message
    message = fails(capsys, "consensus", plates[0], *out, "--group-by", ",")
    assert "--group-by: " in message
    assert not (tmp_path / "MODZ.gctx").exists() and not (tmp_path / "s.tsv").exists()


@pytest.mark.parametrize("command", ["infer", "train-inference", "consensus"])
def test_help_needs_no_heavy_import(command):
    import subprocess
    import sys

    code = (
        "import sys; from beadwork.cli import main\n"
        f"try:\n    main(['{command}', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'pandas', 'numba', 'h5py', 'scipy'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
