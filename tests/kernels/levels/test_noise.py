"""Shared noise of wells: directions against their definition, sums that do not depend on order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beadwork.kernels.levels.noise import (
    Scatter,
    clip_and_centre,
    empty_scatter,
    group_residuals,
    join_scatters,
    noise_directions,
    remove_noise,
    to_grid,
)

seeds = st.integers(0, 2**32 - 1)


def scatter(seed: int, rows: int, genes: int = 60, df: float | None = None) -> Scatter:
    rng = np.random.default_rng(seed)
    strong = rng.standard_normal((rows, 3)) @ rng.standard_normal((3, genes)) * 2
    return Scatter(to_grid(strong + rng.standard_normal((rows, genes))), 0.0, rows - 1.0 if df is None else df)


def definition(parts: list[Scatter], weights: list[float], factors: int, y: np.ndarray) -> np.ndarray:
    """y' = y - U diag(1 - sqrt(min(1, f / e))) U' y, from the whole covariance."""
    genes = y.shape[1]
    total = sum(w * (p.rows.T @ p.rows + np.eye(genes) * p.rest / genes) for p, w in zip(parts, weights, strict=True))
    model = total / sum(w * p.df for p, w in zip(parts, weights, strict=True))
    values, vectors = np.linalg.eigh(model)
    k = min(factors, int(sum(p.df for p in parts)) - 1)
    e, u = values[::-1][:k], vectors[:, ::-1][:, :k]
    floor = (np.trace(model) - e.sum()) / (genes - k)
    return np.asarray(y - ((y @ u) * (1 - np.sqrt(np.minimum(1, floor / e)))) @ u.T)


@settings(deadline=None)
@given(seeds, st.integers(4, 40), st.integers(4, 90), st.floats(0.1, 4), st.integers(1, 12))
def test_cleaning_is_the_definition_whatever_the_number_of_rows(seed, few, many, weight, factors):
    parts = [scatter(seed, few), scatter(seed + 1, many)]
    y = np.random.default_rng(seed).standard_normal((5, 60))
    found = remove_noise(y, noise_directions(parts, [1.0, weight], factors))
    np.testing.assert_allclose(found, definition(parts, [1.0, weight], factors, y), atol=1e-8)


def test_a_part_without_weight_has_no_say():
    y = np.random.default_rng(3).standard_normal((4, 60))
    alone = remove_noise(y, noise_directions([scatter(1, 20)], [1.0], 5))
    np.testing.assert_allclose(
        remove_noise(y, noise_directions([scatter(1, 20), scatter(2, 20)], [1.0, 0.0], 5)), alone
    )


@given(seeds, st.permutations(range(4)))
def test_the_order_of_parts_changes_nothing_but_rounding(seed, order):
    parts = [scatter(seed + number, 10) for number in range(4)]
    y = np.random.default_rng(seed).standard_normal((3, 60))
    first = remove_noise(y, noise_directions(parts, [1.0] * 4, 6))
    again = remove_noise(y, noise_directions([parts[at] for at in order], [1.0] * 4, 6))
    np.testing.assert_allclose(again, first, atol=1e-9)


def test_nothing_to_learn_from_takes_nothing_out():
    y = np.random.default_rng(0).standard_normal((3, 60))
    for parts in ([empty_scatter(60)], [scatter(1, 2, df=1.0)]):
        np.testing.assert_array_equal(remove_noise(y, noise_directions(parts, [1.0], 5)), y)


@given(seeds)
def test_rows_on_the_grid_stay_and_their_products_are_exact(seed):
    rows = to_grid(np.random.default_rng(seed).standard_normal((6, 60)) * 10.0 ** np.arange(-3, 3)[:, None])
    np.testing.assert_array_equal(to_grid(rows), rows)
    shuffled = np.random.default_rng(seed).permutation(60)
    np.testing.assert_array_equal(rows @ rows.T, rows[:, shuffled] @ rows[:, shuffled].T)


def test_rows_of_zeros_are_on_the_grid():
    np.testing.assert_array_equal(to_grid(np.zeros((2, 5))), np.zeros((2, 5)))


def test_a_sum_beyond_its_rows_keeps_the_main_axes_and_the_trace():
    parts = [scatter(number, 40) for number in range(5)]
    whole, small = join_scatters(parts, 10_000), join_scatters(parts, 30)
    assert len(whole.rows) == 200
    assert len(small.rows) == 30
    assert small.df == whole.df
    trace = (small.rows**2).sum() + small.rest
    assert trace == pytest.approx((whole.rows**2).sum(), rel=1e-6)
    y = np.random.default_rng(9).standard_normal((4, 60))
    exact = remove_noise(y, noise_directions([whole], [1.0], 5))
    np.testing.assert_allclose(remove_noise(y, noise_directions([small], [1.0], 5)), exact, atol=0.02)


def test_residuals_have_the_variance_of_single_wells():
    rng = np.random.default_rng(5)
    y = rng.standard_normal((3000, 4)) + 7
    residual = np.concatenate([group_residuals(y, np.arange(at, at + 3)) for at in range(0, 3000, 3)])
    assert (residual**2).mean() == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(residual[:3].sum(axis=0), 0, atol=1e-12)


def test_centring_is_over_the_wells_asked_for_after_clipping():
    z = np.array([[9.0, 1.0], [1.0, 3.0], [100.0, 100.0]])
    found = clip_and_centre(z, 4.0, np.array([True, True, False]))
    np.testing.assert_array_equal(found, [[1.5, -1.0], [-1.5, 1.0], [1.5, 2.0]])
    np.testing.assert_array_equal(clip_and_centre(z, 4.0, None), [[4.0, 1.0], [1.0, 3.0], [4.0, 4.0]])
