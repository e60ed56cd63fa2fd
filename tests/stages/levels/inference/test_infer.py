"""Inference of genes on matrices: what passes through, what is inferred, what is refused."""

import numpy as np
import pandas as pd
import pytest

from beadwork.io.matrix.formats import read_matrix
from beadwork.io.platform.gene_table import gene_table, with_entrez_ids
from beadwork.io.platform.inference_model import default_model_path, read_inference_model
from beadwork.model.errors import AlignmentError, LevelError
from beadwork.model.levels.inference_model import InferenceModel
from beadwork.model.matrix import SPACE_SIZES, Level, Matrix, Space, check_matrix
from beadwork.model.params import InferParams
from beadwork.model.spaces import space_genes
from beadwork.stages.levels.inference.infer import infer
from toys import landmark_plate

GENES = gene_table()
LANDMARKS = space_genes(GENES, Space.LM)


def full_model(seed: int = 1) -> InferenceModel:
    """Full random weights for all 11,350 genes, small enough to stay within 0..15."""
    rng = np.random.default_rng(seed)
    genes = GENES.index.difference(LANDMARKS, sort=False)
    return InferenceModel(
        LANDMARKS,
        genes[rng.permutation(len(genes))],
        rng.uniform(5, 9, len(genes)),
        None,
        rng.normal(0, 0.002, (978, len(genes))),
        np.full(len(genes), np.nan),
    )


@pytest.fixture(scope="module")
def model() -> InferenceModel:
    return full_model()


@pytest.mark.parametrize("space", ["LM", "BING", "AIG"])
def test_spaces(model: InferenceModel, space: str):
    source = landmark_plate()
    result = infer(source, model, GENES, params=InferParams(space=space))
    check_matrix(result.matrix, level=Level.INF, space=Space(space), finite=True)
    assert result.matrix.rids.equals(space_genes(GENES, Space(space)))
    assert len(result.matrix.rids) == SPACE_SIZES[Space(space)]
    np.testing.assert_array_equal(result.matrix.take_rows(source.rids).values, source.values)
    assert result.matrix.cols.equals(source.cols)
    assert result.matrix.rows["pr_is_lm"].sum() == 978


def test_values_are_w_times_one_and_x(model: InferenceModel):
    source = landmark_plate()
    result = infer(source, model, GENES)
    x = source.take_rows(model.landmarks).values.astype(float)
    expected = np.vstack([model.intercept[None], model.components]).T @ np.vstack([np.ones((1, 4)), x])
    found = result.matrix.take_rows(model.genes).values
    np.testing.assert_allclose(found, np.clip(expected, 0, 15), atol=1e-5)


def test_a_low_rank_model_equals_its_product(model: InferenceModel):
    rng = np.random.default_rng(3)
    loadings, components = rng.normal(0, 0.01, (978, 6)), rng.normal(0, 0.1, (6, len(model.genes)))
    low = InferenceModel(LANDMARKS, model.genes, model.intercept, loadings, components, model.accuracy)
    full = InferenceModel(LANDMARKS, model.genes, model.intercept, None, loadings @ components, model.accuracy)
    assert (low.rank, full.rank) == (6, None)
    one, other = (infer(landmark_plate(), item, GENES).matrix.values for item in (low, full))
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_values_are_clipped_and_counted(model: InferenceModel):
    wild = InferenceModel(
        model.landmarks, model.genes, np.linspace(-5, 20, len(model.genes)), None, model.components, model.accuracy
    )
    source = landmark_plate()
    result = infer(source, wild, GENES)
    inferred = result.matrix.take_rows(model.genes).values
    assert inferred.min() == 0 and inferred.max() == 15
    share = ((inferred == 0) | (inferred == 15)).mean(axis=0)
    assert result.qc["metric"].unique().tolist() == ["clipped_genes"]
    np.testing.assert_allclose(result.qc["value"].astype(float), share, atol=1e-3)
    assert result.matrix.take_rows(source.rids).values.max() <= source.values.max()


def test_the_order_of_rows_and_wells_does_not_matter(model: InferenceModel):
    source = landmark_plate()
    again = source.take_rows(source.rids[::-1], Space.LM).take_cols(source.cids[::-1])
    one, other = infer(source, model, GENES).matrix, infer(again, model, GENES).matrix
    np.testing.assert_allclose(other.take_cols(one.cids).values, one.values, atol=2e-6)


def test_another_level_is_refused(model: InferenceModel):
    with pytest.raises(LevelError, match=r"X.gctx: holds level GEX, but QNORM is needed here"):
        infer(landmark_plate(level=Level.GEX), model, GENES, what="X.gctx")


def test_missing_landmarks_are_named(model: InferenceModel):
    source = landmark_plate()
    part = source.take_rows(source.rids[2:])
    with pytest.raises(LevelError, match=r"2 of the 978 landmarks are not among its 976 rows \(.*needs Entrez ids"):
        infer(part, model, GENES)


def test_missing_values_are_refused(model: InferenceModel):
    source = landmark_plate()
    values = source.values.copy()
    values[5, 1] = np.nan
    with pytest.raises(AlignmentError, match=rf"missing or infinite values in 1 row \({source.rids[5]}\)"):
        infer(source.with_values(values), model, GENES)


def test_a_model_that_lacks_genes_serves_smaller_spaces_only(model: InferenceModel):
    bing = space_genes(GENES, Space.BING).difference(LANDMARKS, sort=False)
    small = model.restrict(bing)
    assert infer(landmark_plate(), small, GENES, params=InferParams(space="BING")).matrix.space is Space.BING
    with pytest.raises(
        LevelError, match=r"infers 9,196 genes, but lacks 2,154 of space AIG .*choose a smaller --space"
    ):
        infer(landmark_plate(), small, GENES)


def test_the_model_that_ships_on_a_real_plate(shared_data):
    plate_name = "TEST_A375_24H_X1_B20"
    path = shared_data / "plates" / plate_name / "official" / f"{plate_name}_QNORM_n23x978.gct.gz"
    source = with_entrez_ids(read_matrix(path, level=Level.QNORM))
    result = infer(source, read_inference_model(default_model_path()), GENES)
    assert result.matrix.values.shape == (12_328, 23)
    assert result.qc["value"].astype(float).max() < 0.01  # hardly any value leaves 0..15
    inferred = result.matrix.take_rows(result.matrix.rids[result.matrix.rows["pr_is_lm"] == 0]).values
    assert 6 < np.median(inferred) < 9
    spread = 1.4826 * np.median(np.abs(inferred - np.median(inferred, axis=1, keepdims=True)), axis=1)
    assert 0.05 < np.median(spread) < 0.4  # neither frozen nor inflated


def test_z_scores_of_unknown_level_get_a_warning(model, caplog):
    z = landmark_plate(level=None)
    with caplog.at_level("WARNING", logger="beadwork.infer"):
        infer(z, model, GENES)
        assert not caplog.records
        infer(z.with_values(z.values - 9), model, GENES, what="z.gct")
    assert "z.gct: 51 % of the values are negative, as z-scores are; inference needs QNORM" in caplog.text


def model_with_sd(seed: int = 5) -> InferenceModel:
    """Low-rank model of 300 genes that says how far it is off."""
    rng = np.random.default_rng(seed)
    genes = GENES.index[(GENES["pr_is_lm"] == 0) & (GENES["pr_is_bing"] == 1)]
    n = len(genes)
    return InferenceModel(
        LANDMARKS, genes, rng.uniform(5, 9, n), rng.normal(0, 0.01, (978, 4)), rng.normal(0, 0.1, (4, n)),
        np.full(n, 0.5), gene_sd=rng.uniform(0.3, 1, n), residual_sd=rng.uniform(0.2, 0.6, n),
        landmark_sd=rng.uniform(0.4, 0.9, 978), spread=0.7,
    )  # fmt: skip


BING = InferParams(space="BING")


def test_uncertainty_is_that_of_the_gene_and_of_the_plates_spread():
    model, source = model_with_sd(), landmark_plate(n=6)
    calm = source.values.mean(axis=1, keepdims=True) + 0.1 * (source.values - source.values.mean(axis=1, keepdims=True))
    cols = source.cols.assign(det_plate=["P"] * 6)
    both = Matrix(
        np.hstack([source.values, calm]), source.rows,
        pd.concat([cols, cols.assign(det_plate="Q").rename(index=lambda name: name.replace("P:", "Q:"))]),
        level=Level.QNORM, space=Space.LM,
    )  # fmt: skip
    result = infer(both, model, GENES, with_sd=True, params=BING)
    sd = result.sd
    assert sd.rids.tolist() == model.genes.tolist() and sd.cids.equals(both.cids)
    np.testing.assert_allclose(sd.values[:, 0] / sd.values[:, 6], 10**0.75, rtol=1e-3)
    np.testing.assert_allclose(sd.values[:, 0] / sd.values[0, 0], model.residual_sd / model.residual_sd[0], rtol=1e-5)
    alone = infer(both.take_cols(both.cids[:6]), model, GENES, with_sd=True, params=BING)
    np.testing.assert_array_equal(alone.sd.values, sd.values[:, :6])
    assert infer(source, model, GENES, params=BING).sd is None
    known = result.matrix.rows["pr_gene_sd"]
    np.testing.assert_allclose(known.loc[model.genes], model.gene_sd)
    np.testing.assert_allclose(known.loc[model.landmarks], model.landmark_sd)


def test_uncertainty_of_landmarks_is_carried_through_the_weights():
    model, source = model_with_sd(), landmark_plate(n=6)
    noise = np.zeros((978, 6), dtype=np.float32)
    noise[3, 2], noise[5, 1] = 2.0, np.nan
    measured = Matrix(noise, source.rows, source.cols)
    plain = infer(source, model, GENES, with_sd=True, params=BING).sd
    sd = infer(source, model, GENES, with_sd=True, measured_sd=measured, params=BING).sd
    np.testing.assert_array_equal(sd.take_rows(source.rids).values, noise)
    weights = (model.loadings @ model.components)[LANDMARKS.get_loc(source.rids[3])]
    found = sd.take_rows(model.genes).values
    np.testing.assert_allclose(found[:, 2], np.hypot(plain.values[:, 2], 1.5 * 2.0 * weights), rtol=1e-5)
    np.testing.assert_allclose(np.delete(found, 2, axis=1), np.delete(plain.values, 2, axis=1), rtol=1e-6)
    with pytest.raises(AlignmentError, match=r"1 landmarks or wells have no measured uncertainty \(P:A06\); give"):
        infer(
            source, model, GENES, with_sd=True, measured_sd=measured.take_cols(source.cids[:5]), params=BING, what="X"
        )


def test_a_few_wells_say_nothing_of_the_spread(caplog):
    sd = infer(landmark_plate(n=2), model_with_sd(), GENES, with_sd=True, params=BING, what="X").sd
    assert "X: 2 wells of plate P say nothing of its spread" in caplog.text
    np.testing.assert_allclose(sd.values[:, 0] / model_with_sd().residual_sd, 0.92, rtol=1e-5)


def test_a_model_without_uncertainty_gives_none(model: InferenceModel, caplog):
    with pytest.raises(LevelError, match=r"X: the model does not say how far its values are off .*drop --sd"):
        infer(landmark_plate(), model, GENES, with_sd=True, what="X")
    source = landmark_plate()
    noise = Matrix(np.full(source.values.shape, 0.1), source.rows, source.cols)
    sd = infer(source, model, GENES, with_sd=True, measured_sd=noise, what="X").sd
    assert set(sd.rids) == set(LANDMARKS) and "uncertainties are those of the landmarks only" in caplog.text
    assert "pr_gene_sd" not in infer(landmark_plate(), model, GENES).matrix.rows
