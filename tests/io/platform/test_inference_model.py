"""Model files: our format, and CMap's weights in either orientation and with either kind of ids."""

from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest

from beadwork.io.matrix.formats import write_matrix
from beadwork.io.platform.gene_table import gene_table, probe_table
from beadwork.io.platform.inference_model import (
    default_model_path,
    read_inference_model,
    weights_model,
    write_inference_model,
)
from beadwork.model.errors import FileError
from beadwork.model.levels.inference_model import InferenceModel
from beadwork.model.matrix import Matrix, Space
from beadwork.model.spaces import space_genes

GENES = gene_table()
LANDMARKS = space_genes(GENES, Space.LM)
OTHERS = GENES.index.difference(LANDMARKS, sort=False)
PROBES = probe_table().query("pr_is_used == 1").reset_index(names="probe").set_index("pr_gene_id")["probe"]


def ols_weights(turned: bool = False, probes: bool = False, intercept: str = "OFFSET", genes: int = 11_350) -> Matrix:
    """A file of the form of CMap's OLS_WEIGHTS (979 x 11,350), ids shuffled, with made weights."""
    rng = np.random.default_rng(8)
    inner = rng.permutation([*LANDMARKS, intercept])
    outer = rng.permutation(OTHERS.to_numpy())[:genes]
    values = rng.normal(size=(979, genes)).astype(np.float32)
    names = [[PROBES.get(item, item) if probes else item for item in ids] for ids in (inner, outer)]
    rows, cols = (pd.DataFrame(index=pd.Index(ids, dtype=object)) for ids in names)
    return Matrix(values.T, cols, rows) if turned else Matrix(values, rows, cols)


@pytest.mark.parametrize("turned", [False, True], ids=["landmarks in rows", "landmarks in columns"])
@pytest.mark.parametrize("probes", [False, True], ids=["Entrez", "probes"])
@pytest.mark.parametrize("intercept", ["OFFSET", "0"])
def test_ols_weights_from_gctx(tmp_path, turned: bool, probes: bool, intercept: str):
    path = tmp_path / "OLS_WEIGHTS_n979x11350.gctx"
    write_matrix(ols_weights(turned, probes, intercept), path)
    model = read_inference_model(path)
    plain = ols_weights(intercept=intercept)
    assert model.landmarks.equals(LANDMARKS) and set(model.genes) == set(OTHERS) and model.rank is None
    expected = plain.to_frame().loc[LANDMARKS, model.genes].to_numpy()
    np.testing.assert_array_equal(model.components, expected)
    np.testing.assert_array_equal(model.intercept, plain.to_frame().loc[intercept, model.genes].to_numpy())
    assert model.metadata["intercept"] == intercept


def test_ids_of_ones_own_are_read_through_pr_gene_id():
    plain = ols_weights(genes=50)
    rows = pd.DataFrame(
        {"pr_gene_id": plain.rids.where(plain.rids != "OFFSET", np.nan)}, index=[f"r{k}" for k in range(979)]
    )
    cols = pd.DataFrame({"pr_gene_id": plain.cids}, index=[f"c{k}" for k in range(50)])
    rows = rows.rename(index={rows.index[plain.rids.get_loc("OFFSET")]: "const"})
    model = weights_model(Matrix(plain.values, rows, cols))
    assert model.genes.tolist() == plain.cids.tolist() and model.metadata["intercept"] == "const"


def test_a_few_withdrawn_genes_are_left_out():
    plain = ols_weights(genes=500)
    cols = plain.cols.rename(index={plain.cids[7]: "999999999"})
    assert len(weights_model(Matrix(plain.values, plain.rows, cols)).genes) == 499


def renamed(matrix: Matrix, **names: str) -> Matrix:
    return Matrix(matrix.values, matrix.rows.rename(index=names), matrix.cols.rename(index=names))


def bad_weights() -> dict[str, tuple[Matrix, str]]:
    plain = ols_weights(genes=300)
    first = LANDMARKS[0]
    hole = plain.values.copy()
    hole[4, 6] = np.nan
    strangers = Matrix(plain.values, plain.rows, plain.cols.rename(index=lambda item: f"gene{item}"))
    nothing = Matrix(np.ones((3, 2)), pd.DataFrame(index=["a", "b", "c"]), pd.DataFrame(index=["d", "e"]))
    annotated = plain.rows.assign(pr_gene_id=plain.rids.where(plain.rids != "OFFSET", first))
    two = Matrix(
        np.vstack([plain.values, plain.values[:1]]), pd.concat([plain.rows, pd.DataFrame(index=["b0"])]), plain.cols
    )
    without = plain.take_rows(plain.rids.drop("OFFSET"))
    none = "W: exactly one of its rows besides the landmarks must be the intercept, but there is none"
    return {
        "no landmark": (nothing, "W: no landmark among its 3 row and 2 column ids"),
        "cut short": (plain.take_rows(plain.rids[:900]), r"W: weights of 7\d of the 978 landmarks are absent from its"),
        "no intercept": (without, none),
        "a landmark renamed": (renamed(plain, **{first: "x"}), rf"weights of 1 of the 978 landmarks .*\({first}\)"),
        "two intercepts": (two, r"must be the intercept, but there are 2 \(OFFSET, b0\)"),
        "a landmark twice": (Matrix(plain.values, annotated, plain.cols), none),
        "strangers": (strangers, "300 of the 300 inferred ids are no genes of the AIG space"),
        "a hole": (plain.with_values(hole), rf"missing or infinite weights for 1 gene \({plain.cids[6]}\)"),
    }


@pytest.mark.parametrize("kind", list(bad_weights()))
def test_bad_weights_are_refused(kind: str):
    matrix, message = bad_weights()[kind]
    with pytest.raises(FileError, match=message):
        weights_model(matrix, what="W")


def small_model() -> InferenceModel:
    rng = np.random.default_rng(2)
    accuracy = np.array([0.5, np.nan, -0.25])
    return InferenceModel(
        LANDMARKS, OTHERS[:3], rng.normal(size=3), rng.normal(size=(978, 2)), rng.normal(size=(2, 3)), accuracy,
        {"name": "small", "licence": "CC0", "source": "Zürich"},
    )  # fmt: skip


def test_our_format_keeps_everything_to_half_precision(tmp_path):
    model, path = small_model(), tmp_path / "m.h5"
    write_inference_model(model, path)
    again = read_inference_model(path)
    assert again.landmarks.equals(model.landmarks) and again.genes.equals(model.genes)
    assert again.metadata == model.metadata and again.rank == 2
    np.testing.assert_allclose(again.loadings @ again.components, model.loadings @ model.components, atol=5e-3)
    np.testing.assert_allclose(again.intercept, model.intercept, rtol=1e-6)
    np.testing.assert_allclose(again.accuracy, model.accuracy, rtol=1e-3)


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_standard_deviations_and_small_numbers(tmp_path, precision: str):
    model, path = (
        replace(small_model(), gene_sd=np.ones(3), residual_sd=np.full(3, 0.5), spread=0.7),
        tmp_path / "m",
    )
    write_inference_model(model, path, precision=precision)
    again = read_inference_model(path)
    assert (
        again.spread == 0.7
        and again.landmark_sd is None
        and again.gene_sd.tolist() == [1, 1, 1]
        and again.residual_sd.tolist() == [0.5] * 3
    )
    made, exact = again.loadings @ again.components, model.loadings @ model.components
    assert ((made - exact) ** 2).mean() < 0.01 * (exact**2).mean()
    with h5py.File(path) as file:
        assert file["components"].dtype == precision


def test_a_model_of_the_first_format_is_read_as_before(tmp_path):
    """Format 1: float16 throughout, no scales and no standard deviations."""
    model, path = small_model(), tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file.attrs.update({"beadwork_format": "inference-model", "format_version": 1, "metadata": '{"name": "old"}'})
        file["landmarks"], file["genes"] = (ids.to_numpy().astype("S") for ids in (model.landmarks, model.genes))
        file["intercept"] = model.intercept.astype(np.float32)
        for name in ("loadings", "components", "accuracy"):
            file[name] = getattr(model, name).astype(np.float16)
    again = read_inference_model(path)
    np.testing.assert_array_equal(again.loadings, model.loadings.astype(np.float16).astype(float))
    np.testing.assert_array_equal(again.components, model.components.astype(np.float16).astype(float))
    assert again.gene_sd is None and again.residual_sd is None and np.isnan(again.spread)


def test_equal_models_give_equal_bytes(tmp_path):
    for name in ("a.h5", "b.h5"):
        write_inference_model(small_model(), tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_the_model_that_ships_says_what_it_is():
    model = read_inference_model(default_model_path())
    assert model.landmarks.equals(LANDMARKS) and set(model.genes) == set(OTHERS) and model.rank == 480
    assert default_model_path().stat().st_size < 4_000_000
    assert model.metadata["samples"] == 2151 and len(model.metadata["studies"]) == 58
    assert model.metadata["source"] and model.metadata["licence"]
    assert model.metadata["provenance"]["parameters"]["ridge"] == 4000.0


def test_no_such_file(tmp_path):
    with pytest.raises(FileError, match=r"absent.h5: no such file; check the name"):
        read_inference_model(tmp_path / "absent.h5")


def test_an_empty_file(tmp_path):
    (tmp_path / "empty.h5").touch()
    with pytest.raises(FileError, match=r"empty.h5: not a readable model"):
        read_inference_model(tmp_path / "empty.h5")


def test_another_hdf5_file(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = [1]
    with pytest.raises(
        FileError, match=r"other.h5: HDF5, but neither a model of `beadwork train-inference` nor weights"
    ):
        read_inference_model(tmp_path / "other.h5")


def test_text_that_is_no_model(tmp_path):
    (tmp_path / "m.tsv").write_text("gene\tweight\n")
    with pytest.raises(FileError, match=r"m.tsv: neither GCT .* nor GCTX"):
        read_inference_model(tmp_path / "m.tsv")


def test_a_newer_format(tmp_path):
    write_inference_model(small_model(), tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as file:
        file.attrs["format_version"] = 9
    with pytest.raises(FileError, match=r"model format 9 is not known here \(up to 2\); update beadwork"):
        read_inference_model(tmp_path / "m.h5")


def test_a_damaged_model(tmp_path):
    write_inference_model(small_model(), tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as file:
        del file["components"]
    with pytest.raises(FileError, match=r"m.h5: damaged model .*make it anew"):
        read_inference_model(tmp_path / "m.h5")
