"""Correlation of replicates against scipy, pair by pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, spearmanr

from beadwork.model.errors import AlignmentError, ParameterError
from beadwork.stages.plates.replicates import area_under_curve, correlate_replicates
from toys import GENES, compound_plate


def test_pairs_between_plates_agree_with_scipy():
    first = compound_plate("P1", ["a", "b", "DMSO"], 1, ["trt_cp", "TRT_CP", "ctl_vehicle"])
    second = compound_plate("P2", ["b", "a"], 2)
    result = correlate_replicates([first, second], GENES[:30], ["pert_id"])
    expected = {
        (i, j): spearmanr(first.values[:30, i], second.values[:30, j]).statistic for i in (0, 1) for j in (0, 1)
    }
    assert sorted(result.same) == pytest.approx(sorted([expected[0, 1], expected[1, 0]]))
    assert sorted(result.different) == pytest.approx(sorted([expected[0, 0], expected[1, 1]]))
    assert not result.within


def test_one_plate_compares_wells_of_one_compound():
    only = compound_plate("P1", ["a", "b", "a"], 3)
    result = correlate_replicates([only], GENES, ["pert_id"])
    assert result.within
    assert result.same == pytest.approx([spearmanr(only.values[:, 0], only.values[:, 2]).statistic])
    assert len(result.different) == 2


def test_no_pairs_give_nan():
    result = correlate_replicates([compound_plate("P1", ["a"], 1), compound_plate("P2", ["b"], 2)], GENES, ["pert_id"])
    assert len(result.same) == 0
    assert np.isnan(result.auc)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_auc_is_that_of_mann_whitney(higher, lower):
    u = mannwhitneyu(higher, lower, method="asymptotic").statistic if len(set(higher + lower)) > 1 else None
    expected = 0.5 if u is None else u / (len(higher) * len(lower))
    assert area_under_curve(np.array(higher, float), np.array(lower, float)) == pytest.approx(expected)


def test_messages():
    with pytest.raises(ParameterError, match=r"the columns have no field dose; they have pert_id, pert_type"):
        correlate_replicates([compound_plate("P1", ["a"], 1)], GENES, ["dose"])
    holed = compound_plate("P1", ["a"], 1)
    values = holed.values.copy()
    values[0, 0] = np.nan
    with pytest.raises(AlignmentError, match="missing values in the landmarks; a correlation needs all of them"):
        correlate_replicates([holed.with_values(values)], GENES, ["pert_id"])
