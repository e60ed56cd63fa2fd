"""Places in the plane: groups stay together, the seed alone decides, few signatures and equal ones are no trouble."""

import numpy as np
import pytest

from beadwork.model.params import LayoutParams
from beadwork.stages.connectivity.graph.embedding import unit_rows
from beadwork.stages.connectivity.graph.plane import lay_out, nearest_rows

RNG = np.random.default_rng(3)


def grouped(groups=6, each=40, noise=0.5):
    middles = RNG.normal(size=(groups, 20))
    of = np.repeat(np.arange(groups), each)
    return unit_rows(middles[of] + noise * RNG.normal(size=(groups * each, 20))), of


def same_group(places, of, count=10):
    far = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(far, np.inf)
    return (of[np.argsort(far, axis=1)[:, :count]] == of[:, None]).mean()


def test_groups_stay_together():
    vectors, of = grouped()
    assert same_group(lay_out(vectors, LayoutParams(rounds=100)), of) > 0.9


def test_signatures_that_are_no_landmarks_stand_with_their_group():
    vectors, of = grouped()
    places = lay_out(vectors, LayoutParams(rounds=100, landmarks=60))
    assert np.isfinite(places).all() and same_group(places, of) > 0.85


def test_the_seed_alone_decides():
    vectors, _ = grouped(3, 20)
    first, second = (lay_out(vectors, LayoutParams(rounds=20, seed=1)) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert lay_out(vectors, LayoutParams(rounds=20, seed=2)).tobytes() != first.tobytes()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_few_or_equal_signatures(n):
    for vectors in (unit_rows(RNG.normal(size=(n, 5))), np.ones((n, 5)) / np.sqrt(5), np.zeros((n, 5))):
        places = lay_out(vectors, LayoutParams(rounds=5))
        assert places.shape == (n, 2) and np.isfinite(places).all()


def test_nearest_rows_are_those_of_a_full_sort():
    vectors = unit_rows(RNG.normal(size=(50, 8))).astype(np.float32)
    places, cosines = nearest_rows(vectors, vectors, 5, skip=True)
    full = vectors @ vectors.T
    np.fill_diagonal(full, -9)
    np.testing.assert_array_equal(places, np.argsort(-full, axis=1, kind="stable")[:, :5])
    np.testing.assert_allclose(cosines, -np.sort(-full, axis=1)[:, :5], rtol=1e-6)
