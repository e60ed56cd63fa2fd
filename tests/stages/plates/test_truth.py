"""Agreement with truth: perfect, off by known amounts, swapped, and ranked."""

import numpy as np
import pandas as pd
import pytest

from beadwork.io.platform.bead_sets import read_bead_set
from beadwork.model.errors import AlignmentError
from beadwork.model.matrix import Level, Matrix, Space
from beadwork.stages.plates.truth import compare_signatures, compare_values, recall_mechanism

GENES = read_bead_set("epsilon-r2").genes


def gex(log2: np.ndarray) -> Matrix:
    cols = pd.DataFrame(index=pd.Index([f"P:A{number:02d}" for number in range(1, log2.shape[1] + 1)], dtype=object))
    return Matrix(2**log2, GENES, cols, level=Level.GEX, space=Space.LM)


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(5).uniform(5, 13, (len(GENES), 3))


def test_equal_values_agree_in_full(truth):
    agreement = compare_values(gex(truth), gex(truth))
    assert agreement.pearson == pytest.approx(1)
    assert (agreement.within_01, agreement.within_05, agreement.swapped) == (1, 1, 0)
    assert agreement.n_values == truth.size


def test_shares_count_the_values_within(truth):
    shifted = truth.copy()
    shifted[:489] += 0.3
    agreement = compare_values(gex(shifted), gex(truth))
    assert agreement.within_01 == pytest.approx(489 / 978)
    assert agreement.within_05 == 1


def test_swapped_pairs_are_counted_where_genes_lie_apart(truth):
    analyte = GENES["pr_analyte_num"].to_numpy()
    first, second = np.flatnonzero(analyte == 20)
    truth[first], truth[second] = 6.0, 9.0
    called = truth.copy()
    called[[first, second]] = called[[second, first]]
    agreement = compare_values(gex(called), gex(truth))
    pairs = GENES.groupby("pr_analyte_num").size()
    both = [np.flatnonzero(analyte == number) for number in pairs.index[pairs == 2]]
    apart = sum((np.abs(truth[i] - truth[j]) >= 0.5).sum() for i, j in both)
    assert agreement.swapped == pytest.approx(3 / apart)


def test_other_studies_are_refused(truth):
    other = gex(truth)
    other = Matrix(other.values, other.rows, other.cols.rename(index=lambda cid: f"Q{cid}"), level=Level.GEX)
    with pytest.raises(AlignmentError, match="no genes or wells in common; give the folder of the same study"):
        compare_values(gex(truth), other)
    with pytest.raises(AlignmentError, match="no genes or sig_ids in common; give the same study"):
        compare_signatures(gex(truth), other)


def test_signatures_are_correlated_by_rank(truth):
    found = compare_signatures(gex(truth**3 / 150), gex(truth))
    assert found.to_numpy() == pytest.approx(np.ones(3))


def test_recall_of_a_mechanism():
    scores = pd.Series({"a": 3.0, "b": 2.0, "c": 1.0, "d": -1.0, "e": np.nan})
    best = recall_mechanism(scores, pd.Index(["a", "b"]))
    assert (best.n_own, best.auc, best.recall) == (2, 1.0, 1.0)
    mixed = recall_mechanism(scores, pd.Index(["a", "e", "absent"]))
    assert (mixed.n_own, mixed.auc, mixed.recall) == (2, 0.5, 0.5)
