"""Training of an inference model: accuracy by left-out study, refusals, and the model that ships."""

import numpy as np
import pandas as pd
import pytest

from beadwork.io.matrix.expression import read_expression
from beadwork.io.platform.gene_table import gene_table
from beadwork.io.platform.inference_model import default_model_path, read_inference_model
from beadwork.model.errors import AlignmentError
from beadwork.model.matrix import Matrix, Space
from beadwork.model.params import TrainInferenceParams
from beadwork.model.spaces import space_genes
from beadwork.stages.levels.train_inference import train_inference

GENES = gene_table()
LANDMARKS = space_genes(GENES, Space.LM)
OTHERS = GENES.index.difference(LANDMARKS, sort=False)[:400]
PARAMS = TrainInferenceParams(ridge=50.0, rank=20)


def study(sizes=(25, 20, 15), seed: int = 0, missing_field: bool = False) -> Matrix:
    """Made profiles in studies: 978 landmarks and 400 genes that follow eight hidden factors."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    factors = rng.normal(size=(8, n))
    level = rng.uniform(4, 12, (1378, 1))
    values = level + rng.normal(0, 0.4, (1378, 8)) @ factors + rng.normal(0, 0.3, (1378, n))
    names = np.repeat([f"study{k}" for k in range(len(sizes))], sizes)
    values += rng.normal(0, 1, (1378, len(sizes)))[:, np.repeat(range(len(sizes)), sizes)]
    cols = pd.DataFrame({} if missing_field else {"dataset": names}, index=pd.Index([f"s{k}" for k in range(n)]))
    rows = pd.DataFrame(index=pd.Index([*LANDMARKS, *OTHERS], dtype=object))
    return Matrix(values, rows, cols)


def test_a_relation_is_found_in_left_out_studies():
    result = train_inference(study(), GENES, params=PARAMS)
    assert result.accuracy["study"].tolist() == ["study0", "study1", "study2", "mean"]
    assert result.accuracy["n"].tolist() == [25, 20, 15, 60]
    assert result.accuracy["all"].iloc[-1] > 0.85
    assert result.model.rank == 20 and len(result.model.genes) == 400
    assert result.model.metadata["studies"] == {"study0": 25, "study1": 20, "study2": 15}
    assert set(result.qc["metric"]) == {"inference_r_all", "inference_r_bing", "inference_r_other"}
    np.testing.assert_allclose(np.median(result.model.accuracy), result.accuracy["all"].iloc[-1], atol=0.1)


def test_the_order_of_samples_and_rows_does_not_matter():
    source = study()
    order = np.random.default_rng(4).permutation(60)
    turned = source.take_rows(source.rids[::-1]).take_cols(source.cids[order])
    one, other = (train_inference(item, GENES, params=PARAMS).model for item in (source, turned))
    np.testing.assert_allclose(one.loadings @ one.components, other.loadings @ other.components, atol=1e-8)


def test_without_studies_the_accuracy_is_unknown():
    result = train_inference(study(missing_field=True), GENES, params=PARAMS, what="X.gctx")
    assert not len(result.accuracy) and np.isnan(result.model.accuracy).all()
    assert not len(result.qc)


def test_absent_landmarks_are_named():
    source = study()
    with pytest.raises(AlignmentError, match=r"X: 3 of the 978 landmarks are not among its 1,375 rows \(.*--probe-map"):
        train_inference(source.take_rows(source.rids[3:]), GENES, what="X")


def test_landmarks_alone_are_refused():
    source = study()
    with pytest.raises(AlignmentError, match=r"X: holds landmarks only; there is no gene to infer"):
        train_inference(source.take_rows(source.rids[:978]), GENES, what="X")


def test_too_few_samples_are_refused():
    with pytest.raises(AlignmentError, match=r"X: 12 samples; a model needs at least 20 \(--min-samples\)"):
        train_inference(study(sizes=(6, 6)), GENES, what="X")


@pytest.mark.slow
def test_the_model_that_ships_is_made_from_the_shared_profiles(shared_data):
    """Recipe: resources/README.md.  Equal but for the last bit of a float16, which another BLAS may round otherwise."""
    expression = read_expression(shared_data / "expression" / "u133a_log2_float16.npz")
    shipped = read_inference_model(default_model_path())
    result = train_inference(expression, GENES)
    made = result.model
    assert made.genes.equals(shipped.genes) and made.landmarks.equals(shipped.landmarks)
    weights = made.loadings.astype(np.float16).astype(float) @ made.components.astype(np.float16).astype(float)
    stored = shipped.loadings @ shipped.components
    assert np.abs(weights - stored).max() < 1e-4
    np.testing.assert_allclose(made.intercept, shipped.intercept, atol=1e-4)
    np.testing.assert_allclose(made.accuracy, shipped.accuracy, atol=1e-3)
    assert result.model.metadata["accuracy"] == shipped.metadata["accuracy"]
    assert 0.31 < shipped.metadata["accuracy"]["all"] < 0.33  # left-out studies, centred: the honest figure
    assert default_model_path().stat().st_size < 4_000_000
