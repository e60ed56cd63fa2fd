"""Placements of a map, normal scores, and the t that decides between placements."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, ttest_1samp

from beadwork.kernels.plates.placements import (
    N_COLUMNS,
    N_ROWS,
    N_WELLS,
    normal_scores,
    paired_t,
    placed_correlations,
    placements,
    unit_effects,
)
from beadwork.model.ids import WELLS_384


def test_normal_scores_are_bloms_and_forget_any_monotone_scale():
    values = np.random.default_rng(1).normal(size=(200, 5))
    scores = normal_scores(values)
    assert np.array_equal(scores, normal_scores(np.exp(3 * values) + 7))
    assert np.array_equal(rankdata(scores[:, 2]), rankdata(values[:, 2]))
    assert abs(scores.mean(axis=0)).max() < 1e-6
    assert scores.max() == pytest.approx(2.735, abs=0.02)  # expected largest of 200 by Blom's formula


def test_a_missing_value_scores_as_average():
    values = np.random.default_rng(1).normal(size=(50, 2))
    values[3, 1] = np.nan
    assert normal_scores(values)[3, 1] == 0


def test_effects_are_unit_vectors_around_the_plates_median():
    scores = np.random.default_rng(2).normal(size=(40, 9)).astype(np.float32)
    baseline, effects = unit_effects(scores)
    assert np.allclose(baseline, np.median(scores, axis=1))
    assert np.allclose((effects**2).sum(axis=1), 1, atol=1e-5)
    assert np.allclose(effects.sum(axis=1), 0, atol=1e-5)


def test_placements_say_where_a_maps_content_truly_lies():
    at = {name: WELLS_384.index(name) for name in ("A01", "B02", "C03", "P24", "O23")}
    found = placements()
    assert next(iter(found)) == "as it is"
    assert np.array_equal(found["as it is"], np.arange(N_WELLS))
    assert found["shifted one row down"][at["B02"]] == WELLS_384.index("A02")
    assert found["shifted one row down"][at["A01"]] == -1
    assert found["shifted one row up and one column to the left"][at["B02"]] == at["C03"]
    assert found["rotated by 180 degrees"][at["A01"]] == at["P24"]
    assert found["mirrored top to bottom"][at["A01"]] == WELLS_384.index("P01")
    for place in found.values():
        kept = place[place >= 0]
        assert len(set(kept)) == len(kept) >= (N_ROWS - 1) * (N_COLUMNS - 1)


def test_placed_correlations_by_hand():
    correlations = np.array([[0.9, 0.1], [0.2, 0.8]])
    labels = np.full(N_WELLS, -1)
    labels[[24, 25]] = [0, 1]  # the map writes at B01 and B02 what truly lies in A01 and A02
    rows = np.full(N_WELLS, -1)
    rows[[0, 1]] = [0, 1]
    found = placed_correlations(correlations, labels, rows, placements()["shifted one row down"])
    assert found[24] == 0.9
    assert found[25] == 0.8
    assert np.isnan(found).sum() == N_WELLS - 2
    assert np.isnan(placed_correlations(correlations, labels, rows, placements()["as it is"])).all()


@given(st.lists(st.floats(-1, 1), min_size=5, max_size=50))
@settings(deadline=None, max_examples=50)
def test_the_t_is_that_of_scipy_above_its_floor(values):
    values = np.array(values) + np.linspace(0, 1, len(values))
    mean, t = paired_t(values, np.zeros(len(values)))
    assert mean == pytest.approx(values.mean(), abs=1e-9)
    if values.std(ddof=1) > 0.05:
        assert t == pytest.approx(ttest_1samp(values, 0).statistic, rel=1e-9, abs=1e-9)


def test_a_few_equal_pairs_prove_nothing():
    assert paired_t(np.array([0.5, 0.5, 0.5]), np.zeros(3)) == (0.0, 0.0)
    assert paired_t(np.full(4, 0.01), np.zeros(4))[1] < 1
    assert paired_t(np.full(9, np.nan), np.zeros(9)) == (0.0, 0.0)
