"""Training of an inference model: accuracy by left-out study, mixtures of studies, refusals, the model that ships."""

import logging
from contextlib import ExitStack

import numpy as np
import pandas as pd
import pytest

from beadwork.io.matrix.expression import open_expression
from beadwork.io.platform.folder import resource_path
from beadwork.io.platform.gene_table import gene_table
from beadwork.io.platform.inference_model import default_model_path, read_inference_model
from beadwork.io.platform.studies import read_studies
from beadwork.model.errors import AlignmentError
from beadwork.model.levels.expression_source import ExpressionSource
from beadwork.model.matrix import Matrix, Space
from beadwork.model.params import TrainInferenceParams
from beadwork.model.spaces import space_genes
from beadwork.stages.levels.inference.train_inference import train_inference
from beadwork.stages.levels.inference.training_profiles import collect_profiles

ALL_GENES = gene_table()
LANDMARKS = space_genes(ALL_GENES, Space.LM)[:60]
KNOWN = ALL_GENES.index.difference(space_genes(ALL_GENES, Space.LM), sort=False)[:150]
OTHERS = KNOWN[np.arange(150) % 5 > 0]
GENES = ALL_GENES.loc[[*LANDMARKS, *KNOWN]]
"""A platform of 60 landmarks and 150 genes, so that a fit takes no time; no study has 30 of the genes."""
PARAMS = TrainInferenceParams(ridge=5.0, rank=20, min_landmarks=50)


def study(sizes=(25, 20, 15), seed: int = 0, missing_field: bool = False) -> Matrix:
    """Made profiles in studies: 60 landmarks and 120 genes that follow eight hidden factors."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    factors = rng.normal(size=(8, n))
    level = rng.uniform(4, 12, (180, 1))
    values = level + rng.normal(0, 0.4, (180, 8)) @ factors + rng.normal(0, 0.3, (180, n))
    names = np.repeat([f"study{k}" for k in range(len(sizes))], sizes)
    values += rng.normal(0, 1, (180, len(sizes)))[:, np.repeat(range(len(sizes)), sizes)]
    cols = pd.DataFrame({} if missing_field else {"dataset": names}, index=pd.Index([f"s{k}" for k in range(n)]))
    rows = pd.DataFrame(index=pd.Index([*LANDMARKS, *OTHERS], dtype=object))
    return Matrix(values, rows, cols)


def train(*matrices: Matrix, params=PARAMS, studies=None, threads: int = 1):
    sources = [ExpressionSource.of_matrix(matrix, f"X{k}" if k else "X") for k, matrix in enumerate(matrices)]
    return train_inference(
        collect_profiles(sources, GENES, studies, params=params), GENES, params=params, threads=threads
    )


def weights(result) -> np.ndarray:
    return result.model.loadings @ result.model.components


def with_cols(matrix: Matrix, **fields) -> Matrix:
    return matrix.with_values(matrix.values, cols=matrix.cols.assign(**fields))


@pytest.fixture(scope="module")
def trained():
    """Train on the made profiles once for the tests that compare with it."""
    return train(study())


def test_a_relation_is_found_in_left_out_studies(trained):
    result = trained
    assert result.accuracy["study"].tolist() == ["study0", "study1", "study2", "mean"]
    assert result.accuracy["n"].tolist() == [25, 20, 15, 60]
    assert result.accuracy["all"].iloc[-1] > 0.85
    assert result.model.rank == 20 and result.model.genes.equals(OTHERS)
    assert result.model.metadata["studies"] == {"study0": 25, "study1": 20, "study2": 15}
    assert set(result.qc["metric"]) == {"inference_r_all", "inference_r_bing", "inference_r_other"}
    np.testing.assert_allclose(np.median(result.model.accuracy), result.accuracy["all"].iloc[-1], atol=0.1)
    assert (
        (result.model.residual_sd < result.model.gene_sd).mean() > 0.95
        and result.model.spread > 0
        and (result.model.landmark_sd > 0).all()
    )


def test_nothing_is_found_where_nothing_is():
    source = study()
    values = source.values.copy()
    rng = np.random.default_rng(1)
    for name in ("study0", "study1", "study2"):  # other genes shuffled among the samples of each study
        at = np.flatnonzero(source.cols["dataset"] == name)
        values[60:, at] = rng.permuted(values[60:, at], axis=1)
    assert abs(train(source.with_values(values)).accuracy["all"].iloc[-1]) < 0.1


def test_order_files_and_threads_do_not_change_a_bit(trained):
    source = study()
    order = np.random.default_rng(4).permutation(60)
    turned = source.take_rows(source.rids[::-1]).take_cols(source.cids[order])
    one = trained
    for other in (
        train(turned, threads=2),
        train(turned.take_cols(turned.cids[:31]), turned.take_cols(turned.cids[31:])),
    ):
        for name in ("intercept", "loadings", "components", "accuracy", "gene_sd", "residual_sd", "landmark_sd"):
            np.testing.assert_array_equal(getattr(one.model, name), getattr(other.model, name))
        assert one.model.metadata == other.model.metadata


def test_the_scale_of_the_values_does_not_matter(trained):
    source = study()
    np.testing.assert_allclose(weights(trained), weights(train(source.with_values(2**source.values))), atol=1e-12)


def test_studies_may_lack_genes():
    source = study()
    of = source.cols["dataset"].to_numpy()
    first, rest = source.take_cols(of == "study0"), source.take_cols(of != "study0")
    lacking = first.take_rows(first.rids[5:-20])
    result = train(lacking, rest)
    assert len(result.model.genes) == 120 and np.isfinite(weights(result)).all()
    assert result.accuracy["all"].iloc[-1] > 0.8
    holes = source.values.copy()
    holes[100, ::7] = np.nan  # a gene that some profiles lack
    assert np.isfinite(weights(train(source.with_values(holes)))).all()


def test_a_landmark_of_no_study_is_said_and_not_used(caplog):
    source = study()
    with caplog.at_level(logging.WARNING):
        result = train(source.take_rows(source.rids[2:]))
    assert "2 of the 60 landmarks are in no study" in caplog.text
    np.testing.assert_allclose(weights(result)[:2], 0, atol=1e-12)


def test_a_study_with_few_landmarks_is_left_out(caplog):
    source = study()
    of = source.cols["dataset"].to_numpy()
    few = source.take_cols(of == "study2")
    with caplog.at_level(logging.WARNING):
        result = train(source.take_cols(of != "study2"), few.take_rows(few.rids[20:]))
    assert "study study2 is left out: it has 40 of the landmarks, fewer than 50 (--min-landmarks)" in caplog.text
    assert list(result.model.metadata["studies"]) == ["study0", "study1"]


def test_two_colour_studies_give_no_means():
    source = study()
    two = (source.cols["dataset"] == "study1").to_numpy()
    shifted = source.values.copy()
    shifted[:, two] = shifted[::-1, two]  # other levels altogether, and other differences
    flags = with_cols(source.with_values(shifted), two_colour=two.astype(int))
    table = pd.DataFrame({"two_colour": ["1"], "study_group": [np.nan]}, index=["study1"])
    flagged = weights(train(flags))
    np.testing.assert_array_equal(flagged, weights(train(source.with_values(shifted), studies=table)))
    assert np.abs(flagged - weights(train(source.with_values(shifted)))).max() > 1e-4


@pytest.mark.parametrize("kind", ["levels", "ratios", "marked"])
def test_values_that_look_like_ratios_are_named(caplog, kind: str):
    source = study()
    values = source.values - source.values.mean(axis=1, keepdims=True) if kind != "levels" else source.values
    source = with_cols(source.with_values(values), two_colour=int(kind == "marked"))
    with caplog.at_level(logging.WARNING):
        train(source)
    assert ("3 studies (study0, study1, study2): genes differ less in level" in caplog.text) == (kind == "ratios")


def test_studies_that_share_patients_are_left_out_together(caplog):
    source = study(sizes=(25, 20, 15, 12))
    values = source.values.copy()
    values[:, -12:] = values[:, 45:57]  # the last study repeats the profiles of the third
    source = source.with_values(values)
    group = source.cols["dataset"].where(source.cols["dataset"] != "study3", "study2")
    with caplog.at_level(logging.WARNING):
        together = train(with_cols(source, study_group=group.to_numpy()))
        assert "stand in several studies" not in caplog.text
        apart = train(source)
    assert "12 profiles stand in several studies (study2 and study3: 12), which flatters the accuracy" in caplog.text
    np.testing.assert_allclose(weights(apart), weights(together), atol=1e-12)
    found = [result.accuracy.set_index("study")["all"] for result in (apart, together)]
    assert found[0]["study3"] > found[1]["study3"] + 0.01


def test_the_penalty_is_chosen_by_studies_left_out():
    params = PARAMS.model_copy(update={"choose_ridge": True, "rank": 978})
    result = train(study(sizes=(25, 20, 15, 12, 10, 10)), params=params)
    assert len(result.choice) == 5 and set(result.choice["ridge"]) <= {500.0, 1000.0}
    assert result.model.metadata["ridge"] == 500.0 and result.model.metadata["nested"]["accuracy"] > 0.8
    assert result.model.rank == 60
    assert not len(train(study(sizes=(25, 20))).choice)  # two studies cannot choose


def test_without_studies_the_accuracy_is_unknown(caplog):
    with caplog.at_level(logging.WARNING):
        result = train(study(missing_field=True))
    assert not len(result.accuracy) and np.isnan(result.model.accuracy).all() and not len(result.qc)
    assert "X: no column field 'dataset', so all its samples count as one study" in caplog.text


def bad() -> dict[str, tuple[list[Matrix], str]]:
    source = study()
    infinite = source.values.copy()
    infinite[5, 3] = np.inf
    mixed = with_cols(source, two_colour=np.arange(60) % 2)
    return {
        "no landmark": ([source.take_rows(source.rids[60:])], r"X: none of the 60 landmarks is among its 120 genes"),
        "landmarks only": ([source.take_rows(source.rids[:60])], "X: holds landmarks only; there is no gene to infer"),
        "few samples": ([study(sizes=(6, 6))], r"X: 12 samples; a model needs at least 20 \(--min-samples\)"),
        "few landmarks": ([source.take_rows(source.rids[20:])], "X: no study has 50 of the landmarks"),
        "twice": ([source, source], "X and X1: 120 profiles stand twice, for example sample s0 of study study0"),
        "infinite": ([source.with_values(infinite)], "X: sample s3 has infinite values"),
        "mixed kinds": ([mixed], r"study study0: its samples differ in two_colour \(False, True\)"),
        "strange kind": ([with_cols(source, two_colour="red")], "X: two_colour is 'red'; 1"),
    }


@pytest.mark.parametrize("kind", list(bad()))
def test_bad_profiles_are_refused(kind: str):
    matrices, message = bad()[kind]
    with pytest.raises(AlignmentError, match=message):
        train(*matrices)


@pytest.mark.slow
def test_the_model_that_ships_is_made_from_the_shared_profiles(shared_data):
    """Recipe: resources/README.md.  Equal but for a step of an int8, which other libraries may round otherwise."""
    files = sorted(shared_data.glob("expression/*.npz")) + sorted(shared_data.glob("expression_more/*.npz"))
    shipped = read_inference_model(default_model_path())
    with ExitStack() as stack:
        sources = [stack.enter_context(open_expression(path)) for path in files]
        profiles = collect_profiles(sources, ALL_GENES, read_studies(resource_path("inference_studies.tsv")))
    result = train_inference(profiles, ALL_GENES)
    made = result.model
    assert made.genes.equals(shipped.genes) and made.landmarks.equals(shipped.landmarks)
    x = np.random.default_rng(0).normal(size=(50, 978))
    exact, stored = x @ made.loadings @ made.components, x @ shipped.loadings @ shipped.components
    assert ((exact - stored) ** 2).mean() < 0.01 * (exact**2).mean()
    np.testing.assert_allclose(made.intercept, shipped.intercept, atol=1e-4)
    for name in ("accuracy", "gene_sd", "residual_sd"):
        np.testing.assert_allclose(getattr(made, name), getattr(shipped, name), atol=2e-3)
    assert made.metadata["accuracy"] == shipped.metadata["accuracy"]
    table = result.accuracy.set_index("study")
    seven = ["bladder", "borovecki", "chowdary", "cmap_bsm", "cmap_gsm", "nakayama", "nci60"]
    assert 0.415 < table.loc[seven, "all"].mean() < 0.425 and 0.457 < table.loc[seven, "bing"].mean() < 0.47
    assert default_model_path().stat().st_size < 4_000_000
